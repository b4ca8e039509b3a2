#include "cell.h"

#include <stdio.h>

#include "engine.h"

namespace codemode {
using namespace v8;

namespace {
thread_local Cell* current_cell;

// What the prelude's one function is asked to do: the numbers stand in prelude/program.js, too.
enum Entry { kPrepare = 1, kRun, kFinish, kResolve, kReject, kFire, kIdle, kNothing };

constexpr size_t kUnwinding = 32 << 20;  // heap that a script gets to end in when it has used up its own

uint64_t used_heap(Isolate* isolate) {
  HeapStatistics statistics;
  isolate->GetHeapStatistics(&statistics);
  return statistics.used;
}

// The bound on a heap is not V8's own: near that one V8 collects again and again, and takes twice as long to give up. So
// the heap is measured when the collector has just looked at all of it.
void after_collection(Isolate* isolate, GCType, GCCallbackFlags, void*) {
  Cell* cell = current_cell;
  if (cell && used_heap(isolate) > cell->settings().heap_bytes) cell->exhaust(true);
}

// Between two full collections a program may fill the old space faster than V8 begins one, up to what the process may
// take, and V8 ends the process there. So each collection of young objects looks, too: at twice the bound, since old
// garbage counts until it is collected.
void after_scavenge(Isolate* isolate, GCType, GCCallbackFlags, void*) {
  Cell* cell = current_cell;
  if (cell && used_heap(isolate) > 2 * cell->settings().heap_bytes) cell->exhaust(true);
}

// V8's own bound, which is higher, or the system gives no more memory, which array buffers take, too.
size_t near_heap_limit(void*, size_t now, size_t) {
  Cell* cell = current_cell;
  if (!cell) return now + kUnwinding;
  uint64_t bound = cell->settings().heap_bytes;
  // V8's bound is a constant: where the cell may have more it is raised, once.
  if (now < bound) return bound + kUnwinding;
  cell->exhaust(used_heap(cell->isolate()) > bound / 2);
  return now + kUnwinding;
}

MaybeLocal<Module> refuse_import(Local<Context>, Local<String> specifier, Local<FixedArray>, Local<Module>) {
  Isolate* isolate = Isolate::GetCurrent();
  Bytes words;
  const char start[] = "Unsupported import in exec: ";
  words.append(start, sizeof start - 1);
  size_t size = specifier->Utf8LengthV2(isolate);
  specifier->WriteUtf8V2(isolate, words.grow(size), size, String::kReplaceInvalidUtf8, nullptr);
  isolate->ThrowException(text(isolate, words.data(), words.size()));
  return {};
}

MaybeLocal<Promise> refuse_dynamic_import(
    Local<Context> context, Local<Data>, Local<Value>, Local<String>, Local<FixedArray>) {
  const char words[] = "unsupported import in exec";
  Local<Promise::Resolver> resolver;
  if (!Promise::Resolver::New(context).To(&resolver)) return {};
  resolver->Reject(context, text(Isolate::GetCurrent(), words, sizeof words - 1));
  return resolver->GetPromise();
}
}  // namespace

// ---------------------------------------------------------------- a cell, from its two threads

Cell* Cell::current() { return current_cell; }

Cell::~Cell() {
  while (Message* message = inbox_.pop()) unmake(message);
  while (Message* message = answers_.pop()) unmake(message);
  codemode::let_go(catalogue_);
}

void let_go(Catalogue* catalogue) {
  if (__atomic_sub_fetch(&catalogue->uses, 1, __ATOMIC_ACQ_REL) == 0) unmake(catalogue);
}

void Cell::let_go() {
  if (__atomic_sub_fetch(&uses_, 1, __ATOMIC_ACQ_REL) == 0) unmake(this);
}

void Cell::deliver(Message* message) {
  Hold hold(lock_);
  (message->kind == ToWorker::kValue ? answers_ : inbox_).push(message);
  woken_.notify_all();
}

void Cell::close() {
  output_.release();
  Hold hold(lock_);
  __atomic_store_n(&closing_, true, __ATOMIC_RELEASE);
  if (isolate_) isolate_->TerminateExecution();
  woken_.notify_all();
}

Message* Cell::await(Queue<Message>& queue) {
  Hold hold(lock_);
  while (!closing_ && queue.empty()) woken_.wait(lock_);
  return closing_ ? nullptr : queue.pop();
}

// ---------------------------------------------------------------- the program

void Cell::run(Isolate* isolate, MicrotaskQueue* queue, Local<Context> context, Local<Function> entry) {
  queue_ = queue;
  context_ = context;
  entry_ = entry;
  {
    Hold hold(lock_);
    isolate_ = isolate;
  }
  current_cell = this;
  bool going = !closing() && begin();
  while (going) {
    Message* message = await(inbox_);
    if (!message) break;
    going = take_turn(message);
    unmake(message);
  }
  current_cell = nullptr;
  {
    Hold hold(lock_);
    isolate_ = nullptr;
  }
  // What the application is told frees the cell there, so it is the last that is said.
  if (closing()) {
    send_frame(FromWorker::kClosed, number_, nullptr, 0, nullptr, 0);
  } else if (heap_ || memory_) {
    send_frame(heap_ ? FromWorker::kHeap : FromWorker::kMemory, number_, nullptr, 0, nullptr, 0);
  } else if (failed_) {
    return fail("its end could not be told");
  }
  __atomic_store_n(&over_, true, __ATOMIC_RELEASE);
}

void Cell::fail(const char* why) {
  send_frame(FromWorker::kFailed, number_, nullptr, 0, why, strlen(why));
  __atomic_store_n(&over_, true, __ATOMIC_RELEASE);
}

bool Cell::begin() {
  StartHead head;
  memcpy(&head, start_.data(), sizeof head);
  const char* readings = start_.data() + sizeof head;
  const char* source_text = readings + head.readings_length;
  size_t source_size = start_.size() - sizeof head - head.readings_length;
  if (head.repeatable) output_.repeat_clock(readings, head.readings_length);
  reinterpret_cast<internal::Isolate*>(isolate_)->random_number_generator()->SetSeed(static_cast<int64_t>(head.seed));

  output_.begin_turn();
  HandleScope scope(isolate_);
  Local<Value> arguments[] = {
      Integer::New(isolate_, kPrepare),
      text(isolate_, settings_->prelude.data(), settings_->prelude.size()),
      text(isolate_, catalogue_->names.data(), catalogue_->names.size()),
      Integer::New(isolate_, catalogue_->lazy),
  };
  entry_->Call(isolate_, context_, context_->Global(), 4, arguments);
  // A termination ends what runs when it comes, and no more: V8 forgets it when the outermost call returns. From here to the
  // program it waits for the program.
  if (stopped()) return false;

  ScriptCompiler::Source source;
  const char name[] = "exec_main.mjs";
  source.source = text(isolate_, source_text, source_size);
  source.name = text(isolate_, name, sizeof name - 1);
  source.options = ScriptCompiler::kModule;
  start_.shrink(0);
  TryCatch caught(isolate_);
  Local<Module> module;
  Local<Value> promise;
  if (ScriptCompiler::CompileModule(isolate_, &source, ScriptCompiler::kNoCompileOptions,
                                    ScriptCompiler::kNoCacheNoReason).To(&module) &&
      module->InstantiateModule(context_, refuse_import, nullptr).has && module->Evaluate(context_).To(&promise)) {
    return turn(kRun, promise, 0);
  }
  if (stopped() || caught.HasTerminated()) return turn(kNothing, context_->Global(), 0);
  Local<v8::Message> told = caught.Message();
  if (module.IsEmpty() && !told.IsEmpty()) {
    Maybe<int> line = told->GetLineNumber(context_);
    ErrorPlace place{static_cast<uint32_t>(line.has ? line.value : 0),
                     static_cast<uint32_t>(told->GetStartColumn() + 1)};
    if (place.line && place.column) put(Record::kPlace, &place, sizeof place, {});
  }
  return turn(kFinish, caught.Exception(), 0);
}

bool Cell::take_turn(Message* message) {
  output_.begin_turn();
  HandleScope scope(isolate_);
  uint32_t number;
  memcpy(&number, message->payload.data(), sizeof number);
  const char* rest = message->payload.data() + sizeof number;
  size_t size = message->payload.size() - sizeof number;
  switch (message->kind) {
    case ToWorker::kResolve: return turn(kResolve, text(isolate_, rest, size), number);
    case ToWorker::kReject: return turn(kReject, text(isolate_, rest, size), number);
    default: return turn(kFire, context_->Global(), number);
  }
}

// A turn: something is delivered, all microtasks run, and the prelude says what became of the program. False if it is over.
bool Cell::turn(int kind, Local<Value> value, uint32_t number) {
  TryCatch caught(isolate_);
  bool over = true;
  if (!stopped()) call(kind, value, number);
  if (!stopped()) run_microtasks();
  if (!stopped()) {
    Local<Value> arguments[] = {Integer::New(isolate_, kIdle)}, result;
    if (entry_->Call(isolate_, context_, context_->Global(), 1, arguments).To(&result)) {
      over = result->BooleanValue(isolate_);
    } else {
      failed_ = !stopped();
    }
  }
  if (!closing()) output_.flush();
  return !over && !stopped();
}

void Cell::call(int kind, Local<Value> value, uint32_t number) {
  Local<Value> arguments[] = {
      Integer::New(isolate_, kind), value, Integer::NewFromUnsigned(isolate_, number)};
  entry_->Call(isolate_, context_, context_->Global(), 3, arguments);
}

void Cell::run_microtasks() {
  if (output_.repeatable()) {
    // Less than a checkpoint, which lets the targets of WeakRefs go: when they went, the collector would show.
    v8_run_microtasks(queue_, isolate_);
  } else {
    v8_perform_checkpoint(queue_, isolate_);
    if (!stopped()) run_platform_tasks(isolate_);
  }
}

// ---------------------------------------------------------------- what the prelude calls

void Cell::put(Record kind, const void* head, size_t head_size, Local<String> text) {
  if (!stopped()) output_.put(kind, head, head_size, isolate_, text);
}

void Cell::store(Local<String> key, Local<String> json) {
  if (!stopped()) output_.put_text_pair(Record::kStore, isolate_, key, json);
}

bool Cell::load(Local<String> key, Local<String>* json) {
  put(Record::kKey, key);
  output_.flush();
  Message* answer = await(answers_);
  if (!answer) return false;
  bool found = answer->payload.size() > 0;
  if (found) *json = text(isolate_, answer->payload.data() + 1, answer->payload.size() - 1);
  unmake(answer);
  return found;
}

// No `catch` and no `finally` runs: V8 looks for a termination when it enters a function, so one is called.
void Cell::exit() {
  if (stopped()) return;
  put(Record::kDone, nullptr, 0, {});
  output_.flush();
  exited_ = true;
  isolate_->TerminateExecution();
  Local<Value> arguments[] = {Integer::New(isolate_, kNothing)};
  entry_->Call(isolate_, context_, context_->Global(), 1, arguments);
}

void Cell::exhaust(bool heap) {
  (heap ? heap_ : memory_) = true;
  isolate_->TerminateExecution();
}

bool Cell::takes(Local<String> text) const {
  return static_cast<uint64_t>(text->Length()) <= settings_->value_bytes;
}

// ---------------------------------------------------------------- natives

namespace {
using Info = FunctionCallbackInfo<Value>;

uint32_t number_of(Local<Value> value) { return static_cast<uint32_t>(value.As<Integer>()->Value()); }

void put(const Info& info) {
  if (current_cell) current_cell->put(static_cast<Record>(number_of(info[0])), info[1].As<String>());
}

void send(const Info& info) {
  put(info);
  if (current_cell) current_cell->flush();
}

void call(const Info& info) {
  if (!current_cell) return;
  CallHead head{number_of(info[0]), number_of(info[1]), 0, 0};
  Isolate* isolate = info.GetIsolate();
  Local<StackTrace> stack = StackTrace::CurrentStackTrace(isolate, 1, StackTrace::kLineAndColumn);
  if (stack->GetFrameCount() > 0) {
    Location at = stack->GetFrame(isolate, 0)->GetLocation();
    head.line = static_cast<uint32_t>(at.line + 1);
    head.column = static_cast<uint32_t>(at.column + 1);
  }
  current_cell->put(Record::kCall, &head, sizeof head, info[2].As<String>());
}

void timer(const Info& info) {
  if (!current_cell) return;
  struct [[gnu::packed]] { uint32_t timer; double delay_ms; } head{
      number_of(info[0]), info[1].As<Number>()->Value()};
  current_cell->put(Record::kTimer, &head, sizeof head, {});
  current_cell->flush();  // its clock runs outside
}

void clear(const Info& info) {
  uint32_t timer = number_of(info[0]);
  if (current_cell) current_cell->put(Record::kClear, &timer, sizeof timer, {});
}

void store(const Info& info) {
  if (current_cell) current_cell->store(info[0].As<String>(), info[1].As<String>());
}

void load(const Info& info) {
  Local<String> json;
  if (current_cell && current_cell->load(info[0].As<String>(), &json)) info.Return(json);
}

void catalogue(const Info& info) {
  if (!current_cell) return;
  const Bytes& descriptions = current_cell->catalogue().descriptions;
  info.Return(text(info.GetIsolate(), descriptions.data(), descriptions.size()));
}

void exit(const Info&) {
  if (current_cell) current_cell->exit();
}

// Not JSON.stringify, which would stand in the stacks of what a script throws meanwhile.
void to_json(const Info& info) {
  Isolate* isolate = info.GetIsolate();
  Local<String> json;
  if (JSON::Stringify(isolate->GetCurrentContext(), info[0], {}).To(&json)) info.Return(json);
}

void call_helper(const Info& info) {
  Isolate* isolate = info.GetIsolate();
  Local<Context> context = isolate->GetCurrentContext();
  Local<Value> arguments[2], result;
  int count = info.Length() < 2 ? info.Length() : 2;
  for (int i = 0; i < count; i++) arguments[i] = info[i];
  if (info.GetData().As<Function>()->Call(isolate, context, context->Global(), count, arguments).To(&result)) {
    info.Return(result);
  }
}

void call_text(const Info& info) {
  if (current_cell && info.Length() > 0 && info[0]->FullIsString() && current_cell->takes(info[0].As<String>())) {
    current_cell->put(Record::kText, info[0].As<String>());
  } else {
    call_helper(info);
  }
}

void wrap_as(const Info& info, FunctionCallback callback) {
  Isolate* isolate = info.GetIsolate();
  Local<Function> made;
  if (Function::New(isolate->GetCurrentContext(), callback, info[0], 0, ConstructorBehavior::kAllow,
                    SideEffectType::kHasSideEffect).To(&made)) {
    info.Return(made);
  }
}

void wrap(const Info& info) { wrap_as(info, call_helper); }
void wrap_text(const Info& info) { wrap_as(info, call_text); }

struct Native {
  const char* name;
  FunctionCallback callback;
};
const Native kNatives[] = {
    {"put", put},     {"send", send}, {"call", call},           {"timer", timer}, {"clear", clear}, {"store", store},
    {"load", load},   {"exit", exit}, {"catalogue", catalogue}, {"wrap", wrap},   {"wrapText", wrap_text},
    {"toJson", to_json},
};
}  // namespace

const intptr_t* external_references() {
  static intptr_t references[sizeof kNatives / sizeof *kNatives + 3];
  size_t at = 0;
  for (const Native& native : kNatives) references[at++] = reinterpret_cast<intptr_t>(native.callback);
  references[at++] = reinterpret_cast<intptr_t>(call_helper);
  references[at++] = reinterpret_cast<intptr_t>(call_text);
  return references;  // and a zero
}

Local<Object> make_natives(Isolate* isolate, Local<Context> context) {
  Local<Object> natives = Object::New(isolate);
  for (const Native& native : kNatives) {
    Local<Function> function;
    if (!Function::New(context, native.callback, {}, 0, ConstructorBehavior::kThrow, SideEffectType::kHasSideEffect)
             .To(&function)) {
      die("no native function could be made");
    }
    natives->Set(context, text(isolate, native.name, strlen(native.name)), function);
  }
  return natives;
}

void prepare_isolate(Isolate* isolate) {
  isolate->SetHostImportModuleDynamicallyCallback(refuse_dynamic_import);
  isolate->AddNearHeapLimitCallback(near_heap_limit, nullptr);
  isolate->AddGCEpilogueCallback(after_collection, nullptr, kGCTypeMarkSweepCompact);
  isolate->AddGCEpilogueCallback(after_scavenge, nullptr, kGCTypeScavenge);
}

}  // namespace codemode
