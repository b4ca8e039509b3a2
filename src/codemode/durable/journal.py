"""The journal of one cell: everything that goes into its isolate, in the order of delivery, as bytes.

A head says what the cell was started with; each other entry is an input, or what the program has read from its clock.
An input carries how many outputs the application had seen when it was delivered, and their hash: a cell that is made
again must have said the same by then. Entries are written before anything that the cell does with them has an effect
outside, so a journal may end anywhere: a torn last entry had none, and is left out. An entry that is damaged before the
end is an error.

Each entry is its length and its CRC-32, four bytes each, and a MessagePack array.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from ..errors import CodeModeError

FORMAT: Final = 1
ENTRY_BYTES: Final = 64 * 1024 * 1024
"""More than an entry can be: answers of tools are bounded, and so are sources."""

_FRAME: Final = struct.Struct(">II")


class JournalError(CodeModeError):
    """A journal cannot be read, or is of another making."""


class _JournalEntry(Struct, frozen=True, array_like=True, gc=False):
    """An entry; the base of all."""


class Head(_JournalEntry, frozen=True, array_like=True, tag="h", gc=False):
    """What the cell was started with.

    Attributes:
        engine: what has to be the same for the program to do the same: V8 and its flags, our prelude, time
            zone and locale.
        source: the program.
        tools: the members of ``tools``, in order.
        seed: of ``Math.random``.
        limits: those that the program can notice, by name; -1 is none.
    """

    format: int
    engine: str
    source: str
    tools: tuple[str, ...]
    seed: int
    limits: dict[str, int] = {}


class ClockReadings(_JournalEntry, frozen=True, array_like=True, tag="c", gc=False):
    """What the program has read from its clock, as the engine tells it."""

    readings: bytes


class Settled(_JournalEntry, frozen=True, array_like=True, tag="s", gc=False):
    """A call has its answer: JSON, or the text that the program catches."""

    seen: int
    outputs: bytes
    call: int
    json: str | None = None
    error: str | None = None


class TimerFired(_JournalEntry, frozen=True, array_like=True, tag="t", gc=False):
    """A timer is due."""

    seen: int
    outputs: bytes
    timer: int


class ValueLoaded(_JournalEntry, frozen=True, array_like=True, tag="l", gc=False):
    """``load`` has its answer: JSON in UTF-8, or None."""

    seen: int
    outputs: bytes
    json: bytes | None


InputEntry: TypeAlias = Settled | TimerFired | ValueLoaded
JournalEntry: TypeAlias = Head | ClockReadings | InputEntry

_DECODER: Final = msgspec.msgpack.Decoder(JournalEntry)
_ENCODER: Final = msgspec.msgpack.Encoder()


def written(entry: JournalEntry) -> bytes:
    """An entry as it is appended to a journal.

    Raises:
        JournalError: it is larger than an entry can be.
    """
    payload = _ENCODER.encode(entry)
    if len(payload) > ENTRY_BYTES:
        raise JournalError(f"an entry of the journal would take {len(payload):,} bytes")
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def read_journal(content: bytes) -> list[JournalEntry]:
    """The entries of a journal, without a torn last one.

    Raises:
        JournalError: an entry before the end is damaged, the first one is no head that we know, or inputs
            are out of order.
    """
    entries: list[JournalEntry] = []
    at = 0
    while at + _FRAME.size <= len(content):
        size, crc = _FRAME.unpack_from(content, at)
        end = at + _FRAME.size + size
        if size > ENTRY_BYTES:
            raise JournalError(f"the journal is damaged at byte {at}")
        if end > len(content):
            break
        payload = content[at + _FRAME.size : end]
        if zlib.crc32(payload) != crc:
            if end == len(content):
                break
            raise JournalError(f"the journal is damaged at byte {at}")
        try:
            entries.append(_DECODER.decode(payload))
        except msgspec.MsgspecError as error:
            raise JournalError(f"the journal is damaged at byte {at}: {error}") from error
        at = end
    _check_head(entries)
    return entries


def _check_head(entries: list[JournalEntry]) -> None:
    first = entries[0] if entries else None
    if not isinstance(first, Head) or any(isinstance(each, Head) for each in entries[1:]):
        raise JournalError("a journal has one head, and begins with it")
    if first.format != FORMAT:
        raise JournalError(f"the journal has format {first.format}, and this is format {FORMAT}")
    seen = [each.seen for each in entries if not isinstance(each, Head | ClockReadings)]
    if seen != sorted(seen):
        raise JournalError("the inputs of the journal are not in the order of their delivery")
