// An isolate and its context cost 1.5 ms, more than most programs. So a thread makes one, waits for a program, runs that
// and ends with it; `kReady` threads wait. The maker begins the next one `kLeadMs` after a program has got one: at once it
// would take the processor from that program, and from the application that hears of its end. Where no isolate is left it
// begins at once, and a start that finds none makes one by itself.
#include "isolates.h"

#include "engine.h"

namespace codemode {
using namespace v8;

namespace {
constexpr int kReady = 2;
// V8 lets a script use 984 KiB of it; 8 MiB, as usual, would count against the worker's bound on memory.
constexpr size_t kStackBytes = 1536 * 1024;

constexpr int kLeadMs = 2;

Mutex lock;
Condition cell_waits, one_made, one_wanted;
Queue<Cell> waiting;
int coming = 0;     // threads that have no program yet
int starts = 0;     // programs that have no thread yet
bool one_is_made = false;

void* serve_isolate(void*);

// With the lock held.
bool add_thread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  bool made = pthread_create(&thread, &attributes, serve_isolate, nullptr) == 0;
  pthread_attr_destroy(&attributes);
  coming += made;
  return made;
}

void* make_more(void*) {
  Hold hold(lock);
  for (;;) {
    while (coming >= kReady + starts) one_wanted.wait(lock);
    double until = now_ms() + kLeadMs;
    while (coming > starts && now_ms() < until) one_wanted.wait_ms(lock, kLeadMs);
    if (coming < kReady + starts && !add_thread()) one_wanted.wait(lock);  // until another program has begun
  }
}

Cell* await_cell() {
  Hold hold(lock);
  one_is_made = true;
  one_made.notify_all();
  Cell* cell;
  while (!(cell = waiting.pop())) cell_waits.wait(lock);
  coming--;
  starts--;
  one_wanted.notify_one();
  return cell;
}

void* serve_isolate(void*) {
  Isolate* isolate = new_isolate();
  isolate->Enter();
  MicrotaskQueue* queue = v8_new_microtask_queue(isolate, MicrotasksPolicy::kExplicit);
  {
    HandleScope scope(isolate);
    Local<Function> entry;
    Local<Context> context = open_context(isolate, queue, &entry);
    static int checked;
    if (!__atomic_exchange_n(&checked, 1, __ATOMIC_ACQ_REL)) self_check(isolate, context);
    prepare_isolate(isolate);
    Cell* cell = await_cell();
    cell->run(isolate, queue, context, entry);
    cell->let_go();
    context->Exit();
  }
  const timespec lead{0, kLeadMs * 1000000L};
  nanosleep(&lead, nullptr);
  dispose(isolate, queue);
  return nullptr;
}
}  // namespace

void start(Cell* cell) {
  bool served;
  {
    Hold hold(lock);
    waiting.push(cell);
    starts++;
    while (coming < starts && add_thread()) {}
    served = coming > 0;
    cell_waits.notify_one();
  }
  if (served) return;
  Cell* refused;
  {
    Hold hold(lock);
    refused = waiting.pop();
    starts--;
  }
  refused->fail("the system gives no thread for it");
  refused->let_go();
}

void make_isolates_ready() {
  Hold hold(lock);
  pthread_t maker;
  if (!add_thread() || pthread_create(&maker, nullptr, make_more, nullptr) != 0) die("the system gives no thread");
  while (!one_is_made) one_made.wait(lock);
}

}  // namespace codemode
