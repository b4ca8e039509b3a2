"""The zygote: a process with Python and V8 loaded, no isolate and no thread, that forks workers.

Loading costs 90 ms, forking what is loaded 6 ms and 4 MB. It must stay single-threaded: a fork
copies the calling thread alone.

The application asks over a control socket: one byte, with the worker's socket and standard error
attached. The zygote answers with the worker's process id, or with why there is none, and later
with how that process ended, which only its parent can learn. When the control socket ends, so do
the zygote and all its workers; and they end with the process that started them, however it ends.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import select
import signal
import socket
import struct
import sys
import time
from typing import Final, NoReturn

from . import v8, worker
from .timezone import system_time_zone

REPORT: Final = struct.Struct("<cIiQ")
"""What happened, a process id, a status, and the largest resident size in bytes."""

STARTED: Final = b"S"
ENDED: Final = b"E"
"""The status is a wait status."""

REFUSED: Final = b"F"
"""The status is an errno: the system gave no process."""

STACK_BYTES: Final = 1536 * 1024
"""A thread's stack. V8 lets a script use 984 KiB of it; the usual 8 MiB would count against the
worker's bound on memory for each cell although nothing touches them."""

_PR_SET_PDEATHSIG: Final = 1
_M_ARENA_MAX: Final = -8


def main(control_fd: int, parent: int) -> NoReturn:
    """Serve one application until it goes."""
    _settle(parent)
    v8.load()
    gc.collect()
    gc.freeze()  # keep the collector from touching, and so copying, pages shared with workers
    _Zygote(socket.socket(fileno=control_fd)).run()
    os._exit(0)


def serve(worker_fd: int, parent: int) -> NoReturn:
    """Be a worker that was spawned, where there is no fork; the parent is the application."""
    _settle(parent)
    v8.load()
    os.closerange(0, 2)
    worker.serve(socket.socket(fileno=worker_fd))


def _settle(parent: int) -> None:
    """What holds for this process and for those that it forks."""
    import resource  # noqa: PLC0415 - not on every platform

    _die_with(parent)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the application's affair
    _fix_time_zone()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 2)  # an arena a thread would cost each cell 0.1 MB
        attributes = ctypes.create_string_buffer(256)
        if libc.pthread_attr_init(attributes) == 0:
            libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(STACK_BYTES))
            libc.pthread_setattr_default_np(attributes)


def _fix_time_zone() -> None:
    """Let V8's library and the C library know the zone before they cannot read files any more."""
    if "TZ" not in os.environ and (zone := system_time_zone()):
        os.environ["TZ"] = zone
    time.tzset()


class _Zygote:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._wake_read, self._wake_write = socket.socketpair()
        os.set_blocking(self._wake_write.fileno(), False)
        self._children: set[int] = set()
        self._parent = os.getpid()  # of the workers

    def run(self) -> None:
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            while True:
                readable, _, _ = select.select([self._control, self._wake_read], [], [])
                if self._wake_read in readable:
                    self._wake_read.recv(4096)
                    self._reap()
                if self._control in readable and not self._serve_request():
                    break
        except OSError:
            pass  # the application is gone
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)

    def _serve_request(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._control, 1, 2)
        if not data:
            return False
        try:
            pid = os.fork() if len(fds) == 2 else -errno.EMFILE
        except OSError as error:
            pid = -(error.errno or errno.EAGAIN)
        if pid == 0:
            self._become_worker(*fds)
        for fd in fds:
            os.close(fd)
        if pid > 0:
            self._children.add(pid)
            self._report(STARTED, pid)
        else:
            self._report(REFUSED, 0, -pid)
        return True

    def _report(self, what: bytes, pid: int, status: int = 0, max_rss: int = 0) -> None:
        self._control.sendall(REPORT.pack(what, pid, status, max_rss))

    def _reap(self) -> None:
        while self._children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            self._report(ENDED, pid, status, usage.ru_maxrss * 1024)

    def _become_worker(self, connection: int, words: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _die_with(self._parent)
            os.dup2(words, 2)
            os.dup2(connection, 3, inheritable=False)
            os.closerange(0, 2)
            os.closerange(4, _highest_fd() + 1)
            worker.serve(socket.socket(fileno=3))
        finally:
            os._exit(worker.CRASHED)


def _highest_fd() -> int:
    return max(map(int, os.listdir("/proc/self/fd")))


def _die_with(parent: int) -> None:
    """Have the system end this process when the thread that started it ends."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(0)
