"""What an application sees of its cells, over every provider."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from codemode import (
    CallEnded,
    CallStarted,
    CellEnded,
    CellEvent,
    CellId,
    CellNotification,
    CellOutput,
    CellStarted,
    CellYielded,
    CodeMode,
    SavedValues,
    UsageError,
    tool,
)
from codemode.protocol.session import SessionProvider

from .test_following import NEVER, PAUSE, SECONDS, call, double, output, refuse, timeless, untimed

ONE = CellId("1")


async def test_a_stream_tells_the_same_wherever_the_cell_runs(provider: SessionProvider) -> None:
    program = (
        "text('a'); text(await tools.double({x: 4})); notify('half'); yield_control();"
        f" {PAUSE} await tools.refuse().catch(() => {{}}); text('b')"
    )
    async with asyncio.timeout(SECONDS), CodeMode(tools=[double, refuse], provider=provider) as cm:
        events = [timeless(event) async for event in cm.stream(program, call_id="call-7")]

    end = events.pop()
    assert isinstance(end, CellEnded)
    assert (end.result.status, end.result.output) == ("completed", "a\n8\nb")
    assert [event for event in events if isinstance(event, CellOutput)] == [
        output("a"),
        output("8"),
        output("b"),
    ]
    others = [event for event in events if not isinstance(event, CellOutput | CellYielded)]
    assert others == [
        CellStarted(cell_id=ONE, call_id="call-7"),
        CallStarted(cell_id=ONE, call=call(1, "double", "running")),
        CallEnded(cell_id=ONE, call=call(1, "double", "ok", bytes=1)),
        CellNotification(cell_id=ONE, call_id="call-7", text="half"),
        CallStarted(cell_id=ONE, call=call(2, "refuse", "running")),
        CallEnded(cell_id=ONE, call=call(2, "refuse", "failed", error="no")),
    ]


async def test_a_run_loses_nothing_before_a_yield(provider: SessionProvider) -> None:
    program = f"for (let i = 0; i < 30; i++) {{ text(i); if (i % 3 === 0) {{ yield_control(); {PAUSE} }} }}"
    async with asyncio.timeout(SECONDS), CodeMode(provider=provider) as cm:
        result = await cm.run(program)

    assert result.output.split("\n") == [str(number) for number in range(30)]


async def test_leaving_a_stream_ends_its_cell_and_its_calls(provider: SessionProvider) -> None:
    ended = asyncio.Event()

    @tool
    async def hang() -> None:
        "Never returns."
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asyncio.timeout(SECONDS), CodeMode(tools=[hang], provider=provider) as cm:
        async for event in cm.stream("text(1); await tools.hang({})"):
            if isinstance(event, CallStarted):
                break
        await ended.wait()
        async for gone in poll(cm):
            if gone:
                break


async def poll(cm: CodeMode) -> Any:
    """Whether cell 1 is over, again and again."""
    while True:
        yield (await cm.wait("1", yield_time_ms=10)).failed


async def test_a_stream_that_is_stopped_hands_over_its_last_output(
    provider: SessionProvider,
) -> None:
    stop = asyncio.Event()
    events: list[CellEvent] = []
    async with asyncio.timeout(SECONDS), CodeMode(provider=provider) as cm:
        async for event in cm.stream(f"text(1); {PAUSE} text(2); {NEVER}", stop=stop):
            events.append(event)
            if event == output("2"):
                stop.set()

    end = events[-1]
    assert isinstance(end, CellEnded)
    assert (end.result.status, end.result.output) == ("terminated", "1\n2")


async def test_results_name_the_calls_that_ended_and_those_that_run(
    provider: SessionProvider,
) -> None:
    gate = asyncio.Event()

    @tool
    async def pause() -> str:
        "Waits."
        await gate.wait()
        return "é"

    async with asyncio.timeout(SECONDS), CodeMode(tools=[pause, double], provider=provider) as cm:
        first = await cm.exec(
            f"await tools.double({{x: 1}}); const w = tools.pause({{}}); {PAUSE} yield_control();"
            " text(await w)"
        )
        cells = cm.cells()
        gate.set()
        second = await cm.wait(first)
        after = cm.cells()

    assert [untimed(each) for each in first.calls] == [call(1, "double", "ok", bytes=1)]
    assert [untimed(each) for each in first.waiting_for] == [call(2, "pause", "running")]
    assert [untimed(each) for each in second.calls] == [call(2, "pause", "ok", bytes=4)]
    assert [(each.cell_id, each.call_id, each.calls, each.is_over) for each in cells] == [
        (ONE, "exec-1", 2, False)
    ]
    assert [untimed(each) for each in cells[0].waiting_for] == [call(2, "pause", "running")]
    assert after == ()


async def test_stored_values_are_dumped_and_restored_into_another_session(
    own_provider: SessionProvider,
) -> None:
    async with asyncio.timeout(SECONDS):
        async with CodeMode(provider=own_provider) as cm:
            nothing = cm.stored_values()
            await cm.run("store('k', {a: [1, '\\ud83d\\ude00']}); store('n', 12.5)")
            saved = cm.stored_values()
        async with CodeMode(provider=own_provider) as cm:
            await cm.restore_values(saved.dump())
            loaded = await cm.run("text(load('k')); text(load('n')); store('n', 1)")
            changed = cm.stored_values()
            with pytest.raises(UsageError, match="has executed already"):
                await cm.restore_values(saved)

    assert (dict(nothing), dict(saved)) == ({}, {"k": {"a": [1, "😀"]}, "n": 12.5})
    assert SavedValues.load(saved.dump()) == saved
    assert loaded.output == '{"a":[1,"😀"]}\n12.5'
    assert changed["n"] == 1


@pytest.mark.published
async def test_the_published_host_does_not_tell_what_is_stored() -> None:
    from .conftest import published

    async with asyncio.timeout(SECONDS), published() as host, CodeMode(provider=host) as cm:
        await cm.run("store('k', 1)")
        with pytest.raises(
            UsageError, match=r"^this code-mode host does not tell what cells store"
        ):
            cm.stored_values()
        with pytest.raises(
            UsageError, match=r"^this code-mode host does not tell what cells store"
        ):
            await cm.restore_values({"k": 1})
