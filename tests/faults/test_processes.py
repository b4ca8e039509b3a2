"""Workers and zygotes that are killed or stopped, in each state of a cell."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

import pytest

from codemode.engine import spawners, supply
from codemode.engine.process import WorkerProcess
from codemode.engine.workers import WorkersEngine
from codemode.protocol.types import (
    CellId,
    LiveCell,
    Pending,
    Result,
    RuntimeResponse,
    Terminated,
    WaitToPendingRequest,
    Yielded,
)
from codemode.runtime.local import LocalSessionProvider
from tests.engine.driving import alive, eventually
from tests.runtime.doubles import request

from .stage import KILLED, ORPHANED, SILENT, Stage, bounded, execute, texts, zygote_of

Ask: TypeAlias = Callable[[], Awaitable[RuntimeResponse | Pending]]

SPIN: Final = "text('a'); yield_control(); await 0; for (;;);"


async def _yielded(stage: Stage, source: str, *tools: str) -> CellId:
    first = await stage.run(source, *tools)
    assert isinstance(first, Yielded)
    assert texts(first.items) == ["a"]
    return first.cell_id


async def computing(stage: Stage) -> Ask:
    cell = await _yielded(stage, SPIN)
    return lambda: stage.wait(cell)


async def at_a_tool(stage: Stage) -> Ask:
    cell = await _yielded(stage, "text('a'); yield_control(); await tools.never()", "never")
    await stage.delegate.heard("tool", "never")
    return lambda: stage.wait(cell)


async def at_a_timer(stage: Stage) -> Ask:
    cell = await _yielded(
        stage, "text('a'); yield_control(); await new Promise(r => setTimeout(r, 1e8))"
    )
    return lambda: stage.wait(cell)


async def observed(stage: Stage) -> Ask:
    """Somebody waits already when the fault comes."""
    cell = await _yielded(stage, "text('a'); yield_control(); await tools.never()", "never")
    waiting = asyncio.create_task(stage.wait(cell))
    await asyncio.sleep(0)  # the call may have been heard already: then nothing else lets it begin
    await stage.delegate.heard("tool", "never")
    return lambda: waiting


async def frozen(stage: Stage) -> Ask:
    started = await bounded(
        stage.mine.execute_to_pending(request("text('a'); await tools.echo(1); for (;;);", "echo"))
    )
    assert isinstance(started, Pending)
    assert texts(started.items) == ["a"]
    await stage.delegate.heard("left", "echo")

    async def resume() -> RuntimeResponse | Pending:
        asked = WaitToPendingRequest(cell_id=started.cell_id)
        return (await bounded(stage.mine.wait_to_pending(asked))).response

    return resume


STATES: Final[dict[str, Callable[[Stage], Awaitable[Ask]]]] = {
    "computing": computing,
    "at a tool": at_a_tool,
    "at a timer": at_a_timer,
    "observed": observed,
    "frozen": frozen,
}


@pytest.mark.parametrize("state", STATES)
async def test_a_killed_worker_ends_its_cells_with_a_reason(state: str, stage: Stage) -> None:
    ask = await STATES[state](stage)
    os.kill(stage.worker, signal.SIGKILL)
    end = await ask()

    assert isinstance(end, Result)
    assert (texts(end.items), end.error_text) == ([], KILLED)
    await stage.works_again()
    await stage.neighbour_is_well()


@pytest.mark.parametrize("state", STATES)
async def test_a_killed_zygote_ends_all_cells_with_a_reason(state: str, stage: Stage) -> None:
    ask = await STATES[state](stage)
    os.kill(stage.zygote, signal.SIGKILL)
    ends = await ask(), await stage.neighbour_ends()

    for end in ends:
        assert isinstance(end, Result)
        assert end.error_text == ORPHANED
    await stage.works_again()


@pytest.mark.parametrize("state", ["computing", "at a tool", "frozen"])
async def test_a_stopped_zygote_hurts_no_cell(state: str, stage: Stage) -> None:
    await STATES[state](stage)
    os.kill(stage.zygote, signal.SIGSTOP)
    ended = await bounded(stage.mine.terminate(CellId("2")))

    assert isinstance(ended.response, Terminated)
    await stage.works_again()
    await stage.neighbour_is_well()


@pytest.mark.parametrize("state", ["computing", "frozen"])
async def test_a_stopped_worker_that_is_asked_is_found_out(state: str, stage: Stage) -> None:
    ask = await STATES[state](stage)
    os.kill(stage.worker, signal.SIGSTOP)
    end = await ask()

    assert isinstance(end, Result)
    assert (texts(end.items), end.error_text) == ([], SILENT)
    await stage.works_again()
    await stage.neighbour_is_well()


@pytest.mark.parametrize("state", STATES)
async def test_a_cell_of_a_stopped_worker_can_be_terminated(state: str, stage: Stage) -> None:
    ask = await STATES[state](stage)
    os.kill(stage.worker, signal.SIGSTOP)
    ended = await bounded(stage.mine.terminate(CellId("2")))

    assert isinstance(ended.response, Terminated)
    if state == "observed":
        assert isinstance(await ask(), Terminated)
    await stage.works_again()
    await stage.neighbour_is_well()


async def test_a_new_program_in_a_stopped_worker_ends_with_a_reason(stage: Stage) -> None:
    os.kill(stage.worker, signal.SIGSTOP)
    end = await stage.run("text(1)")

    assert isinstance(end, Result)
    assert end.error_text == SILENT
    await stage.works_again()
    await stage.neighbour_is_well()


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_worker_that_fails_before_its_first_program_is_no_trouble(
    fault: signal.Signals, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = stage.engine.take
    faults = iter([fault])

    async def take(owner: str) -> WorkerProcess:
        worker = await taken(owner)
        for each in faults:
            os.kill(worker.pid, each)
            break
        return worker

    monkeypatch.setattr(stage.engine, "take", take)
    os.kill(stage.worker, signal.SIGKILL)
    await stage.lost_its_worker()
    await stage.run("1")
    await stage.works_again()
    await stage.neighbour_is_well()


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_fault_during_a_termination_changes_nothing(
    fault: signal.Signals, stage: Stage
) -> None:
    await computing(stage)
    ending = asyncio.create_task(stage.mine.terminate(CellId("2")))
    await asyncio.sleep(0)
    os.kill(stage.worker, fault)
    ended = await bounded(ending)

    assert isinstance(ended, LiveCell)
    assert isinstance(ended.response, Terminated)
    assert stage.delegate.closed == ["1", "2"]
    await stage.works_again()
    await stage.neighbour_is_well()


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_fault_during_a_shutdown_does_not_delay_it(
    fault: signal.Signals, stage: Stage
) -> None:
    await computing(stage)
    ending = asyncio.create_task(stage.mine.shutdown())
    await asyncio.sleep(0)
    os.kill(stage.worker, fault)
    await bounded(ending)

    assert stage.delegate.closed == ["1", "2"]
    await stage.neighbour_is_well()


async def test_what_a_cell_said_before_its_worker_died_is_delivered_once(stage: Stage) -> None:
    cell = await _yielded(
        stage,
        "text('a'); yield_control(); text('b'); text('c'); await tools.never(); text('d')",
        "never",
    )
    await stage.delegate.heard("tool", "never")
    os.kill(stage.worker, signal.SIGKILL)
    end = await stage.wait(cell)

    assert isinstance(end, Result)
    assert (texts(end.items), end.error_text) == (["b", "c"], KILLED)
    await stage.delegate.heard("closed", cell)
    assert stage.delegate.log[-3:] == [("tool", "never"), ("left", "never"), ("closed", cell)]


async def test_a_zygote_that_stops_and_goes_on_later_is_not_needed_any_more(stage: Stage) -> None:
    zygote = stage.zygote
    os.kill(zygote, signal.SIGSTOP)
    for _ in range(2):  # the first takes the worker that was ready
        os.kill(stage.worker, signal.SIGKILL)
        await stage.run("1")
        await stage.works_again()
    assert stage.zygote != zygote
    os.kill(zygote, signal.SIGCONT)
    await stage.works_again()
    await stage.neighbour_is_well()


async def test_a_zygote_that_does_not_answer_goes_with_its_last_worker(stage: Stage) -> None:
    zygote = stage.zygote
    os.kill(zygote, signal.SIGSTOP)
    third = await stage.provider.create_session(stage.delegate)
    for _ in range(2):  # the first takes the worker that was ready
        fourth = await stage.provider.create_session(stage.delegate)
        assert texts((await execute(fourth, "text(4)")).items) == ["4"]
    assert stage.zygote != zygote
    assert alive([zygote]) == {zygote}
    await stage.neighbour_is_well()
    await bounded(stage.provider._sessions[3].shutdown())  # it had the ready one
    for session in (stage.mine, stage.theirs):
        await bounded(session.shutdown())

    await eventually(lambda: alive([zygote]) == set())
    assert texts((await execute(third, "text(3)")).items) == ["3"]


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_zygote_that_fails_while_it_loads_is_replaced(
    fault: signal.Signals, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawners, "START_SECONDS", 1.0)
    monkeypatch.setattr(supply, "_SUPPLIES", WeakKeyDictionary())  # not the neighbour's zygote
    async with LocalSessionProvider() as provider:
        session = await provider.create_session(stage.delegate)
        running = asyncio.create_task(execute(session, "text('well')"))
        engine = provider._engine
        assert isinstance(engine, WorkersEngine)
        await eventually(
            lambda: getattr(engine._supply and engine._supply.spawner, "_zygote", None) is not None
        )
        os.kill(zygote_of(engine), fault)

        assert texts((await running).items) == ["well"]
    await stage.neighbour_is_well()
