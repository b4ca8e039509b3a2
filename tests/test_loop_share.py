"""Owners share an event loop in slices: whoever uses it little goes at once, the others take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from codemode import CodeMode
from codemode.loop_share import (
    LONE_SECONDS,
    LONE_SLICE_SECONDS,
    SLICE_SECONDS,
    WINDOW_SECONDS,
    LoopShare,
)
from tests.runtime.doubles import bounded


class Clock:
    """What the module takes for the time; it goes on when a step is called."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("codemode.loop_share.time", clock)
    return clock


class Owner:
    """Has a heap of steps to do, each of which takes some time, and writes down when it did them."""

    def __init__(self, name: str, clock: Clock, log: list[str]) -> None:
        self.share = LoopShare()
        self.left = 0
        self._name = name
        self._clock = clock
        self._log = log

    def has(self, steps: int) -> None:
        self.left += steps
        self.share.do(self.step)

    def step(self) -> bool:
        if self.left:
            self.left -= 1
            self._log.append(self._name)
            self._clock.now += SLICE_SECONDS / 2.5
        return self.left > 0


STEPS_OF_A_SLICE = 3


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def owner(clock: Clock, log: list[str]) -> Callable[[str], Owner]:
    return lambda name: Owner(name, clock, log)


async def round_of_the_loop() -> None:
    await asyncio.sleep(0)


async def test_whoever_has_little_to_do_does_it_at_once(
    owner: Callable[[str], Owner], log: list[str]
) -> None:
    busy, light = owner("busy"), owner("light")
    busy.has(1_000)
    assert log == ["busy"] * STEPS_OF_A_SLICE

    light.has(2)

    assert log[STEPS_OF_A_SLICE:] == ["light"] * 2


async def test_in_each_round_one_of_those_that_wait_has_a_slice_in_turn(
    owner: Callable[[str], Owner], log: list[str]
) -> None:
    owners = [owner(name) for name in "abc"]
    for each in owners:
        each.has(3 * STEPS_OF_A_SLICE)
    log.clear()

    rounds = []
    for _ in range(7):
        await round_of_the_loop()
        rounds.append("".join(log))
        log.clear()

    assert rounds == ["aaa", "bbb", "ccc", "aaa", "bbb", "ccc", ""]


async def test_more_to_do_while_it_waits_is_done_in_the_same_turn_and_not_at_once(
    owner: Callable[[str], Owner], log: list[str]
) -> None:
    busy = owner("busy")
    busy.has(STEPS_OF_A_SLICE + 1)
    busy.has(1)
    assert len(log) == STEPS_OF_A_SLICE

    await round_of_the_loop()

    assert len(log) == STEPS_OF_A_SLICE + 2


async def test_after_a_rest_a_busy_one_goes_at_once_again(
    owner: Callable[[str], Owner], clock: Clock, log: list[str]
) -> None:
    busy = owner("busy")
    busy.has(STEPS_OF_A_SLICE)
    log.clear()
    busy.has(1)
    assert log == []
    await round_of_the_loop()
    clock.now += 2 * WINDOW_SECONDS

    busy.has(1)

    assert log == ["busy"] * 2


async def test_who_is_alone_has_longer_slices_until_somebody_comes(
    owner: Callable[[str], Owner], clock: Clock, log: list[str]
) -> None:
    busy, other = owner("busy"), owner("other")
    busy.has(1)
    clock.now += 2 * LONE_SECONDS
    busy.has(10_000)
    alone = len(log)
    other.has(1)
    log.clear()
    await round_of_the_loop()

    assert alone >= LONE_SLICE_SECONDS / SLICE_SECONDS * STEPS_OF_A_SLICE * 0.8
    assert log == ["busy"] * STEPS_OF_A_SLICE


async def test_what_steps_set_going_can_be_charged(
    owner: Callable[[str], Owner], log: list[str]
) -> None:
    busy = owner("busy")

    def sets_much_going() -> bool:
        busy.share.charge(SLICE_SECONDS)
        return True

    busy.share.do(sets_much_going)
    assert len(busy.share.steps) == 1

    busy.has(1)

    assert log == []


async def test_several_steps_of_one_owner_take_turns_within_its_slices(
    clock: Clock, log: list[str]
) -> None:
    share = LoopShare()

    def step(name: str) -> Callable[[], bool]:
        def call() -> bool:
            log.append(name)
            clock.now += SLICE_SECONDS * 1.01
            return True

        return call

    for name in "abc":
        share.do(step(name))
    log.clear()
    for _ in range(6):
        await round_of_the_loop()
    for each in list(share.steps):
        share.forget(each)
    await round_of_the_loop()

    assert "".join(log) == "abcabc"


async def test_what_is_forgotten_is_not_called_also_while_it_runs(clock: Clock) -> None:
    share, calls = LoopShare(), 0

    def step() -> bool:
        nonlocal calls
        calls += 1
        clock.now += SLICE_SECONDS * 1.01
        share.forget(step)
        return True

    share.do(step)
    assert share.steps == {step: None}
    await round_of_the_loop()
    await round_of_the_loop()

    assert (calls, share.steps) == (2, {})


def test_a_loop_that_was_closed_while_somebody_waited_keeps_nobody_from_going_on(
    clock: Clock, log: list[str]
) -> None:
    busy = Owner("busy", clock, log)

    async def use(steps: int) -> None:
        busy.has(steps)

    asyncio.run(use(1_000))
    busy.left = 0
    log.clear()
    clock.now += 2 * WINDOW_SECONDS
    asyncio.run(use(2))

    assert log == ["busy"] * 2


async def test_a_program_beside_busy_sessions_has_its_output_whole_and_in_order() -> None:
    async def ping(n: int) -> int:
        "Answers with its argument."
        return n

    program = """
        for (let i = 0; i < 3_000; i++) { text(i); if (i % 3 === 0) notify(`${i}`); }
        const answers = await Promise.all(Array.from({length: 600}, (_, n) => tools.ping({n})));
        text(answers.every((answer, n) => answer === n));
    """
    notes: dict[str, list[str]] = {}

    def note(call: str, cell: str, text: str) -> None:
        notes.setdefault(call, []).append(text)

    async with CodeMode(tools=[ping], on_notify=note) as code_mode:
        calls = [code_mode.exec(program, call_id=f"call-{n}") for n in range(4)]
        results: list[Any] = await bounded(asyncio.gather(*calls))
        outputs = []
        for result in results:
            output = [result.output]
            while result.running:
                result = await bounded(code_mode.wait(result))
                output.append(result.output)
            outputs.append("\n".join(filter(None, output)))

    assert outputs == ["\n".join([*map(str, range(3_000)), "true"])] * 4
    assert notes == {f"call-{n}": [str(i) for i in range(0, 3_000, 3)] for n in range(4)}
