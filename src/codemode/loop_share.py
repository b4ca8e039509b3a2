"""An event loop that its owners share in slices, so that a busy one does not keep the others waiting.

What a session has to do in the loop comes in heaps: a worker's socket holds thousands of records, and
a program calls a thousand tools at once. Done as they come, a round of the loop takes as long as all
heaps together, and another session's exec, which needs some ten rounds, waits for ten of those. So a
heap is a *step* that is called again and again. An owner that has used the loop little of late has its
steps called at once. One that has used more waits, and in each round of the loop one of those that
wait gets a slice of time. A round then takes about a slice, however many owners are busy.

A slice counts what the owner's steps take and what they are charged for beside it. What a tool computes in
the event loop is not counted: it holds up everybody, as before.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import Context
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    Step: TypeAlias = Callable[[], bool]

SLICE_SECONDS: Final = 0.0005
"""How long an owner's steps are called in a row while others may wait."""

LONE_SLICE_SECONDS: Final = 0.005
"""The same for the only owner that has used the loop of late: fewer rounds cost less."""

LONE_SECONDS: Final = 0.05
"""An owner that was the only one for so long is alone."""

WINDOW_SECONDS: Final = 0.01
"""An owner that has not used up a slice within so long has its steps called at once."""


class LoopShare:
    """One owner's share of the event loop in which it is used, and what it still has to do there."""

    __slots__ = ("_loop", "_since", "_used", "steps")

    def __init__(self) -> None:
        self.steps: dict[Step, None] = {}
        """What waits for its turn, in order."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._since = 0.0
        self._used = 0.0

    def __repr__(self) -> str:
        return f"<loop share, {len(self.steps)} steps wait>"

    def do(self, step: Step) -> None:
        """Call ``step()`` until it is False: at once as far as this owner's time goes, then in turns.

        A step that waits already stays where it is. It must not raise.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the one in which others may have waited is gone
            self._loop = loop
            self.steps.clear()
        if step in self.steps:
            return
        rounds = _rounds_of(loop)
        if not self.steps and self._run(step, rounds.slice_of(self)):
            return
        self.steps[step] = None
        rounds.wait(self)

    def charge(self, seconds: float) -> None:
        """What this owner has set going will take so long in later rounds: count it now."""
        self._used += seconds

    def forget(self, step: Step) -> None:
        """Never call ``step`` again; harmless if it does not wait."""
        self.steps.pop(step, None)

    def take_turn(self, seconds: float) -> None:
        """Call what waits, one step after the other, for so long."""
        self._since, self._used = time.perf_counter(), 0.0
        while self.steps and self._used < seconds:
            step = next(iter(self.steps))
            is_over = self._run(step, seconds)
            if self.steps.pop(step, step) is None and not is_over:  # it was not forgotten meanwhile
                self.steps[step] = None  # behind the others

    def _run(self, step: Step, seconds: float) -> bool:
        """Call ``step`` while there is time; whether it has nothing left to do."""
        now = time.perf_counter()
        if now - self._since > WINDOW_SECONDS:
            self._since, self._used = now, 0.0
        goes_on = True
        while goes_on and self._used < seconds:
            goes_on = step()
            before, now = now, time.perf_counter()
            self._used += now - before
        return not goes_on


class _Rounds:
    """The rounds of one event loop: in each, one of those that wait has its turn."""

    def __init__(self) -> None:
        self._waiting: dict[LoopShare, None] = {}
        self._last: LoopShare | None = None
        self._changed = 0.0  # when another owner than before used the loop

    def slice_of(self, share: LoopShare) -> float:
        """How long ``share`` may use the loop in a row, which it is about to do."""
        now = time.perf_counter()
        if share is not self._last:
            self._last, self._changed = share, now
        is_alone = now - self._changed > LONE_SECONDS and not self._waiting.keys() - {share}
        return LONE_SLICE_SECONDS if is_alone else SLICE_SECONDS

    def wait(self, share: LoopShare) -> None:
        """``share`` has steps that wait."""
        if not self._waiting:
            self._go_on()
        self._waiting.setdefault(share)

    def _go_on(self) -> None:
        # In an empty context: the next turn is another owner's.
        asyncio.get_running_loop().call_soon(self._next, context=Context())

    def _next(self) -> None:
        share = next(iter(self._waiting))
        try:
            share.take_turn(self.slice_of(share))
        finally:
            del self._waiting[share]
            if share.steps:  # behind the others
                self._waiting[share] = None
            if self._waiting:
                self._go_on()


_ROUNDS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Rounds]] = WeakKeyDictionary()


def _rounds_of(loop: asyncio.AbstractEventLoop) -> _Rounds:
    rounds = _ROUNDS.get(loop)
    if rounds is None:
        rounds = _ROUNDS[loop] = _Rounds()
    return rounds
