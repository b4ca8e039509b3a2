"""Every limit fires, in words that name it, and the session works afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from codemode import CodeMode, Limits, LocalSessionProvider
from codemode.limits import KIB, MIB
from codemode.protocol.session import Session
from codemode.protocol.types import CellId, LiveCell, Result, WaitRequest, Yielded
from tests.runtime.doubles import Recorder, request

NEVER = "await new Promise(() => {})"
SECONDS = 60
"""The bound on every wait here; it is never used up."""


class Stage:
    """What the tools of these tests share: a gate, and how many calls were inside at once."""

    def __init__(self) -> None:
        self.gate, self.crowded = asyncio.Event(), asyncio.Event()
        self.inside = self.most = self.notes = 0

    async def stand(self) -> None:
        """Wait for the gate."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside == 2:
            self.crowded.set()
        await self.gate.wait()
        self.inside -= 1

    async def insist(self) -> None:
        """Wait for the gate, cancelled or not."""
        while not self.gate.is_set():
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                continue

    async def note(self, *_: object) -> None:
        await self.gate.wait()
        self.notes += 1


@pytest.fixture
async def stage() -> Stage:
    return Stage()


@asynccontextmanager
async def code_mode(stage: Stage, **limits: Any) -> AsyncIterator[CodeMode]:
    async with (
        asyncio.timeout(SECONDS),
        CodeMode(tools=[stage.stand], on_notify=stage.note, limits=Limits(**limits)) as cm,
    ):
        try:
            yield cm
        finally:
            stage.gate.set()


async def said(cm: CodeMode, source: str) -> str:
    """What a program writes."""
    result = await cm.exec(source)
    assert result.status == "completed", result.text
    return result.text.partition("Output:\n")[2]


@pytest.mark.parametrize(
    ("limits", "source", "text"),
    [
        (
            {"source_bytes": 12},
            "text(1)\n\n\n\n\n\n",
            "(source_bytes): the source is 13 bytes, more than 12 bytes.",
        ),
        (
            {"heap_bytes": 16 * MIB},
            "const a = []; for (;;) a.push(new Array(1000).fill(a.length))",
            "(heap_bytes): the cell used more than 16 MiB of JavaScript heap.",
        ),
        (
            {"heap_bytes": 256 * MIB},
            "const a = []; for (;;) a.push(new Array(100).fill(a.length))",
            "(heap_bytes): the cell used more than 256 MiB of JavaScript heap.",
        ),
        (
            {"worker_memory_bytes": 64 * MIB, "heap_bytes": 2**33},
            "const a = []; for (;;) a.push({a})",
            "(worker_memory_bytes): the cells of this session used more than 64 MiB of memory",
        ),
        (
            {"compute_ms": 50},
            "for (;;);",
            "(compute_ms): the cell computed for 50 ms without a pause.",
        ),
        (
            {"output_bytes": KIB},
            "for (;;) text('x'.repeat(600))",
            "(output_bytes): the cell wrote more than 1 KiB of output between two observations.",
        ),
        (
            {"value_bytes": KIB},
            "text('x'.repeat(2000))",
            "(value_bytes): a value is too large, more than 1 KiB.",
        ),
        (
            {"value_members": 3},
            "await tools.stand({a: [1, 2, '3,4,5']})",
            "(value_members): the argument of tool `stand` has more than 3 members, those of everything inside it included.",
        ),
        (
            {"stored_bytes": KIB},
            "store('k', 'x'.repeat(2000))",
            "(stored_bytes): the stored values of this session would take 2.081 KiB, more than 1 KiB.",
        ),
        (
            {"timers": 2},
            "for (;;) setTimeout(() => {}, 1e6)",
            "(timers): the cell has more than 2 timers pending.",
        ),
        (
            {"tool_calls": 2},
            "for (;;) tools.stand({})",
            "(tool_calls): the cell made more than 2 calls to tools.",
        ),
    ],
    ids="source_bytes heap_bytes heap_bytes-in-an-unrolled-loop worker_memory_bytes compute_ms output_bytes value_bytes"
    " value_members stored_bytes timers tool_calls".split(),
)
async def test_a_cell_over_its_limit_fails_and_the_next_one_runs(
    stage: Stage, limits: dict[str, int], source: str, text: str
) -> None:
    async with code_mode(stage, **limits) as cm:
        failed = await cm.exec(source)

        assert failed.failed
        assert f"Limit reached {text}" in failed.text
        assert await said(cm, "text('next')") == "next"


async def test_output_over_output_tokens_is_cut(stage: Stage) -> None:
    async with code_mode(stage, output_tokens=2) as cm:
        cut = await said(cm, "text('x'.repeat(100))")

        assert cut.endswith("xxxx…23 tokens truncated…xxxx")
        assert await said(cm, "text('next')") == "next"


async def test_a_cell_beyond_live_cells_is_refused_until_there_is_room(stage: Stage) -> None:
    async with code_mode(stage, live_cells=1) as cm:
        await cm.exec(f"yield_control(); {NEVER}")
        refused = await cm.exec("text('no')")
        await cm.wait("1", terminate=True)

        assert refused.text.startswith(
            "Limit reached (live_cells): 1 cells of this session are alive already"
        )
        assert await said(cm, "text('next')") == "next"


async def test_calls_beyond_concurrent_tool_calls_wait_their_turn(stage: Stage) -> None:
    async with code_mode(stage, concurrent_tool_calls=2) as cm:
        calls = "Promise.all([1, 2, 3, 4, 5].map(() => tools.stand({})))"
        await cm.exec(f"const all = {calls}; yield_control(); text((await all).length)")
        await stage.crowded.wait()
        stage.gate.set()
        ended = await cm.wait("1")

        assert (ended.text.endswith("\n5"), stage.most) == (True, 2)
        assert await said(cm, "text('next')") == "next"


async def test_a_cell_beyond_queued_notifications_waits(stage: Stage) -> None:
    async with code_mode(stage, queued_notifications=2) as cm:
        source = "for (let i = 0; i < 800; i++) notify('x'.repeat(1000)); text('done')"
        first = await cm.exec('// @exec: {"yield_time_ms": 300}\n' + source)
        stage.gate.set()
        last = await cm.wait("1")

        assert (first.running, "done" in first.text, last.text[-4:]) == (True, False, "done")
        assert stage.notes == 800
        assert await said(cm, "text('next')") == "next"


async def test_cells_that_nobody_observes_wait_when_a_session_holds_held_bytes(
    stage: Stage,
) -> None:
    async with code_mode(stage, held_bytes=KIB) as cm:
        flood = "for (let i = 0; i < 3000; i++) text('x'.repeat(1000))"  # more than a pipe's worth
        await cm.exec(f"yield_control(); {flood}; notify('over')")
        stage.gate.set()
        assert await said(cm, "text('next')") == "next"
        unheard = stage.notes
        last = await cm.wait("1")

        assert (unheard, last.status, stage.notes) == (0, "completed", 1)


async def test_a_callback_beyond_callback_grace_ms_is_dropped(stage: Stage) -> None:
    async with asyncio.timeout(SECONDS), LocalSessionProvider() as provider:
        delegate = Recorder(insist=lambda *_: stage.insist())
        session = await provider.create_session(delegate, limits=Limits(callback_grace_ms=1))
        await _end(session, "tools.insist(); await null; exit()", "insist")
        await delegate.heard("closed", "1")

        assert ("left", "insist") not in delegate.log  # it runs on, and nobody waits for it
        assert await _end(session, "text('next')") is None
        stage.gate.set()
        await delegate.heard("left", "insist")


async def _end(session: Session, source: str, *tools: str) -> str | None:
    """The error of a program."""
    started = await session.execute(request(source, *tools))
    response = await started.initial_response()
    assert isinstance(response, Result)
    return response.error_text


async def test_a_cell_that_takes_longer_than_termination_ms_costs_its_worker(stage: Stage) -> None:
    async with code_mode(stage, termination_ms=0) as cm:
        await cm.exec(f"yield_control(); {NEVER}")
        await cm.exec(f"yield_control(); {NEVER}")
        ended = await cm.wait("1", terminate=True)
        other = await cm.wait("2")

        assert ended.status == "terminated"
        assert "Limit reached (termination_ms): the cell did not stop within 0 ms" in other.text
        assert await said(cm, "text('next')") == "next"


async def test_a_cell_that_nobody_observes_for_unobserved_ms_is_ended() -> None:
    async with asyncio.timeout(SECONDS), LocalSessionProvider() as provider:
        delegate = Recorder()
        session = await provider.create_session(delegate, limits=Limits(unobserved_ms=1))
        started = await session.execute(request(f"yield_control(); {NEVER}"))
        assert isinstance(await started.initial_response(), Yielded)
        await delegate.heard("closed", "1")
        ended = await session.wait(WaitRequest(cell_id=CellId("1")))
        assert await _end(session, "text('next')") is None

    assert isinstance(ended, LiveCell) and isinstance(ended.response, Result)
    assert (ended.response.error_text or "").startswith(
        "Limit reached (unobserved_ms): nobody observed the cell for 1 ms after it had yielded."
    )


async def test_the_end_of_a_cell_is_forgotten_after_result_kept_ms(stage: Stage) -> None:
    async with code_mode(stage, result_kept_ms=0) as forgets, code_mode(stage) as remembers:
        for cm in (forgets, remembers):
            await said(cm, "text('a')")

        assert forgets.last_result("1") is None
        assert remembers.last_result("1") is not None
        assert await said(forgets, "text('next')") == "next"


async def test_a_model_waits_for_min_yield_time_ms_at_least(stage: Stage) -> None:
    async with code_mode(stage, min_yield_time_ms=30) as cm:
        first = await cm.exec('// @exec: {"yield_time_ms": 0}\n' + NEVER)
        second = await cm.call("wait", {"cell_id": "1", "yield_time_ms": 0})
        following = await cm.run("text('next')")

    took = [each.response.host_duration_ns for each in (first, second) if each.response]
    assert [each >= 30_000_000 for each in took] == [True, True]
    assert following.output == "next"


async def test_an_observation_ends_after_max_yield_time_ms(stage: Stage) -> None:
    async with code_mode(stage, max_yield_time_ms=1) as cm:
        first = await cm.exec('// @exec: {"yield_time_ms": 3600000}\n' + NEVER)
        second = await cm.wait("1", yield_time_ms=3_600_000)
        await cm.wait("1", terminate=True)
        following = await cm.exec("text('next')")
        while following.running:
            following = await cm.wait("2")

        assert (first.running, second.running) == (True, True)
        assert following.status == "completed"
