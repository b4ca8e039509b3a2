"""Standard input and output as a pipe in and an outlet, out of everybody else's reach.

The descriptors are moved away from 0 and 1 first: whatever prints in this process prints to
stderr, and what is started by it reads nothing.
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
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


class Inlet(asyncio.Protocol):
    """What comes in, as calls: ``on_data`` with each piece, ``on_end`` once."""

    def __init__(
        self, on_data: Callable[[bytes], None], on_end: Callable[[Exception | None], None]
    ) -> None:
        self._on_data = on_data
        self._on_end = on_end
        self._transport: asyncio.ReadTransport | None = None
        self._paused = False

    async def open(self, file: BinaryIO) -> None:
        """Begin to read ``file``."""
        if not _is_pollable(file):
            file = _pumped_from(file)
        _enlarge(file)
        await asyncio.get_running_loop().connect_read_pipe(lambda: self, file)

    def pause(self) -> None:
        """Read nothing more until ``resume``."""
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Go on after ``pause``."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """Read nothing more at all."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._on_data(data)

    def eof_received(self) -> None:
        self._on_end(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._on_end(error)


class PipeOutlet(asyncio.BaseProtocol):
    """Writes frames: the first at once, those that follow in the same turn of the loop in one piece.

    ``on_lost`` is called once when nobody reads any more; ``on_drained`` whenever little is left.
    """

    def __init__(
        self, on_lost: Callable[[Exception | None], None], on_drained: Callable[[], None]
    ) -> None:
        self._on_lost = on_lost
        self._on_drained = on_drained
        self._transport: asyncio.WriteTransport | None = None
        self._frames: list[bytes | bytearray] = []
        self._gathered = 0
        self._is_gathering = False
        self._is_paused = False
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._gone = asyncio.Event()
        self._pump: threading.Thread | None = None
        self._is_shut = False

    def __repr__(self) -> str:
        return f"<outlet, {self.unwritten} bytes unwritten>"

    async def open(self, file: BinaryIO) -> None:
        """Begin to write to ``file``."""
        if not _is_pollable(file):
            file, self._pump = _pumped_to(file)
        _enlarge(file)
        await asyncio.get_running_loop().connect_write_pipe(lambda: self, file)

    @property
    def unwritten(self) -> int:
        """Bytes that were taken and not written."""
        waiting = 0 if self._transport is None else self._transport.get_write_buffer_size()
        return self._gathered + waiting

    @property
    def is_clogged(self) -> bool:
        """Whether so much is unwritten that nothing more should be asked for."""
        return self.unwritten > CLOGGED_BYTES

    def send(self, frame: bytes | bytearray) -> None:
        if self._is_shut:
            return
        if self._is_gathering:
            self._frames.append(frame)
            self._gathered += len(frame)
            self._judge()
        elif self._transport is not None:
            self._is_gathering = True
            asyncio.get_running_loop().call_soon(self._flush)
            self._transport.write(frame)

    async def room(self) -> None:
        while not self._has_room.is_set():
            await self._has_room.wait()

    def shut(self) -> None:
        """Take nothing more; what was taken is still written."""
        self._flush()
        self._is_shut = True
        self._judge()

    async def aclose(self, seconds: float) -> None:
        """Write what was taken, for at most ``seconds``, and close."""
        self.shut()
        if self._transport is None:
            return
        self._transport.close()
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            self._transport.abort()
        if self._pump is not None:
            self._pump.join(seconds)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.set_write_buffer_limits(high=ROOM_BYTES, low=ROOM_BYTES // 4)

    def pause_writing(self) -> None:
        self._is_paused = True
        self._judge()

    def resume_writing(self) -> None:
        self._is_paused = False
        self._judge()
        self._on_drained()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_shut = True
        self._frames.clear()
        self._gathered = 0
        self._judge()
        self._gone.set()
        self._on_lost(error)

    def _flush(self) -> None:
        self._is_gathering = False
        frames, self._frames = self._frames, []
        gathered, self._gathered = self._gathered, 0
        if not frames or self._transport is None or self._gone.is_set():
            return
        if gathered <= ROOM_BYTES:
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
            return
        for frame in frames:
            self._transport.write(frame)
        self._judge()
        if not self._is_paused:
            self._on_drained()

    def _judge(self) -> None:
        """Whoever waits for room has it, unless a slow reader is still there."""
        if not self._is_shut and (self._is_paused or self._gathered > ROOM_BYTES):
            self._has_room.clear()
        else:
            self._has_room.set()


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
