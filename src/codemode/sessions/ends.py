"""How cells have ended: kept for a while, within a bound."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from .items import size_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..limits import Limits
    from ..protocol.types import CellId, Item

END_BYTES: Final = 1024
"""What an end takes besides its output."""

T = TypeVar("T")


class Kept(NamedTuple, Generic[T]):
    """An end that is kept; ``at`` is when the clock of ``time.monotonic`` said so."""

    end: T
    at: float
    size: int


class Ends(Generic[T]):
    """The last ends, as many as fit into the output of one observation, but always the last.

    None is kept longer than ``result_kept_ms``.
    """

    def __init__(self, limits: Limits) -> None:
        self._max_bytes = limits.output_bytes
        self._seconds = limits.result_kept_ms / 1000
        self._ends: OrderedDict[CellId, Kept[T]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._ends)

    def keep(self, cell_id: CellId, end: T, items: Iterable[Item]) -> None:
        """Keep ``end``, which holds ``items``, in place of what was kept of this cell."""
        # Two observers of one end both keep it: it counts once.
        if cell_id in self._ends:
            self._forget(cell_id)
        size = END_BYTES + sum(map(size_of, items))
        self._ends[cell_id] = Kept(end, time.monotonic(), size)
        self._bytes += size
        self._forget_old()
        while len(self._ends) > 1 and self._bytes > self._max_bytes:
            self._forget(next(iter(self._ends)))

    def get(self, cell_id: CellId) -> Kept[T] | None:
        """The end of ``cell_id``, if it is here."""
        self._forget_old()
        return self._ends.get(cell_id)

    def take(self, cell_id: CellId) -> T | None:
        """The end of ``cell_id``, if it is here; it is not any more."""
        self._forget_old()
        return self._forget(cell_id) if cell_id in self._ends else None

    def _forget_old(self) -> None:
        horizon = time.monotonic() - self._seconds
        while self._ends and next(iter(self._ends.values())).at <= horizon:
            self._forget(next(iter(self._ends)))

    def _forget(self, cell_id: CellId) -> T:
        kept = self._ends.pop(cell_id)
        self._bytes -= kept.size
        return kept.end
