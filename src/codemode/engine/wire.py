"""Frames between the application and a worker: a header and a payload, both ways.

A frame is ``<u32 payload length> <u8 kind> <u32 number>``, then the payload. The number names a
cell, or a catalogue. What comes from a worker is hostile: lengths are checked against
``MAX_FROM_WORKER`` before anything is taken for them.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from ..errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER: Final = struct.Struct("<IBI")
MAX_FROM_WORKER: Final = 128 * 1024
"""A worker sends at most its shared buffer (64 KiB) at once."""


class ToWorker(IntEnum):
    """What the application says; the payload behind the dash."""

    SETTINGS = 1  # - bounds.SETTINGS
    CATALOGUE = 2  # - names as JSON, newline, descriptions as JSON
    START = 3  # - START_HEAD, settings as JSON members, source
    DELIVER = 4  # - a message for the prelude
    FLUSH = 5
    CLOSE = 6
    VALUE = 7  # - nothing if absent, else "=" and the value as JSON
    CREDIT = 8  # - u32 bytes


class FromWorker(IntEnum):
    """What a worker says."""

    RECORDS = 1  # - UTF-16 records
    FLUSHED = 2
    CLOSED = 3  # the isolate is gone; nothing more comes of this cell
    HEAP = 4  # the heap limit was hit; nothing more comes of this cell
    FAILED = 5  # - why, in words; nothing more comes of this cell
    CAGE = 6  # - the parts of its cage as JSON; once, before anything else


START_HEAD: Final = struct.Struct("<IQI")
"""Catalogue number, heap limit in bytes, length of the settings."""


def frame(kind: int, number: int, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return HEADER.pack(len(payload), kind, number) + payload


class Frames:
    """Bytes from a worker, fed in any pieces, as frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Each complete frame as ``(kind, number, payload)``.

        Raises:
            EngineError: a frame is longer than a worker may send.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        start, size = 0, len(data)
        while size - start >= HEADER.size:
            length, kind, number = HEADER.unpack_from(data, start)
            if length > MAX_FROM_WORKER:
                raise EngineError(f"a worker announced a frame of {length} bytes")
            end = start + HEADER.size + length
            if size < end:
                break
            yield kind, number, data[start + HEADER.size : end]
            start = end
        self._rest = data[start:]
