"""The events of a cell, and the interface of their sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from msgspec import Struct

from ..protocol.types import Item

if TYPE_CHECKING:
    from ..loop_share import LoopShare


class ToolCalled(Struct, frozen=True, gc=False):
    """``tools.x(…)``.

    Attributes:
        number: of the call, from 1 in each cell.
        index: of the tool in the catalogue.
        input_json: the argument, None if there is none.
        line, column: where in the source it is called, from 1; 0 if no code of the script is on the stack.
    """

    number: int
    index: int
    input_json: str | None
    line: int = 0
    column: int = 0


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

    ``limit`` is the name of the limit that it had reached, if that is the uncaught error.
    """

    error_text: str | None
    limit: str | None = None


class ErrorPlaced(Struct, frozen=True, gc=False):
    """Where in the source the error is that ends a program which does not compile; before ``Finished``.

    ``line`` and ``column`` count from 1, the column in UTF-16 code units.
    """

    line: int
    column: int


class ClockRead(Struct, frozen=True, gc=False):
    """What a repeatable cell has read from its clock; before the events that may depend on it.

    ``readings`` are to be kept as they are, in order, for ``Repeatable``.
    """

    readings: bytes


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
    | ErrorPlaced
    | ClockRead
    | Idle
)


class Sink(Protocol):
    """The owner of a cell; called on the event loop."""

    @property
    def share(self) -> LoopShare:
        """The session's share of the event loop, in which the cell's records are decoded."""

    def on_events(self, events: list[Event]) -> None:
        """Take the events of the cell, in order."""

    def on_unfinished(self, size: int) -> None:
        """So many bytes have come of a record whose end has not; 0 when it has."""

    def on_flushed(self) -> None:
        """Everything written before the flush was asked for has been said."""

    def on_lost(self, reason: str, limit: str | None) -> None:
        """The cell is gone without an end of its own; nothing more comes."""
