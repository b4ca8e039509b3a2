"""What the cells of a session hold that has not been taken, together within a bound.

A cell is bounded by itself (``output_bytes``, and what its callbacks hold), but a session has many.
The budget has the usage of each: its output that waits for an observer, what its callbacks hold, and
the unfinished part of a record. Over the limit, cells wait, as one does whose callbacks are full.

A cell is not paused where that could keep memory from being freed. One that is *observed* goes on:
its output is about to be taken, and observers are as many as the application has asked for. When a
usage becomes smaller, an observer has come or a callback has ended, so all are reviewed again. And
halves of records alone pause no cell: the first that has one may finish it. What is left is a session
in which output waits for observers who do not come; its cells wait, too, and end as unobserved.

So a session holds no more than the limit, one value, and what observed cells may hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class MemoryBudget:
    """The usage of all cells of a session."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._usages: dict[CellUsage, None] = {}  # in the order of their cells
        self._buffered = 0
        self._unfinished = 0
        self._was_over_limit = False
        self._is_reviewing = False
        self._again = False

    def usage(self, on_turn: Callable[[], None]) -> CellUsage:
        """The usage of one more cell; ``on_turn`` is called when ``waits`` has changed."""
        usage = CellUsage(self, on_turn)
        self._usages[usage] = None
        return usage

    @property
    def bytes(self) -> int:
        """What all cells hold together."""
        return self._buffered + self._unfinished

    @property
    def is_over_limit(self) -> bool:
        """Whether that is more than it may be."""
        return self.bytes > self._max_bytes

    def update(self, usage: CellUsage, buffered: int, unfinished: int) -> None:
        """``usage`` is so much from now on."""
        if usage not in self._usages:
            return
        self._buffered += buffered - usage.buffered
        self._unfinished += unfinished - usage.unfinished
        usage.buffered, usage.unfinished = buffered, unfinished
        self.review()

    def leave(self, usage: CellUsage) -> None:
        """Its cell is over; harmless if it has left."""
        self.update(usage, 0, 0)
        self._usages.pop(usage, None)

    def review(self) -> None:
        """Decide which cells wait. One that goes on may change that at once."""
        if not self._was_over_limit and not self.is_over_limit:
            return
        self._again = True
        if self._is_reviewing:
            return
        self._is_reviewing = True
        try:
            while self._again:
                self._again = False
                self._was_over_limit = self.is_over_limit
                first = self._first_unfinished()
                for usage in list(self._usages):
                    usage.set_waits(not self._goes_on(usage, first))
        finally:
            self._is_reviewing = False

    def _goes_on(self, usage: CellUsage, first: CellUsage | None) -> bool:
        if usage.observed or not self.is_over_limit:
            return True
        return usage is first and self._buffered <= self._max_bytes

    def _first_unfinished(self) -> CellUsage | None:
        unfinished = (each for each in self._usages if each.unfinished and not each.observed)
        return next(unfinished, None)


class CellUsage:
    """What one cell holds.

    Attributes:
        buffered: bytes of its output and callbacks.
        unfinished: bytes of a record that has begun.
        observed: whether an observer is there to take its output.
        waits: whether it is to be paused.
    """

    __slots__ = ("_budget", "_on_turn", "buffered", "observed", "unfinished", "waits")

    def __init__(self, budget: MemoryBudget, on_turn: Callable[[], None]) -> None:
        self._budget = budget
        self._on_turn = on_turn
        self.buffered = 0
        self.unfinished = 0
        self.observed = False
        self.waits = False

    def set_buffered(self, buffered: int) -> None:
        """The output and callbacks of the cell hold so many bytes."""
        if buffered != self.buffered:
            self._budget.update(self, buffered, self.unfinished)

    def set_unfinished(self, unfinished: int) -> None:
        """So many bytes of its next record are here."""
        if unfinished != self.unfinished:
            self._budget.update(self, self.buffered, unfinished)

    def set_observed(self, observed: bool) -> None:  # noqa: FBT001 - the one thing it sets
        """Whether the cell has an observer."""
        if observed is not self.observed:
            self.observed = observed
            self._budget.review()

    def set_waits(self, waits: bool) -> None:  # noqa: FBT001 - the one thing it sets
        """Pause the cell, or let it go on (``MemoryBudget``)."""
        if waits is not self.waits:
            self.waits = waits
            self._on_turn()

    def leave(self) -> None:
        """The cell is over."""
        self._budget.leave(self)
