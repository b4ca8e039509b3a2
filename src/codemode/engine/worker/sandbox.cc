// V8 is the first wall. This is the second: it holds against native code in the worker, should a script ever get that far.
// Whoever has taken a worker over can compute, and speak on the one socket to the application, which takes what comes from
// there for hostile. The parts are independent, and each is there to hold where another is missing.
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

namespace codemode {

namespace {
struct Result {
  bool in_force;
  char note[160];
};

Result done(const char* note) {
  Result result{true, ""};
  snprintf(result.note, sizeof result.note, "%s", note);
  return result;
}

Result missing(const char* note) {
  Result result = done(note);
  result.in_force = false;
  return result;
}

#ifdef __linux__
Result outcome(long result, const char* note) {
  if (result >= 0) return done(note);
  if (errno == ENOSYS) return missing("this kernel does not have it");
  if (errno == EOPNOTSUPP) return missing("this kernel has it switched off");
  return missing(strerror(errno));
}

// What it executes gains nothing; the filter and Landlock are refused without this.
[[maybe_unused]] Result close_privileges() { return outcome(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ""); }

// Nobody of the same user may look into it, and it leaves no core.
[[maybe_unused]] Result close_memory() { return outcome(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), ""); }

// Root without its powers: what follows cannot be taken back, limits cannot be raised.
[[maybe_unused]] Result close_capabilities() {
  uint32_t header[2] = {0x20080522, 0}, none[6] = {};
  return outcome(syscall(SYS_capset, header, none), "");
}

// A process that handles a right and has no rule that grants it has lost it for good. Each version of Landlock handles
// more; asking an old one for what it does not know is an error.
[[maybe_unused]] Result close_files() {
  constexpr long kCreateRuleset = 444, kRestrictSelf = 446;  // the same on every machine
  struct Rights {
    uint64_t files, network, scopes;
  };
  static const Rights kVersions[] = {
      {(1 << 13) - 1, 0, 0}, {(1 << 14) - 1, 0, 0}, {(1 << 15) - 1, 0, 0},
      {(1 << 15) - 1, 3, 0},  // TCP: bind, connect
      {(1 << 16) - 1, 3, 0},  // ioctl of devices
      {(1 << 16) - 1, 3, 3},  // abstract sockets, signals
  };
  constexpr long kKnown = sizeof kVersions / sizeof *kVersions;
  long version = syscall(kCreateRuleset, nullptr, 0, 1);
  if (version < 1) return outcome(version < 0 ? version : -1, "");
  const Rights& rights = kVersions[(version < kKnown ? version : kKnown) - 1];
  size_t size = rights.scopes ? 24 : rights.network ? 16 : 8;
  long ruleset = syscall(kCreateRuleset, &rights, size, 0);
  if (ruleset < 0) return outcome(ruleset, "");
  long closed = syscall(kRestrictSelf, ruleset, 0);
  Result result = outcome(closed, "");
  close(static_cast<int>(ruleset));
  if (result.in_force) {
    snprintf(result.note, sizeof result.note, "version %ld: files%s%s", version, rights.network ? ", network" : "",
             rights.scopes ? ", signals" : "");
  }
  return result;
}

[[maybe_unused]] Result close_calls(const char* filter, size_t size) {
  struct Instruction {
    uint16_t code;
    uint8_t if_true, if_false;
    uint32_t value;
  };
  struct {
    unsigned short length;
    Instruction* code;
  } program;
  size_t count = size / sizeof(Instruction);
  if (!count) return missing("there is no filter for this machine");
  program.length = static_cast<unsigned short>(count);
  program.code = static_cast<Instruction*>(take_memory(size));
  memcpy(program.code, filter, count * sizeof(Instruction));
  for (size_t i = 0; i < count; i++) {
    if (program.code[i].value == kOwnProcess) program.code[i].value = static_cast<uint32_t>(getpid());
  }
  return outcome(syscall(SYS_seccomp, 1 /* SET_MODE_FILTER */, 1 /* TSYNC */, &program), "");
}
#else
constexpr char kNothingLikeIt[] = "this system has nothing like it";
[[maybe_unused]] Result close_privileges() { return missing(kNothingLikeIt); }
[[maybe_unused]] Result close_memory() { return missing(kNothingLikeIt); }
[[maybe_unused]] Result close_capabilities() { return missing(kNothingLikeIt); }
[[maybe_unused]] Result close_files() { return missing(kNothingLikeIt); }
[[maybe_unused]] Result close_calls(const char*, size_t) { return missing(kNothingLikeIt); }
#endif

// No core, no byte in any file, not one more descriptor.
[[maybe_unused]] Result close_limits() {
  const rlimit none{0, 0};
  static const int kNone[] = {
      RLIMIT_CORE, RLIMIT_FSIZE,
#ifdef __linux__
      RLIMIT_NOFILE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE,
#endif
  };
  for (int resource : kNone) {
    if (setrlimit(static_cast<decltype(RLIMIT_CORE)>(resource), &none) != 0) return missing(strerror(errno));
  }
#ifdef __linux__
  return done("core, fsize, nofile, memlock, msgqueue");
#else
  return done("core, fsize");
#endif
}

void report_part(Bytes& report, const char* name, const Result& result) {
  report.append(name, strlen(name));
  report.append(result.in_force ? "\t1\t" : "\t0\t", 3);
  report.append(result.note, strlen(result.note));
  report.append('\n');
}
}  // namespace

void enter_sandbox(const char* filter, size_t filter_size, Bytes& report) {
#ifdef CODEMODE_SANITIZED  // a build for tests: sanitizers read files, and write reports
  report.append("sanitized\t0\t\n", 13);
  (void)filter;
  (void)filter_size;
  (void)report_part;
#else
  report_part(report, "no new privileges", close_privileges());
  report_part(report, "not dumpable", close_memory());
  report_part(report, "no capabilities", close_capabilities());
  report_part(report, "landlock", close_files());
  report_part(report, "resource limits", close_limits());
  report_part(report, "seccomp", close_calls(filter, filter_size));  // last: it forbids the others
#endif
}

// ---------------------------------------------------------------- memory and time

namespace {
[[maybe_unused]] int statm = -1;
[[maybe_unused]] uint64_t cpu_until = 0;  // seconds of this process

// Behind the application's own watch, which is to be first: that ends one cell with an error, this the worker. It matters
// when the application does not look, because it is stopped or stuck.
[[maybe_unused]] constexpr uint64_t kSlackSeconds = 30;
}  // namespace

void watch_memory() {
#ifdef __linux__
  statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
#endif
}

// Lets this process take so much more than it has now. What it has now must not count: V8 maps 512 MiB for machine code
// with its first isolate, all of it writable and so "data" to the kernel, and next to nothing of it ever touched.
void bound_memory(uint64_t bytes) {
#ifdef __linux__
  if (statm < 0) return;
  char line[256] = "";
  unsigned long pages = 0;
  if (pread(statm, line, sizeof line - 1, 0) > 0) sscanf(line, "%*u %*u %*u %*u %*u %lu", &pages);
  close(statm);
  statm = -1;
  rlimit bound;
  if (!bytes || !pages || getrlimit(RLIMIT_DATA, &bound) != 0) return;
  uint64_t size = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) + bytes;
  if (bound.rlim_max != RLIM_INFINITY && bound.rlim_max < size) size = bound.rlim_max;
  bound.rlim_cur = bound.rlim_max = size;
  setrlimit(RLIMIT_DATA, &bound);
#else
  (void)bytes;
#endif
}

// Lets each of so many cells compute for a whole burst from now on. All threads count, so cells that compute at once use
// their bursts at once.
void work_arrives(uint64_t cells, uint64_t compute_ms) {
#ifdef __linux__
  if (!compute_ms) return;
  timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  uint64_t until = static_cast<uint64_t>(used.tv_sec) + cells * compute_ms / 1000 + kSlackSeconds / 2;
  if (until <= cpu_until) return;
  cpu_until = until + kSlackSeconds / 2;  // so that it need not move each time
  rlimit bound;
  if (getrlimit(RLIMIT_CPU, &bound) != 0) return;
  uint64_t soft = cpu_until + 1;
  if (soft > uint64_t{1} << 62) soft = uint64_t{1} << 62;
  if (bound.rlim_max != RLIM_INFINITY && bound.rlim_max < soft) soft = bound.rlim_max;
  bound.rlim_cur = soft;
  setrlimit(RLIMIT_CPU, &bound);
#else
  (void)cells;
  (void)compute_ms;
#endif
}

}  // namespace codemode

// For tests, which put native code into a process in this sandbox.
extern "C" __attribute__((visibility("default"))) void codemode_enter_sandbox(
    const char* filter, size_t size, char* report, size_t room) {
  codemode::Bytes lines;
  codemode::enter_sandbox(filter, size, lines);
  lines.append('\0');
  if (room) snprintf(report, room, "%s", lines.data());
}
