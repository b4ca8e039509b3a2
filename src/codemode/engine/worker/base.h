// What the C++ standard library would give: memory, locks and queues. The worker is linked without it, so that one
// compiler command builds it in seconds on any machine (see build_worker.py).
#pragma once
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

inline void* operator new(size_t, void* at) noexcept { return at; }

namespace codemode {

// Ends the process with status 70 and `why` as its last words, which the application puts into the error.
[[noreturn]] void die(const char* why);

inline void* take_memory(size_t size) {
  void* memory = malloc(size ? size : 1);
  if (!memory) die("Fatal out of memory");
  return memory;
}

template <class T, class... Arguments>
T* make(Arguments... arguments) { return new (take_memory(sizeof(T))) T(arguments...); }

template <class T>
void unmake(T* object) {
  object->~T();
  free(object);
}

class Mutex {
 public:
  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }
  bool try_lock() { return pthread_mutex_trylock(&mutex_) == 0; }
  pthread_mutex_t* native() { return &mutex_; }

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

class Hold {
 public:
  explicit Hold(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Hold() { mutex_.unlock(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  Mutex& mutex_;
};

class Condition {
 public:
  void wait(Mutex& mutex) { pthread_cond_wait(&condition_, mutex.native()); }
  // False when `ms` have passed, of the wall clock: whoever waits so looks again at what it waits for.
  bool wait_ms(Mutex& mutex, long ms) {
    timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_cond_timedwait(&condition_, mutex.native(), &until) == 0;
  }
  void notify_one() { pthread_cond_signal(&condition_); }
  void notify_all() { pthread_cond_broadcast(&condition_); }

 private:
  pthread_cond_t condition_ = PTHREAD_COND_INITIALIZER;
};

// Bytes that grow. Moved, never copied.
class Bytes {
 public:
  Bytes() = default;
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  Bytes(Bytes&& that) noexcept { swap(that); }
  Bytes& operator=(Bytes&& that) noexcept {
    swap(that);
    return *this;
  }
  ~Bytes() { free(data_); }

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  void clear() { size_ = 0; }
  void truncate(size_t size) { size_ = size; }

  // Room for `count` more bytes, which become part of it.
  char* grow(size_t count) {
    if (count > room_ - size_) {
      room_ = size_ + count > 2 * room_ ? size_ + count : 2 * room_;
      data_ = static_cast<char*>(realloc(data_, room_));
      if (!data_) die("Fatal out of memory");
    }
    size_ += count;
    return data_ + size_ - count;
  }
  void append(const void* bytes, size_t count) { if (count) memcpy(grow(count), bytes, count); }
  void append(char byte) { *grow(1) = byte; }
  template <class T>
  void append_raw(const T& value) { append(&value, sizeof value); }

  // Give the memory of what was large back.
  void shrink(size_t room) {
    if (room_ <= room) return;
    free(data_);
    data_ = nullptr;
    size_ = room_ = 0;
  }
  void swap(Bytes& that) {
    char* data = data_; data_ = that.data_; that.data_ = data;
    size_t size = size_; size_ = that.size_; that.size_ = size;
    size_t room = room_; room_ = that.room_; that.room_ = room;
  }

 private:
  char* data_ = nullptr;
  size_t size_ = 0, room_ = 0;
};

// First in, first out, of objects that have a member `next`.
template <class T>
class Queue {
 public:
  bool empty() const { return !first_; }
  void push(T* item) {
    item->next = nullptr;
    *last_ = item;
    last_ = &item->next;
  }
  T* pop() {
    T* item = first_;
    if (item) {
      first_ = item->next;
      if (!first_) last_ = &first_;
    }
    return item;
  }

 private:
  T* first_ = nullptr;
  T** last_ = &first_;
};

}  // namespace codemode
