// The zygote: a process that has loaded V8 and a snapshot, has no isolate and no thread, and forks workers.
//
//   launcher LIBRARY WORKER snapshot ICU PRELUDE OUT      make the snapshot and leave
//   launcher LIBRARY WORKER check ICU                     say what differs from the V8 that this was made for
//   launcher LIBRARY WORKER zygote ICU SNAPSHOT PRELUDE FD PARENT
//   launcher LIBRARY WORKER serve ICU SNAPSHOT PRELUDE FD PARENT     be one worker, where there is no fork
//
// The application asks over the control socket FD: SETUP once, then a byte for each worker, with the worker's socket and
// standard error attached. The zygote answers with ZygoteReports: that one has started or why not, and later how it ended,
// which only its parent can learn. When the control socket ends, so do the zygote and its workers; and they end with the
// process that started them, however it ends.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <link.h>
#include <malloc.h>
#include <sys/prctl.h>
#endif

#include "engine.h"
#include "protocol.h"
#include "worker.h"

namespace codemode {
namespace {

// ---------------------------------------------------------------- the snapshot

// A snapshot is good for one V8, one prelude and one set of functions.
struct SnapshotHead {
  char magic[8];
  char version[24];
  uint64_t prelude;
};
const char kMagic[8] = {'c', 'm', 's', 'n', 'a', 'p', '0', '1'};

bool read_file(const char* path, Bytes& into) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  if (fd < 0 || fstat(fd, &about) != 0) return false;
  size_t size = static_cast<size_t>(about.st_size), at = into.size();
  into.grow(size);
  while (at < into.size()) {
    ssize_t got = read(fd, into.data() + at, into.size() - at);
    if (got <= 0) break;
    at += static_cast<size_t>(got);
  }
  close(fd);
  return at == into.size();
}

void read_part(const char* folder, const char* part, Bytes& into) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, part);
  if (!read_file(path, into)) die("a file of the prelude cannot be read");
}

// The files of the prelude are the parts of one function; that of public helpers is a script of its own.
struct Prelude {
  Bytes hidden, visible;
};

void read_prelude(const char* folder, Prelude& into) {
  static const char* const kParts[] = {"core.js", "errors.js", "media.js", "waiting.js", "recent.js", "program.js"};
  const char open[] = "(native) => {\n", close[] = "}\n";
  into.hidden.append(open, sizeof open - 1);
  for (const char* part : kParts) read_part(folder, part, into.hidden);
  into.hidden.append(close, sizeof close - 1);
  read_part(folder, "public.js", into.visible);
}

uint64_t hash(const Bytes& bytes, uint64_t hash) {  // FNV-1a: told apart are versions of our own files
  for (size_t i = 0; i < bytes.size(); i++) hash = (hash ^ static_cast<uint8_t>(bytes.data()[i])) * 0x100000001b3;
  return hash;
}

SnapshotHead head_of(const Prelude& prelude) {
  SnapshotHead head{};
  memcpy(head.magic, kMagic, sizeof kMagic);
  snprintf(head.version, sizeof head.version, "%s", kV8Version);
  head.prelude = hash(prelude.visible, hash(prelude.hidden, 0xcbf29ce484222325));
  return head;
}

[[noreturn]] void write_snapshot(const char* folder, const char* path) {
  Prelude prelude;
  read_prelude(folder, prelude);
  SnapshotHead head = head_of(prelude);
  v8::StartupData made = make_snapshot(prelude.hidden, prelude.visible);
  FILE* file = fopen(path, "wb");
  bool written = file && fwrite(&head, 1, sizeof head, file) == sizeof head &&
                 fwrite(made.data, 1, static_cast<size_t>(made.raw_size), file) == static_cast<size_t>(made.raw_size) &&
                 fclose(file) == 0;
  if (!written) die("the snapshot cannot be written");
  _exit(0);
}

// The one that was made when this was built, if it is of this V8 and this prelude. Otherwise it is made now, in 50 ms, by
// a child: a process that has made one cannot fork workers.
void find_snapshot(const char* path, const char* folder) {
  Prelude prelude;
  read_prelude(folder, prelude);
  SnapshotHead wanted = head_of(prelude), found;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  if (fd >= 0 && fstat(fd, &about) == 0 && about.st_size > static_cast<off_t>(sizeof found) &&
      read(fd, &found, sizeof found) == static_cast<ssize_t>(sizeof found) &&
      memcmp(&found, &wanted, sizeof found) == 0) {
    size_t size = static_cast<size_t>(about.st_size);
    char* bytes = static_cast<char*>(mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0));
    if (bytes == MAP_FAILED) die("the snapshot cannot be mapped");
    use_snapshot({bytes + sizeof found, static_cast<int>(size - sizeof found)});
    close(fd);
    return;
  }
  if (fd >= 0) close(fd);
  constexpr size_t kRoom = 8 << 20;
  char* shared = static_cast<char*>(mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (shared == MAP_FAILED) die("Fatal out of memory");
  pid_t pid = fork();
  if (pid == 0) {
    v8::StartupData made = make_snapshot(prelude.hidden, prelude.visible);
    if (static_cast<size_t>(made.raw_size) > kRoom - sizeof made.raw_size) die("the snapshot is too large");
    memcpy(shared, &made.raw_size, sizeof made.raw_size);
    memcpy(shared + sizeof made.raw_size, made.data, static_cast<size_t>(made.raw_size));
    _exit(0);
  }
  int status = -1;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) die("no snapshot could be made");
  int size;
  memcpy(&size, shared, sizeof size);
  use_snapshot({shared + sizeof size, size});
}

// ---------------------------------------------------------------- processes

void die_with(pid_t parent) {
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  if (getppid() != parent) _exit(0);  // it ended before we asked
}

void settle(const Setup& setup) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(SIGINT, SIG_IGN);  // Ctrl-C is the application's affair
#ifdef __linux__
  mallopt(M_ARENA_MAX, 2);  // an arena for each thread would cost each cell 0.1 MB
#endif
  // V8's library and the C library cannot look at files later. The environment that was given to this process is empty.
  if (setup.zone.size()) {
    Bytes zone;
    zone.append(setup.zone.data(), setup.zone.size());
    zone.append('\0');
    setenv("TZ", zone.data(), 1);
  }
  tzset();
}

// Loading V8 touches 19 MiB of its library, which no zygote needs again. They are clean pages of a file: given back here,
// a worker that uses one of them finds it in the system's cache.
void give_back_code() {
#ifdef __linux__
  dl_iterate_phdr(
      [](dl_phdr_info* library, size_t, void*) {
        for (int i = 0; i < library->dlpi_phnum; i++) {
          const ElfW(Phdr)& part = library->dlpi_phdr[i];
          if (part.p_type != PT_LOAD || part.p_flags & PF_W) continue;
          uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
          uintptr_t start = (library->dlpi_addr + part.p_vaddr) & ~(page - 1);
          uintptr_t end = (library->dlpi_addr + part.p_vaddr + part.p_memsz) & ~(page - 1);
          if (start < end) madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
        }
        return 0;
      },
      nullptr);
#endif
}

int wake_write = -1;
void on_child(int) {
  int before = errno;
  if (write(wake_write, "", 1) < 0) {}  // full: it will be looked at anyway
  errno = before;
}

class Zygote {
 public:
  Zygote(int control, const Setup& setup) : control_(control), setup_(setup) {}
  [[noreturn]] void run();

 private:
  bool serve_request();
  [[noreturn]] void become_worker(int connection, int words);
  void report(char what, pid_t pid, int status, uint64_t max_rss);
  void reap();
  [[noreturn]] void leave();

  int control_;
  const Setup& setup_;
  int wake_read_ = -1;
  int workers_ = 0;
  pid_t self_ = getpid();
};

void Zygote::run() {
  int wake[2];
  if (pipe(wake) != 0) die("no pipe");
  for (int fd : wake) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  wake_read_ = wake[0];
  wake_write = wake[1];
  setpgid(0, 0);  // its workers are of its group
  signal(SIGCHLD, on_child);
  for (;;) {
    pollfd readable[] = {{control_, POLLIN, 0}, {wake_read_, POLLIN, 0}};
    if (poll(readable, 2, -1) < 0) {
      if (errno == EINTR) continue;
      leave();
    }
    if (readable[1].revents) {
      char seen[64];
      while (read(wake_read_, seen, sizeof seen) > 0) {}
      reap();
    }
    if (readable[0].revents && !serve_request()) leave();
  }
}

bool Zygote::serve_request() {
  char byte;
  iovec part{&byte, 1};
  alignas(cmsghdr) char room[CMSG_SPACE(2 * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  ssize_t got = recvmsg(control_, &message, 0);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  int fds[2] = {-1, -1};
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  size_t given = head && head->cmsg_type == SCM_RIGHTS ? (head->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
  memcpy(fds, given ? reinterpret_cast<char*>(CMSG_DATA(head)) : reinterpret_cast<char*>(fds), given * sizeof(int));
  pid_t pid = -1;
  int error = EMFILE;  // they did not all arrive: there was no room for them
  if (given == 2) {
    pid = fork();
    error = errno;
  }
  if (pid == 0) become_worker(fds[0], fds[1]);
  for (int fd : fds) if (fd >= 0) close(fd);
  if (pid > 0) {
    workers_++;
    report('S', pid, 0, 0);
  } else {
    report('F', 0, error, 0);
  }
  return true;
}

// Where the system runs out of memory, it ends a worker before the application or the zygote.
void offer_memory() {
#ifdef __linux__
  constexpr int kOfferedScore = 500, kMostScore = 1000;
  int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  char text[16] = "";
  if (pread(fd, text, sizeof text - 1, 0) > 0) {
    int score = atoi(text) + kOfferedScore;
    int size = snprintf(text, sizeof text, "%d", score < kMostScore ? score : kMostScore);
    if (pwrite(fd, text, static_cast<size_t>(size), 0) < 0) {}  // a container may not let it
  }
  close(fd);
#endif
}

void Zygote::become_worker(int connection, int words) {
  signal(SIGCHLD, SIG_DFL);
  die_with(self_);
  close(control_);
  close(wake_read_);
  close(wake_write);
  // Standard error and the socket, as 2 and 3, and nothing else.
  int high = fcntl(connection, F_DUPFD, 10);
  dup2(words, 2);
  dup2(high, 3);
  for (int fd = 4; fd < 64; fd++) close(fd);
  close(0);
  close(1);
  offer_memory();
  serve(3, setup_);
}

void Zygote::report(char what, pid_t pid, int status, uint64_t max_rss) {
  ZygoteReport report{what, pid, status, max_rss};
  const char* at = reinterpret_cast<const char*>(&report);
  for (size_t left = sizeof report; left;) {
    ssize_t written = write(control_, at, left);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) leave();
    at += written;
    left -= static_cast<size_t>(written);
  }
}

void Zygote::reap() {
  for (;;) {
    int status;
    rusage usage;
    pid_t pid = wait4(-1, &status, WNOHANG, &usage);
    if (pid <= 0) return;
    workers_--;
    report('E', pid, status, static_cast<uint64_t>(usage.ru_maxrss) * 1024);
  }
}

// The application is gone, and with it whoever could use the workers.
void Zygote::leave() {
  signal(SIGCHLD, SIG_DFL);
  signal(SIGTERM, SIG_IGN);
  if (workers_ && getpgrp() == self_) {
    kill(0, SIGTERM);  // a worker does nothing about it, and so ends
    timespec soon{0, 1000000};
    for (int looks = 0; workers_ && looks < 100; looks++) {
      while (workers_ && waitpid(-1, nullptr, WNOHANG) > 0) workers_--;
      if (workers_) nanosleep(&soon, nullptr);
    }
  }
  _exit(0);  // the system ends what is left: see die_with
}

int main_of_worker(int argc, char** argv) {
  auto is = [&](const char* what, int count) { return argc == count && strcmp(argv[3], what) == 0; };
  if (is("snapshot", 7)) {
    load_v8(argv[4]);
    write_snapshot(argv[5], argv[6]);
  }
  if (is("check", 5)) {
    report_differences(argv[4]);
    _exit(0);
  }
  bool zygote = is("zygote", 9);
  if (!zygote && !is("serve", 9)) die("usage: see zygote.cc");
  int fd = atoi(argv[7]);
  die_with(atoi(argv[8]));
  Setup setup;
  read_setup(fd, setup);
  settle(setup);
  load_v8(argv[4]);
  find_snapshot(argv[5], argv[6]);
  if (zygote) {
    give_back_code();
    Zygote(fd, setup).run();
  }
  close(0);
  close(1);
  offer_memory();
  serve(fd, setup);
}

}  // namespace
}  // namespace codemode

extern "C" __attribute__((visibility("default"))) int codemode_main(int argc, char** argv) {
  return codemode::main_of_worker(argc, argv);
}
