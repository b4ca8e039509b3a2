#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "isolates.h"
#include "sandbox.h"

namespace codemode {

void die(const char* why) {
  size_t size = strlen(why);
  if (write(2, why, size) < 0 || write(2, "\n", 1) < 0) {}
  _exit(70);
}

namespace {
int the_socket = -1;
Mutex write_lock;

void write_all(iovec* parts, int count) {
  while (count) {
    ssize_t written = writev(the_socket, parts, count);
    if (written < 0) {
      if (errno == EINTR) continue;
      _exit(0);  // the application is gone
    }
    size_t left = static_cast<size_t>(written);
    for (; count && left >= parts->iov_len; parts++, count--) left -= parts->iov_len;
    if (count) {
      parts->iov_base = static_cast<char*>(parts->iov_base) + left;
      parts->iov_len -= left;
    }
  }
}

// Reads from the socket; what is asked for in one go may come in many.
class Input {
 public:
  explicit Input(int fd) : fd_(fd) {}

  bool read(void* to, size_t size) {
    char* at = static_cast<char*>(to);
    while (size) {
      if (begin_ == end_) {
        if (size >= sizeof room_) {
          ssize_t got = take(at, size);
          if (got <= 0) return false;
          at += got;
          size -= static_cast<size_t>(got);
          continue;
        }
        ssize_t got = take(room_, sizeof room_);
        if (got <= 0) return false;
        begin_ = 0;
        end_ = static_cast<size_t>(got);
      }
      size_t part = end_ - begin_ < size ? end_ - begin_ : size;
      memcpy(at, room_ + begin_, part);
      begin_ += part;
      at += part;
      size -= part;
    }
    return true;
  }

  // Takes memory as the bytes come, not for what was announced.
  bool read(Bytes& to, size_t size) {
    constexpr size_t kStep = 4 << 20;
    while (size) {
      size_t part = size < kStep ? size : kStep;
      if (!read(to.grow(part), part)) return false;
      size -= part;
    }
    return true;
  }

 private:
  ssize_t take(char* to, size_t size) {
    for (;;) {
      ssize_t got = ::read(fd_, to, size);
      if (got >= 0 || errno != EINTR) return got;
    }
  }

  int fd_;
  char room_[64 * 1024];
  size_t begin_ = 0, end_ = 0;
};

[[noreturn]] void refuse(const char* what) {
  char words[200];
  snprintf(words, sizeof words, "the application broke the protocol: %s", what);
  die(words);
}

// The cells that live, by number.
class Cells {
 public:
  Cell* find(uint32_t number) {
    sweep();
    for (size_t i = 0; i < count_; i++) if (cells_[i]->number() == number) return cells_[i]->over() ? nullptr : cells_[i];
    return nullptr;
  }
  void add(Cell* cell) {
    if (count_ == room_) {
      room_ = room_ ? 2 * room_ : 16;
      cells_ = static_cast<Cell**>(realloc(cells_, room_ * sizeof *cells_));
      if (!cells_) die("Fatal out of memory");
    }
    cells_[count_++] = cell;
  }
  size_t count() const { return count_; }

 private:
  void sweep() {
    for (size_t i = 0; i < count_;) {
      if (!cells_[i]->over()) {
        i++;
        continue;
      }
      cells_[i]->let_go();
      cells_[i] = cells_[--count_];
    }
  }

  Cell** cells_ = nullptr;
  size_t count_ = 0, room_ = 0;
};

class Worker {
 public:
  void on_frame(ToWorker kind, uint32_t number, Bytes& payload);
  uint64_t cells() const { return cells_.count() + 1; }
  uint64_t compute_ms() const { return compute_ms_; }

 private:
  void on_settings(Bytes& payload);
  void on_catalogue(uint32_t number, Bytes& payload);
  void on_start(uint32_t number, Bytes& payload);
  void on_message(ToWorker kind, Cell* cell, Bytes& payload);

  Settings settings_;
  uint64_t compute_ms_ = 0;
  bool settled_ = false;
  Catalogue* catalogue_ = nullptr;
  Cells cells_;
};

void Worker::on_frame(ToWorker kind, uint32_t number, Bytes& payload) {
  switch (kind) {
    case ToWorker::kSettings: return on_settings(payload);
    case ToWorker::kCatalogue: return on_catalogue(number, payload);
    case ToWorker::kStart: return on_start(number, payload);
    default: break;
  }
  Cell* cell = cells_.find(number);
  if (kind == ToWorker::kFlush) {
    if (cell) cell->peek();
    send_frame(FromWorker::kFlushed, number, nullptr, 0, nullptr, 0);
    return;
  }
  on_message(kind, cell, payload);
}

void Worker::on_settings(Bytes& payload) {
  SettingsHead head;
  if (settled_ || payload.size() < sizeof head) refuse("SETTINGS");
  settled_ = true;
  memcpy(&head, payload.data(), sizeof head);
  settings_.heap_bytes = head.heap_bytes;
  settings_.value_bytes = head.value_bytes;
  settings_.prelude.append(payload.data() + sizeof head, payload.size() - sizeof head);
  compute_ms_ = head.compute_ms;
  bound_memory(head.memory_bytes);
}

void Worker::on_catalogue(uint32_t number, Bytes& payload) {
  constexpr long kLazyTools = 64;
  constexpr size_t kLazyBytes = 16 * 1024;
  const char* at = payload.data();
  const char* end = at + payload.size();
  const char* names = at ? static_cast<const char*>(memchr(at, '\n', payload.size())) : nullptr;
  const char* descriptions =
      names ? static_cast<const char*>(memchr(names + 1, '\n', static_cast<size_t>(end - names - 1))) : nullptr;
  if (!descriptions) refuse("CATALOGUE");
  Catalogue* made = make<Catalogue>();
  made->number = number;
  made->names.append(names + 1, static_cast<size_t>(descriptions - names - 1));
  made->descriptions.append(descriptions + 1, static_cast<size_t>(end - descriptions - 1));
  made->lazy = strtol(at, nullptr, 10) > kLazyTools || made->descriptions.size() > kLazyBytes;
  if (catalogue_) let_go(catalogue_);
  catalogue_ = made;
}

void Worker::on_start(uint32_t number, Bytes& payload) {
  StartHead head;
  if (!settled_ || payload.size() < sizeof head) refuse("START");
  memcpy(&head, payload.data(), sizeof head);
  if (head.readings_length > payload.size() - sizeof head) refuse("START");
  if (!catalogue_ || catalogue_->number != head.catalogue) refuse("START without its CATALOGUE");
  if (cells_.find(number)) refuse("START of a cell that runs");
  __atomic_add_fetch(&catalogue_->uses, 1, __ATOMIC_ACQ_REL);
  Cell* cell = make<Cell>(number, &payload, catalogue_, &settings_);
  cells_.add(cell);
  start(cell);
}

void Worker::on_message(ToWorker kind, Cell* cell, Bytes& payload) {
  switch (kind) {
    case ToWorker::kResolve:
    case ToWorker::kReject:
    case ToWorker::kFire:
      if (payload.size() < sizeof(uint32_t)) refuse("a message without a number");
      [[fallthrough]];
    case ToWorker::kValue: {
      if (!cell) return;
      Message* message = make<Message>();
      message->kind = kind;
      message->payload.swap(payload);
      return cell->deliver(message);
    }
    case ToWorker::kCredit: {
      uint32_t bytes;
      if (payload.size() != sizeof bytes) refuse("CREDIT");
      memcpy(&bytes, payload.data(), sizeof bytes);
      if (cell) cell->credit(bytes);
      return;
    }
    case ToWorker::kClose:
      if (cell) cell->close();
      return;
    default: refuse("an unknown frame");
  }
}
}  // namespace

void send_frame(FromWorker kind, uint32_t number, const void* head, size_t head_size, const void* rest, size_t rest_size) {
  FrameHead frame{static_cast<uint32_t>(head_size + rest_size), static_cast<uint8_t>(kind), number};
  iovec parts[] = {
      {&frame, sizeof frame}, {const_cast<void*>(head), head_size}, {const_cast<void*>(rest), rest_size}};
  Hold hold(write_lock);
  write_all(parts, 3);
}

void read_setup(int fd, Setup& setup) {
  // Byte by byte as announced: what follows may carry descriptors, which come with the read that takes its byte.
  FrameHead frame;
  SetupHead head;
  auto exact = [fd](void* to, size_t size) {
    for (char* at = static_cast<char*>(to); size;) {
      ssize_t got = ::read(fd, at, size);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) _exit(0);
      at += got;
      size -= static_cast<size_t>(got);
    }
  };
  exact(&frame, sizeof frame);
  if (frame.kind != static_cast<uint8_t>(ToWorker::kSetup) || frame.length < sizeof head || frame.length > 1 << 20) {
    refuse("SETUP");
  }
  exact(&head, sizeof head);
  if (head.version != kProtocolVersion) {
    die("the worker was built for another version of codemode: run `make setup`, or reinstall codemode");
  }
  size_t left = frame.length - sizeof head;
  if (head.zone_length > left || head.filter_length != left - head.zone_length) refuse("SETUP");
  exact(setup.zone.grow(head.zone_length), head.zone_length);
  exact(setup.filter.grow(head.filter_length), head.filter_length);
}

void serve(int fd, const Setup& setup) {
  the_socket = fd;
  signal(SIGPIPE, SIG_IGN);
  watch_memory();
  Bytes report;
  enter_sandbox(setup.filter.data(), setup.filter.size(), report);
  send_frame(FromWorker::kReady, 0, nullptr, 0, report.data(), report.size());
  make_isolates_ready();
  static Input input(fd);
  static Worker worker;
  FrameHead head;
  while (input.read(&head, sizeof head)) {
    if (head.length > kMaxToWorker) refuse("a frame is too long");
    Bytes payload;
    if (!input.read(payload, head.length)) break;
    ToWorker kind = static_cast<ToWorker>(head.kind);
    if (kind != ToWorker::kFlush) work_arrives(worker.cells(), worker.compute_ms());  // a flush only looks
    worker.on_frame(kind, head.number, payload);
  }
  _exit(0);
}

}  // namespace codemode
