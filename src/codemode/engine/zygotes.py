"""A zygote as the application holds it: ask it for workers, read how they end, release it.

Its workers end with it, so it is ended only when none of them is needed: one that does not answer any
more is *retired*. It is asked for nothing, and goes when the last worker it has made has gone.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import weakref
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple

from ..errors import EngineError
from ..process_ledger import LEDGER
from .launching import LastWords, end, kill, launch
from .process import WorkerProcess

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


REPORT: Final = struct.Struct("<ciiQ")
"""What happened, a process id, a status, and the largest resident size in bytes."""

STARTED: Final = b"S"
ENDED: Final = b"E"
"""The status is a wait status."""

REFUSED: Final = b"F"
"""The status is an errno: the system gave no process."""


class ZygoteLostError(EngineError):
    """It was ended, or does not listen; another one may. Stays inside the engine."""


def _refusal(said: str, why: object) -> EngineError:
    """A zygote that reports why it cannot fork is right, and the next would report the same."""
    kind = EngineError if said else ZygoteLostError
    return kind(f"no worker could be started: {said or why}")


class _Request(NamedTuple):
    """A worker that the zygote was asked for."""

    worker: asyncio.Future[WorkerProcess]
    socket: socket.socket
    words: LastWords

    def refuse(self, error: EngineError) -> None:
        self.socket.close()
        self.words.close()
        if not self.worker.done() and not self.worker.get_loop().is_closed():
            self.worker.set_exception(error)


class Zygote:
    """A zygote that runs, or is about to. ``forget`` is called when it is over.

    Attributes:
        proven: it has given a worker, so it is loaded and forks in milliseconds.

    Raises:
        EngineError: it could not be started.
        LimitError: this process has as many as it may have.
    """

    def __init__(self, forget: Callable[[Zygote], None]) -> None:
        self.proven = False
        self._loop = asyncio.get_running_loop()
        self._owner = os.getpid()
        self._forget = forget
        self._retired = False
        self._over = False
        self._requests: deque[_Request] = deque()
        self._workers: dict[int, WorkerProcess] = {}
        self._buffer = bytearray()
        place = LEDGER.zygotes.take()
        if place is None:
            raise LEDGER.refusal("zygotes")
        try:
            self._process, self._control, self._words = launch("zygote")
        except BaseException:
            place.give_back()
            raise
        self._place = place
        weakref.finalize(self, place.give_back)
        # An application that forgets to close, or ends its interpreter, leaves no process behind.
        self._finalizer = weakref.finalize(
            self, end, os.getpid(), self._process, self._control, self._words
        )
        self._loop.add_reader(self._control.fileno(), self._on_readable)

    def __repr__(self) -> str:
        state = "over" if self._over else "retired" if self._retired else "in use"
        return f"<zygote {self.pid}, {state}, {len(self._workers)} workers>"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def workers(self) -> list[WorkerProcess]:
        """Those of its workers whose end it has not reported."""
        return list(self._workers.values())

    def ask(self) -> asyncio.Future[WorkerProcess]:
        """A worker to come; if its future is cancelled, there is none.

        Raises:
            ZygoteLostError: it cannot be asked any more.
            EngineError: it said why it gives none, or this process has no descriptor left for one.
        """
        with ExitStack() as undo:
            try:
                ours, theirs = socket.socketpair()
                undo.callback(ours.close)
                with theirs:
                    words = LastWords()
                    undo.callback(words.close)
                    self._send(theirs, words)
            except OSError as error:
                raise EngineError(f"a worker could not be started: {error}") from error
            undo.pop_all()
        words.handed_over()
        request = _Request(self._loop.create_future(), ours, words)
        self._requests.append(request)
        return request.worker

    def retire(self) -> None:
        """Ask it for nothing more; end it when none of its workers is in use."""
        self._retired = True
        self._end_if_unused()

    def give_up(self) -> None:
        """End it, and its workers with it, without waiting."""
        process = self.let_go("the zygote was ended")
        if process is not None:
            kill(process)

    def let_go(self, why: str) -> subprocess.Popen[bytes] | None:
        """Close our end of the control socket: that ends it, and its workers with it.

        Returns the process, to be waited for, if that is ours to do.
        """
        if self._over:
            return None
        self._over = True
        self._finalizer.detach()
        self._place.give_back()
        mine = os.getpid() == self._owner  # and not a fork of it
        for worker in self._workers.values():
            if mine:
                worker.kill()
            worker.ended(None, why="the zygote that it came from has ended")
        self._workers.clear()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._control.fileno())
        self._control.close()
        said = self._words.read()
        self._words.close()
        while self._requests:
            self._requests.popleft().refuse(_refusal(said, why))
        self._forget(self)
        return self._process if mine else None

    def _send(self, theirs: socket.socket, words: LastWords) -> None:
        try:
            socket.send_fds(self._control, [b"F"], [theirs.fileno(), words.write_fd])
        except OSError as error:
            said = self._words.read()
            if not isinstance(error, BlockingIOError):  # that one only does not listen
                self.give_up()
            raise _refusal(said, error) from error

    def _end_if_unused(self) -> None:
        if self._retired and all(worker.released for worker in self._workers.values()):
            self.give_up()

    def _on_readable(self) -> None:
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.give_up()
            return
        self._buffer += data
        while len(self._buffer) >= REPORT.size and not self._over:
            report = REPORT.unpack_from(self._buffer)
            del self._buffer[: REPORT.size]
            self._on_report(*report)

    def _on_report(self, what: bytes, pid: int, status: int, max_rss: int) -> None:
        # A worker is entered here and not where it is awaited: its end may be the next report.
        if what == STARTED:
            self.proven = True
            request = self._requests.popleft()
            worker = WorkerProcess(request.socket, request.words, pid, self._end_if_unused)
            worker.socket.setblocking(False)  # noqa: FBT003 - the only parameter
            self._workers[pid] = worker
            if request.worker.done():  # the request was withdrawn
                worker.kill()
                worker.release()
            else:
                request.worker.set_result(worker)
        elif what == REFUSED:
            name = errno.errorcode.get(status, str(status))
            self._requests.popleft().refuse(
                EngineError(f"no worker could be started: {os.strerror(status)} ({name})")
            )
        elif what == ENDED and pid in self._workers:
            self._workers.pop(pid).ended(status, max_rss)
