// What one cell says: records on their way to the application.
//
// Records gather in a batch, which is handed over at the end of a turn, when it is large, when a millisecond has passed
// since the last, and whenever the application asks (`peek`): output is there when an observation falls due while the
// script spins. Two threads meet here, the cell's and the worker's; `lock_` is held from taking a batch until it is in
// the socket, so batches keep their order. A cell whose records the application has not dealt with waits in `put`.
#pragma once
#include "base.h"
#include "protocol.h"
#include "v8.h"

namespace codemode {

// The time that JavaScript sees. Repeatable, each reading is told: run-length encoded, in front of the batch that may
// depend on it. A loop that reads the clock ten million times a second makes 3 kB. Given readings are used up first.
class Clock {
 public:
  void repeat(const char* readings, size_t size) {
    given_.append(readings, size);
    repeatable_ = true;
  }
  bool repeatable() const { return repeatable_; }
  double read();
  // Readings since this was last asked; the caller clears it.
  Bytes& told();

 private:
  void note_run();
  uint64_t take();

  Bytes given_, told_;
  size_t at_ = 0;
  uint64_t left_ = 0, run_ = 0;
  int64_t value_ = 0, base_ = 0;
  bool repeatable_ = false;
};

class Output {
 public:
  explicit Output(uint32_t cell) : cell_(cell) {}

  // The cell's thread. A batch is young when a turn begins.
  void begin_turn();
  // `text` may be empty.
  void put(Record, const void* head, size_t head_size, v8::Isolate*, v8::Local<v8::String> text);
  void put_text_pair(Record, v8::Isolate*, v8::Local<v8::String> key, v8::Local<v8::String> text);
  void flush();
  double read_clock();
  void repeat_clock(const char* readings, size_t size) { clock_.repeat(readings, size); }
  bool repeatable() const { return clock_.repeatable(); }
  bool empty() const { return batch_.size() == 0; }

  // The worker's thread.
  void peek();
  void credit(uint32_t bytes);
  void release();  // let a thread that waits for credit go, for good

 private:
  void put_long(Record, const void* head, size_t head_size, v8::Isolate*, v8::Local<v8::String> text);
  void send_piece(Record, bool continued, const Bytes& piece);
  void hand_over();
  void send(const char* bytes, size_t size);
  void await_credit();

  const uint32_t cell_;
  Mutex lock_;
  Bytes batch_;
  Clock clock_;
  double told_at_ = 0;

  Mutex credit_lock_;
  Condition credited_;
  int64_t in_flight_ = 0;
  bool released_ = false;
};

// One frame to the application; any thread. Blocks while its socket is full; the process ends when that is closed.
void send_frame(FromWorker, uint32_t number, const void* head, size_t head_size, const void* rest, size_t rest_size);

}  // namespace codemode
