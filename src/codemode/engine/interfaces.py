"""The seam between the life of cells and what runs them.

``runtime`` knows these protocols; ``workers`` implements them. All calls are made on the event loop, and so are
the calls back to the sink (:class:`~codemode.engine.events.Sink`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from ..limits import Limits
    from .catalogue import Catalogue
    from .events import Sink


class Repeatable(Struct, frozen=True, gc=False):
    """Makes a cell a function of its inputs: the same source, settings and deliveries give the same output.

    Attributes:
        seed: of ``Math.random``, 64 bits.
        readings: what the clock showed before, the concatenation of all ``ClockRead.readings`` of an earlier
            run. They are used up first; then the real clock is read, and told.
        is_replay: whether the cell has run before; it is counted as such.
    """

    seed: int
    readings: bytes = b""
    is_replay: bool = False


class EngineCell(Protocol):
    """A program that runs, seen from the event loop.

    What is delivered - ``resolve``, ``reject``, ``fire_timer`` - begins a turn each, in the order of the calls. Each
    turn ends with :class:`~codemode.engine.events.Idle`, or the program does.
    """

    def resolve(self, call: int, json: str) -> None:
        """Resolve the promise of a tool call with the value in ``json``."""

    def reject(self, call: int, text: str) -> None:
        """Reject the promise of a tool call with a string."""

    def fire_timer(self, timer: int) -> None:
        """Run the callback of a timer, unless the script has cleared it."""

    def load(self, json: bytes | None) -> None:
        """Answer ``ValueAsked`` with JSON in UTF-8, or with None if there is no such value."""

    def flush(self) -> None:
        """Ask for what has been written so far; ``on_flushed`` follows."""

    def pause(self) -> None:
        """Stop granting credit for records; the cell then waits."""

    def resume(self) -> None:
        """Go on after ``pause``."""

    async def close(self) -> bool:
        """Stop the program for good; nothing is said after this returns.

        Returns within ``Limits.termination_ms``; False if it had to be killed.
        """


class EngineSession(Protocol):
    """Cells that share a process."""

    async def start(
        self,
        source: str,
        catalogue: Catalogue,
        sink: Sink,
        repeatable: Repeatable | None = None,
    ) -> EngineCell:
        """Start a program. Raises EngineError if that is impossible."""

    async def aclose(self) -> None:
        """End every cell without a word to their sinks, and release everything."""


class Engine(Protocol):
    """Makes engine sessions."""

    def warm_up(self) -> None:
        """Make ready ahead of time what the first session needs; on the event loop."""

    def session(self, limits: Limits) -> EngineSession:
        """A new session; costs nothing until its first start."""

    async def aclose(self) -> None:
        """Release everything. Sessions must be closed before."""
