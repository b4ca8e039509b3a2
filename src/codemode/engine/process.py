"""A worker's process as the application holds it: end it, and learn how it ended."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import weakref
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from ..child_process import signal_name
from .launching import GONE_SECONDS, kill

if TYPE_CHECKING:
    import socket
    import subprocess
    from collections.abc import Callable, Hashable

    from ..child_process import signal_name
    from ..process_ledger import Place
from .launching import LastWords

_POLL_SECONDS: Final = 0.002


class Exit(Struct, frozen=True):
    """How a worker ended.

    Attributes:
        status: wait status, where it is known.
        max_rss: largest resident size in bytes.
        words: what it said last, one line.
    """

    status: int | None
    max_rss: int = 0
    words: str = ""

    @property
    def signal(self) -> int | None:
        """The signal that ended it, if one did."""
        if self.status is None or not os.WIFSIGNALED(self.status):
            return None
        return os.WTERMSIG(self.status)

    def reason(self) -> str:
        """``killed by SIGTRAP``, ``exit status 70: MemoryError``."""
        if self.status is None:
            how = "it is gone without a trace"
        elif self.signal is not None:
            how = f"killed by {signal_name(self.signal)}"
        else:
            how = f"exit status {os.waitstatus_to_exitcode(self.status)}"
        return f"{how}: {self.words}" if self.words else how


class WorkerProcess:
    """A worker that runs: its socket and a handle to kill it that no other process can inherit."""

    def __init__(
        self,
        connection: socket.socket,
        words: LastWords,
        pid: int,
        on_release: Callable[[], None] | None = None,
    ) -> None:
        self.socket = connection
        self.pid = pid
        self.released = False
        self._on_release = on_release
        self._place: Place | None = None
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._words = words
        self._pidfd = _open_pidfd(pid)

    def claim(self, owner: Hashable) -> bool:
        """Assign it to ``owner``, where it has none; False where ``owner`` may not have one more."""
        return self._place is None or self._place.claim(owner)

    def hold(self, place: Place) -> None:
        """Give ``place`` back when this is released, or lost."""
        self._place = place
        weakref.finalize(self, place.give_back)

    def kill(self) -> None:
        """End it at once; harmless if it has ended."""
        try:
            if self._pidfd is None:
                return
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            elif not self.exited.done():
                os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def ended(self, status: int | None, max_rss: int = 0, *, why: str = "") -> None:
        """Record the end; ``why`` is the reason where the worker printed none."""
        if not self.exited.done() and not self.exited.get_loop().is_closed():
            self.exited.set_result(Exit(status, max_rss, self._words.read() or why))

    def release(self) -> None:
        """Close everything that is held for it."""
        self.socket.close()
        self._words.close()
        if self._pidfd is not None and self._pidfd >= 0:
            os.close(self._pidfd)
        self._pidfd = None
        self.released = True
        if self._place is not None:
            self._place.give_back()
        if self._on_release is not None:
            self._on_release()

    async def gone(self) -> None:
        """Wait until a killed process is no more."""
        if self._pidfd is None or self._pidfd < 0:
            return
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        for _ in range(int(GONE_SECONDS / _POLL_SECONDS)):
            if poll.poll(0):
                return
            await asyncio.sleep(_POLL_SECONDS)


async def taken(coming: asyncio.Future[WorkerProcess]) -> WorkerProcess:
    """The worker that comes. Who is cancelled in the very round in which it came leaves none behind."""
    try:
        return await coming
    except asyncio.CancelledError:
        dispose(coming)
        raise


def dispose(coming: asyncio.Future[WorkerProcess]) -> None:
    """End an unwanted worker, or stop it from being made."""
    if not coming.done():
        if not coming.get_loop().is_closed():
            coming.cancel()
    elif not coming.cancelled() and coming.exception() is None:
        coming.result().kill()
        coming.result().release()


def _open_pidfd(pid: int) -> int | None:
    """A handle on the process; None if it is gone already, -1 where there are no such handles."""
    if sys.platform != "linux":
        return -1
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    except OSError:  # an old kernel, or no descriptor left
        return -1


async def reaped(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was told to end; kill it if it does not, or if we are cancelled."""
    try:
        for _ in range(int(GONE_SECONDS / _POLL_SECONDS)):
            if process.poll() is not None:
                return
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        kill(process)
