"""The cells of one session at one host, and what the host says of a cell before it names it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from ..protocol import messages as m

if TYPE_CHECKING:
    import asyncio

    from ..protocol.types import CellId, Item, WaitOutcome
    from .callbacks import Callbacks

    Asked: TypeAlias = m.ToolInvoke | m.NotificationSend

EARLY_MESSAGES: Final = 128
"""What a session may hear about cells that it has not been told of."""


@dataclass(eq=False, slots=True)
class RemoteCell:
    """A cell at a host.

    Attributes:
        cell_id: as callers know it.
        remote_id: as the host knows it.
        callbacks: what it asks of the delegate.
        observers: how many callers wait for it.
        terminator: the answer to whoever terminates it.
        is_over: its end has been heard of.
        is_closing: the delegate hears of its end soon, or has.
        end_seen: somebody has been given its end.
        loss_seen: somebody has been told that it was lost with its host.
        left_over: what it wrote for a caller who was gone; the next one gets it.
    """

    cell_id: CellId
    remote_id: CellId
    callbacks: Callbacks
    observers: int = 0
    terminator: asyncio.Future[WaitOutcome] | None = None
    is_over: bool = False
    is_closing: bool = False
    end_seen: bool = False
    loss_seen: bool = False
    left_over: list[Item] = field(default_factory=list)


class EarlyMessages:
    """What came about cells that have not been announced, in order, within a bound."""

    def __init__(self) -> None:
        self._asked: dict[CellId, dict[int, Asked]] = {}
        self._closed: set[CellId] = set()

    def __len__(self) -> int:
        return len(self._closed) + sum(map(len, self._asked.values()))

    def add(self, cell_id: CellId, number: int, request: Asked) -> bool:
        """Keep a callback; False if there are too many."""
        if len(self) >= EARLY_MESSAGES:
            return False
        self._asked.setdefault(cell_id, {})[number] = request
        return True

    def cancel(self, number: int) -> None:
        """Forget a callback that is not wanted any more (``seam.Owner``)."""
        for asked in self._asked.values():
            asked.pop(number, None)

    def close(self, cell_id: CellId) -> None:
        """The cell is closed already."""
        if len(self) < EARLY_MESSAGES:
            self._closed.add(cell_id)

    def take(self, cell_id: CellId) -> tuple[dict[int, Asked], bool]:
        """What came about this cell: its callbacks by number, and whether it is closed."""
        closed = cell_id in self._closed
        self._closed.discard(cell_id)
        return self._asked.pop(cell_id, {}), closed

    def clear(self) -> list[int]:
        """Forget everything; the numbers of the callbacks that nobody will run."""
        numbers = [number for asked in self._asked.values() for number in asked]
        self._asked.clear()
        self._closed.clear()
        return numbers
