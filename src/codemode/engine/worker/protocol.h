// The protocol between the application and a worker, version 1. Its other side: wire.py (frames), records.py (records).
//
// Both ways a stream of frames: FrameHead, then `length` bytes. The number names a cell, or a catalogue. All integers are
// little-endian, all text is UTF-8. The worker ends (status 70) over a frame that is not as described here: the
// application has made it, so there is nothing to be polite about. It passes over what comes for a cell that has ended.
//
// A worker's life: the application sends SETUP (to the zygote, once, for all its workers; or to the worker, where there is
// no zygote), the worker enters its sandbox and answers READY. SETTINGS follow once, then cells in any number. A cell
// lives from START to a record DONE, FAILED or LIMITED, or to a frame CLOSED, HEAP, MEMORY or FAILED; nothing comes of it then.
// The worker ends when its socket does.
#pragma once
#include <stdint.h>

namespace codemode {

constexpr uint32_t kProtocolVersion = 1;

struct [[gnu::packed]] FrameHead {
  uint32_t length;
  uint8_t kind;
  uint32_t number;
};
constexpr uint32_t kMaxToWorker = 1u << 30;  // memory is taken as the bytes come, not for what is announced

enum class ToWorker : uint8_t {
  kSetup = 1,      // SetupHead, name of the time zone, seccomp filter (8 bytes an instruction)
  kSettings = 2,   // SettingsHead, the settings of the prelude as members of a JSON object
  kCatalogue = 3,  // number of tools as text, newline, their names as JSON, newline, names and descriptions as JSON
  kStart = 4,      // StartHead, readings of the clock, source
  kResolve = 5,    // u32 call, JSON
  kReject = 6,     // u32 call, text
  kFire = 7,       // u32 timer
  kValue = 8,      // the answer to KEY: nothing if there is no such value, else "=" and JSON
  kCredit = 9,     // u32: so many bytes of records have been dealt with
  kFlush = 10,     // hand over what is written; FLUSHED follows
  kClose = 11,     // stop the cell; CLOSED follows
};

enum class FromWorker : uint8_t {
  kReady = 1,    // for each part of the sandbox a line: name, tab, "1" if it is in force, tab, note
  kRecords = 2,  // records of the cell
  kFlushed = 3,
  kClosed = 4,
  kHeap = 5,     // the cell has used up its heap
  kFailed = 6,   // the cell could not be run: why
  kMemory = 7,   // V8 got no memory for the cell, whose heap was not used up
};

struct [[gnu::packed]] SetupHead {
  uint32_t version, zone_length, filter_length;
};
struct [[gnu::packed]] SettingsHead {
  uint64_t memory_bytes, compute_ms;  // 0: no bound
  uint64_t heap_bytes, value_bytes;
};

// A repeatable cell is a function of its inputs: it draws from `seed`, reads the clock as `readings` say before it reads
// the real one and tells (CLOCK), and its WeakRefs keep what they hold.
struct [[gnu::packed]] StartHead {
  uint32_t catalogue;
  uint8_t repeatable;
  uint64_t seed;
  uint32_t readings_length;
};

// A record: RecordHead, then `length` bytes. Bit 7 of the kind: the next record goes on with this one.
struct [[gnu::packed]] RecordHead {
  uint8_t kind;
  uint32_t length;
};
constexpr uint8_t kContinued = 0x80;
constexpr uint32_t kPieceBytes = 256 * 1024;   // of a long record
constexpr uint32_t kBatchBytes = 64 * 1024;    // records are handed over when so many have gathered, at the latest
constexpr uint32_t kWindowBytes = 1024 * 1024;  // a cell waits with more than this on its way

enum class Record : uint8_t {
  kText = 1,
  kImage = 2,    // detail, newline, URL
  kAudio = 3,    // URL
  kCall = 4,     // CallHead, argument as JSON or nothing
  kNotify = 5,
  kYield = 6,
  kTimer = 7,    // u32 timer, f64 milliseconds
  kClear = 8,    // u32 timer
  kStore = 9,    // u32 length of the key, key, JSON
  kKey = 10,     // of the value that `load` waits for
  kDone = 11,
  kFailed = 12,  // what was thrown, as text
  kLimited = 13,  // name of the limit, newline, what was thrown
  kIdle = 14,    // a turn is over
  kPlace = 16,   // ErrorPlace: of the error in the source that does not compile, before kFailed
  kClock = 15,   // readings of the clock, before what depends on them: pairs of varints, the change in milliseconds
                 // (zigzag) and how often that was read
};
struct [[gnu::packed]] ErrorPlace {
  uint32_t line, column;  // from 1
};
struct [[gnu::packed]] CallHead {
  uint32_t call, tool, line, column;  // line and column of the call in the source, from 1
};

// What the zygote reports of its workers.
struct [[gnu::packed]] ZygoteReport {
  char what;  // 'S': started. 'E': ended, with a wait status. 'F': refused, with an errno as status.
  int32_t pid, status;
  uint64_t max_rss;  // bytes
};
static_assert(sizeof(ZygoteReport) == 17);

}  // namespace codemode
