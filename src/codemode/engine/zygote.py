"""The zygote: a process with Python and V8 loaded, no isolate and no thread, that forks workers.

Loading costs 90 ms, forking what is loaded 6 ms and 4 MB. It must stay single-threaded: a fork
copies the calling thread alone.

The application asks over a control socket: one byte, with the worker's socket attached. The
zygote answers with the worker's process id, and later with how that process ended, which only
its parent can learn. When the control socket ends, so do the zygote and all its workers.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import select
import signal
import socket
import struct
import sys
from typing import Final, NoReturn

from . import v8
from .worker import Worker

STARTED: Final = struct.Struct("<cI")
"""``b"S"`` and a process id."""

ENDED: Final = struct.Struct("<cIiQ")
"""``b"E"``, a process id, the wait status, and the largest resident size in bytes."""

_PR_SET_PDEATHSIG: Final = 1


def main(control_fd: int) -> NoReturn:
    """Serve one application until it goes."""
    control = socket.socket(fileno=control_fd)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _silence_standard_streams()
    v8.load()
    gc.collect()
    gc.freeze()  # keep the collector from touching, and so copying, pages shared with workers
    _Zygote(control).run()
    os._exit(0)


def serve(worker_fd: int) -> NoReturn:
    """Be a worker that was spawned, where there is no fork; the parent is the application."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _silence_standard_streams()
    v8.load()
    Worker(socket.socket(fileno=worker_fd)).run()
    os._exit(0)


class _Zygote:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)
        self._children: set[int] = set()

    def run(self) -> None:
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the application's affair
        while True:
            readable, _, _ = select.select([self._control, self._wake_read], [], [])
            if self._wake_read in readable:
                self._wake_read.recv(4096)
                self._reap()
            if self._control in readable and not self._serve_request():
                break
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _serve_request(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._control, 1, 1)
        if not data:
            return False
        for fd in fds:
            pid = os.fork()
            if pid == 0:
                self._become_worker(fd)
            os.close(fd)
            self._children.add(pid)
            self._control.sendall(STARTED.pack(b"S", pid))
        return True

    def _reap(self) -> None:
        while self._children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            self._control.sendall(ENDED.pack(b"E", pid, status, usage.ru_maxrss * 1024))

    def _become_worker(self, fd: int) -> NoReturn:
        status = 1
        try:
            parent = os.getppid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _die_with_parent(parent)
            kept = 3
            os.dup2(fd, kept, inheritable=False)
            os.closerange(kept + 1, 1 << 16)
            Worker(socket.socket(fileno=kept)).run()
            status = 0
        finally:
            os._exit(status)


def _die_with_parent(parent: int) -> None:
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(0)


def _silence_standard_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    os.close(null)
