"""A child process as the application holds it: how to begin one, end it, and learn how it ended."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import socket
import subprocess
import sys
import weakref
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..errors import EngineError
from ..lazy_pattern import lazy_pattern
from .installed import find
from .seccomp import ARCHITECTURES, compile_filter
from .timezone import system_time_zone
from .wire import SETUP_HEAD, VERSION, ToWorker, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from ..process_ledger import Place

WORDS_BYTES: Final = 4096
"""How much of what a process wrote to standard error is read."""

GONE_SECONDS: Final = 1.0
"""A process that was killed is gone after 2 ms."""

_FOLDERS: Final = lazy_pattern(r"(?<![^\s(\"'=])(?:/[^\s/]+)*/(?=[^\s/])")
"""Of a path in V8's last words: a model learns nothing of this machine."""

_POLL_SECONDS: Final = 0.002


@dataclass(frozen=True, slots=True)
class Exit:
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


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


class LastWords:
    """A pipe that is a process's standard error; what is in it when it has ended.

    Writing to it never blocks: what does not fit is lost. Nothing of it reaches a terminal.
    """

    def __init__(self) -> None:
        self._read, self.write_fd = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self.write_fd, False)

    def handed_over(self) -> None:
        """The process has its end; close ours."""
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def read(self) -> str:
        """The most useful line: V8's reason for a fatal error, else the last one."""
        try:
            data = os.read(self._read, WORDS_BYTES)
        except OSError:
            return ""
        text = "".join(c if c.isprintable() else "\n" for c in data.decode(errors="replace"))
        lines = [line.strip("# ") for line in text.splitlines()]
        fatal = [line for line in lines if re.match(r"Fatal (?!error in)", line)]
        said = next(iter(fatal or [line for line in reversed(lines) if line]), "")
        return _FOLDERS.sub("", said)[:200]

    def close(self) -> None:
        self.handed_over()
        if self._read >= 0:
            os.close(self._read)
            self._read = -1


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


def launch(mode: str) -> tuple[subprocess.Popen[bytes], socket.socket, LastWords]:
    """Start a worker (``"serve"``) or a zygote (``"zygote"``) with nothing of this process's.

    Returns the process, our end of its socket, and its last words.

    Raises:
        EngineError: that is impossible here, or at the moment.
    """
    installed = find()
    with ExitStack() as undo:
        try:
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            with theirs:
                words = LastWords()
                undo.callback(words.close)
                process = subprocess.Popen(
                    installed.command(mode, theirs.fileno(), os.getpid()),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=words.write_fd,
                    env={},
                    pass_fds=(theirs.fileno(),),
                    process_group=0,
                )
        except OSError as error:  # not executable here, no process or descriptor left
            raise EngineError(f"a worker could not be started: {error}") from error
        undo.pop_all()
    words.handed_over()
    ours.setblocking(False)  # noqa: FBT003 - the only parameter
    try:
        ours.send(setup())  # less than a socket holds
    except OSError:
        pass  # it has ended already; the reader of its pipe finds out how
    return process, ours, words


def setup() -> bytes:
    """The frame with what a worker cannot find out by itself, because it sees no files."""
    machine = os.uname().machine
    zone = (os.environ.get("TZ") or system_time_zone() or "").encode()
    code = compile_filter(machine) if sys.platform == "linux" and machine in ARCHITECTURES else b""
    head = SETUP_HEAD.pack(VERSION, len(zone), len(code))
    return frame(ToWorker.SETUP, 0, head + zone + code)


def end(
    owner: int, process: subprocess.Popen[bytes], connection: socket.socket, words: LastWords
) -> None:
    """Let go of what ``launch`` gave; end the process, if ``owner`` is who runs this."""
    connection.close()
    words.close()
    if os.getpid() == owner:
        kill(process)


async def reaped(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was told to end; kill it if it does not, or if we are cancelled."""
    try:
        for _ in range(int(GONE_SECONDS / _POLL_SECONDS)):
            if process.poll() is not None:
                return
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a child and take its status; blocks for the 2 ms that it takes to die."""
    if process.poll() is None:
        process.kill()
        try:
            process.wait(GONE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
