"""Records of a cell, decoded into events.

A record is a kind, a length and a payload (``worker/protocol.h``); bit 7 of the kind means that the next record
goes on with it. All of it is hostile: kinds, lengths and numbers are checked, and what is gathered for one
record is bounded before it is kept.
"""

from __future__ import annotations

import struct
from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, Final, cast

from msgspec import MsgspecError, Raw
from msgspec.json import Decoder

from ..errors import EngineError
from ..json_text import LEVELS, is_deeper
from ..protocol.types import AudioItem, ImageDetail, ImageItem, TextItem
from .events import (
    ClockRead,
    ErrorPlaced,
    Finished,
    Idle,
    Notified,
    TimerCleared,
    TimerSet,
    ToolCalled,
    ValueAsked,
    ValueStored,
    YieldAsked,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .events import Event, Sink


class Kind(IntEnum):
    """The kinds of records."""

    TEXT = 1
    IMAGE = 2
    AUDIO = 3
    CALL = 4
    NOTIFY = 5
    YIELD = 6
    TIMER = 7
    CLEAR = 8
    STORE = 9
    KEY = 10
    DONE = 11
    FAILED = 12
    LIMITED = 13
    IDLE = 14
    CLOCK = 15
    PLACE = 16


_ROOM: Final = 128
"""The prelude nests values less deep than this; a frame around them takes some levels more."""
_JSON: Final = Decoder(Raw)


def _valid(json: bytes) -> str:
    """``json`` as text, if it is JSON that can be read again with something around it.

    Anything else would spoil the frame or the cell that it is written into later.
    """
    _JSON.decode(json)
    if is_deeper(json):
        raise ValueError(f"it is nested more than {LEVELS} levels deep")
    if json.count(b"[") + json.count(b"{") > _ROOM:
        _JSON.decode(b"[" * _ROOM + json + b"]" * _ROOM)
    return json.decode()


_CALL: Final = struct.Struct("<4I")
_TIMER: Final = struct.Struct("<Id")
_NUMBER: Final = struct.Struct("<I")
_PLACE: Final = struct.Struct("<2I")


def _call(payload: bytes) -> Event:
    number, index, line, column = _CALL.unpack_from(payload)
    json = payload[16:]
    return ToolCalled(number, index, _valid(json) if json else None, line, column)


def _store(payload: bytes) -> Event:
    (size,) = _NUMBER.unpack_from(payload)
    if 4 + size > len(payload):
        raise ValueError("a key ends beyond its record")
    return ValueStored(payload[4 : 4 + size].decode(), _valid(payload[4 + size :]))


def _image(payload: bytes) -> Event:
    detail, url = payload.decode().split("\n", 1)
    if detail not in ("auto", "low", "high", "original"):
        raise ValueError(f"no image detail: {detail}")
    return ImageItem(url, cast("ImageDetail", detail))


_REFUSED_INSIDE: Final = frozenset({"value_bytes", "timers", "tool_calls"})
"""The limits that the prelude enforces."""


def _limited(payload: bytes) -> Event:
    limit, text = payload.decode().split("\n", 1)
    if limit not in _REFUSED_INSIDE:
        raise ValueError(f"no limit of a program: {limit[:100]}")
    return Finished(text, limit)


_DECODERS: Final[dict[int, Callable[[bytes], Event]]] = {
    Kind.TEXT: lambda payload: TextItem(payload.decode()),
    Kind.IMAGE: _image,
    Kind.AUDIO: lambda payload: AudioItem(payload.decode()),
    Kind.CALL: _call,
    Kind.NOTIFY: lambda payload: Notified(payload.decode()),
    Kind.YIELD: lambda _: YieldAsked(),
    Kind.TIMER: lambda payload: TimerSet(*_TIMER.unpack(payload)),
    Kind.CLEAR: lambda payload: TimerCleared(*_NUMBER.unpack(payload)),
    Kind.STORE: _store,
    Kind.KEY: lambda payload: ValueAsked(payload.decode()),
    Kind.DONE: lambda _: Finished(None),
    Kind.FAILED: lambda payload: Finished(payload.decode()),
    Kind.LIMITED: _limited,
    Kind.IDLE: lambda _: Idle(),
    Kind.CLOCK: ClockRead,
    Kind.PLACE: lambda payload: ErrorPlaced(*_PLACE.unpack(payload)),
}
_UNREADABLE: Final = (
    ValueError, LookupError, OverflowError, RecursionError, struct.error, MsgspecError
)  # fmt: skip
EACH_PART_BYTES: Final = 64
"""What a piece of a record counts besides its text: one in a million pieces is a lot of work."""

_HEAD: Final = struct.Struct("<BI")
_CONTINUED: Final = 0x80
_TEXT: Final = int(Kind.TEXT)
_IDLE: Final = int(Kind.IDLE)


class Records:
    """Records of one cell, fed in pieces that end at record borders, as events.

    Args:
        max_bytes: how long a record may be.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes | memoryview] = []
        self.unfinished = 0
        """Bytes of a record whose end has not come."""

    def feed(self, data: bytes, at: int = 0, most: int | None = None) -> tuple[list[Event], int]:
        """The events in ``data`` from ``at`` on, ``most`` records at most, and where the next begins.

        Raises:
            EngineError: these are no records, or one is larger than a value may be.
        """
        events: list[Event] = []
        end = len(data)
        head, head_size = _HEAD.unpack_from, _HEAD.size
        left = end if most is None else most
        try:
            while at < end and left > 0:
                left -= 1
                kind, length = head(data, at)
                start = at + head_size
                at = start + length
                if at > end:
                    raise ValueError("a record ends beyond its frame")
                if kind == _TEXT and not self._parts:
                    events.append(TextItem(data[start:at].decode()))
                elif kind & _CONTINUED:
                    self._gather(memoryview(data)[start:at])  # 64 KiB each of a long text: no copy
                else:
                    payload = data[start:at]
                    events.append(_DECODERS[kind](self._whole(payload) if self._parts else payload))
                    if kind == _IDLE and at < end:
                        raise ValueError("a turn goes on after its end")
        except _UNREADABLE as error:
            raise EngineError(f"a cell sent unreadable records: {error}") from error
        return events, at

    def _gather(self, part: memoryview) -> None:
        if not part:
            raise ValueError("a record goes on with nothing in it")
        self._add(part)

    def _whole(self, last: bytes) -> bytes:
        self._add(last)
        whole = b"".join(self._parts)
        self._parts, self.unfinished = [], 0
        return whole

    def _add(self, part: bytes | memoryview) -> None:
        self._parts.append(part)
        self.unfinished += len(part)
        if self.unfinished + len(self._parts) * EACH_PART_BYTES > self._max_bytes:
            raise ValueError("a record is larger than a value may be")


RECORD_OVERHEAD: Final = 64 * 1024
"""A record holds a value and a little more: a key, a number, an error text around it."""


def longest(value_bytes: int) -> int:
    """How many bytes a record may have where a value has ``value_bytes``, which count UTF-16 units of a text."""
    return 3 * (value_bytes + RECORD_OVERHEAD)


CREDIT_BYTES: Final = 256 * 1024
"""Give credit back in portions of this size: a small cell never needs any."""

STEP_RECORDS: Final = 50
"""How many records are decoded before other sessions may have their turn; they take some 0.1 ms."""

SLACK_BYTES: Final = 512 * 1024
"""What may come beyond the window: a full buffer and a few peeks at a buffer being filled."""


class Feed:
    """Takes a cell's raw records, decodes them for its sink step by step, and gives credit for them.

    While paused it keeps them as they are and gives no credit, so that the script soon waits.
    A turn ends once: each end may set much going, and a worker that could send ends for nothing
    would keep the loop busy with them.

    Args:
        sink: gets the events.
        max_bytes: how long a record may be.
        window: how many bytes may come without credit.
        credit: called with the bytes that have been dealt with.
    """

    def __init__(
        self, sink: Sink, max_bytes: int, window: int, credit: Callable[[int], None]
    ) -> None:
        self.finished = False
        self._sink = sink
        self._records = Records(max_bytes)
        self._max_open = window + SLACK_BYTES
        self._credit = credit
        self._open = 0
        self._owed = 0
        self._unfinished = 0
        self._turns = 1  # the program's first
        self._held: deque[bytes | Callable[[], None]] = deque()
        self._at = 0  # in the first of them
        self._paused = False

    def data(self, data: bytes) -> None:
        """Records have come; they are kept for the next ``step``.

        Raises:
            EngineError: they are more than the cell has credit for.
        """
        self._open += len(data)
        if self._open > self._max_open:
            raise EngineError("a cell sent more than it had credit for")
        if data:
            self._held.append(data)

    def after(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` when what has come is decoded; at once if it is, or is not going to be soon."""
        if self._held and not self._paused:
            self._held.append(tell)
        else:
            tell()

    def step(self) -> bool:
        """Decode some records; whether there are more to be decoded now.

        Raises:
            EngineError: they are unreadable, or out of turn; the worker cannot be trusted any more.
        """
        if self._held and not self._paused:
            first = self._held[0]
            if isinstance(first, bytes):
                self._decode(first)
            else:
                self._held.popleft()
                first()
        return bool(self._held) and not self._paused

    def drain(self) -> None:
        """Decode all that is to be decoded now.

        Raises:
            EngineError: as ``step``.
        """
        while self.step():
            pass

    def expect_turn(self) -> None:
        """One more turn has been asked for, and will end."""
        self._turns += 1

    def pause(self) -> None:
        """Keep what comes until ``resume``."""
        self._paused = True

    def resume(self) -> None:
        """Have what was kept decoded by the steps that follow."""
        self._paused = False

    def _decode(self, data: bytes) -> None:
        before = self._at
        events, self._at = self._records.feed(data, before, STEP_RECORDS)
        self._owed += self._at - before
        if self._at == len(data):
            self._held.popleft()
            self._at = 0
        if self._owed >= CREDIT_BYTES:
            self._open -= self._owed
            self._credit(self._owed)
            self._owed = 0
        if events:
            last = type(events[-1])
            self.finished = last is Finished
            if last is Idle:
                self._turns -= 1
                if self._turns < 0:
                    raise EngineError("a cell ended a turn that it did not have")
            self._sink.on_events(events)
        if self._records.unfinished != self._unfinished:
            self._unfinished = self._records.unfinished
            self._sink.on_unfinished(self._unfinished)
