"""Turns: deliveries in order, frozen and thawed, timers, looks at long ones."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from codemode.limits import Limits
from codemode.runtime import macrotasks as module
from codemode.runtime.macrotasks import MacrotaskQueue
from codemode.sessions.calls import CallFailure
from tests.engine.driving import eventually

from .doubles import ScriptedCell, bounded, settle

pytestmark = pytest.mark.usefixtures("leaves_no_task")


class Heard:
    """Who owns the turns, and the engine below them."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.frontiers = 0
        self.overrun = asyncio.Event()
        self.turns = MacrotaskQueue(limits or Limits(), self._on_frontier, self._on_overrun)
        self.cell = ScriptedCell(cast("Any", self))
        self.turns.begin(self.cell)

    def _on_frontier(self) -> None:
        self.frontiers += 1

    def _on_overrun(self) -> None:
        self.overrun.set()
        self.turns.stop()

    def on_events(self, events: list[object]) -> None:
        raise AssertionError(events)

    def on_flushed(self) -> None:
        self.turns.flushed()


async def test_a_frontier_is_reported_when_the_last_turn_ends() -> None:
    heard = Heard()
    heard.turns.settle(1, "1")
    heard.turns.ended()
    assert heard.frontiers == 0
    heard.turns.ended()

    assert (heard.frontiers, heard.turns.computing) == (1, False)
    heard.turns.stop()


async def test_a_turn_that_ends_twice_hurts_nobody() -> None:
    heard = Heard()
    for _ in range(3):
        heard.turns.ended()
    heard.turns.settle(1, "1")

    assert heard.turns.computing
    heard.turns.stop()


async def test_what_comes_while_frozen_is_delivered_in_order_when_thawed() -> None:
    heard = Heard()
    heard.turns.ended()
    heard.turns.freeze()
    heard.turns.settle(1, "1")
    heard.turns.settle(2, CallFailure("x"))
    heard.turns.settle(3, "3")
    assert heard.cell.delivered == []
    heard.turns.thaw()

    assert heard.cell.delivered == [("resolve", 1, "1"), ("reject", 2, "x"), ("resolve", 3, "3")]
    heard.turns.stop()


async def test_a_thaw_with_nothing_to_deliver_is_a_frontier_at_once() -> None:
    heard = Heard()
    heard.turns.ended()
    heard.turns.freeze()
    heard.turns.thaw()

    assert heard.frontiers == 2
    heard.turns.stop()


async def test_a_timer_that_is_due_while_frozen_waits_and_then_fires_once() -> None:
    heard = Heard()
    heard.turns.ended()
    heard.turns.freeze()
    heard.turns.set_timer(1, 0)
    await bounded(asyncio.sleep(0.001))
    await settle()
    assert heard.cell.delivered == []
    heard.turns.thaw()

    assert heard.cell.delivered == [("fire", 1, "")]
    heard.turns.stop()


async def test_a_timer_that_is_cleared_after_it_was_due_never_fires() -> None:
    heard = Heard()
    heard.turns.ended()
    heard.turns.freeze()
    heard.turns.set_timer(1, 0)
    await bounded(asyncio.sleep(0.001))
    await settle()
    heard.turns.clear_timer(1)
    heard.turns.thaw()

    assert heard.cell.delivered == []
    heard.turns.stop()


@pytest.mark.parametrize("delay", [float("nan"), -5.0, 0.0])
async def test_a_senseless_delay_fires_as_soon_as_the_loop_is_free(delay: float) -> None:
    heard = Heard()
    heard.turns.set_timer(1, delay)
    await bounded(asyncio.sleep(0.001))
    await settle()

    assert heard.cell.delivered == [("fire", 1, "")]
    heard.turns.stop()


async def test_a_timer_for_ever_is_no_trouble() -> None:
    heard = Heard()
    assert heard.turns.set_timer(1, float("inf"))
    heard.turns.clear_timer(1)
    heard.turns.clear_timer(99)
    heard.turns.stop()


async def test_timers_beyond_the_limit_are_refused_until_one_is_gone() -> None:
    heard = Heard(Limits(timers=1))

    assert (heard.turns.set_timer(1, 1e6), heard.turns.set_timer(2, 1e6)) == (True, False)
    heard.turns.clear_timer(1)
    assert heard.turns.set_timer(2, 1e6)
    heard.turns.stop()


async def test_nothing_is_delivered_after_the_end() -> None:
    heard = Heard()
    heard.turns.set_timer(1, 0)
    heard.turns.stop()
    heard.turns.settle(1, "1")
    await bounded(asyncio.sleep(0.001))
    heard.turns.ended()

    assert (heard.cell.delivered, heard.frontiers) == ([], 0)


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(module, "LAST_LOOK_SECONDS", 0.001)


@pytest.mark.usefixtures("quick_looks")
async def test_a_turn_that_computes_too_long_is_reported() -> None:
    await bounded(Heard(Limits(compute_ms=1)).overrun.wait())


@pytest.mark.usefixtures("quick_looks")
async def test_what_a_turn_has_written_is_fetched_while_it_computes() -> None:
    heard = Heard(Limits(compute_ms=None))
    await eventually(lambda: heard.cell.flushes >= 3)
    heard.turns.stop()


@pytest.mark.usefixtures("quick_looks")
async def test_a_cell_that_is_held_back_does_not_compute() -> None:
    heard = Heard(Limits(compute_ms=0))
    heard.turns.pause()
    for _ in range(20):
        await asyncio.sleep(0.001)

    assert not heard.overrun.is_set()
    heard.turns.resume()
    await bounded(heard.overrun.wait())


async def test_the_end_of_a_turn_is_a_pause_even_if_another_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    heard = Heard(Limits(compute_ms=1_000))
    monkeypatch.setattr(heard.turns, "_loop", Clock(now))
    heard.turns.settle(1, "1")
    now[0] = 0.9
    heard.turns.ended()
    now[0] = 1.8
    heard.turns._look_in(0.1)

    assert not heard.overrun.is_set()
    now[0] = 2.0
    heard.turns._look_in(0.1)
    assert heard.overrun.is_set()


async def test_a_cell_that_was_held_back_computes_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    heard = Heard(Limits(compute_ms=1_000))
    monkeypatch.setattr(heard.turns, "_loop", Clock(now))
    heard.turns.pause()
    now[0] = 5.0
    heard.turns.resume()
    now[0] = 5.9
    heard.turns._look_in(0.1)

    assert not heard.overrun.is_set()
    heard.turns.stop()


class Clock:
    """A loop whose time is told by the test and whose timers never fire."""

    def __init__(self, now: list[float]) -> None:
        self._now = now

    def time(self) -> float:
        return self._now[0]

    def call_later(self, *_: object) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(1e6, lambda: None)


async def test_a_flush_is_answered_when_every_flush_before_it_is() -> None:
    heard = Heard()
    heard.cell.holds_flushes = True
    heard.turns.flush()
    heard.turns.flush()

    assert (heard.turns.flushed(), heard.turns.flushed()) == (False, True)
    heard.turns.stop()


async def test_there_is_nothing_to_flush_between_turns() -> None:
    heard = Heard()
    heard.turns.ended()

    assert heard.turns.flush() is False
    heard.turns.stop()


async def test_last_words_are_waited_for_a_little_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_WORDS_SECONDS", 0.001)
    monkeypatch.setattr(module, "FIRST_LOOK_SECONDS", 60)  # so that nobody else flushes
    heard = Heard()
    heard.cell.holds_flushes = True

    await bounded(heard.turns.last_words())
    assert heard.cell.flushes == 1
    heard.turns.stop()
