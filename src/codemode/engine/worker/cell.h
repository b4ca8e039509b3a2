// One program in an isolate of its own, on a thread of its own.
#pragma once
#include "output.h"

namespace codemode {

struct Message {
  Message* next = nullptr;
  ToWorker kind;
  Bytes payload;
};

struct Catalogue {
  int uses = 1;
  uint32_t number = 0;
  bool lazy = false;  // so many tools that `tools` and `ALL_TOOLS` are made when a script first looks at them
  Bytes names, descriptions;
};

// What holds for all cells of a worker.
struct Settings {
  uint64_t heap_bytes = 0, value_bytes = 0;
  Bytes prelude;  // the settings of the prelude, a JSON object
};

class Cell {
 public:
  Cell(uint32_t number, Bytes* start, Catalogue* catalogue, const Settings* settings)
      : number_(number), settings_(settings), catalogue_(catalogue), output_(number), uses_(2) {
    start_.swap(*start);
  }

  // The cell whose thread this is, if its program may run.
  static Cell* current();

  // The worker's thread.
  uint32_t number() const { return number_; }
  bool over() const { return __atomic_load_n(&over_, __ATOMIC_ACQUIRE); }
  void deliver(Message*);
  void credit(uint32_t bytes) { output_.credit(bytes); }
  void peek() { output_.peek(); }
  void close();

  // The thread of its isolate: runs the program to its end, and says which that was. In a context.
  void run(v8::Isolate*, v8::MicrotaskQueue*, v8::Local<v8::Context>, v8::Local<v8::Function> entry);
  void fail(const char* why);

  // Both threads have it, and the last to let go frees it.
  void let_go();

  // What the prelude calls.
  double read_clock() { return output_.read_clock(); }
  void put(Record kind, v8::Local<v8::String> text) { put(kind, nullptr, 0, text); }
  void put(Record, const void* head, size_t head_size, v8::Local<v8::String> text);
  void store(v8::Local<v8::String> key, v8::Local<v8::String> json);
  void flush() { output_.flush(); }
  bool load(v8::Local<v8::String> key, v8::Local<v8::String>* json);
  void exit();
  void exhaust(bool heap);  // its heap, or what the process may take
  bool takes(v8::Local<v8::String> text) const;
  v8::Isolate* isolate() const { return isolate_; }
  const Catalogue& catalogue() const { return *catalogue_; }
  const Settings& settings() const { return *settings_; }

  Cell* next = nullptr;  // in the queue of those that wait for an isolate

 private:
  ~Cell();
  template <class T>
  friend void unmake(T*);

  bool begin();
  bool turn(int kind, v8::Local<v8::Value> value, uint32_t number);
  bool take_turn(Message*);
  void call(int kind, v8::Local<v8::Value> value, uint32_t number);
  bool stopped() const { return closing() || exited_ || heap_ || memory_; }
  bool closing() const { return __atomic_load_n(&closing_, __ATOMIC_ACQUIRE); }
  Message* await(Queue<Message>&);
  void run_microtasks();

  const uint32_t number_;
  const Settings* const settings_;
  Catalogue* const catalogue_;
  Bytes start_;
  Output output_;
  int uses_;

  v8::Isolate* isolate_ = nullptr;  // set and unset with lock_ held: while it is set it may be terminated
  v8::MicrotaskQueue* queue_ = nullptr;
  v8::Local<v8::Context> context_;
  v8::Local<v8::Function> entry_;
  bool exited_ = false, heap_ = false, memory_ = false, failed_ = false;

  Mutex lock_;
  Condition woken_;
  Queue<Message> inbox_, answers_;
  bool closing_ = false, over_ = false;
};

// What a snapshot needs to find the functions below again.
const intptr_t* external_references();

// The functions that the prelude is given.
v8::Local<v8::Object> make_natives(v8::Isolate*, v8::Local<v8::Context>);

// How dynamic import is refused, and the heap watched: for each isolate that a program is to run in.
void prepare_isolate(v8::Isolate*);

void let_go(Catalogue*);

}  // namespace codemode
