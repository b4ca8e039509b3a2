"""Frames between the application and a worker, both ways, and what is in those to a worker.

The protocol is described once, at the head of ``worker/protocol.h``; the numbers and structures here are the
same. What comes from a worker is hostile: lengths are checked before memory is taken for them, and what is in a
frame of records is read by ``records``.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from ..errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION: Final = 1
"""Of the protocol; ``SETUP`` carries it, and a worker of another version refuses to serve."""

HEADER: Final = struct.Struct("<IBI")
"""Length of the payload, kind, number of the cell or catalogue."""

MAX_FROM_WORKER: Final = 320 * 1024
"""A worker sends at most a piece of a record (256 KiB) at once."""

WINDOW_BYTES: Final = 1024 * 1024
"""Records that a cell may have in flight before its thread waits: back-pressure into the cell."""


class ToWorker(IntEnum):
    """Frames from the application to a worker; the payload behind the dash."""

    SETUP = 1  # - SETUP_HEAD, time zone, filter
    SETTINGS = 2  # - SETTINGS_HEAD, settings of the prelude
    CATALOGUE = 3  # - Catalogue.pack
    START = 4  # - START_HEAD, readings of the clock, source
    RESOLVE = 5  # - NUMBER of the call, JSON
    REJECT = 6  # - NUMBER of the call, text
    FIRE = 7  # - NUMBER of the timer
    VALUE = 8  # - nothing if absent, else "=" and the value as JSON
    CREDIT = 9  # - NUMBER of bytes
    FLUSH = 10
    CLOSE = 11


class FromWorker(IntEnum):
    """Frames from a worker to the application."""

    READY = 1  # - the parts of its sandbox; once, before anything else
    RECORDS = 2  # - records
    FLUSHED = 3
    CLOSED = 4  # the cell was stopped; nothing more comes of it
    HEAP = 5  # the heap limit was hit; nothing more comes of this cell
    FAILED = 6  # - why, in words; nothing more comes of this cell
    MEMORY = 7  # V8 got no memory; nothing more comes of this cell


SETUP_HEAD: Final = struct.Struct("<III")
"""Version, length of the time zone, length of the filter."""

SETTINGS_HEAD: Final = struct.Struct("<QQQQ")
"""Bytes of memory and milliseconds of computing, 0 for no bound; bytes of a heap, length of a value."""

START_HEAD: Final = struct.Struct("<IBQI")
"""Catalogue, whether it is repeatable, seed, length of the readings."""

NUMBER: Final = struct.Struct("<I")


def frame(kind: int, number: int, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return HEADER.pack(len(payload), kind, number) + payload


def numbered(kind: int, cell: int, number: int, text: bytes = b"") -> bytes:
    """A frame whose payload is a number and a text."""
    return b"%b%b%b" % (HEADER.pack(4 + len(text), kind, cell), NUMBER.pack(number), text)


class Frames:
    """Bytes from a worker, fed in any pieces, as frames."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0
        self._wanted = HEADER.size

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Each complete frame as ``(kind, number, payload)``.

        Raises:
            EngineError: a frame is longer than a worker may send.
        """
        if self._rest:
            # Joined when the frame is complete and not before: a long one comes in many pieces.
            self._rest.append(data)
            self._size += len(data)
            if self._size < self._wanted:
                return
            data = b"".join(self._rest)
            self._rest, self._size = [], 0
        start, size = 0, len(data)
        self._wanted = HEADER.size
        while size - start >= HEADER.size:
            length, kind, number = HEADER.unpack_from(data, start)
            if length > MAX_FROM_WORKER:
                raise EngineError(f"a worker announced a frame of {length} bytes")
            end = start + HEADER.size + length
            if size < end:
                self._wanted = end - start
                break
            yield kind, number, data[start + HEADER.size : end]
            start = end
        if start < size:
            self._rest, self._size = [data[start:]], size - start
