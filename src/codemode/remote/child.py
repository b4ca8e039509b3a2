"""A host as an operating-system process: bytes in, bytes out, and how it ended.

It knows no messages. Whoever listens gets bytes while they come, and then, exactly once, the
reason for the end: the first that was recorded. A stream that ends and a process that exits
reach us in any order; an exit status says more than a closed pipe, so the pipe waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from ..child_process import find_program, signal_group, signal_name
from ..errors import EngineError, UsageError
from ..lazy_pattern import lazy_pattern
from ..surface.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_log = logging.getLogger(__name__)

PATH_BYTES: Final = 512
"""How much of a path an error shows."""

STATUS_SECONDS: Final = 1.0
"""How long a process may take to exit once it has closed a pipe, and a pipe to end after the exit."""

LEAVE_SECONDS: Final = 2.0
"""How long a host whose input has ended may take before it is killed."""

GONE_SECONDS: Final = 5.0
"""How long a killed process may take to be gone; 2 ms are usual."""

LINE_BYTES: Final = 8 * 1024
"""How much of a line on standard error is kept."""

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_NOISE: Final = lazy_pattern(r"\s*(\d+: .*|Stack backtrace:|Caused by:)?\s*")


class ProcessListener(Protocol):
    """Who is told what the process does."""

    def heard(self, data: bytes) -> None: ...

    def ended(self, reason: str) -> None: ...


def command_line(command: Sequence[str] | str) -> tuple[str, ...]:
    """A command as its words. A string is one program if there is such a file, else a shell's line.

    Raises:
        UsageError: it says nothing.
    """
    if isinstance(command, str):
        try:
            words = (command,) if Path(command).is_file() else tuple(shlex.split(command))
        except ValueError as error:
            raise UsageError(f"the host command cannot be read: {error}") from error
    else:
        words = tuple(command)
    if not words or not words[0]:
        raise UsageError("the host command is empty")
    return words


def least_environment() -> dict[str, str]:
    """What a host needs to find programs; it gets no secret of ours."""
    names = ("PATH", "SYSTEMROOT")
    return {name: os.environ[name] for name in names if name in os.environ}


class HostChild(asyncio.SubprocessProtocol):
    """A host that runs. Make one with :func:`spawn`."""

    def __init__(self, listener: ProcessListener) -> None:
        loop = asyncio.get_running_loop()
        self._listener = listener
        self._transport: asyncio.SubprocessTransport | None = None
        self._awaited = {"output", "errors", "exit"}
        self._reason: str | None = None
        self._told = False
        self._clock: asyncio.TimerHandle | None = None
        self._exited: asyncio.Future[None] = loop.create_future()
        self._released: asyncio.Future[None] = loop.create_future()
        self._room = asyncio.Event()
        self._room.set()
        self._line = b""
        self._words = ""

    def __repr__(self) -> str:
        pid = self._transport.get_pid() if self._transport else None
        return f"<host process {pid}, {'over: ' + self._reason if self._reason else 'running'}>"

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        return None if self._transport is None or self._exited.done() else self._transport.get_pid()

    # ── writing ──────────────────────────────────────────────────────────────────────────────

    def write(self, data: bytes | bytearray) -> None:
        """Write soon; harmless after the end."""
        pipe = None if self._transport is None else self._transport.get_pipe_transport(_STDIN)
        if isinstance(pipe, asyncio.WriteTransport) and not pipe.is_closing():
            pipe.write(data)

    @property
    def is_writable(self) -> bool:
        """Whether what was written is nearly gone, or the process is over."""
        return self._room.is_set()

    async def writable(self) -> None:
        """Return when what was written is nearly gone, or the process is over."""
        await self._room.wait()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    # ── what the event loop says ─────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDERR:
            self._read_words(data)
        elif not self._told:
            self._listener.heard(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == _STDIN:
            self._room.set()
            what = "failed to write code-mode host message"
            self._lose("input", f"{what}: {exc or 'it closed its input'}")
        elif fd == _STDOUT:
            what = "failed to read code-mode host message"
            self._lose("output", f"{what}: {exc}" if exc else "code-mode host closed its output")
        else:
            self._lose("errors", "")

    def process_exited(self) -> None:
        if not self._exited.done():
            self._exited.set_result(None)
        self._lose("exit", "")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._released.done():
            self._released.set_result(None)

    def _lose(self, part: str, reason: str) -> None:
        self._awaited.discard(part)
        if not self._awaited:
            self._finish("")
        elif part != "errors" and self._clock is None and not self._told:
            clock = asyncio.get_running_loop().call_later(STATUS_SECONDS, self._finish, reason)
            self._clock = clock

    def _finish(self, reason: str) -> None:
        """Everything is known that will be known."""
        self.fail(self._how_it_exited() or reason or "code-mode host connection closed")

    def _how_it_exited(self) -> str:
        status = None if self._transport is None else self._transport.get_returncode()
        if status is None:
            return ""
        how = (
            f"was killed by {signal_name(-status)}"
            if status < 0
            else f"exited with status {status}"
        )
        return f"code-mode host {how}" + (f": {self._words}" if self._words else "")

    def _read_words(self, data: bytes) -> None:
        *lines, rest = (self._line + data).split(b"\n")
        self._line = rest[:LINE_BYTES]
        for line in lines:
            text = on_one_line(line[:LINE_BYTES].decode(errors="replace").rstrip())
            _log.debug("code-mode host stderr: %s", text)
            if not _NOISE.fullmatch(text):
                self._words = text.strip()[:PATH_BYTES]

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def fail(self, reason: str) -> None:
        """End it now, for this reason unless there was one before."""
        if self._reason is None:
            self._reason = reason
        if self._clock is not None:
            self._clock.cancel()
        self.kill()
        self._room.set()
        if not self._told:
            self._told = True
            self._listener.ended(self._reason)

    def kill(self) -> None:
        """End the process and what it has started in its group; harmless after the end."""
        if self.pid is not None:
            signal_group(self.pid, signal.SIGKILL)

    async def aclose(self, *, polite: bool = False) -> None:
        """End it, reap it and let go of everything; politely: by the end of its input first.

        Bounded, and to be run to its end: a caller who may be cancelled shields it.
        """
        if self._transport is None:
            return
        if polite and self._reason is None:
            self._reason = "code-mode host connection closed"
            pipe = self._transport.get_pipe_transport(_STDIN)
            if pipe is not None:
                pipe.close()
            await asyncio.wait([self._exited], timeout=LEAVE_SECONDS)
        self.fail("code-mode host connection closed")
        await asyncio.wait([self._exited], timeout=GONE_SECONDS)
        self._transport.close()
        await asyncio.wait([self._released], timeout=GONE_SECONDS)


async def spawn(
    command: Sequence[str], environment: Mapping[str, str], listener: ProcessListener
) -> HostChild:
    """Start a host in a process group of its own, with nothing of ours but three pipes.

    Raises:
        EngineError: it cannot be started.
    """
    loop = asyncio.get_running_loop()
    try:
        _, child = await loop.subprocess_exec(
            lambda: HostChild(listener),
            find_program(command[0], environment),
            *command[1:],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise EngineError(_cannot(command, "host executable was not found")) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise EngineError(_cannot(command, why)) from error
    return child


def _cannot(command: Sequence[str], why: str) -> str:
    return f"failed to spawn code-mode host {shown(command[0])}: {why}"


def shown(path: str) -> str:
    """A path for an error: printable, and at most ``PATH_BYTES`` of it."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in path)
    data = text.encode(errors="replace")
    if len(data) <= PATH_BYTES:
        return data.decode()
    return data[: PATH_BYTES - 3].decode(errors="ignore") + "…"
