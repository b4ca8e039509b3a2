"""One cell over an engine that says what the test says: orders of events, without real time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from codemode.engine.events import (
    Event,
    Finished,
    Idle,
    Notified,
    TimerSet,
    ToolCalled,
    ValueAsked,
    ValueStored,
    YieldAsked,
)
from codemode.errors import (
    CellBusyError,
    CellTerminatingError,
    EngineError,
    SessionClosedError,
    UsageError,
)
from codemode.limits import Limits
from codemode.protocol.types import (
    CellId,
    LiveCell,
    MissingCell,
    Pending,
    Result,
    Terminated,
    TextItem,
    WaitRequest,
    WaitToPendingRequest,
    Yielded,
)
from codemode.runtime import cell as cell_module
from codemode.runtime.cell import Cell as RuntimeCell
from codemode.runtime.session import SessionRuntime

from .doubles import (
    Recorder,
    ScriptedCell,
    ScriptedEngine,
    bounded,
    echo,
    never,
    request,
    settle,
    strip,
    stubborn_wait,
)

ONE = CellId("1")
A, B, C = TextItem("a"), TextItem("b"), TextItem("c")


class Cell:
    """A session with its one cell, and callers of it as tasks."""

    def __init__(self, engine: ScriptedEngine, delegate: Recorder, limits: Limits) -> None:
        self.engine = engine
        self.limits = limits
        self.session = SessionRuntime(engine, delegate, limits)

    @property
    def script(self) -> ScriptedCell:
        return self.engine.cells[-1]

    @property
    def actor(self) -> RuntimeCell:
        found = self.session._cells.get(ONE)
        assert found is not None
        return found

    async def start(self, *tools: str, yield_time_ms: int = 60_000) -> asyncio.Task[Any]:
        """Start the cell; a task that waits for its first response."""
        started = await bounded(
            self.session.execute(request("", *tools, yield_time_ms=yield_time_ms))
        )
        task = asyncio.create_task(started.initial_response())
        await settle(1)
        return task

    async def yielded(self, *tools: str) -> None:
        """Start the cell, and let its first observation end."""
        first = await self.start(*tools)
        self.script.says(YieldAsked())
        await bounded(first)

    async def wait(self, yield_time_ms: int = 60_000, **options: Any) -> asyncio.Task[Any]:
        waiting = self.session.wait(
            WaitRequest(cell_id=ONE, yield_time_ms=yield_time_ms), **options
        )
        task = asyncio.create_task(waiting)
        await settle(1)
        return task

    async def terminate(self) -> asyncio.Task[Any]:
        task = asyncio.create_task(self.session.terminate(ONE))
        await settle(1)
        return task


@pytest.fixture
async def cell(engine: ScriptedEngine, delegate: Recorder) -> AsyncIterator[Cell]:
    delegate.tools.update(echo=echo, never=never)
    cell = Cell(engine, delegate, Limits(callback_grace_ms=20))
    yield cell
    engine.may_start.set()
    for script in engine.cells:
        script.may_close.set()
    await bounded(cell.session.shutdown())
    assert cell.session.live_cells == ()


async def done(task: asyncio.Task[Any]) -> Any:
    """What ``task`` gave, without times."""
    return strip(await bounded(task))


def live(response: Any) -> LiveCell:
    return LiveCell(response)


def yielded(*items: TextItem) -> Yielded:
    return Yielded(cell_id=ONE, items=items)


def result(
    *items: TextItem, error: str | None = None, limit: str | None = None, lost: bool = False
) -> Result:
    return Result(cell_id=ONE, items=items, error_text=error, limit=limit, worker_lost=lost)


def terminated(*items: TextItem) -> Terminated:
    return Terminated(cell_id=ONE, items=items)


MISSING = MissingCell(result(error="exec cell 1 not found"))

# ── observations ─────────────────────────────────────────────────────────────────────────────────


async def test_a_completion_is_delivered_at_once_and_the_delegate_hears_of_it_after(
    cell: Cell, delegate: Recorder
) -> None:
    started = await bounded(cell.session.execute(request()))
    heard: list[str] = []
    delegate.on_closed = lambda _: heard.append("closed")

    async def observe() -> None:
        await started.initial_response()
        heard.append("answered")

    observer = asyncio.create_task(observe())
    await settle(1)
    cell.script.says(A, Finished(None))
    await bounded(observer)
    await delegate.heard("closed", "1")

    assert heard == ["answered", "closed"]


async def test_a_yield_asked_for_ends_the_observation_and_later_output_is_for_the_next(
    cell: Cell,
) -> None:
    first = await cell.start()
    cell.script.says(A, YieldAsked(), B)
    assert await done(first) == yielded(A)
    second = await cell.wait()
    cell.script.says(C, Finished("Error: x"))

    assert await done(second) == live(result(B, C, error="Error: x"))


async def test_a_deadline_waits_for_what_was_written_before_it(cell: Cell) -> None:
    await cell.yielded()
    cell.script.last_words = (A,)
    waiting = await cell.wait(yield_time_ms=0)

    assert await done(waiting) == live(yielded(A))


async def test_a_deadline_waits_for_its_own_flush_and_not_for_one_before(cell: Cell) -> None:
    await cell.yielded()
    cell.script.holds_flushes = True
    leaving = await cell.wait(yield_time_ms=0)
    await settle()
    leaving.cancel()
    waiting = await cell.wait(yield_time_ms=0)
    await settle()
    assert cell.script.flushes == 2
    cell.script.flushed()
    cell.script.says(A)
    cell.script.flushed()

    assert await done(waiting) == live(yielded(A))


async def test_a_deadline_does_not_wait_for_an_engine_that_never_answers(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cell_module, "FLUSH_SECONDS", 0.001)
    await cell.yielded()
    cell.script.holds_flushes = True

    assert await done(await cell.wait(yield_time_ms=0)) == live(yielded())


async def test_a_first_observation_without_time_yields_before_anything_is_written(
    cell: Cell,
) -> None:
    first = await cell.start(yield_time_ms=0)

    assert await done(first) == yielded()
    assert cell.script.flushes == 0


async def test_an_end_after_the_deadline_is_for_the_next_observation(cell: Cell) -> None:
    await cell.yielded()
    cell.script.holds_flushes = True
    waiting = await cell.wait(yield_time_ms=0)
    await settle()
    cell.script.says(A, Finished(None))

    assert await done(waiting) == live(yielded(A))
    assert await done(await cell.wait()) == live(result())
    assert await done(await cell.wait()) == MISSING


async def test_a_second_observer_is_refused_and_the_first_goes_on(cell: Cell) -> None:
    first = await cell.start()
    with pytest.raises(CellBusyError, match=r"^exec cell 1 already has an active observer$"):
        await bounded(cell.session.wait(WaitRequest(cell_id=ONE)))
    cell.script.says(Finished(None))

    assert await done(first) == result()


async def test_a_first_response_can_be_asked_for_once(cell: Cell) -> None:
    started = await bounded(cell.session.execute(request()))
    cell.script.says(Finished(None))
    await bounded(started.initial_response())

    with pytest.raises(UsageError):
        await started.initial_response()


async def test_responses_say_how_long_they_took_and_lay(cell: Cell) -> None:
    await cell.yielded()
    cell.script.says(Finished(None))
    await settle()
    await asyncio.sleep(0.002)
    outcome = await bounded(cell.session.terminate(ONE))

    assert isinstance(outcome.response, Result)
    assert outcome.response.result_buffered_for_ns >= 2_000_000
    assert 0 < outcome.response.host_duration_ns < outcome.response.result_buffered_for_ns


async def test_each_who_waits_is_told_his_own_duration(cell: Cell) -> None:
    first = await cell.start()
    await asyncio.sleep(0.005)
    second = await cell.terminate()
    long, short = await bounded(first), await bounded(second)

    assert strip(long) == strip(short).response == terminated()
    assert long.host_duration_ns > short.response.host_duration_ns > 0


# ── observers who leave ──────────────────────────────────────────────────────────────────────────


async def test_output_of_an_observer_who_left_is_for_the_next(cell: Cell) -> None:
    await cell.yielded()
    waiting = await cell.wait()
    cell.script.says(A)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    cell.script.says(B, Finished(None))

    assert await done(await cell.wait()) == live(result(A, B))


async def test_an_observer_who_leaves_at_the_moment_of_a_yield_loses_nothing(cell: Cell) -> None:
    await cell.yielded()
    waiting = await cell.wait()
    waiting.cancel()  # it has not noticed yet
    cell.script.says(A, YieldAsked(), B)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    cell.script.says(Finished(None))

    assert await done(await cell.wait()) == live(result(A, B))


async def test_an_observer_who_leaves_after_the_yield_gives_it_back(cell: Cell) -> None:
    await cell.yielded()
    waiting = await cell.wait()
    cell.script.says(A, YieldAsked(), B)
    waiting.cancel()  # answered, and not told yet
    with pytest.raises(asyncio.CancelledError):
        await waiting
    cell.script.says(YieldAsked(), Finished(None))

    assert await done(await cell.wait()) == live(result(A, B))


async def test_an_observer_who_leaves_at_the_moment_of_the_end_leaves_it_buffered(
    cell: Cell,
) -> None:
    await cell.yielded()
    waiting = await cell.wait()
    waiting.cancel()
    cell.script.says(A, Finished(None))
    await settle()

    assert await done(await cell.wait()) == live(result(A))
    assert await done(await cell.wait()) == MISSING


def _at_the_end(cell: Cell, monkeypatch: pytest.MonkeyPatch, *callers: asyncio.Task[Any]) -> None:
    """Cancel ``callers`` when they have been given the end and have not noticed yet."""
    cells = cell.session._cells
    over = cells.over

    def hook(cell_id: CellId, actor: Any) -> None:
        for caller in callers:
            caller.cancel()
        over(cell_id, actor)

    monkeypatch.setattr(cells, "over", hook)


async def test_an_end_given_to_somebody_who_had_left_is_read_by_the_next_once(
    cell: Cell, delegate: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cell.yielded()
    waiting = await cell.wait()
    _at_the_end(cell, monkeypatch, waiting)
    cell.script.says(A, Finished(None))
    with pytest.raises(asyncio.CancelledError):
        await bounded(waiting)
    await settle()

    assert delegate.closed == ["1"]
    assert await done(await cell.wait()) == live(result(A))
    assert await done(await cell.wait()) == MISSING


@pytest.mark.parametrize("who", ["observer", "terminator", "both"])
async def test_an_end_that_one_of_two_has_read_is_read(
    who: str, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cell.yielded()
    cell.script.says(A)
    waiting = await cell.wait()
    cell.script.may_close.clear()
    end = await cell.terminate()
    leaving = {"observer": [waiting], "terminator": [end], "both": [waiting, end]}[who]
    _at_the_end(cell, monkeypatch, *leaving)
    cell.script.may_close.set()
    await bounded(asyncio.wait([waiting, end]))

    expected = live(terminated(A)) if who == "both" else MISSING
    assert await done(await cell.wait()) == expected
    assert await done(await cell.wait()) == MISSING


async def test_a_new_observer_is_accepted_as_soon_as_the_old_one_is_cancelled(cell: Cell) -> None:
    await cell.yielded()
    old = await cell.wait()
    old.cancel()
    new = cell.session.wait(WaitRequest(cell_id=ONE))
    task = asyncio.create_task(new)
    await settle()
    cell.script.says(A, YieldAsked())

    assert await done(task) == live(yielded(A))


async def test_a_cancelled_first_response_ends_the_cell(cell: Cell, delegate: Recorder) -> None:
    first = await cell.start()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await delegate.heard("closed", "1")

    assert (cell.session.live_cells, cell.script.closes) == ((), 1)


# ── starting ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_cancelled_execute_leaves_no_cell(cell: Cell, delegate: Recorder) -> None:
    cell.engine.may_start.clear()
    starting = asyncio.create_task(cell.session.execute(request()))
    await bounded(cell.engine.starting.wait())
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await delegate.heard("closed", "1")

    assert cell.session.live_cells == ()


async def test_an_execute_that_is_cancelled_as_it_succeeds_leaves_no_cell(
    cell: Cell, delegate: Recorder
) -> None:
    cell.engine.may_start.clear()
    starting = asyncio.create_task(cell.session.execute(request()))
    await bounded(cell.engine.starting.wait())
    cell.engine.may_start.set()
    asyncio.get_running_loop().call_soon(starting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await starting
    await delegate.heard("closed", "1")

    assert cell.session.live_cells == ()


async def test_a_cell_that_cannot_start_has_never_been(cell: Cell, delegate: Recorder) -> None:
    cell.engine.error = EngineError("no worker")
    with pytest.raises(EngineError, match=r"^no worker$"):
        await bounded(cell.session.execute(request()))
    cell.engine.error = None
    first = await cell.start()
    cell.script.says(Finished(None))

    assert (await bounded(first)).cell_id == "2"
    await settle()
    assert delegate.closed == ["2"]


async def test_a_termination_while_starting_is_answered_and_so_is_the_first_observer(
    cell: Cell, delegate: Recorder
) -> None:
    cell.engine.may_start.clear()
    starting = asyncio.create_task(cell.session.execute(request()))
    await bounded(cell.engine.starting.wait())

    assert await done(await cell.terminate()) == live(terminated())
    started = await bounded(starting)
    assert strip(await bounded(started.initial_response())) == terminated()
    await settle()
    assert delegate.closed == ["1"]


async def test_a_shutdown_while_starting_does_not_wait_for_the_engine(
    cell: Cell, delegate: Recorder
) -> None:
    cell.engine.may_start.clear()
    starting = asyncio.create_task(cell.session.execute(request()))
    await bounded(cell.engine.starting.wait())
    await bounded(cell.session.shutdown())

    assert strip(await bounded((await starting).initial_response())) == terminated()
    assert delegate.closed == ["1"]


# ── termination ──────────────────────────────────────────────────────────────────────────────────


async def test_a_termination_is_told_to_the_observer_too(cell: Cell, delegate: Recorder) -> None:
    first = await cell.start()
    cell.script.says(A)
    cell.script.last_words = (B,)
    end = await cell.terminate()

    assert await done(first) == terminated(A, B)
    assert await done(end) == live(terminated(A, B))
    await settle()
    assert delegate.closed == ["1"]


async def test_a_buffered_completion_beats_a_termination(cell: Cell) -> None:
    await cell.yielded()
    cell.script.says(A, Finished(None))
    await settle()

    assert await done(await cell.terminate()) == live(result(A))
    assert await done(await cell.terminate()) == MISSING


async def test_a_termination_beats_a_program_whose_notifications_are_under_way(
    cell: Cell, delegate: Recorder
) -> None:
    delegate.on_note = lambda _, __: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    first = await cell.start()
    cell.script.says(ValueStored("k", "1"), Notified("n"), A, Finished(None))
    await delegate.heard("note", "call", "n")

    assert await done(await cell.terminate()) == live(terminated(A))
    assert await done(first) == terminated(A)
    again = await cell.start()
    cell.script.says(ValueAsked("k"), Finished(None))
    assert cell.script.values == [None]
    await bounded(again)


async def test_a_second_terminator_is_refused_until_the_first_has_left(cell: Cell) -> None:
    await cell.yielded()
    cell.script.may_close.clear()
    first = await cell.terminate()
    with pytest.raises(CellTerminatingError, match=r"^exec cell 1 is already terminating$"):
        await bounded(cell.session.terminate(ONE))
    first.cancel()
    second = await cell.terminate()
    cell.script.may_close.set()

    assert await done(second) == live(terminated())
    assert first.cancelled()


async def test_a_terminator_who_left_does_not_stop_the_end(cell: Cell, delegate: Recorder) -> None:
    await cell.yielded()
    cell.script.may_close.clear()
    end = await cell.terminate()
    end.cancel()
    await settle()
    cell.script.may_close.set()
    await delegate.heard("closed", "1")

    assert await done(await cell.wait()) == live(terminated())
    assert await done(await cell.wait()) == MISSING


async def test_an_observation_of_a_cell_that_is_being_terminated_finds_nothing(cell: Cell) -> None:
    await cell.yielded()
    cell.script.may_close.clear()
    end = await cell.terminate()

    assert await done(await cell.wait()) == MISSING
    cell.script.may_close.set()
    await bounded(end)


async def test_a_program_that_ends_while_it_is_terminated_commits_nothing(cell: Cell) -> None:
    await cell.yielded()
    cell.script.says(ValueStored("k", "1"))
    cell.script.may_close.clear()
    end = await cell.terminate()
    cell.script.says(A, Finished(None))
    cell.script.may_close.set()

    assert await done(end) == live(terminated(A))
    again = await cell.start()
    cell.script.says(ValueAsked("k"), Finished(None))
    assert cell.script.values == [None]
    await bounded(again)


async def test_a_cell_whose_engine_fails_to_stop_it_ends_all_the_same(
    cell: Cell, caplog: pytest.LogCaptureFixture
) -> None:
    await cell.yielded()
    cell.script.close_error = EngineError("no")

    assert await done(await cell.terminate()) == live(terminated())
    assert [record.getMessage() for record in caplog.records] == ["cell 1 could not be stopped"]


async def test_what_a_cell_was_held_back_with_is_still_delivered_when_it_is_terminated(
    cell: Cell, delegate: Recorder
) -> None:
    delegate.on_note = lambda _, __: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    await cell.yielded()
    cell.script.says(*[Notified("n")] * 2_000)
    assert cell.script.paused
    cell.script.says(A, ToolCalled(1, 0, None))

    assert await done(await cell.terminate()) == live(terminated(A))
    assert ("tool", "never") not in delegate.log


# ── the engine goes ──────────────────────────────────────────────────────────────────────────────


async def test_a_lost_cell_ends_with_the_reason_and_keeps_what_it_stored(cell: Cell) -> None:
    first = await cell.start()
    cell.script.says(ValueStored("k", "1"), A)
    cell.script.dies("the worker is gone")

    assert await done(first) == result(A, error="the worker is gone", lost=True)
    again = await cell.start()
    cell.script.says(ValueAsked("k"), Finished(None))
    assert cell.script.values == [b"1"]
    await bounded(again)


async def test_a_cell_that_is_lost_while_it_is_terminated_is_terminated(cell: Cell) -> None:
    await cell.yielded()
    cell.script.may_close.clear()
    end = await cell.terminate()
    cell.script.dies("killed")
    await settle()
    assert not end.done()  # nothing of it may run when it is closed, not even what stops it
    cell.script.may_close.set()

    assert await done(end) == live(terminated())


async def test_a_frozen_cell_that_is_lost_ends_for_the_next_observer(cell: Cell) -> None:
    freezing = asyncio.create_task(cell.session.execute_to_pending(request()))
    await settle()
    cell.script.idles()
    await bounded(freezing)
    cell.script.dies("gone")
    await settle()

    assert await done(await cell.wait()) == live(result(error="gone", lost=True))


async def test_a_cell_that_is_lost_twice_ends_once(cell: Cell, delegate: Recorder) -> None:
    first = await cell.start()
    cell.script.dies("one")
    cell.script.dies("two")
    await bounded(first)
    cell.script.dies("three")
    await settle()

    assert (strip(first.result()), delegate.closed) == (result(error="one", lost=True), ["1"])


# ── limits ───────────────────────────────────────────────────────────────────────────────────────

LIMITS: dict[str, tuple[str, Limits, list[Event], str]] = {
    "output": (
        "output_bytes",
        Limits(output_bytes=100),
        [A, TextItem("x" * 100), B],
        "Limit reached (output_bytes): the cell wrote more than 100 bytes of output between two"
        " observations.\nHint: print a summary instead of everything.",
    ),
    "timers": (
        "timers",
        Limits(timers=1),
        [A, TimerSet(1, 1e6), TimerSet(2, 1e6)],
        "Limit reached (timers): the cell has more than 1 timers pending."
        "\nHint: await timers in smaller groups.",
    ),
    "tool calls": (
        "tool_calls",
        Limits(tool_calls=1),
        [A, ToolCalled(1, 0, None), ToolCalled(2, 0, None), ToolCalled(3, 0, None)],
        "Limit reached (tool_calls): the cell made more than 1 calls to tools."
        "\nHint: batch the work, or continue in a new cell.",
    ),
    "stored values": (
        "stored_bytes",
        Limits(stored_bytes=200),
        [A, ValueStored("k", "1"), ValueStored("l", "1")],
        "Limit reached (stored_bytes): the stored values of this session would take 260 bytes,"
        " more than 200 bytes."
        "\nHint: store less, overwrite keys that you no longer need with null, or end the cells that"
        " started before a large value was replaced: they still see it.",
    ),
}


@pytest.mark.parametrize("case", LIMITS)
async def test_a_limit_ends_the_cell_with_its_name_and_what_was_written_before(
    case: str, engine: ScriptedEngine, delegate: Recorder
) -> None:
    name, limits, events, error = LIMITS[case]
    delegate.tools["never"] = never
    cell = Cell(engine, delegate, limits)
    first = await cell.start("never")
    cell.script.says(*events, Finished(None))

    assert await done(first) == result(A, error=error, limit=name)
    assert cell.script.closes == 1
    assert delegate.log.count(("tool", "never")) <= 1
    await bounded(cell.session.shutdown())


async def test_what_a_terminated_cell_stored_counts_no_more(
    engine: ScriptedEngine, delegate: Recorder
) -> None:
    cell = Cell(engine, delegate, Limits(stored_bytes=200))
    await cell.yielded()
    cell.script.says(ValueStored("k", "1"))
    await bounded(await cell.terminate())
    started = await bounded(cell.session.execute(request()))
    cell.script.says(ValueStored("l", "1"), Finished(None))

    assert strip(await bounded(started.initial_response())) == Result(cell_id=CellId("2"), items=())
    await bounded(cell.session.shutdown())


async def test_output_that_was_given_back_counts_again(
    engine: ScriptedEngine, delegate: Recorder
) -> None:
    cell = Cell(engine, delegate, Limits(output_bytes=150))
    await cell.yielded()
    waiting = await cell.wait()
    cell.script.says(A, B, YieldAsked())
    waiting.cancel()
    await settle()
    cell.script.says(C)

    assert await done(await cell.wait()) == live(
        result(
            A,
            B,
            error="Limit reached (output_bytes): the cell wrote more than 150 bytes of output"
            " between two observations.\nHint: print a summary instead of everything.",
            limit="output_bytes",
        )
    )
    await bounded(cell.session.shutdown())


@pytest.mark.parametrize("leave", [False, True], ids=["yielded", "left by its observer"])
async def test_a_cell_that_nobody_observes_for_too_long_is_ended_and_its_place_is_free(
    leave: bool, engine: ScriptedEngine, delegate: Recorder
) -> None:
    cell = Cell(engine, delegate, Limits(unobserved_ms=1))
    await cell.yielded()
    if leave:
        waiting = await cell.wait()
        waiting.cancel()
    await delegate.heard("closed", "1")

    assert await done(await cell.wait()) == live(
        result(
            error="Limit reached (unobserved_ms): nobody observed the cell for 1 ms after it had"
            " yielded.\nHint: call wait before that, or start the work again.",
            limit="unobserved_ms",
        )
    )
    await bounded(cell.session.shutdown())


async def test_a_frozen_cell_expires_too(engine: ScriptedEngine, delegate: Recorder) -> None:
    cell = Cell(engine, delegate, Limits(unobserved_ms=1))
    freezing = asyncio.create_task(cell.session.execute_to_pending(request()))
    await settle()
    cell.script.idles()
    await bounded(freezing)
    await delegate.heard("closed", "1")

    assert cell.session.live_cells == ()
    await bounded(cell.session.shutdown())


async def test_a_result_that_nobody_fetches_gives_its_place_back(
    engine: ScriptedEngine, delegate: Recorder
) -> None:
    cell = Cell(engine, delegate, Limits(unobserved_ms=1))
    await cell.yielded()
    cell.script.says(A, Finished(None))
    await delegate.heard("closed", "1")

    assert await done(await cell.wait()) == live(result(A))
    await bounded(cell.session.shutdown())


async def test_a_forgotten_cell_whose_notifications_never_end_is_ended(
    engine: ScriptedEngine, delegate: Recorder
) -> None:
    delegate.on_note = lambda _, __: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    cell = Cell(engine, delegate, Limits(unobserved_ms=1))
    await cell.yielded()
    cell.script.says(Notified("n"), Finished(None))
    await delegate.heard("closed", "1")

    assert await done(await cell.wait()) == live(result())
    await bounded(cell.session.shutdown())


async def test_whoever_observes_a_cell_gives_it_a_new_period(cell: Cell) -> None:
    await cell.yielded()
    period = cell.actor._expiry
    waiting = await cell.wait()
    assert period is not None and period.cancelled()
    cell.script.says(YieldAsked())
    await bounded(waiting)

    following = cell.actor._expiry
    assert following is not None and not following.cancelled()


@pytest.mark.parametrize(
    ("wanted_ms", "seconds"), [(0, 0.0), (9_999, 9.999), (10_000, 11.0), (60_000, 61.0)]
)
def test_an_observation_of_ten_seconds_or_more_gets_one_on_top(
    wanted_ms: int, seconds: float
) -> None:
    session = SessionRuntime(ScriptedEngine(), Recorder(), Limits())

    assert session._yield_seconds(wanted_ms) == seconds


async def test_a_cell_that_is_observed_does_not_expire(
    engine: ScriptedEngine, delegate: Recorder
) -> None:
    cell = Cell(engine, delegate, Limits(unobserved_ms=1))
    await cell.yielded()
    waiting = await cell.wait()
    await asyncio.sleep(0.005)
    cell.script.says(Finished(None))

    assert await done(waiting) == live(result())
    await bounded(cell.session.shutdown())


# ── callbacks and the end ────────────────────────────────────────────────────────────────────────


async def test_a_completion_waits_for_notifications_but_its_observer_need_not(
    cell: Cell, delegate: Recorder
) -> None:
    gate = asyncio.Event()
    delegate.on_note = lambda _, __: gate.wait()  # type: ignore[assignment,return-value]
    await cell.yielded()
    cell.script.says(A, Notified("n"), Finished(None))

    assert await done(await cell.wait(yield_time_ms=1)) == live(yielded(A))
    waiting = await cell.wait()
    gate.set()
    assert await done(waiting) == live(result())


async def test_a_shutdown_cuts_a_completion_that_waits_for_notifications(
    cell: Cell, delegate: Recorder
) -> None:
    delegate.on_note = lambda _, __: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    first = await cell.start()
    cell.script.says(A, Notified("n"), Finished(None))
    await delegate.heard("note", "call", "n")
    await bounded(cell.session.shutdown())

    assert await done(first) == terminated(A)


async def test_a_tool_result_after_the_end_is_ignored(cell: Cell, delegate: Recorder) -> None:
    release = asyncio.Event()

    async def late(*_: object) -> int:
        await stubborn_wait(release)
        return 1

    delegate.tools["late"] = late
    first = await cell.start("late")
    cell.script.says(ToolCalled(1, 0, None))
    await delegate.heard("tool", "late")
    cell.script.says(Finished(None))
    assert await done(first) == result()
    release.set()
    await settle()

    assert cell.script.delivered == []


async def test_the_delegate_hears_of_the_end_after_every_callback_has_left(
    cell: Cell, delegate: Recorder
) -> None:
    first = await cell.start("never")
    cell.script.says(ToolCalled(1, 0, None), Notified("n"))
    await delegate.heard("tool", "never")
    cell.script.says(Finished(None))
    await bounded(first)
    await settle()

    assert delegate.log == [
        ("tool", "never"),
        ("note", "call", "n"),
        ("left", "never"),
        ("closed", "1"),
    ]


@pytest.mark.parametrize("error", [RuntimeError("x"), SystemExit(1), asyncio.CancelledError()])
async def test_a_delegate_that_fails_to_hear_of_the_end_hinders_nobody(
    error: BaseException, cell: Cell, delegate: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: CellId) -> None:
        raise error

    delegate.on_closed = fail
    first = await cell.start()
    cell.script.says(Finished(None))
    assert await done(first) == result()
    await bounded(cell.session.shutdown())

    assert delegate.closed == ["1"]
    assert [record.getMessage() for record in caplog.records] == ["cell_closed of cell 1 failed"]


@pytest.mark.parametrize("what", ["terminate", "shutdown"])
async def test_a_tool_that_ends_its_own_cell_does_not_wait_for_itself(
    what: str, cell: Cell, delegate: Recorder
) -> None:
    async def suicidal(*_: object) -> None:
        if what == "shutdown":
            await cell.session.shutdown()
        else:
            await cell.session.terminate(ONE)

    delegate.tools["suicidal"] = suicidal
    first = await cell.start("suicidal")
    cell.script.says(ToolCalled(1, 0, None))

    assert await done(first) == terminated()
    await delegate.heard("closed", "1")


async def test_a_tool_can_run_another_cell(cell: Cell, delegate: Recorder) -> None:
    async def nested(*_: object) -> str:
        started = await cell.session.execute(request())
        cell.engine.cells[-1].says(B, Finished(None))
        response = await started.initial_response()
        return str(response.cell_id)

    delegate.tools["nested"] = nested
    first = await cell.start("nested")
    cell.script.says(ToolCalled(1, 0, None))
    await delegate.heard("left", "nested")
    await settle()

    assert cell.engine.cells[0].delivered == [("resolve", 1, '"2"')]
    cell.engine.cells[0].says(Finished(None))
    assert await done(first) == result()


async def test_callbacks_of_many_cells_are_given_their_grace_side_by_side(
    engine: ScriptedEngine, delegate: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    release = asyncio.Event()

    async def stubborn(*_: object) -> None:
        await stubborn_wait(release)

    delegate.tools["stubborn"] = stubborn
    cell = Cell(engine, delegate, Limits(callback_grace_ms=100))
    for _ in range(20):
        started = await bounded(cell.session.execute(request("", "stubborn")))
        cell.script.says(ToolCalled(1, 0, None), YieldAsked())
        await bounded(started.initial_response())
    await delegate.heard("tool", "stubborn", times=20)
    began = asyncio.get_running_loop().time()
    await bounded(cell.session.shutdown())
    took = asyncio.get_running_loop().time() - began

    assert took < 1.0  # 20 graces one after another take 2 s
    release.set()
    await settle()


# ── pending mode ─────────────────────────────────────────────────────────────────────────────────


async def _freeze(cell: Cell, *tools: str) -> asyncio.Task[Any]:
    task = asyncio.create_task(cell.session.execute_to_pending(request("", *tools)))
    await settle()
    return task


async def _resume(cell: Cell) -> asyncio.Task[Any]:
    task = asyncio.create_task(cell.session.wait_to_pending(WaitToPendingRequest(cell_id=ONE)))
    await settle(1)
    return task


def pending(*items: TextItem, calls: tuple[str, ...] = ()) -> Pending:
    return Pending(cell_id=ONE, items=items, pending_tool_call_ids=calls)


async def test_a_cell_freezes_at_its_frontier_with_the_calls_made_since_the_last(
    cell: Cell, delegate: Recorder
) -> None:
    freezing = await _freeze(cell, "never", "echo")
    cell.script.idles(A, ToolCalled(1, 0, None), ToolCalled(2, 1, "5"))
    assert await done(freezing) == pending(A, calls=("tool-1", "tool-2"))
    await delegate.heard("left", "echo")
    await settle()
    assert cell.script.delivered == []

    resumed = await _resume(cell)
    assert cell.script.delivered == [("resolve", 2, "5")]
    cell.script.idles(B, ToolCalled(3, 0, None))
    assert await done(resumed) == live(pending(B, calls=("tool-3",)))


async def test_a_resume_with_nothing_ready_is_pending_again_without_calls(cell: Cell) -> None:
    freezing = await _freeze(cell, "never")
    cell.script.idles(ToolCalled(1, 0, None))
    await bounded(freezing)

    assert await done(await _resume(cell)) == live(pending())


async def test_a_synchronous_program_completes_and_is_never_pending(cell: Cell) -> None:
    freezing = await _freeze(cell)
    cell.script.says(A, Finished(None))

    assert await done(freezing) == result(A)


async def test_a_yield_asked_for_means_nothing_on_the_way_to_the_frontier(cell: Cell) -> None:
    freezing = await _freeze(cell)
    cell.script.idles(A, YieldAsked(), B)

    assert await done(freezing) == pending(A, B)


async def test_a_frozen_cell_that_is_observed_by_time_goes_on_by_itself(
    cell: Cell, delegate: Recorder
) -> None:
    freezing = await _freeze(cell, "echo")
    cell.script.idles(ToolCalled(1, 0, "1"))
    await bounded(freezing)
    await delegate.heard("left", "echo")
    await settle()
    waiting = await cell.wait()
    assert cell.script.delivered == [("resolve", 1, "1")]
    cell.script.idles(A)
    cell.script.says(B, Finished(None))

    assert await done(waiting) == live(result(A, B))


async def test_results_that_a_frozen_cell_does_not_take_hold_back_its_other_calls(
    cell: Cell, delegate: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.runtime.script.HELD_BYTES", 2)
    at_once = cell.limits.concurrent_tool_calls
    numbers = range(1, 3 * at_once)
    freezing = await _freeze(cell, "echo")
    cell.script.idles(*(ToolCalled(number, 0, str(number)) for number in numbers))
    await bounded(freezing)
    await settle()
    begun = delegate.log.count(("left", "echo"))
    resumed = await _resume(cell)
    await delegate.heard("left", "echo", times=len(numbers))
    cell.script.says(Finished(None))

    assert begun < 2 * at_once
    assert await done(resumed) == live(result())
    assert sorted(cell.script.delivered) == sorted(("resolve", each, f"{each}") for each in numbers)


async def test_calls_at_a_frontier_that_nobody_asked_for_are_not_reported_later(
    cell: Cell,
) -> None:
    await cell.yielded("never")
    cell.script.idles(ToolCalled(1, 0, None))

    assert await done(await _resume(cell)) == live(pending())


async def test_a_frozen_cell_is_terminated(cell: Cell) -> None:
    freezing = await _freeze(cell, "never")
    cell.script.idles(A, ToolCalled(1, 0, None))
    await bounded(freezing)

    assert await done(await cell.terminate()) == live(terminated())


async def test_a_cell_whose_frontier_observer_left_runs_on(cell: Cell, delegate: Recorder) -> None:
    freezing = await _freeze(cell, "echo")
    cell.script.idles(A)
    await bounded(freezing)
    resumed = await _resume(cell)
    assert await done(resumed) == live(pending())
    again = await _resume(cell)
    cell.script.idles()
    again.cancel()
    await settle()
    waiting = await cell.wait()
    cell.script.says(B, Finished(None))

    assert await done(waiting) == live(result(B))


async def test_a_cancelled_execute_to_pending_ends_the_cell(cell: Cell, delegate: Recorder) -> None:
    freezing = await _freeze(cell)
    freezing.cancel()
    await delegate.heard("closed", "1")

    assert freezing.cancelled()


# ── preemption ───────────────────────────────────────────────────────────────────────────────────


class Broken:
    def is_set(self) -> bool:
        return False

    async def wait(self) -> None:
        raise RuntimeError("broken")


async def test_a_signal_that_fires_ends_the_observation_and_the_cell_runs_on(cell: Cell) -> None:
    await cell.yielded()
    signal = asyncio.Event()
    waiting = await cell.wait(preempt=signal)
    cell.script.says(A)
    signal.set()
    assert await done(waiting) == live(yielded(A))
    cell.script.says(Finished(None))

    assert await done(await cell.wait(preempt=signal)) == live(result())


async def test_a_signal_that_has_fired_before_yields_at_once(cell: Cell) -> None:
    signal = asyncio.Event()
    signal.set()
    started = await bounded(cell.session.execute(request(), preempt=signal))

    assert strip(await bounded(started.initial_response())) == yielded()
    assert cell.session.live_cells == ("1",)


@pytest.mark.parametrize("signal", [asyncio.Event(), Broken()], ids=["never fires", "is broken"])
async def test_a_signal_that_comes_to_nothing_leaves_nothing_behind(
    signal: Any, cell: Cell
) -> None:
    await cell.yielded()
    waiting = await cell.wait(preempt=signal)
    cell.script.says(A, Finished(None))
    assert await done(waiting) == live(result(A))
    await settle()

    assert asyncio.all_tasks() == {asyncio.current_task()}


# ── shutdown ─────────────────────────────────────────────────────────────────────────────────────


async def test_after_a_shutdown_nothing_starts_and_nothing_is_observed(
    cell: Cell, delegate: Recorder
) -> None:
    await cell.yielded()
    await bounded(cell.session.shutdown())

    with pytest.raises(SessionClosedError, match=r"^code mode session is shutting down$"):
        await bounded(cell.session.execute(request()))
    with pytest.raises(SessionClosedError):
        await bounded(cell.session.wait(WaitRequest(cell_id=ONE)))
    assert (delegate.closed, cell.engine.closed) == (["1"], 1)


async def test_every_caller_of_shutdown_waits_for_the_same_end(cell: Cell) -> None:
    await cell.yielded()
    cell.script.may_close.clear()
    first, second = (asyncio.create_task(cell.session.shutdown()) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    assert not second.done()
    cell.script.may_close.set()
    await bounded(second)
    await bounded(cell.session.shutdown())

    assert (first.cancelled(), cell.engine.closed, cell.session.is_shut) == (True, 1, True)


async def test_a_shutdown_lets_the_engine_go_when_the_delegate_knows_of_every_end(
    cell: Cell, delegate: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = cell.session._cells
    over, aclose = cells.over, cell.engine.aclose
    shutdowns: list[asyncio.Task[None]] = []
    known: list[list[str]] = []

    def at_the_end(cell_id: CellId, actor: Any) -> None:
        shutdowns.append(asyncio.create_task(cell.session.shutdown()))
        over(cell_id, actor)

    async def note_who_knows() -> None:
        known.append(list(delegate.closed))
        await aclose()

    monkeypatch.setattr(cells, "over", at_the_end)
    monkeypatch.setattr(cell.engine, "aclose", note_who_knows)
    first = await cell.start()
    cell.script.says(Finished(None))
    await bounded(first)
    await bounded(shutdowns[0])

    assert known == [["1"]]


async def test_repr_says_what_a_session_and_its_cells_are_doing(cell: Cell) -> None:
    assert repr(cell.session) == "<session open, 0 live cells, 0 admitted>"
    started = await bounded(cell.session.execute(request()))
    cell.script.says(A)
    assert repr(started) == "<started <cell 1 running, watched by time, 1 items>>"
    await bounded(cell.session.shutdown())
    assert repr(cell.session) == "<session shut, 0 live cells, 1 admitted>"


async def test_what_a_cell_says_after_its_end_is_nothing(cell: Cell, delegate: Recorder) -> None:
    first = await cell.start("never")
    cell.script.says(Finished(None), Idle(), A, ToolCalled(1, 0, None), Finished("Error: x"))

    assert await done(first) == result()
    await settle()
    assert delegate.log == [("closed", "1")]


# ── the start ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rounds", range(4))
async def test_a_cell_that_is_terminated_while_it_starts_ends(
    cell: Cell, delegate: Recorder, rounds: int
) -> None:
    executing = asyncio.create_task(cell.session.execute(request()))
    await settle(rounds)
    terminating = await cell.terminate()
    started = await bounded(executing)

    assert await done(terminating) == live(terminated())
    assert strip(await bounded(started.initial_response())) == terminated()
    await settle()
    assert delegate.closed == ["1"]
