"""Who asks about a cell: at most one observer at a time, and one caller who waits for its termination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cell_state import Input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..protocol.types import LiveCell
    from ..sessions.ends import Ends
    from .observation import Observation


class CellObservers:
    """The callers of one cell; ``unread`` keeps an end that none of them has taken."""

    def __init__(self, unread: Ends[LiveCell]) -> None:
        self.observer: Observation | None = None
        self.terminator: Observation | None = None
        self._unread = unread
        self._readers = 0  # of the end

    def seat(self, event: Input, observation: Observation) -> None:
        """Remember who asks."""
        if event is Input.TERMINATE:
            self.terminator = observation
        else:
            self.observer = observation

    def gone(self) -> Iterator[Input]:
        """Forget each caller who was cancelled, with the input that this is."""
        if self.observer is not None and self.observer.answer.cancelled():
            self.observer.disarm()
            self.observer = None
            yield Input.OBSERVER_GONE
        if self.terminator is not None and self.terminator.answer.cancelled():
            self.terminator = None
            yield Input.TERMINATOR_GONE

    def answer(self, outcome: LiveCell) -> bool:
        """Answer the observer; whether it was there to be answered."""
        observer, self.observer = self.observer, None
        return observer is not None and observer.settle(outcome)

    def answer_all(self, end: LiveCell) -> None:
        """Give the end of the cell to all who ask; it is kept where none does."""
        self._readers = int(self.answer(end))
        if self.terminator is not None:
            self._readers += int(self.terminator.settle(end))
        if self._readers == 0:
            self._keep(end)

    def missed(self, end: LiveCell) -> None:
        """One of those who were given the end was cancelled before it could take it."""
        self._readers -= 1
        if self._readers == 0:
            self._keep(end)

    def _keep(self, end: LiveCell) -> None:
        self._unread.keep(end.response.cell_id, end, end.response.items)
