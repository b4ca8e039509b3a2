// What stands here rests on V8 14.4 as mini-racer 0.14.1 builds it. Measured there:
//
// * An isolate from V8's own snapshot and the prelude cost 3.3 ms, from ours 1.7: the prelude is free.
// * What a flag adds to the language, shipping things included (Atomics, Error.isError, Uint8Array.fromBase64,
//   Map.prototype.getOrInsert), is not there while a snapshot is made; V8 adds it to each context afterwards, and aborts
//   where it is there already. So the prelude takes these few in each context, before the script.
// * A snapshot and the process that uses it must have the same flags.
// * The prelude is compiled as an *extension*: its functions are none of the user's, so V8 itself leaves them out of stacks, also of
//   the call sites that `Error.prepareStackTrace` gets, and shows no source of them.
// * JavaScript reads the time through one virtual function of the platform. The table of our platform is a copy with that
//   entry changed, found by its address. Nothing else reads it: collector and tasks go by the monotonic clock.
// * V8 keeps the pages of an isolate that was large in a pool that only a task of another isolate empties, and isolates
//   here sleep. --no-memory-pool-share-memory-on-teardown gives them back: 18 instead of 113 MiB after large cells.
// * With one thread V8 leaves a loop that is hot in Maglev's code there for good. --no-maglev-osr gives such loops to TurboFan
//   at once: a page of loops over arrays took 0.12 to 0.6 of the time, one that adds up integers until they are too large for
//   31 bits five times as long. Functions pass through Maglev as before.
// * TurboFan drops the check for interrupts of a loop when it unrolls a short one that is inside, as `new Array(100).fill(n)`
//   is: `for (;;) all.push(new Array(100).fill(1))` could then neither be terminated nor held to its heap. With
//   --no-turboshaft-loop-unrolling each loop keeps its check; loops of a few turns inside of others take up to 1.3 times as long.
#include "engine.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "cell.h"

namespace codemode {
using namespace v8;

const char kV8Version[] = "14.4.258.23";

namespace {
constexpr int kBuildConfig = 7;  // pointer compression, 31-bit small integers, sandbox
const char kFlags[] =
    "--single-threaded --no-harmony-temporal --js-upsert --no-memory-pool-share-memory-on-teardown --no-maglev-osr"
    " --no-turboshaft-loop-unrolling";
const char kEntry[] = "__codemode";

Platform* the_platform;
ArrayBuffer::Allocator* allocator;
StartupData snapshot{nullptr, 0};

bool entropy(unsigned char* at, size_t size) {
#ifdef __APPLE__
  arc4random_buf(at, size);
  return true;
#else
  return getrandom(at, size, 0) == static_cast<ssize_t>(size);
#endif
}

double time_of_cell(void*) {
  Cell* cell = Cell::current();
  return cell ? cell->read_clock() : real_time_ms();
}

void patch_clock(Platform* platform) {
  static void* table[22];
  int found = 0;
  memcpy(table, v8_platform_table, sizeof table);
  for (void*& entry : table) {
    if (entry != reinterpret_cast<void*>(v8_current_clock_time)) continue;
    entry = reinterpret_cast<void*>(time_of_cell);
    found++;
  }
  void**& of_platform = *reinterpret_cast<void***>(platform);
  if (found != 1 || of_platform != const_cast<void**>(v8_platform_table) + 2) {
    die("this V8 is not the one that the worker was made for: its platform has another table");
  }
  of_platform = table + 2;
}

bool reporting = false;

void mismatch(const char* what) {
  if (reporting) {
    printf("layout: %s differs\n", what);
    return;
  }
  char words[200];
  snprintf(words, sizeof words, "this V8 is not the one that the worker was made for: %s differs", what);
  die(words);
}

// What Context::New does with an extension, but not while a snapshot is made. Only the snapshot needs it.
MaybeLocal<Value> run_as_extension(Isolate* isolate, Local<Context> context, const Bytes& prelude) {
  constexpr int kExtensionCode = 1, kNoRepl = 1;
  alignas(16) unsigned char script[128] = {}, outcome[256] = {};  // ScriptDetails, CompilationDetails
  memcpy(script + 40, &kNoRepl, sizeof kNoRepl);
  Local<String> source = text(isolate, prelude.data(), prelude.size());
  Local<UnboundScript> compiled(static_cast<internal::Address*>(
      v8_compile_script(isolate, source.slot(), script, 0, 0, kExtensionCode, outcome)));
  if (compiled.IsEmpty()) return {};
  return compiled->BindToCurrentContext()->Run(context);
}

void require(bool holds, const char* what) {
  if (!holds) mismatch(what);
}
}  // namespace

double real_time_ms() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<double>(t.tv_sec * 1000LL + t.tv_nsec / 1000000);
}

double now_ms() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

Local<String> text(Isolate* isolate, const char* bytes, size_t size) {
  Local<String> made;
  if (!String::NewFromUtf8(isolate, bytes, NewStringType::kNormal, static_cast<int>(size)).To(&made)) {
    die("Fatal a text is too long for V8");  // frames are bounded below that
  }
  return made;
}

namespace {
void initialize(const char* icu_data) {
  V8::SetFlagsFromString(kFlags);
  // Without a file to read V8 would seed isolates from the clock: two made at once would draw the same numbers.
  V8::SetEntropySource(entropy);
  if (!V8::InitializeICU(icu_data)) die("V8's data on languages cannot be read");
  V8::InitializePlatform(the_platform = v8_new_single_threaded_platform(0, 1, nullptr));
  patch_clock(the_platform);
  if (!V8::Initialize(kBuildConfig)) die("V8 does not start");
  allocator = ArrayBuffer::Allocator::NewDefaultAllocator();
}
}  // namespace

void report_differences(const char* icu_data) {
  reporting = true;
  printf("version: %s, made for %s\n", V8::GetVersion(), kV8Version);
  fflush(stdout);  // what follows may crash: that is a difference, too
  initialize(icu_data);
  Isolate::CreateParams params;
  params.array_buffer_allocator = allocator;
  Isolate* isolate = Isolate::New(params);
  isolate->Enter();
  HandleScope scope(isolate);
  Local<Context> context = Context::New(isolate, nullptr, {}, {}, {}, nullptr, {}, {});
  context->Enter();
  self_check(isolate, context);
  printf("layouts: checked\n");
  fflush(stdout);
}

void load_v8(const char* icu_data) {
  if (strcmp(V8::GetVersion(), kV8Version) != 0) {
    char words[200];
    snprintf(words, sizeof words, "the worker was made for V8 %s, and the installed mini-racer has %s", kV8Version,
             V8::GetVersion());
    die(words);
  }
  initialize(icu_data);
}

StartupData make_snapshot(const Bytes& prelude, const Bytes& visible) {
  Isolate::CreateParams params;
  params.array_buffer_allocator = allocator;
  params.external_references = external_references();
  SnapshotCreator creator(params);
  Isolate* isolate = creator.GetIsolate();
  {
    HandleScope scope(isolate);
    Local<Context> context = Context::New(isolate, nullptr, {}, {}, {}, nullptr, {}, {});
    context->Enter();
    Local<Object> functions = make_natives(isolate, context);
    Local<Value> make_public, make_entry, entry, natives[] = {functions};
    TryCatch caught(isolate);
    Local<Script> script;
    if (!Script::Compile(context, text(isolate, visible.data(), visible.size()), nullptr).To(&script) ||
        !script->Run(context).To(&make_public) ||
        !functions->Set(context, text(isolate, "makePublic", 10), make_public).has ||
        !run_as_extension(isolate, context, prelude).To(&make_entry) || !make_entry->IsFunction() ||
        !make_entry.As<Function>()->Call(isolate, context, context->Global(), 1, natives).To(&entry)) {
      Local<String> words;
      char room[1000] = "";
      if (caught.HasCaught() && caught.Exception()->ToString(context).To(&words)) {
        words->WriteUtf8V2(isolate, room, sizeof room - 1, String::kReplaceInvalidUtf8, nullptr);
      }
      fprintf(stderr, "%s\n", room);
      die("the prelude fails");
    }
    Local<String> name = text(isolate, kEntry, strlen(kEntry));
    context->Global()->Set(context, name, entry);
    context->Exit();
    creator.SetDefaultContext(context, {}, {}, {});
  }
  // Bytecode is kept: the prelude has run what nearly every program runs, and no program compiles it again.
  return creator.CreateBlob(SnapshotCreator::FunctionCodeHandling::kKeep);
}

void use_snapshot(StartupData made) { snapshot = made; }

// The bound on a cell's heap is looked at after each full collection (cell.cc), and an isolate is made before that bound
// is known. Left alone V8 collects for the first time when hundreds of megabytes are old, and a program that fills them
// without garbage meets the process's bound first. So it collects early; and below 1 GiB of old space it lets the heap
// grow at most twofold between two collections, instead of fourfold.
constexpr size_t kFirstCollectionBytes = 32 << 20;
constexpr size_t kOldBytes = size_t{960} << 20;

Isolate* new_isolate() {
  Isolate::CreateParams params;
  params.array_buffer_allocator = allocator;
  params.external_references = external_references();
  params.snapshot_blob = &snapshot;
  params.constraints.initial_old = kFirstCollectionBytes;
  params.constraints.max_old = kOldBytes;
  Isolate* isolate = Isolate::New(params);
  isolate->SetMicrotasksPolicy(MicrotasksPolicy::kExplicit);
  return isolate;
}

Local<Context> open_context(Isolate* isolate, MicrotaskQueue* queue, Local<Function>* entry) {
  Local<Context> context = Context::New(isolate, nullptr, {}, {}, {}, queue, {}, {});
  if (context.IsEmpty()) die("Fatal no context could be made");
  context->Enter();
  Local<String> name = text(isolate, kEntry, strlen(kEntry));
  Local<Value> found;
  if (!context->Global()->Get(context, name).To(&found) || !found->IsFunction()) die("the snapshot has no prelude");
  context->Global()->Delete(context, name);
  *entry = found.As<Function>();
  Local<Value> open[] = {Integer::New(isolate, 0)};
  (*entry)->Call(isolate, context, context->Global(), 1, open);
  return context;
}

void dispose(Isolate* isolate, MicrotaskQueue* queue) {
  v8_delete_microtask_queue(queue);
  isolate->Exit();
  platform::NotifyIsolateShutdown(the_platform, isolate);
  isolate->Dispose();
}

void run_platform_tasks(Isolate* isolate) {
  while (platform::PumpMessageLoop(the_platform, isolate, platform::MessageLoopBehavior::kDoNotWait)) {}
}

namespace {
// A structure that V8 fills in, with a margin that it must leave alone.
template <class T>
struct Margined {
  alignas(16) unsigned char bytes[sizeof(T) + 64];
  Margined() { memset(bytes, 0xa5, sizeof bytes); }
  T* at() { return reinterpret_cast<T*>(bytes); }
  bool intact() const {
    for (size_t i = sizeof(T); i < sizeof bytes; i++) if (bytes[i] != 0xa5) return false;
    return true;
  }
};

void check_callback(const FunctionCallbackInfo<Value>& info) {
  Isolate* isolate = Isolate::GetCurrent();
  require(info.GetIsolate() == isolate && info.Length() == 2 && info[0].As<Integer>()->Value() == 41 &&
              info.GetData()->FullIsString() && info.GetData().As<String>()->Length() == 3,
          "FunctionCallbackInfo");
  info.Return(info[1]);
}

MaybeLocal<Module> refuse_import(Local<Context>, Local<String>, Local<FixedArray>, Local<Module>) { return {}; }

void check_handles(Isolate* isolate) {
  HandleScope outer(isolate);
  Integer::New(isolate, 1 << 30);
  text(isolate, "abi", 3);  // now there is a block of handles
  HandleScope::Data before = *HandleScope::of(isolate);
  Margined<EscapableHandleScopeBase> probe;
  new (probe.at()) EscapableHandleScopeBase(isolate);  // never unmade: what it did is taken back below
  HandleScope::Data* data = HandleScope::of(isolate);
  bool same = probe.at()->isolate == isolate && data->level == before.level + 1 &&
              probe.at()->limit == before.limit && probe.at()->next == before.next + 1 && probe.intact();
  data->level--;
  data->next = before.next;
  require(same, "HandleScope");
}
}  // namespace

void self_check(Isolate* isolate, Local<Context> context) {
  check_handles(isolate);
  HandleScope scope(isolate);
  Local<Function> function;
  Local<Value> arguments[] = {Integer::New(isolate, 41), Integer::New(isolate, 42)}, result;
  require(Function::New(context, check_callback, text(isolate, "abc", 3), 0, ConstructorBehavior::kThrow,
                        SideEffectType::kHasSideEffect).To(&function) &&
              function->Call(isolate, context, context->Global(), 2, arguments).To(&result) &&
              result.As<Integer>()->Value() == 42,
          "FunctionCallbackInfo");
  Margined<Isolate::CreateParams> params;
  new (params.at()) Isolate::CreateParams;
  require(params.intact() && params.at()->allow_atomics_wait && !params.at()->snapshot_blob &&
              !params.at()->external_references && !params.at()->cpp_heap,
          "CreateParams");
  params.at()->~CreateParams();
  Margined<HeapStatistics> statistics;
  new (statistics.at()) HeapStatistics;
  isolate->GetHeapStatistics(statistics.at());
  require(statistics.intact() && statistics.at()->used > 0 && statistics.at()->used < statistics.at()->limit,
          "HeapStatistics");
  Margined<TryCatch> caught;
  new (caught.at()) TryCatch(isolate);
  const char code[] = "throw 43";
  ScriptCompiler::Source source;
  source.source = text(isolate, code, strlen(code));
  source.name = text(isolate, "check.mjs", 9);
  source.options = ScriptCompiler::kModule;
  Local<Module> module;
  require(ScriptCompiler::CompileModule(isolate, &source, ScriptCompiler::kNoCompileOptions,
                                        ScriptCompiler::kNoCacheNoReason).To(&module) &&
              module->InstantiateModule(context, refuse_import, nullptr).has && !caught.at()->HasCaught(),
          "ScriptCompiler::Source");
  isolate->ThrowException(Integer::New(isolate, 44));
  require(caught.intact() && caught.at()->HasCaught() && caught.at()->Exception().As<Integer>()->Value() == 44,
          "TryCatch");
  caught.at()->~TryCatch();
}

}  // namespace codemode
