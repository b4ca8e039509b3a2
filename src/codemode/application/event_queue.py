"""Events of one cell on their way to its follower: in order, and no more than it takes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .events import CellEvent

MOST_EVENTS: Final = 1_000
"""With so many untaken events, nested calls and notifications of the cell wait."""

PAUSE_SECONDS: Final = 0.005
"""How long events gather after the last ones were taken: a program may call tools without end, and
before each event, the output so far is fetched first."""


class EventQueue:
    """A queue with one reader.

    Attributes:
        news: set when there is something to take, or the cell is closed.
    """

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._events: deque[CellEvent] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._taken_at = -PAUSE_SECONDS
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<queue of {len(self._events)} events>"

    async def put(self, event: CellEvent) -> None:
        """Add an event when there is room for it; drop it if the reader has left."""
        while not self._closed and len(self._events) >= MOST_EVENTS:
            self._room.clear()
            self.news.set()
            await self._room.wait()
        self.extend((event,))

    def extend(self, events: Iterable[CellEvent]) -> None:
        """Add events, whether there is room or not."""
        if self._closed:
            return
        self._events.extend(events)
        if self._events and self._timer is None:
            pause = self._taken_at + PAUSE_SECONDS - self._loop.time()
            if pause <= 0:
                self.news.set()
            else:
                self._timer = self._loop.call_later(pause, self._announce)

    def take(self) -> list[CellEvent]:
        """Everything that is there."""
        events = list(self._events)
        self._events.clear()
        self._taken_at = self._loop.time()
        self._stop_timer()
        self.news.clear()
        self._room.set()
        return events

    def close(self) -> None:
        """The reader has left: later events are dropped, and waiting writers go on."""
        self._closed = True
        self._events.clear()
        self._stop_timer()
        self._room.set()

    def _announce(self) -> None:
        self._timer = None
        self.news.set()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
