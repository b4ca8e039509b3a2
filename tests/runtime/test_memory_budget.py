"""What the cells of a session hold together: who waits, and who goes on."""

from __future__ import annotations

import asyncio

import pytest

from codemode.engine.events import Finished, Notified, YieldAsked
from codemode.json_text import memory_of
from codemode.limits import Limits
from codemode.protocol.types import CellId, TextItem, WaitRequest
from codemode.runtime.memory_budget import CellUsage, MemoryBudget
from codemode.runtime.session import SessionRuntime

from .doubles import Recorder, ScriptedCell, ScriptedEngine, bounded, request, settle


def usages(budget: MemoryBudget, count: int = 3) -> list[CellUsage]:
    return [budget.usage(lambda: None) for _ in range(count)]


def waiting(cells: list[CellUsage]) -> list[bool]:
    return [cell.waits for cell in cells]


@pytest.mark.parametrize(
    ("text", "size"), [("a" * 1000, 1000), ("a" * 999 + "€", 2000), ("a" * 999 + "😀", 4000)]
)
def test_a_text_counts_what_it_takes_in_memory(text: str, size: int) -> None:
    assert size <= memory_of(text) < size + 100


def test_beyond_the_bound_all_wait_but_those_that_are_observed() -> None:
    budget = MemoryBudget(10)
    cells = usages(budget)
    cells[0].set_buffered(10)
    within = waiting(cells)
    cells[1].set_observed(True)
    cells[1].set_buffered(1)
    beyond = waiting(cells)
    cells[1].set_observed(False)

    assert (within, beyond, waiting(cells)) == (
        [False, False, False],
        [True, False, True],
        [True, True, True],
    )


def test_all_go_on_when_there_is_room() -> None:
    budget = MemoryBudget(10)
    cells = usages(budget)
    cells[0].set_buffered(6)
    cells[1].set_buffered(6)
    cells[0].set_buffered(4)

    assert (waiting(cells), budget.bytes) == ([False, False, False], 10)


def test_a_cell_that_is_over_holds_nothing_more() -> None:
    budget = MemoryBudget(10)
    cells = usages(budget)
    cells[0].set_buffered(11)
    cells[0].leave()
    cells[0].set_buffered(5)
    cells[0].leave()

    assert (waiting(cells[1:]), budget.bytes) == ([False, False], 0)


def test_of_those_within_a_record_one_after_another_finishes_it() -> None:
    budget = MemoryBudget(10)
    cells = usages(budget)
    for cell in cells:
        cell.set_unfinished(5)
    first = waiting(cells)
    cells[0].set_unfinished(0)
    cells[0].set_buffered(8)
    second = waiting(cells)
    cells[1].set_unfinished(0)
    cells[1].set_buffered(8)

    assert (first, second, waiting(cells)) == (
        [False, True, True],
        [True, False, True],
        [True, True, True],
    )


def test_who_goes_on_may_fill_what_has_become_free() -> None:
    budget = MemoryBudget(10)
    order: list[str] = []

    def turn(name: str) -> None:
        usage = cells[name]
        order.append(f"{name} {'waits' if usage.waits else 'goes on'}")
        if not usage.waits:
            usage.set_buffered(11)

    cells = {name: budget.usage(lambda name=name: turn(name)) for name in "ab"}  # type: ignore[misc]
    big = budget.usage(lambda: None)
    big.set_buffered(11)
    order.clear()
    big.leave()

    assert order == ["a goes on", "a waits"]


class Session:
    """A session of scripted cells within ``held_bytes``."""

    def __init__(self, engine: ScriptedEngine, delegate: Recorder, held_bytes: int) -> None:
        self.engine = engine
        self.runtime = SessionRuntime(engine, delegate, Limits(held_bytes=held_bytes))

    async def unobserved(self) -> ScriptedCell:
        """A cell that has yielded."""
        started = await bounded(self.runtime.execute(request()))
        self.engine.cells[-1].says(YieldAsked())
        await bounded(started.initial_response())
        return self.engine.cells[-1]

    async def wait(self, number: int, yield_time_ms: int = 60_000) -> tuple[str, list[str]]:
        """The kind and the texts of an observation."""
        asked = WaitRequest(cell_id=CellId(str(number)), yield_time_ms=yield_time_ms)
        response = (await bounded(self.runtime.wait(asked))).response
        return type(response).__name__, [getattr(item, "text", "") for item in response.items]


async def test_cells_wait_for_an_observer_and_each_is_observed_to_its_end(
    engine: ScriptedEngine, delegate: Recorder
) -> None:
    session = Session(engine, delegate, 1_000)
    one, two = await session.unobserved(), await session.unobserved()
    one.says(TextItem("a" * 1_000))
    paused = (one.paused, two.paused)
    for script, text in ((one, "b"), (two, "c")):
        script.says(TextItem(text), Finished(None))

    assert paused == (True, True)
    assert await session.wait(2) == ("Result", ["c"])
    assert one.paused
    assert await session.wait(1) == ("Result", ["a" * 1_000, "b"])
    await session.runtime.shutdown()


async def test_whoever_takes_what_is_there_lets_the_others_go_on(
    engine: ScriptedEngine, delegate: Recorder
) -> None:
    session = Session(engine, delegate, 1_000)
    one, two = await session.unobserved(), await session.unobserved()
    one.says(TextItem("a" * 1_000))

    assert await session.wait(1, 0) == ("Yielded", ["a" * 1_000])
    assert (one.paused, two.paused) == (False, False)
    await session.runtime.shutdown()


async def test_what_callbacks_hold_counts_until_they_end(
    engine: ScriptedEngine, delegate: Recorder
) -> None:
    gate = asyncio.Event()
    delegate.on_note = lambda _, __: gate.wait()  # type: ignore[assignment,return-value]
    session = Session(engine, delegate, 1_000)
    one, two = await session.unobserved(), await session.unobserved()
    one.says(Notified("a" * 1_001))
    before = (one.paused, two.paused)
    gate.set()
    await delegate.heard("note left", "a" * 1_001)
    await settle()

    assert (before, one.paused, two.paused) == ((True, True), False, False)
    await session.runtime.shutdown()


async def test_a_cell_that_is_terminated_lets_the_others_go_on(
    engine: ScriptedEngine, delegate: Recorder
) -> None:
    session = Session(engine, delegate, 1_000)
    one, two = await session.unobserved(), await session.unobserved()
    one.says(TextItem("a" * 1_000))
    waited = two.paused
    await bounded(session.runtime.terminate(CellId("1")))

    assert (waited, two.paused) == (True, False)
    await session.runtime.shutdown()
