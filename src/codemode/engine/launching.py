"""A child process is launched: a zygote, or a worker by itself; and what it writes before it ends.

Loads no more than that takes, since a host launches its zygote before it loads the rest of itself.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import Final, NamedTuple

from ..errors import EngineError
from ..lazy_pattern import lazy_pattern
from .installed import find
from .seccomp import ARCHITECTURES, compile_filter
from .timezone import system_time_zone
from .wire import SETUP_HEAD, VERSION, ToWorker, frame

WORDS_BYTES: Final = 4096
"""How much of what a process wrote to standard error is read."""

GONE_SECONDS: Final = 1.0
"""A process that was killed is gone after 2 ms."""

_FOLDERS: Final = lazy_pattern(r"(?<![^\s(\"'=])(?:/[^\s/]+)*/(?=[^\s/])")
"""Of a path in V8's last words: a model learns nothing of this machine."""


_FATAL: Final = lazy_pattern(r"Fatal (?!error in)")


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
        fatal = [line for line in lines if _FATAL.match(line)]
        said = next(iter(fatal or [line for line in reversed(lines) if line]), "")
        return _FOLDERS.sub("", said)[:200]

    def close(self) -> None:
        self.handed_over()
        if self._read >= 0:
            os.close(self._read)
            self._read = -1


class Launched(NamedTuple):
    """A child process that has its setup, our end of its socket, and its last words."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    words: LastWords


_AHEAD: Final[list[tuple[int, Launched]]] = []
"""The zygote that was launched ahead, until it is taken, and the process that did."""


def launch_ahead() -> None:
    """Launch the zygote that ``launch`` gives next, so that V8 loads while this process loads the rest of itself."""
    if sys.platform != "linux" or None in (sys.stdin, sys.stdout, sys.stderr):
        return  # no zygotes there; and what was missing here would become the zygote's socket
    if any(owner == os.getpid() for owner, _ in _AHEAD):
        return
    try:
        _AHEAD.append((os.getpid(), launch("zygote")))
    except EngineError:
        pass  # whoever needs a zygote meets the same error


def launch(mode: str) -> Launched:
    """Start a worker (``"serve"``) or a zygote (``"zygote"``) with nothing of this process's.

    Raises:
        EngineError: that is impossible here, or at the moment.
    """
    while mode == "zygote" and _AHEAD:
        owner, launched = _AHEAD.pop()
        if owner == os.getpid():  # and not a fork of it
            return launched
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
    return Launched(process, ours, words)


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


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a child and take its status; blocks for the 2 ms that it takes to die."""
    if process.poll() is None:
        process.kill()
        try:
            process.wait(GONE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
