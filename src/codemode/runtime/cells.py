"""The cells of a session, by id: those that live, those that close, and ends that were not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from ..loop_share import LoopShare
from ..protocol.types import LiveCell
from ..sessions.ends import Ends
from .memory_budget import MemoryBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..limits import Limits
    from ..protocol.session import News
    from ..protocol.types import CellId

C = TypeVar("C")


class CellRegistry(Generic[C]):
    """A cell is admitted, then over, then forgotten."""

    def __init__(self, limits: Limits) -> None:
        self._live: dict[CellId, C] = {}
        self._closing: set[C] = set()
        self.unread = Ends[LiveCell](limits)
        self.budget = MemoryBudget(limits.held_bytes)
        self.on_news: Callable[[CellId, News], None] | None = None
        self.share = LoopShare()

    def __len__(self) -> int:
        return len(self._live)

    @property
    def live(self) -> tuple[CellId, ...]:
        """The cells that are not over, in order of admission."""
        return tuple(self._live)

    @property
    def everyone(self) -> tuple[C, ...]:
        """Every cell whose delegate has not been told of its end."""
        return (*self._live.values(), *self._closing)

    def get(self, cell_id: CellId) -> C | None:
        """The cell ``cell_id``, if it lives."""
        return self._live.get(cell_id)

    def admit(self, cell_id: CellId, cell: C) -> None:
        """It lives from here on."""
        self._live[cell_id] = cell

    def over(self, cell_id: CellId, cell: C) -> None:
        """It has ended; its id means nothing any more."""
        self._live.pop(cell_id, None)
        self._closing.add(cell)

    def forget(self, cell: C) -> None:
        """Its delegate knows that it has ended."""
        self._closing.discard(cell)

    def news(self, cell_id: CellId, news: News) -> None:
        """There is news of a cell; see ``protocol.session.TellsNews``."""
        if self.on_news is not None:
            self.on_news(cell_id, news)
