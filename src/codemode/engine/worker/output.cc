#include "output.h"

#include <time.h>

#include "engine.h"

namespace codemode {
using namespace v8;

namespace {
constexpr double kBatchMs = 1;
constexpr uint32_t kPieceUnits = kPieceBytes / 4;  // as many as fit, whatever they are
constexpr int kShortText = 1024;   // characters: three bytes each at most, so there is no need to count before

void put_varint(Bytes& to, uint64_t number) {
  for (; number > 127; number >>= 7) to.append(static_cast<char>(number | 128));
  to.append(static_cast<char>(number));
}

uint64_t zigzag(int64_t number) { return static_cast<uint64_t>(number) << 1 ^ static_cast<uint64_t>(number >> 63); }
int64_t unzigzag(uint64_t number) { return static_cast<int64_t>(number >> 1) ^ -static_cast<int64_t>(number & 1); }

bool is_high(uint16_t unit) { return (unit & 0xfc00) == 0xd800; }
bool is_low(uint16_t unit) { return (unit & 0xfc00) == 0xdc00; }

void encode_one_byte(const uint8_t* from, uint32_t count, Bytes& to) {
  char* start = to.grow(2 * size_t{count});
  char* at = start;
  uint32_t i = 0;
  while (i < count) {
    uint64_t eight;
    if (i + sizeof eight <= count) {  // most texts are ASCII
      memcpy(&eight, from + i, sizeof eight);
      if (!(eight & 0x8080808080808080)) {
        memcpy(at, &eight, sizeof eight);
        at += sizeof eight;
        i += sizeof eight;
        continue;
      }
    }
    uint8_t unit = from[i++];
    if (unit < 0x80) {
      *at++ = static_cast<char>(unit);
    } else {
      *at++ = static_cast<char>(0xc0 | unit >> 6);
      *at++ = static_cast<char>(0x80 | (unit & 0x3f));
    }
  }
  to.truncate(to.size() - 2 * size_t{count} + static_cast<size_t>(at - start));
}

// Half of a pair that stands alone becomes U+FFFD.
void encode_two_byte(const uint16_t* from, uint32_t count, Bytes& to) {
  char* start = to.grow(3 * size_t{count});
  char* at = start;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t code = from[i];
    if (code < 0x80) {
      *at++ = static_cast<char>(code);
      continue;
    }
    if (code < 0x800) {
      *at++ = static_cast<char>(0xc0 | code >> 6);
      *at++ = static_cast<char>(0x80 | (code & 0x3f));
      continue;
    }
    if (is_high(from[i]) && i + 1 < count && is_low(from[i + 1])) {
      code = 0x10000 + ((code & 0x3ff) << 10 | (from[++i] & 0x3ff));
      *at++ = static_cast<char>(0xf0 | code >> 18);
      *at++ = static_cast<char>(0x80 | (code >> 12 & 0x3f));
    } else {
      if (is_high(from[i]) || is_low(from[i])) code = 0xfffd;
      *at++ = static_cast<char>(0xe0 | code >> 12);
    }
    *at++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    *at++ = static_cast<char>(0x80 | (code & 0x3f));
  }
  to.truncate(to.size() - 3 * size_t{count} + static_cast<size_t>(at - start));
}

// A batch that is being handed over at this moment is waited for a little.
bool lock_soon(Mutex& mutex) {
#ifdef __APPLE__
  return mutex.try_lock();
#else
  constexpr long kPeekNs = 50000000;
  timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += kPeekNs;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  return pthread_mutex_timedlock(mutex.native(), &until) == 0;
#endif
}
}  // namespace

double Clock::read() {
  if (!repeatable_) return real_time_ms();
  while (left_ == 0 && at_ < given_.size()) {
    base_ = value_ += unzigzag(take());
    left_ = take();
  }
  if (left_) {
    left_--;
    return static_cast<double>(value_);
  }
  int64_t now = static_cast<int64_t>(real_time_ms());
  if (now > value_) {  // a clock that is set back stands still
    note_run();
    value_ = now;
  }
  run_++;
  return static_cast<double>(value_);
}

Bytes& Clock::told() {
  note_run();
  return told_;
}

void Clock::note_run() {
  if (!run_) return;
  put_varint(told_, zigzag(value_ - base_));
  put_varint(told_, run_);
  base_ = value_;
  run_ = 0;
}

uint64_t Clock::take() {
  uint64_t number = 0;
  for (int shift = 0; at_ < given_.size() && shift < 64; shift += 7) {
    uint8_t byte = static_cast<uint8_t>(given_.data()[at_++]);
    number |= static_cast<uint64_t>(byte & 127) << shift;
    if (byte < 128) break;
  }
  return number;
}

void Output::begin_turn() { told_at_ = now_ms(); }

void Output::put(Record kind, const void* head, size_t head_size, Isolate* isolate, Local<String> text) {
  int length = text.IsEmpty() ? 0 : text->Length();
  size_t size = length > kShortText ? text->Utf8LengthV2(isolate) : static_cast<size_t>(length) * 3;
  if (head_size + size > kBatchBytes) return put_long(kind, head, head_size, isolate, text);
  bool full;
  {
    Hold hold(lock_);
    size_t at = batch_.size();
    batch_.grow(sizeof(RecordHead));
    batch_.append(head, head_size);
    if (length) {
      char* room = batch_.grow(size);
      size_t written = text->WriteUtf8V2(isolate, room, size, String::kReplaceInvalidUtf8, nullptr);
      batch_.truncate(batch_.size() - size + written);
    }
    RecordHead record{static_cast<uint8_t>(kind), static_cast<uint32_t>(batch_.size() - at - sizeof(RecordHead))};
    memcpy(batch_.data() + at, &record, sizeof record);
    full = batch_.size() >= kBatchBytes || now_ms() - told_at_ >= kBatchMs;
    if (full) hand_over();
  }
  if (full) await_credit();
}

void Output::put_text_pair(Record kind, Isolate* isolate, Local<String> key, Local<String> text) {
  Bytes head;
  uint32_t size = static_cast<uint32_t>(key->Utf8LengthV2(isolate));
  head.append_raw(size);
  key->WriteUtf8V2(isolate, head.grow(size), size, String::kReplaceInvalidUtf8, nullptr);
  put(kind, head.data(), head.size(), isolate, text);
}

// A long record goes out in pieces, each of which may have to wait; nothing of it is in the batch. Its text is taken from V8
// a piece at a time: all of it at once would be three passes over it, and as much memory again.
void Output::put_long(Record kind, const void* head, size_t head_size, Isolate* isolate, Local<String> text) {
  flush();
  uint32_t length = static_cast<uint32_t>(text->Length());
  bool one_byte = text->IsOneByte();
  Bytes units, piece;
  units.grow(kPieceUnits * (one_byte ? 1 : 2));
  const char* rest = static_cast<const char*>(head);
  for (; head_size > kPieceBytes / 4; rest += kPieceBytes / 4, head_size -= kPieceBytes / 4) {  // the key of a value
    piece.append(rest, kPieceBytes / 4);
    send_piece(kind, true, piece);
    piece.clear();
  }
  piece.append(rest, head_size);
  for (uint32_t at = 0; at < length;) {
    uint32_t count = length - at < kPieceUnits ? length - at : kPieceUnits;
    if (one_byte) {
      uint8_t* from = reinterpret_cast<uint8_t*>(units.data());
      text->WriteOneByteV2(isolate, at, count, from, 0);
      encode_one_byte(from, count, piece);
    } else {
      uint16_t* from = reinterpret_cast<uint16_t*>(units.data());
      text->WriteV2(isolate, at, count, from, 0);
      if (at + count < length && is_high(from[count - 1])) count--;  // a pair stays together
      encode_two_byte(from, count, piece);
    }
    at += count;
    send_piece(kind, at < length, piece);
    piece.clear();
  }
  told_at_ = now_ms();
}

void Output::send_piece(Record kind, bool continued, const Bytes& piece) {
  RecordHead record{
      static_cast<uint8_t>(static_cast<uint8_t>(kind) | (continued ? kContinued : 0)),
      static_cast<uint32_t>(piece.size())};
  {
    Hold hold(lock_);
    hand_over();  // the clock, if it was read meanwhile
    send_frame(FromWorker::kRecords, cell_, &record, sizeof record, piece.data(), piece.size());
    Hold credit(credit_lock_);
    in_flight_ += static_cast<int64_t>(sizeof record + piece.size());
  }
  await_credit();
}

void Output::flush() {
  {
    Hold hold(lock_);
    hand_over();
  }
  await_credit();
}

double Output::read_clock() {
  if (!clock_.repeatable()) return real_time_ms();
  Hold hold(lock_);
  return clock_.read();
}

void Output::peek() {
  if (!lock_soon(lock_)) return;
  hand_over();
  lock_.unlock();
}

void Output::hand_over() {
  told_at_ = now_ms();
  if (clock_.repeatable()) {
    Bytes& readings = clock_.told();
    if (readings.size()) {
      Bytes before;
      before.append_raw(RecordHead{static_cast<uint8_t>(Record::kClock), static_cast<uint32_t>(readings.size())});
      before.append(readings.data(), readings.size());
      readings.clear();
      send(before.data(), before.size());
    }
  }
  if (!batch_.size()) return;
  send(batch_.data(), batch_.size());
  batch_.clear();
  batch_.shrink(4 * kBatchBytes);
}

void Output::send(const char* bytes, size_t size) {
  {
    Hold credit(credit_lock_);
    in_flight_ += static_cast<int64_t>(size);
    if (released_) return;
  }
  send_frame(FromWorker::kRecords, cell_, nullptr, 0, bytes, size);
}

void Output::await_credit() {
  Hold credit(credit_lock_);
  while (in_flight_ > static_cast<int64_t>(kWindowBytes) && !released_) credited_.wait(credit_lock_);
}

void Output::credit(uint32_t bytes) {
  Hold credit(credit_lock_);
  in_flight_ -= bytes;
  credited_.notify_all();
}

void Output::release() {
  Hold credit(credit_lock_);
  released_ = true;
  credited_.notify_all();
}

}  // namespace codemode
