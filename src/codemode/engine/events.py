"""What a cell says: records from the prelude's buffer, decoded into events.

A record is three UTF-16 units - kind, length low, length high - and its payload; bit 15 of the
kind says that the next record continues it. All of it is hostile: kinds, lengths and numbers are
checked, and what is gathered for one record is bounded before it is kept.
"""

from __future__ import annotations

import struct
from codecs import utf_16_le_decode
from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

from msgspec import MsgspecError, Raw, Struct
from msgspec.json import Decoder

from ..errors import EngineError
from ..protocol.types import AudioItem, ImageDetail, ImageItem, Item, TextItem

if TYPE_CHECKING:
    from collections.abc import Callable


class ToolCalled(Struct, frozen=True, gc=False):
    """``tools.x(…)``: the number of the call, the tool's index, the argument as JSON or None."""

    number: int
    index: int
    input_json: str | None


class Notified(Struct, frozen=True, gc=False):
    """``notify(text)``."""

    text: str


class YieldAsked(Struct, frozen=True, gc=False):
    """``yield_control()``."""


class TimerSet(Struct, frozen=True, gc=False):
    """``setTimeout``: fire timer ``number`` after ``delay_ms``."""

    number: int
    delay_ms: float


class TimerCleared(Struct, frozen=True, gc=False):
    """``clearTimeout``."""

    number: int


class ValueStored(Struct, frozen=True, gc=False):
    """``store(key, value)``, the value as JSON."""

    key: str
    json: str


class ValueAsked(Struct, frozen=True, gc=False):
    """``load(key)``: the script waits for the answer."""

    key: str


class Finished(Struct, frozen=True, gc=False):
    """The program is over; ``error_text`` is None if it succeeded.

    ``limit`` is the name of the limit that it had reached, if that is what nobody caught.
    """

    error_text: str | None
    limit: str | None = None


class Idle(Struct, frozen=True, gc=False):
    """A turn is over: nothing runnable is left but timers and tool results."""


Event: TypeAlias = (
    Item
    | ToolCalled
    | Notified
    | YieldAsked
    | TimerSet
    | TimerCleared
    | ValueStored
    | ValueAsked
    | Finished
    | Idle
)


class Kind(IntEnum):
    """The kinds of records; boot.js has the same numbers."""

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
    IDLE = 13
    LIMITED = 14


_ROOM: Final = 128
"""The prelude nests values less deep than this; a frame around them takes some levels more."""
_JSON: Final = Decoder(Raw)


def _valid(json: str) -> str:
    """``json`` if it is JSON that can be read again with something around it.

    Anything else would spoil the frame or the cell that it is written into later.
    """
    _JSON.decode(json)
    if json.count("[") + json.count("{") > _ROOM:
        _JSON.decode("[" * _ROOM + json + "]" * _ROOM)
    return json


def _call(payload: str) -> Event:
    number, index, text = payload.split("\n", 2)
    return ToolCalled(int(number), int(index), _valid(text) if text else None)


def _timer(payload: str) -> Event:
    number, delay = payload.split("\n")
    return TimerSet(int(number), float(delay))


def _store(payload: str) -> Event:
    length, rest = payload.split("\n", 1)
    size = int(length)
    if rest.isascii():
        return ValueStored(rest[:size], _valid(rest[size:]))
    # The length counts UTF-16 units, in which a character beyond the first plane has two.
    key = rest.encode("utf-16-le")[: 2 * size].decode("utf-16-le", "replace")
    return ValueStored(key, _valid(rest[len(key) :]))


def _image(payload: str) -> Event:
    detail, url = payload.split("\n", 1)
    if detail not in ("auto", "low", "high", "original"):
        raise ValueError(f"no image detail: {detail}")
    return ImageItem(url, cast("ImageDetail", detail))


_REFUSED_INSIDE: Final = frozenset({"value_bytes", "timers", "tool_calls"})
"""The limits that the prelude enforces."""


def _limited(payload: str) -> Event:
    limit, text = payload.split("\n", 1)
    if limit not in _REFUSED_INSIDE:
        raise ValueError(f"no limit of a program: {limit[:100]}")
    return Finished(text, limit)


_DECODERS: Final[dict[int, Callable[[str], Event]]] = {
    Kind.TEXT: TextItem,
    Kind.IMAGE: _image,
    Kind.AUDIO: AudioItem,
    Kind.CALL: _call,
    Kind.NOTIFY: Notified,
    Kind.YIELD: lambda _: YieldAsked(),
    Kind.TIMER: _timer,
    Kind.CLEAR: lambda payload: TimerCleared(int(payload)),
    Kind.STORE: _store,
    Kind.KEY: ValueAsked,
    Kind.DONE: lambda _: Finished(None),
    Kind.FAILED: Finished,
    Kind.LIMITED: _limited,
    Kind.IDLE: lambda _: Idle(),
}
_UNREADABLE: Final = (
    ValueError, LookupError, OverflowError, RecursionError, struct.error, MsgspecError
)  # fmt: skip
EACH_PART_BYTES: Final = 64
"""What a piece of a record counts besides its text: one in a million pieces is a lot of work."""

_NO_END: Final = "a turn goes on after its end"

_HEAD: Final = struct.Struct("<3H")
_CONTINUED: Final = 0x8000
_TEXT: Final = int(Kind.TEXT)
_IDLE: Final = int(Kind.IDLE)


def _one_unit_each(data: bytes) -> str | None:
    """``data`` as text if every unit of it is a character, as in most records; else None.

    Half of a surrogate pair is none: its other half may come with the next record.
    """
    try:
        text = utf_16_le_decode(data, "strict", True)[0]  # noqa: FBT003 - its own signature
    except UnicodeDecodeError:
        return None
    return text if 2 * len(text) == len(data) else None


class Records:
    """Records of one cell, fed in pieces that end at record borders, as events."""

    def __init__(self, max_units: int) -> None:
        self._max_bytes = 2 * max_units
        self._gathered = bytearray()
        self._parts = 0

    @property
    def unfinished(self) -> int:
        """Bytes of a record whose end has not come."""
        return len(self._gathered)

    def feed(self, data: bytes) -> list[Event]:
        """The events in ``data``.

        Raises:
            EngineError: these are no records, or one is larger than a value may be.
        """
        events: list[Event] = []
        at, end = 0, len(data)
        try:
            if (text := _one_unit_each(data)) is not None:
                return self._feed_text(text, events)
            while at < end:
                kind, low, high = _HEAD.unpack_from(data, at)
                start = at + 6
                at = start + 2 * (high << 16 | low)
                if at > end:
                    raise ValueError("a record ends beyond its frame")
                if kind & _CONTINUED:
                    self._gather(data[start:at])
                    continue
                payload = data[start:at]
                if self._parts:
                    payload = self._whole(payload)
                # Lone surrogates become U+FFFD here, one for one.
                events.append(_DECODERS[kind](payload.decode("utf-16-le", "replace")))
                if kind == _IDLE and at < end:
                    raise ValueError(_NO_END)
        except _UNREADABLE as error:
            raise EngineError(f"a cell sent unreadable records: {error}") from error
        return events

    def _feed_text(self, text: str, events: list[Event]) -> list[Event]:
        """The same, three times as quick, for records in which each unit is a character."""
        at, end = 0, len(text)
        while at < end:
            kind = ord(text[at])
            start = at + 3
            at = start + (ord(text[at + 2]) << 16 | ord(text[at + 1]))
            if at > end:
                raise ValueError("a record ends beyond its frame")
            if kind == _TEXT and not self._parts:
                events.append(TextItem(text[start:at]))
            elif kind & _CONTINUED:
                self._gather(text[start:at].encode("utf-16-le"))
            else:
                payload = text[start:at]
                if self._parts:
                    # The parts may hold half of a pair, though this piece does not.
                    whole = self._whole(payload.encode("utf-16-le"))
                    payload = whole.decode("utf-16-le", "replace")
                events.append(_DECODERS[kind](payload))
                if kind == _IDLE and at < end:
                    raise ValueError(_NO_END)
        return events

    def _gather(self, part: bytes) -> None:
        if not part:
            raise ValueError("a record goes on with nothing in it")
        self._add(part)

    def _whole(self, last: bytes) -> bytes:
        self._add(last)
        whole, self._gathered, self._parts = bytes(self._gathered), bytearray(), 0
        return whole

    def _add(self, part: bytes) -> None:
        self._parts += 1
        if len(self._gathered) + len(part) + self._parts * EACH_PART_BYTES > self._max_bytes:
            raise ValueError("a record is larger than a value may be")
        self._gathered += part


class Sink(Protocol):
    """Who owns a cell; called on the event loop."""

    def on_events(self, events: list[Event]) -> None:
        """What the cell said, in order."""

    def on_unfinished(self, size: int) -> None:
        """So many bytes have come of a record whose end has not; 0 when it has."""

    def on_flushed(self) -> None:
        """Everything written before the flush was asked for has been said."""

    def on_lost(self, reason: str, limit: str | None) -> None:
        """The cell is gone without an end of its own; nothing more comes."""


RECORD_OVERHEAD: Final = 64 * 1024
"""A record holds a value and a little more: a key, a number, an error text around it."""

CREDIT_BYTES: Final = 128 * 1024
"""Give credit back in portions of this size: a small cell never needs any."""

SLACK_BYTES: Final = 512 * 1024
"""What may come beyond the window: a full buffer and a few peeks at a buffer being filled."""


class Feed:
    """Takes a cell's raw records, decodes them for its sink, and gives credit for them.

    While paused it keeps them as they are and gives no credit, so that the script soon waits.
    A turn ends once: each end may set much going, and a worker that could send ends for nothing
    would keep the loop busy with them.

    Args:
        sink: gets the events.
        max_units: how long a record may be.
        window: how many bytes may come without credit.
        credit: called with the bytes that have been dealt with.
    """

    def __init__(
        self, sink: Sink, max_units: int, window: int, credit: Callable[[int], None]
    ) -> None:
        self.finished = False
        self._sink = sink
        self._records = Records(max_units)
        self._max_open = window + SLACK_BYTES
        self._credit = credit
        self._open = 0
        self._owed = 0
        self._unfinished = 0
        self._turns = 1  # the program's first
        self._held: deque[bytes] = deque()
        self._paused = False

    def data(self, data: bytes) -> None:
        """Records have come.

        Raises:
            EngineError: they are unreadable, too many, or out of turn; the worker cannot be trusted
                any more.
        """
        self._open += len(data)
        if self._open > self._max_open:
            raise EngineError("a cell sent more than it had credit for")
        if self._paused:
            self._held.append(data)
        else:
            self._decode(data)

    def expect_turn(self) -> None:
        """One more turn has been asked for, and will end."""
        self._turns += 1

    def pause(self) -> None:
        """Keep what comes until ``resume``."""
        self._paused = True

    def resume(self) -> None:
        """Decode what was kept, unless the sink pauses again over it.

        Raises:
            EngineError: as ``data``.
        """
        self._paused = False
        while self._held and not self._paused:
            self._decode(self._held.popleft())

    def _decode(self, data: bytes) -> None:
        self._owed += len(data)
        if self._owed >= CREDIT_BYTES:
            self._open -= self._owed
            self._credit(self._owed)
            self._owed = 0
        events = self._records.feed(data)
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
