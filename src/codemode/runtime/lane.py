"""A lane of callbacks: begun in order, a bounded number at once, the others wait their turn."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

    from ..loop_share import LoopShare

    Work: TypeAlias = Callable[[asyncio.Event], Coroutine[object, object, None]]


CALLBACK_SECONDS: Final = 0.0001
"""About what a callback takes of the event loop that has nothing to do: its tasks, and its answer."""


class _LaneCallback(Struct):
    """A callback that runs. ``told``: by us; the application may set ``cancel`` by itself."""

    cancel: asyncio.Event
    size: int
    told: bool = False


class Lane:
    """Owns the tasks of one kind of callbacks.

    ``work(cancel)`` makes a callback's coroutine when its turn comes; its task runs in a copy of
    ``context``. They begin as fast as ``share`` allows. ``on_room()`` is called whenever one has ended.
    """

    def __init__(
        self, at_once: int, context: Context, share: LoopShare, on_room: Callable[[], None]
    ) -> None:
        self._at_once = max(1, at_once)
        self._context = context
        self._share = share
        self._on_room = on_room
        self._running: dict[asyncio.Task[None], _LaneCallback] = {}
        self._waiting: deque[tuple[Work, int]] = deque()
        self._bytes = 0
        self._held = False

    def __len__(self) -> int:
        return len(self._running) + len(self._waiting)

    @property
    def bytes(self) -> int:
        """What the callbacks that have not ended hold."""
        return self._bytes

    @property
    def running(self) -> list[asyncio.Task[None]]:
        """The callbacks that have begun and not ended."""
        return list(self._running)

    def add(self, work: Work, size: int) -> bool:
        """Run a callback that holds ``size`` bytes, after those before it; whether it must wait for one to end."""
        self._bytes += size
        self._waiting.append((work, size))
        must_wait = self._held or len(self) > self._at_once
        self._begin_next()
        return must_wait

    def hold(self, held: bool) -> None:  # noqa: FBT001 - the one thing it says
        """Begin none while ``held``; go on afterwards."""
        self._held = held
        self._begin_next()

    def catch_up(self) -> None:
        """Begin now all that may begin, whoever else waits for the loop."""
        while self._begin_one():
            pass

    def forget_waiting(self) -> None:
        """Never begin those that wait."""
        self._bytes -= sum(size for _, size in self._waiting)
        self._waiting.clear()

    def cancel(self) -> None:
        """Forget those that wait, and tell those that run, once each."""
        self.forget_waiting()
        for task, callback in list(self._running.items()):
            if not callback.told:
                callback.told = True
                callback.cancel.set()
                task.cancel()

    def drop(self) -> list[asyncio.Task[None]]:
        """Let go of those that run all the same."""
        running = self.running
        self._running.clear()
        self._bytes = 0
        return running

    @property
    def _has_room(self) -> bool:
        return bool(self._waiting) and not self._held and len(self._running) < self._at_once

    def _begin_next(self) -> None:
        if self._has_room:
            self._share.do(self._begin_one)

    def _begin_one(self) -> bool:
        if self._has_room:
            self._begin(*self._waiting.popleft())
        return self._has_room

    def _begin(self, work: Work, size: int) -> None:
        self._share.charge(CALLBACK_SECONDS)
        callback = _LaneCallback(asyncio.Event(), size)
        loop = asyncio.get_running_loop()
        # The context of this moment is that of whoever made room, of another user maybe.
        task = loop.create_task(work(callback.cancel), context=self._context.copy())
        self._running[task] = callback
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        callback = self._running.pop(task, None)
        if callback is None:  # it was dropped
            return
        self._bytes -= callback.size
        self._begin_next()
        self._on_room()
