"""The turns of a script: what is delivered to it and when, its timers, how long it computes.

The script runs only when something is delivered: its program, an answer, a timer that is due.
Each delivery is a turn, and the engine reports each turn's end. Between its turns a script is at
its *frontier*, unless something waits to be delivered. Frozen, it stays there: what comes is
held back, in order, until it is thawed. Timers run on meanwhile.

A turn that takes long is looked at, again and again: what it has written so far is fetched, and
a limit on computing without a pause is minded. The end of a turn is a pause, and so is the time
in which the cell is held back because the application is slow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from ..json_text import memory_of
from ..surface.text import well_formed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.interfaces import EngineCell
    from ..limits import Limits
    from ..sessions.calls import CallFailure

FIRST_LOOK_SECONDS: Final = 0.01
LAST_LOOK_SECONDS: Final = 0.25
"""How soon, and then how often, to fetch what a script has written while it computes."""

LAST_WORDS_SECONDS: Final = 0.03
"""How long a cell that is stopped may take to hand over what it wrote in an unfinished turn."""


class MacrotaskQueue:
    """Delivers to one cell.

    ``on_frontier()`` is called at each frontier, ``on_overrun()`` when it computes for too long.
    """

    def __init__(
        self, limits: Limits, on_frontier: Callable[[], None], on_overrun: Callable[[], None]
    ) -> None:
        self._limits = limits
        self._on_frontier = on_frontier
        self._on_overrun = on_overrun
        self._loop = asyncio.get_running_loop()
        self._engine: EngineCell | None = None
        self._timers: dict[int, asyncio.TimerHandle | None] = {}
        self._held: deque[Callable[[], None]] = deque()
        self.held_bytes = 0
        """What is held back while the script is frozen."""
        self._frozen = False
        self._paused = False
        self._over = False
        self._count = 0
        self._paused_at = 0.0  # when the script last gave way
        self._look: asyncio.TimerHandle | None = None
        self._flushes = 0
        self._flushed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<macrotasks: {self._count} under way, {len(self._held)} held, {len(self._timers)} timers>"

    @property
    def computing(self) -> bool:
        """Whether a turn is under way."""
        return self._count > 0

    def begin(self, engine: EngineCell) -> None:
        """The program's first turn has begun."""
        self._engine = engine
        self._turn_begins()

    def settle(self, call: int, outcome: str | CallFailure) -> None:
        """Give the script the outcome of a tool call, or hold it back while the script is frozen."""
        if self._frozen:
            text = outcome if isinstance(outcome, str) else outcome.text
            self._hold(lambda: self.settle(call, outcome), memory_of(text))
        elif self._engine is not None and not self._over:
            self._turn_begins()
            if isinstance(outcome, str):
                self._engine.resolve(call, outcome)
            else:
                self._engine.reject(call, well_formed(outcome.text))

    def _hold(self, delivery: Callable[[], None], size: int) -> None:
        if not self._over:
            self._held.append(delivery)
            self.held_bytes += size

    def ended(self) -> None:
        """A turn is over."""
        self._count = max(0, self._count - 1)
        self._paused_at = self._loop.time()
        self._report()

    # ── timers ───────────────────────────────────────────────────────────────────────────────

    def set_timer(self, number: int, delay_ms: float) -> bool:
        """Deliver timer ``number`` after ``delay_ms``; False if there are too many."""
        if len(self._timers) >= self._limits.timers:
            return False
        self.clear_timer(number)
        seconds = max(0.0, delay_ms) / 1000  # which turns NaN into 0
        self._timers[number] = self._loop.call_later(seconds, self._fire, number)
        return True

    def clear_timer(self, number: int) -> None:
        """Forget timer ``number``; harmless if there is none."""
        handle = self._timers.pop(number, None)
        if handle is not None:
            handle.cancel()

    def _fire(self, number: int) -> None:
        self._timers[number] = None
        if self._frozen:
            self._hold(lambda: self._fire_due(number), 0)
        else:
            self._fire_due(number)

    def _fire_due(self, number: int) -> None:
        """Fire a timer that is still wanted: it may be cleared while it is held back."""
        if number in self._timers and self._engine is not None and not self._over:
            del self._timers[number]
            self._turn_begins()
            self._engine.fire_timer(number)

    # ── holding back ─────────────────────────────────────────────────────────────────────────

    def freeze(self) -> None:
        """Hold back what comes."""
        self._frozen = True

    def thaw(self) -> None:
        """Deliver what was held back; report the frontier if there is nothing."""
        self._frozen = False
        held, self._held = self._held, deque()
        self.held_bytes = 0
        for delivery in held:
            delivery()
        self._report()

    def pause(self) -> None:
        """Hold back what the script says; it will soon wait."""
        if self._engine is not None and not self._over:
            self._paused = True
            self._engine.pause()

    def resume(self) -> None:
        """Go on after ``pause``."""
        if self._paused and self._engine is not None:
            self._paused = False
            self._paused_at = self._loop.time()
            self._engine.resume()

    def stop(self) -> None:
        """Deliver nothing any more."""
        self._over = True
        for number in list(self._timers):
            self.clear_timer(number)
        self._held.clear()
        self.held_bytes = 0
        if self._look is not None:
            self._look.cancel()
            self._look = None

    # ── looking in ───────────────────────────────────────────────────────────────────────────

    def flush(self) -> bool:
        """Ask for what has been written; False if there is nothing to ask for."""
        if self._engine is None or not self.computing:
            return False
        self._flushes += 1
        self._engine.flush()
        return True

    def flushed(self) -> bool:
        """The engine has answered a ``flush``; whether it was the last one that was asked for."""
        self._flushes = max(0, self._flushes - 1)
        if self._flushes == 0:
            self._flushed.set()
        return self._flushes == 0

    def lost(self) -> None:
        """The engine says nothing any more."""
        self._flushed.set()

    async def last_words(self) -> None:
        """Wait a little for what a stopped cell wrote in an unfinished turn."""
        self.resume()
        self._flushed.clear()
        if not self.flush():
            return
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._flushed.wait()
        except TimeoutError:
            pass

    def _turn_begins(self) -> None:
        if self._count == 0:
            self._paused_at = self._loop.time()
            if self._look is None:
                self._look_again(FIRST_LOOK_SECONDS)
        self._count += 1

    def _look_again(self, after: float) -> None:
        self._look = self._loop.call_later(after, self._look_in, after)

    def _look_in(self, after: float) -> None:
        self._look = None
        if not self.computing:
            return
        now = self._loop.time()
        if self._paused:
            self._paused_at = now
        computed = now - self._paused_at
        bound = self._limits.compute_ms
        if bound is not None and computed * 1000 > bound:
            self._on_overrun()
            return
        if computed >= FIRST_LOOK_SECONDS:
            self.flush()
        self._look_again(min(2 * after, LAST_LOOK_SECONDS))

    def _report(self) -> None:
        if not self.computing and not self._held and not self._over:
            self._on_frontier()
