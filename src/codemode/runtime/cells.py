"""The cells of a session, by id: those that live, those that close, and ends that nobody has read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..loop_share import LoopShare
from .held import Held
from .unread import Unread

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..limits import Limits
    from ..protocol.session import News
    from ..protocol.types import CellId, LiveCell
    from .actor import CellActor


class CellRegistry:
    """A cell is admitted, then over, then forgotten; implements ``actor.Home``."""

    def __init__(self, limits: Limits) -> None:
        self._live: dict[CellId, CellActor] = {}
        self._closing: set[CellActor] = set()
        self._unread = Unread(limits)
        self.held = Held(limits.held_bytes)
        self.on_news: Callable[[CellId, News], None] | None = None
        self.share = LoopShare()

    def __len__(self) -> int:
        return len(self._live)

    @property
    def live(self) -> tuple[CellId, ...]:
        """The cells that are not over, in order of admission."""
        return tuple(self._live)

    @property
    def everyone(self) -> tuple[CellActor, ...]:
        """Every cell whose delegate may still hear of it."""
        return (*self._live.values(), *self._closing)

    def get(self, cell_id: CellId) -> CellActor | None:
        """The cell ``cell_id``, if it lives."""
        return self._live.get(cell_id)

    def admit(self, actor: CellActor) -> None:
        """It lives from here on."""
        self._live[actor.cell_id] = actor

    def forget_stranded(self) -> None:
        """A session may outlive its event loop and go on in another one; its cells do not."""
        for actor in self.everyone:
            if actor.is_stranded:
                actor.give_up()

    def over(self, actor: CellActor) -> None:
        """It has ended."""
        self._live.pop(actor.cell_id, None)
        self._closing.add(actor)

    def forget(self, actor: CellActor) -> None:
        """Its delegate knows."""
        self._closing.discard(actor)

    def news(self, cell_id: CellId, news: News) -> None:
        """There is news of a cell; see ``protocol.session.TellsNews``."""
        if self.on_news is not None:
            self.on_news(cell_id, news)

    def keep_unread(self, end: LiveCell) -> None:
        """Its end reached nobody: the next who asks gets it."""
        self._unread.keep(end)

    def take_unread(self, cell_id: CellId) -> LiveCell | None:
        """An end that reached nobody, once."""
        return self._unread.take(cell_id)
