"""Ends of cells that reached nobody: kept for the next who asks, and read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ends import Ends

if TYPE_CHECKING:
    from ..limits import Limits
    from ..protocol.types import CellId, LiveCell


class Unread:
    """Keeps the last ends (``Ends``) until somebody asks."""

    def __init__(self, limits: Limits) -> None:
        self._ends = Ends["LiveCell"](limits)

    def __len__(self) -> int:
        return len(self._ends)

    def keep(self, end: LiveCell) -> None:
        """Keep ``end`` for the next who asks for its cell."""
        self._ends.keep(end.response.cell_id, end, end.response.items)

    def take(self, cell_id: CellId) -> LiveCell | None:
        """The end of ``cell_id``, if it is here; it is not any more."""
        return self._ends.take(cell_id)
