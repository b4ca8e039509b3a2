"""What is said about the cells of one session, in the one order that clients rely on.

A cell's start comes first, its end last: after every response about it. Whoever ended the cell
learns of its end before those who only watched. The runtime answers and closes a cell in whatever
order its tasks run, so some of it is held back here until its turn has come.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.types import CellId

ACTIVE_CELLS: Final = 1_024
"""Cells of a host that are not closed, in all its sessions; 0.169.0 admits more than 1,100."""


class CellCount:
    """How many cells there are in all the sessions of a host, from admission to the last word."""

    def __init__(self, bound: int = ACTIVE_CELLS) -> None:
        self._bound = bound
        self.active = 0

    @property
    def is_full(self) -> bool:
        """Whether there must not be one more."""
        return self.active >= self._bound


class _OrderedCell(Struct):
    """A cell that was started and whose end has not been told.

    Attributes:
        open: requests about it that have not been answered.
        ending: those among them that are to end it.
        closed: the runtime has done with it.
        held: what says its end to those who only watched.
    """

    open: int = 0
    ending: int = 0
    closed: bool = False
    held: list[Callable[[], None]] = field(default_factory=list)


class _Queue(Struct):
    """Those who have something to say about a cell whose start has not been told, in order."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0


class ResponseOrder:
    """The cells of one session, from their start to the last word about them.

    Args:
        session_id: the session.
        count: counts them with those of other sessions.
        say_closed: tells the client that nothing more comes of a cell.
    """

    def __init__(
        self, session_id: str, count: CellCount, say_closed: Callable[[CellId], None]
    ) -> None:
        self._session_id = session_id
        self._count = count
        self._say_closed = say_closed
        self._cells: dict[CellId, _OrderedCell] = {}
        self._early: set[CellId] = set()
        self._queues: dict[CellId, _Queue] = {}
        self._yields: dict[CellId, int] = {}  # that the client has not been told
        self._starting = 0
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<cells of {self._session_id}: {len(self._cells)}, {self._starting} starting>"

    def __len__(self) -> int:
        return len(self._cells) + self._starting

    def begin(self) -> None:
        """An execute is under way; ``started`` or ``failed`` follows."""
        self._starting += 1
        self._count.active += 1

    def failed(self) -> None:
        """The execute came to nothing."""
        self._begun()
        self._count.active -= 1

    def started(self, cell_id: CellId) -> None:
        """The client knows that the execute came to a cell; its first observation is still open."""
        self._cells[cell_id] = _OrderedCell(open=1, closed=cell_id in self._early)
        self._begun()

    def ensure_started(self, cell_id: CellId) -> None:
        """Whether the client could be told or not: the cell is there, and will have an end."""
        if cell_id not in self._cells:
            self.started(cell_id)

    def closed(self, cell_id: CellId) -> None:
        """The runtime has done with the cell."""
        cell = self._cells.get(cell_id)
        if cell is not None:
            cell.closed = True
            self._settle(cell_id, cell)
        elif self._starting:
            self._early.add(cell_id)

    def asked(self, cell_id: CellId, *, to_end: bool) -> bool:
        """A request about the cell has come; False if there is no such cell."""
        cell = self._cells.get(cell_id)
        if cell is None:
            return False
        cell.open += 1
        cell.ending += to_end
        return True

    def answered(
        self,
        cell_id: CellId,
        say: Callable[[], None] | None = None,
        *,
        to_end: bool = False,
        is_end: bool = False,
    ) -> None:
        """A request about the cell has its answer, or will never have one.

        Args:
            cell_id: the cell.
            say: gives the client the answer, if it has not been given.
            to_end: the request was to end the cell.
            is_end: the answer is the cell's end.
        """
        cell = self._cells[cell_id]
        cell.open -= 1
        if cell_id in self._yields:
            self._yields[cell_id] = min(self._yields[cell_id] - 1, cell.open)
            if not self._yields[cell_id]:
                del self._yields[cell_id]
        cell.ending -= to_end
        if say is not None:
            if is_end and cell.ending:
                cell.held.append(say)
            else:
                say()
        self._settle(cell_id, cell)

    def yielded(self, cell_id: CellId) -> None:
        """The runtime has answered an observation of the cell; ``answered`` follows, some rounds of the loop later."""
        self._yields[cell_id] = self._yields.get(cell_id, 0) + 1

    def is_announced(self, cell_id: CellId) -> bool:
        """Whether the cell's start and its yields have been told, and so has what waited for that."""
        is_told = cell_id in self._cells and cell_id not in self._yields
        return is_told and cell_id not in self._queues

    async def announced(self, cell_id: CellId) -> None:
        """Return when the cell's start has been told: nothing about it may come before that.

        Those who wait return in the order in which they came, and before any that comes later.
        """
        queue = self._queues.get(cell_id)
        if queue is None:
            if cell_id in self._cells:
                return
            queue = self._queues[cell_id] = _Queue()
        queue.length += 1
        try:
            async with queue.turn:
                while cell_id not in self._cells:
                    await self._changed.wait()
        finally:
            queue.length -= 1
            if not queue.length:
                del self._queues[cell_id]

    async def known(self, cell_id: CellId) -> None:
        """Return when it is certain whether there is such a cell."""
        while self._starting and cell_id not in self._cells:
            await self._changed.wait()

    async def empty(self) -> None:
        """Return when the last word about every cell has been said."""
        while self._cells or self._starting:
            await self._changed.wait()

    def _begun(self) -> None:
        self._starting -= 1
        if not self._starting:
            self._early.clear()
        self._change()

    def _settle(self, cell_id: CellId, cell: _OrderedCell) -> None:
        if not cell.ending:
            for say in cell.held:
                say()
            cell.held.clear()
        if cell.closed and not cell.open:
            del self._cells[cell_id]
            self._say_closed(cell_id)
            self._change()
            self._count.active -= 1

    def _change(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
