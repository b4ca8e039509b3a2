"""Cells that the host has closed, until nothing of them can come any more.

Calls, events and outcomes come on streams of their own, so the end of a cell may be heard of before its last
call, and an outcome before the notifications that the cell sent first. The host says which call was its last, closes
a cell on the stream of its notifications, and we know who waits: enough to put them in order again. The
outcome that ends a cell is held until all else about it has come, and its end is told after that.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..operations import UnexpectedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

CELLS: Final = 65_536
"""Cells that may be open at once; a host has far fewer."""

SETTLE_SECONDS: Final = 5.0
"""How long an outcome is held for what came before it, and for notifications to be delivered."""

CALLS_SECONDS: Final = 10.0
"""How long the calls of a cell that was closed may take."""


@dataclass(eq=False, slots=True)
class _Cell:
    """What is known of a cell.

    Attributes:
        last: the number of its last call that has come.
        execution_id, final: what the host said when it closed the cell; None before that.
        is_whole: everything that it says by itself has come.
        notifications: how many of its notifications are with the application.
        is_quiet: none is.
        timer: when the host is out of time.
    """

    last: int = 0
    execution_id: str = ""
    final: int | None = None
    is_whole: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None
    notifications: int = 0
    is_quiet: asyncio.Event = field(default_factory=asyncio.Event)


class Retirement:
    """The cells of a session that are not retired.

    Args:
        is_observed: whether an outcome of this cell, or of this execution, is under way.
        retire: called once for each cell that was closed, when its time has come.
        give_up: called with the reason when the host owes calls that do not come.
    """

    def __init__(
        self,
        is_observed: Callable[[str, str], bool],
        retire: Callable[[str], None],
        give_up: Callable[[str], None],
    ) -> None:
        self._is_observed = is_observed
        self._retire = retire
        self._give_up = give_up
        self._cells: dict[str, _Cell] = {}

    def __repr__(self) -> str:
        return f"<{len(self._cells)} cells>"

    def started(self, cell_id: str) -> None:
        """A cell was named."""
        self._cell(cell_id)

    def call_came(self, cell_id: str, sequence: int) -> None:
        """The next call of a cell; ``look`` follows.

        Raises:
            UnexpectedAnswerError: it is not the next.
        """
        cell = self._cell(cell_id)
        if sequence != cell.last + 1:
            raise UnexpectedAnswerError(
                f"tool call {sequence} after tool call {cell.last} of a cell"
            )
        cell.last = sequence

    def closed(self, cell_id: str, execution_id: str, final_sequence: int) -> None:
        """The host has closed a cell."""
        cell = self._cell(cell_id)
        if cell.final is None:
            cell.execution_id, cell.final = execution_id, final_sequence
            loop = asyncio.get_running_loop()
            cell.timer = loop.call_later(CALLS_SECONDS, self._overdue, cell)
        self.look(cell_id)

    def notified(self, cell_id: str) -> None:
        """A notification of a cell has come, perhaps before the cell was named."""
        cell = self._cell(cell_id)
        cell.notifications += 1
        cell.is_quiet.clear()

    def notification_over(self, cell_id: str) -> None:
        """A notification of a cell is answered, or will not be."""
        cell = self._cells.get(cell_id)
        if cell is not None and cell.notifications:
            cell.notifications -= 1
            if not cell.notifications:
                cell.is_quiet.set()

    async def settled(self, cell_id: str, *, delivered: bool) -> None:
        """Return when everything that came before the end of this cell is here; bounded.

        ``delivered``: and when its notifications have been delivered. The host does not wait for that.
        """
        cell = self._cells.get(cell_id)
        if cell is None:
            return
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await cell.is_whole.wait()
                if delivered:
                    await cell.is_quiet.wait()
        except TimeoutError:
            _log.warning("a cell is over, and not all that it said has come, or was delivered")

    def look(self, cell_id: str) -> None:
        """Something of this cell has come, or an observation of it is over."""
        cell = self._cells.get(cell_id)
        if cell is None or cell.final is None or cell.last < cell.final:
            return
        cell.is_whole.set()
        if not self._is_observed(cell_id, cell.execution_id):
            del self._cells[cell_id]
            if cell.timer is not None:
                cell.timer.cancel()
            self._retire(cell_id)

    def look_all(self) -> None:
        """An observation is over that has no cell."""
        for cell_id in list(self._cells):
            self.look(cell_id)

    def close(self) -> None:
        """Nothing more comes: nobody waits for it."""
        for cell in self._cells.values():
            cell.is_whole.set()
            cell.is_quiet.set()
            if cell.timer is not None:
                cell.timer.cancel()

    def _cell(self, cell_id: str) -> _Cell:
        cell = self._cells.get(cell_id)
        if cell is None:
            if len(self._cells) >= CELLS:
                raise UnexpectedAnswerError("more cells than a host can have")
            cell = self._cells[cell_id] = _Cell()
            cell.is_quiet.set()
        return cell

    def _overdue(self, cell: _Cell) -> None:
        if cell.final is not None and cell.last < cell.final:
            self._give_up("a cell was closed before its last tool call")
