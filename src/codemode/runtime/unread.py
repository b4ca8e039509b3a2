"""Ends of cells that reached nobody: kept for a while, within a bound, and read once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from .outbox import size_of

if TYPE_CHECKING:
    from ..limits import Limits
    from ..protocol.types import CellId, LiveCell


class Unread:
    """Keeps the last ends, as many as fit into the output of one observation."""

    def __init__(self, limits: Limits) -> None:
        self._max_bytes = limits.output_bytes
        self._seconds = limits.result_kept_ms / 1000
        self._ends: OrderedDict[CellId, tuple[LiveCell, float, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._ends)

    def keep(self, end: LiveCell) -> None:
        """Keep ``end`` for the next who asks for its cell."""
        response = end.response
        size = 1024 + sum(map(size_of, response.items))
        self._ends[response.cell_id] = (end, asyncio.get_running_loop().time(), size)
        self._bytes += size
        self._forget_old()
        while len(self._ends) > 1 and self._bytes > self._max_bytes:
            self._forget(next(iter(self._ends)))

    def take(self, cell_id: CellId) -> LiveCell | None:
        """The end of ``cell_id``, if it is here; it is not any more."""
        self._forget_old()
        return self._forget(cell_id) if cell_id in self._ends else None

    def _forget_old(self) -> None:
        horizon = asyncio.get_running_loop().time() - self._seconds
        while self._ends and next(iter(self._ends.values()))[1] <= horizon:
            self._forget(next(iter(self._ends)))

    def _forget(self, cell_id: CellId) -> LiveCell:
        end, _, size = self._ends.pop(cell_id)
        self._bytes -= size
        return end
