"""Standard input and output as a pipe in and an outlet, out of everybody else's reach.

The descriptors are moved away from 0 and 1 first: whatever prints in this process prints to
stderr, and what is started by it reads nothing.
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

try:
    import fcntl
except ImportError:  # pragma: no cover - not on Unix
    fcntl = None  # type: ignore[assignment]

PIPE_BYTES: Final = 1024 * 1024
"""Wanted capacity of the pipes: fewer turns for large frames. A refusal is harmless."""

ROOM_BYTES: Final = 1024 * 1024
"""With more than this unwritten, whoever can wait does."""

CLOGGED_BYTES: Final = 64 * 1024 * 1024
"""With more than this unwritten, nothing more is read from a client that does not read."""

READ_BYTES: Final = 256 * 1024
"""How much is read at once."""

FRAMES_AT_ONCE: Final = 64
"""How many frames one write takes: fewer than any system's bound."""

COPY_BYTES: Final = 256 * 1024


def take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output as files of our own; 0 and 1 become null and stderr.

    Raises:
        OSError: one of them is not open.
    """
    reading, writing = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "wb", buffering=0)


class Inlet:
    """What comes in, as calls: ``on_data`` with each piece, which is overwritten by the next; ``on_end`` once.

    Pieces are read into a buffer that is kept: a new one for each read would be mapped and unmapped by the kernel.
    """

    def __init__(
        self,
        on_data: Callable[[memoryview], None],
        on_end: Callable[[Exception | None], None],
    ) -> None:
        self._on_data = on_data
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._file: BinaryIO | None = None
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._paused = False

    def open(self, file: BinaryIO) -> None:
        """Begin to read ``file``."""
        if not _is_pollable(file):
            file = _pumped_from(file)
        _enlarge(file)
        os.set_blocking(file.fileno(), False)
        self._file = file
        self._loop.add_reader(file, self._on_readable)

    def pause(self) -> None:
        """Read nothing more until ``resume``."""
        if not self._paused and self._file is not None:
            self._paused = True
            self._loop.remove_reader(self._file)

    def resume(self) -> None:
        """Go on after ``pause``."""
        if self._paused and self._file is not None:
            self._paused = False
            self._loop.add_reader(self._file, self._on_readable)

    def close(self) -> None:
        """Read nothing more at all."""
        file, self._file = self._file, None
        if file is not None:
            self._loop.remove_reader(file)
            file.close()

    def _on_readable(self) -> None:
        assert self._file is not None
        try:
            size = os.readv(self._file.fileno(), (self._buffer,))
        except BlockingIOError:
            return
        except OSError as error:
            self.close()
            self._on_end(error)
            return
        if size:
            self._on_data(self._buffer[:size])
        else:
            self.close()
            self._on_end(None)


class PipeOutlet:
    """Writes frames: the first at once, those that follow in the same turn of the loop in one piece.

    ``on_lost`` is called once when nobody reads any more; ``on_drained`` whenever little is left.

    Attributes:
        unwritten: bytes that were taken and not written.
    """

    def __init__(
        self, on_lost: Callable[[Exception | None], None], on_drained: Callable[[], None]
    ) -> None:
        self.unwritten = 0
        self._on_lost = on_lost
        self._on_drained = on_drained
        self._loop = asyncio.get_running_loop()
        self._file: BinaryIO | None = None
        self._frames: deque[bytes | bytearray | memoryview] = deque()
        self._is_gathering = False
        self._is_full = False  # the pipe: the loop tells when it takes more
        self._is_shut = False
        self._is_closing = False
        self._room = asyncio.Event()
        self._room.set()
        self._gone = asyncio.Event()
        self._pump: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<outlet, {self.unwritten} bytes unwritten>"

    def open(self, file: BinaryIO) -> None:
        """Begin to write to ``file``."""
        if not _is_pollable(file):
            file, self._pump = _pumped_to(file)
        _enlarge(file)
        os.set_blocking(file.fileno(), False)
        self._file = file
        self._loop.add_reader(file, self._on_reader_gone)

    @property
    def is_clogged(self) -> bool:
        """Whether so much is unwritten that nothing more should be asked for."""
        return self.unwritten > CLOGGED_BYTES

    def send(self, frame: bytes | bytearray) -> None:
        if self._is_shut or self._file is None:
            return
        self._frames.append(frame)
        self.unwritten += len(frame)
        if not self._is_gathering:
            self._is_gathering = True
            self._loop.call_soon(self._flush)
            self._write()
        if self.unwritten > ROOM_BYTES and not self._is_shut:
            self._room.clear()

    @property
    def has_room(self) -> bool:
        """Whether little is left unwritten."""
        return self._room.is_set()

    async def room(self) -> None:
        while not self._room.is_set():
            await self._room.wait()

    def shut(self) -> None:
        """Take nothing more; what was taken is still written."""
        self._flush()
        self._is_shut = True
        self._room.set()

    async def aclose(self, seconds: float) -> None:
        """Write what was taken, for at most ``seconds``, and close."""
        self.shut()
        self._is_closing = True
        self._write()
        if self._file is not None:
            try:
                async with asyncio.timeout(seconds):
                    await self._gone.wait()
            except TimeoutError:
                self._lose(None)
        if self._pump is not None:
            self._pump.join(seconds)

    def _flush(self) -> None:
        self._is_gathering = False
        self._write()

    def _on_writable(self) -> None:
        assert self._file is not None
        self._loop.remove_writer(self._file)
        self._is_full = False
        self._write()

    def _write(self) -> None:
        """Write what there is, as far as the pipe takes it."""
        if self._is_full or self._file is None:
            return
        frames = self._frames
        try:
            while frames:
                written = os.writev(self._file.fileno(), [*islice(frames, FRAMES_AT_ONCE)])
                self.unwritten -= written
                while frames and written >= len(frames[0]):
                    written -= len(frames.popleft())
                if written:
                    frames[0] = memoryview(frames[0])[written:]
        except BlockingIOError:
            self._is_full = True
            self._loop.add_writer(self._file, self._on_writable)
        except OSError as error:
            self._lose(error)
            return
        if not self._room.is_set() and self.unwritten <= ROOM_BYTES // 4:
            self._room.set()
            self._on_drained()
        if self._is_closing and not frames:
            self._lose(None)

    def _on_reader_gone(self) -> None:
        self._lose(BrokenPipeError() if self._frames else None)

    def _lose(self, error: Exception | None) -> None:
        """Let go of the pipe; the owner learns of it in the next turn of the loop, whatever it does now."""
        file, self._file = self._file, None
        if file is None:
            return
        self._loop.remove_reader(file)
        self._loop.remove_writer(file)
        file.close()
        self._is_shut = True
        self._frames.clear()
        self.unwritten = 0
        self._room.set()
        self._gone.set()
        self._loop.call_soon(self._on_lost, error)


def _is_pollable(file: BinaryIO) -> bool:
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or file.isatty()


def _enlarge(file: BinaryIO) -> None:
    command = getattr(fcntl, "F_SETPIPE_SZ", None)
    if command is not None and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
        try:
            fcntl.fcntl(file.fileno(), command, PIPE_BYTES)
        except OSError:
            pass


def _pumped_from(file: BinaryIO) -> BinaryIO:
    """A pipe that says what is in ``file``, which is of a kind that nobody can wait for."""
    reading, writing = os.pipe()
    _pump(_taken(file), writing)
    return os.fdopen(reading, "rb", buffering=0)


def _pumped_to(file: BinaryIO) -> tuple[BinaryIO, threading.Thread]:
    reading, writing = os.pipe()
    thread = _pump(reading, _taken(file))
    return os.fdopen(writing, "wb", buffering=0), thread


def _taken(file: BinaryIO) -> int:
    """A descriptor of our own for it; the file is closed."""
    with file:
        return os.dup(file.fileno())


def _pump(source: int, target: int) -> threading.Thread:
    """Copy in a thread, and close both at the end."""

    def copy() -> None:
        try:
            while data := os.read(source, COPY_BYTES):
                view = memoryview(data)
                while view:
                    view = view[os.write(target, view) :]
        except OSError:
            pass
        os.close(source)
        os.close(target)

    thread = threading.Thread(target=copy, daemon=True, name="code-mode host pump")
    thread.start()
    return thread
