"""The server at the other end of standard input and output: one message a line.

The SDK reads these in a thread that cannot be ended while it waits, and a line of any length. Here
both ends are pipes of the event loop, so that a signal ends the process at once; a line that is too
long is thrown away while it comes in, and answered with an error.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import anyio
import mcp_types as types
from mcp.shared.message import SessionMessage

from ...host.pipes import Inlet, PipeOutlet, take_standard_streams
from .envelopes import Malformed, checked, id_in

if TYPE_CHECKING:
    from typing import BinaryIO

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from .server import McpServer

MAX_LINE_BYTES: Final = 8 * 1024 * 1024
"""A program of the greatest length, escaped, fits; a message is never longer."""

FLUSH_SECONDS: Final = 2.0
"""How long a client has to read what was said before the end."""

_TOO_LONG: Final = Malformed(None, "the line is too long", types.PARSE_ERROR)

log: Final = logging.getLogger(__name__)


async def serve_stdio(
    server: McpServer,
    *,
    stop: asyncio.Event | None = None,
    streams: tuple[BinaryIO, BinaryIO] | None = None,
) -> None:
    """Serve one client until its input ends, its output is closed, or ``stop`` is set.

    Args:
        server: stays the caller's to close.
        stop: ends it from outside.
        streams: files of pipes, sockets or terminals to read and write instead of the standard
            streams; they are closed.

    Raises:
        OSError: standard input or output is not open.
    """
    reading, writing = streams or take_standard_streams()
    line = _Line(stop or asyncio.Event())
    line.open(reading, writing)
    serving = asyncio.create_task(
        server.protocol.run(
            line.incoming, line.outgoing, server.protocol.create_initialization_options()
        )
    )
    moving = asyncio.create_task(line.run())
    ended = asyncio.create_task(line.ended.wait())
    try:
        # The client's end of input, a closed output, or ``stop``: the first of them ends the others.
        await asyncio.wait({serving, moving, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # The server first: it answers what is under way, and would wait for a line that does not move.
        for tasks in ((serving, ended), (moving,)):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await line.aclose()


class _Line:
    """The two files as the two streams that the SDK wants."""

    def __init__(self, ended: asyncio.Event) -> None:
        self.ended = ended
        self._to_server: MemoryObjectSendStream[SessionMessage | Exception]
        self.incoming: MemoryObjectReceiveStream[SessionMessage | Exception]
        self._to_server, self.incoming = anyio.create_memory_object_stream()
        self.outgoing: MemoryObjectSendStream[SessionMessage]
        self._from_server: MemoryObjectReceiveStream[SessionMessage]
        self.outgoing, self._from_server = anyio.create_memory_object_stream()
        self._inlet = Inlet(self._on_data, self._on_end)
        self._outlet = PipeOutlet(self._on_end, lambda: None)
        self._lines = LineReader(MAX_LINE_BYTES)
        self._arrived = asyncio.Event()

    def open(self, reading: BinaryIO, writing: BinaryIO) -> None:
        self._outlet.open(writing)
        self._inlet.open(reading)

    async def run(self) -> None:
        """Move messages both ways."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._write())

    async def aclose(self) -> None:
        self._inlet.close()
        for stream in (self._to_server, self.incoming, self.outgoing, self._from_server):
            stream.close()
        await self._outlet.aclose(FLUSH_SECONDS)

    async def _read(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            for line in self._lines.take():
                read = _TOO_LONG if line is None else _message(line)
                if isinstance(read, Malformed):
                    self._outlet.send(read.answer + b"\n")
                else:
                    await self._to_server.send(SessionMessage(read))
            self._inlet.resume()

    async def _write(self) -> None:
        async for each in self._from_server:
            text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
            self._outlet.send(text.encode() + b"\n")
            await self._outlet.room()

    def _on_data(self, data: memoryview) -> None:
        self._lines.feed(bytes(data))
        self._inlet.pause()  # until the server has taken what is there
        self._arrived.set()

    def _on_end(self, error: Exception | None) -> None:
        if error is not None:
            log.warning("the client is gone: %s", error)
        self.ended.set()


class LineReader:
    """Bytes to lines of a bounded length, fed in any pieces.

    >>> lines = LineReader(4)
    >>> lines.feed(b"one" + b"\\n" + b"and the next" + b"\\n" + b"tw")
    >>> lines.take()
    [b'one', None]
    >>> lines.feed(b"o" + b"\\n")
    >>> lines.take()
    [b'two']
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._part = bytearray()
        self._skipping = False
        self._lines: list[bytes | None] = []

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._add(piece)
            self._end_line()
        self._add(rest)

    def take(self) -> list[bytes | None]:
        """The lines that are there, without empty ones; None for each that was too long."""
        lines, self._lines = self._lines, []
        return lines

    def _add(self, piece: bytes) -> None:
        if self._skipping:
            return
        self._part += piece
        if len(self._part) > self._most:
            self._skipping = True
            self._part.clear()

    def _end_line(self) -> None:
        if self._skipping:
            self._lines.append(None)
        elif line := self._part.strip():
            self._lines.append(bytes(line))
        self._skipping = False
        self._part.clear()


def _message(line: bytes) -> types.JSONRPCMessage | Malformed:
    found = checked(line)
    if isinstance(found, Malformed):
        return found
    try:
        return types.jsonrpc_message_adapter.validate_json(found, by_name=False)
    except ValueError:
        return Malformed(id_in(found), "the line is no JSON-RPC message", types.PARSE_ERROR)
