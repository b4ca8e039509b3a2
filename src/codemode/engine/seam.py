"""The seam between the life of cells and what runs them.

``runtime`` knows these protocols; ``workers`` and ``threads`` implement them. All calls are made
on the event loop, and so are the calls back to the sink.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..limits import Limits
    from .events import Sink
    from .program import Catalogue


class EngineCell(Protocol):
    """A program that runs, seen from the event loop."""

    def deliver(self, message: str) -> None:
        """Schedule a turn; see prelude/boot.js for the messages."""

    def answer(self, json: bytes | None) -> None:
        """Answer ``ValueAsked`` with JSON in UTF-8, or with None if there is no such value."""

    def flush(self) -> None:
        """Ask for what has been written so far; ``on_flushed`` follows."""

    def pause(self) -> None:
        """Hold back what the cell says; it will soon wait."""

    def resume(self) -> None:
        """Go on after ``pause``."""

    async def close(self) -> bool:
        """Stop the program for good; nothing is said after this returns.

        Returns within ``Limits.termination_ms``; False if it had to be killed or left behind.
        """


class EngineSession(Protocol):
    """Cells that may share a process."""

    async def start(self, source: str, catalogue: Catalogue, sink: Sink) -> EngineCell:
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
