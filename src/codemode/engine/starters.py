"""Two ways to start workers: let a zygote fork them, or spawn each by itself."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import weakref
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ..errors import EngineError
from .process import LastWords, WorkerProcess, begin, kill, reaped
from .zygote import ENDED, REFUSED, REPORT, STARTED

if TYPE_CHECKING:
    import subprocess

START_SECONDS: Final = 30.0
"""A worker comes within 0.1 s of nothing; one that has not by now never will."""

LOOK_SECONDS: Final = 0.05
"""How often to see whether a spawned worker has ended."""


class Starter(Protocol):
    """Starts workers, and ends them all when it is closed. Belongs to one event loop."""

    async def start(self) -> WorkerProcess:
        """A fresh worker. If the caller is cancelled, there is none.

        Raises:
            EngineError: it could not be started.
        """

    def abandon(self) -> None:
        """End everything without waiting for it."""

    async def aclose(self) -> None:
        """End everything, and return when it has ended."""


class _Request(NamedTuple):
    """A worker that the zygote was asked for."""

    worker: asyncio.Future[WorkerProcess]
    socket: socket.socket
    words: LastWords

    def refuse(self, reason: str) -> None:
        self.socket.close()
        self.words.close()
        if not self.worker.done() and not self.worker.get_loop().is_closed():
            self.worker.set_exception(EngineError(reason))


class ZygoteStarter:
    """The connection to a zygote, which is begun when the first worker is asked for."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = os.getpid()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._words: LastWords | None = None
        self._requests: deque[_Request] = deque()
        self._workers: dict[int, WorkerProcess] = {}
        self._buffer = bytearray()
        self._finalizer: weakref.finalize[..., ZygoteStarter] | None = None

    async def start(self) -> WorkerProcess:
        if self._closed:
            raise EngineError("the engine is closed")
        if self._control is None:
            self._begin()
        future = self._ask()
        try:
            async with asyncio.timeout(START_SECONDS):
                return await future
        except TimeoutError as error:
            self._give_up()
            raise EngineError(f"no worker could be started within {START_SECONDS:g} s") from error

    def abandon(self) -> None:
        self._closed = True
        self._give_up()

    async def aclose(self) -> None:
        self._closed = True
        workers = list(self._workers.values())
        process = self._let_go("the engine is closed")
        if process is not None:
            await reaped(process)
        for worker in workers:
            await worker.gone()

    def _give_up(self) -> None:
        """End this zygote; the next worker gets a new one."""
        process = self._let_go("the zygote was ended")
        if process is not None:
            kill(process)

    def _begin(self) -> None:
        process, ours, words = _launch("main")
        self._process, self._control, self._words = process, ours, words
        # Whoever forgets to close, or ends its interpreter, leaves no process behind.
        self._finalizer = weakref.finalize(self, _end, os.getpid(), process, ours, words)
        self._buffer.clear()
        self._loop.add_reader(ours.fileno(), self._on_readable)

    def _ask(self) -> asyncio.Future[WorkerProcess]:
        assert self._control is not None
        try:
            ours, theirs = socket.socketpair()
            words = LastWords()
        except OSError as error:
            raise EngineError(f"a worker could not be started: {error}") from error
        request = _Request(self._loop.create_future(), ours, words)
        try:
            with theirs:
                socket.send_fds(self._control, [b"F"], [theirs.fileno(), words.write_fd])
        except OSError as error:
            ours.close()
            words.close()
            said = self._words.read() if self._words is not None else ""
            if not isinstance(error, BlockingIOError):
                self._give_up()
            raise EngineError(f"no worker could be started: {said or error}") from error
        words.handed_over()
        self._requests.append(request)
        return request.worker

    def _let_go(self, why: str) -> subprocess.Popen[bytes] | None:
        """Close our end of the control socket: that ends the zygote, and its workers with it."""
        process, self._process = self._process, None
        control, self._control = self._control, None
        words, self._words = self._words, None
        if self._finalizer is not None:
            self._finalizer.detach()
            self._finalizer = None
        mine = os.getpid() == self._owner  # and not a fork of it
        for worker in self._workers.values():
            if mine:
                worker.kill()
            worker.ended(None)
        self._workers.clear()
        if control is not None:
            if not self._loop.is_closed():
                self._loop.remove_reader(control.fileno())
            control.close()
        if words is not None:
            why = words.read() or why
            words.close()
        while self._requests:
            self._requests.popleft().refuse(f"no worker could be started: {why}")
        return process if mine else None

    def _on_readable(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._give_up()
            return
        self._buffer += data
        while len(self._buffer) >= REPORT.size:
            report = REPORT.unpack_from(self._buffer)
            del self._buffer[: REPORT.size]
            self._on_report(*report)

    def _on_report(self, what: bytes, pid: int, status: int, max_rss: int) -> None:
        # A worker is entered here and not where it is awaited: its end may be the next report.
        if what == STARTED:
            request = self._requests.popleft()
            worker = WorkerProcess(request.socket, request.words, pid)
            worker.socket.setblocking(False)  # noqa: FBT003 - its name says it
            self._workers[pid] = worker
            if request.worker.done():  # nobody wants it any more
                worker.kill()
                worker.release()
            else:
                request.worker.set_result(worker)
        elif what == REFUSED:
            name = errno.errorcode.get(status, str(status))
            self._requests.popleft().refuse(
                f"no worker could be started: {os.strerror(status)} ({name})"
            )
        elif what == ENDED and pid in self._workers:
            self._workers.pop(pid).ended(status, max_rss)


def _launch(function: str) -> tuple[subprocess.Popen[bytes], socket.socket, LastWords]:
    """Run ``function`` in a fresh interpreter: the process, our end of its socket, its words."""
    ours, theirs = socket.socketpair()
    words = LastWords()
    try:
        with theirs:
            process = begin(function, theirs, words)
    except BaseException:
        ours.close()
        words.close()
        raise
    words.handed_over()
    ours.setblocking(False)  # noqa: FBT003 - its name says it
    return process, ours, words


def _end(
    owner: int, process: subprocess.Popen[bytes], control: socket.socket, words: LastWords
) -> None:
    control.close()
    words.close()
    if os.getpid() == owner:
        kill(process)


class SpawnStarter:
    """Starts each worker by itself, where forking a process with V8 loaded is not safe."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = os.getpid()
        self._closed = False
        self._watched: dict[WorkerProcess, subprocess.Popen[bytes]] = {}
        self._watch: asyncio.TimerHandle | None = None

    async def start(self) -> WorkerProcess:
        if self._closed:
            raise EngineError("the engine is closed")
        process, ours, words = _launch("serve")
        worker = WorkerProcess(ours, words, process.pid)
        self._watched[worker] = process
        weakref.finalize(worker, _end, os.getpid(), process, ours, words)
        self._look()
        return worker

    def abandon(self) -> None:
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        watched, self._watched = self._watched, {}
        for worker, process in watched.items():
            if os.getpid() == self._owner:
                process.kill()
            worker.ended(None)
        for process in watched.values():
            if os.getpid() == self._owner:
                kill(process)

    async def aclose(self) -> None:
        self.abandon()

    def _look(self) -> None:
        """See who has ended. Polled: a watcher thread for each would be no better."""
        for worker, process in list(self._watched.items()):
            code = process.poll()
            if code is not None:
                del self._watched[worker]
                worker.ended(-code if code < 0 else code << 8)
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_later(LOOK_SECONDS, self._look) if self._watched else None
