"""Programs that are run to their end: ``CodeMode.run`` and ``CodeMode.stream``."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import msgspec
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
    Limits,
    NestedCall,
    ProcessSessionProvider,
    TextItem,
    ToolError,
    UsageError,
    tool,
)
from tests.remote.hosts import OURS

SECONDS = 20
"""The bound on every wait here; it is never used up."""

NEVER = "await new Promise(() => {})"
PAUSE = "await new Promise((resolve) => setTimeout(resolve, 10));"
ONE = CellId("1")


@tool
async def double(x: int) -> int:
    "Twice x."
    return 2 * x


@tool
async def refuse() -> None:
    "Always refuses."
    raise ToolError("no")


@pytest.fixture(name="cm")
async def code_mode() -> AsyncIterator[CodeMode]:
    async with asyncio.timeout(SECONDS):
        async with CodeMode(tools=[double, refuse]) as cm:
            yield cm


def timeless(event: CellEvent) -> CellEvent:
    """The same event as if it had taken no time."""
    if isinstance(event, CallStarted | CallEnded):
        return msgspec.structs.replace(event, call=untimed(event.call))
    if isinstance(event, CellYielded):
        return msgspec.structs.replace(
            event, waiting_for=tuple(untimed(each) for each in event.waiting_for)
        )
    return event


def untimed(call: NestedCall) -> NestedCall:
    return msgspec.structs.replace(call, milliseconds=0)


def output(text: str) -> CellOutput:
    return CellOutput(cell_id=ONE, item=TextItem(text))


def call(number: int, name: str, status: Any, **more: Any) -> NestedCall:
    return NestedCall(id=f"tool-{number}", tool=name, status=status, milliseconds=0, **more)


async def streamed(cm: CodeMode, source: str, **options: Any) -> tuple[list[CellEvent], CellEnded]:
    """The events of a program, and its end."""
    events = [event async for event in cm.stream(source, **options)]
    end = events.pop()
    assert isinstance(end, CellEnded)
    return [timeless(event) for event in events], end


async def test_a_stream_gives_output_calls_notifications_and_yields_as_they_come(
    cm: CodeMode,
) -> None:
    events, end = await streamed(
        cm,
        "text('a'); text(await tools.double({x: 4})); notify('half'); yield_control();"
        " await tools.refuse().catch(() => {}); text('b')",
        call_id="call-7",
    )

    assert [event for event in events if isinstance(event, CellOutput)] == [
        output("a"),
        output("8"),
        output("b"),
    ]
    assert [event for event in events if not isinstance(event, CellOutput)] == [
        CellStarted(cell_id=ONE, call_id="call-7"),
        CallStarted(cell_id=ONE, call=call(1, "double", "running")),
        CallEnded(cell_id=ONE, call=call(1, "double", "ok", bytes=1)),
        CellNotification(cell_id=ONE, call_id="call-7", text="half"),
        CellYielded(cell_id=ONE),
        CallStarted(cell_id=ONE, call=call(2, "refuse", "running")),
        CallEnded(cell_id=ONE, call=call(2, "refuse", "failed", error="no")),
    ]
    assert end.cell_id == ONE
    assert (end.result.status, end.result.output) == ("completed", "a\n8\nb")
    assert [untimed(each) for each in end.result.calls] == [
        call(1, "double", "ok", bytes=1),
        call(2, "refuse", "failed", error="no"),
    ]


async def test_a_run_keeps_what_was_written_before_a_yield(cm: CodeMode) -> None:
    told: list[str] = []
    result = await cm.run(
        "text(1); yield_control(); text(await tools.double({x: 1})); yield_control(); text(3)",
        on_output=lambda item: told.append(str(item)),
    )

    assert (result.status, result.output) == ("completed", "1\n2\n3")
    assert result.text.splitlines()[3:] == ["1", "2", "3"]
    assert told == ["1", "2", "3"]
    assert cm.last_result("1") == result


async def test_a_failed_run_keeps_its_output_and_tells_why(cm: CodeMode) -> None:
    result = await cm.run("text(1); yield_control(); throw new Error('end')")

    assert (result.status, result.output) == ("failed", "1")
    assert (result.error_text or "").splitlines()[0] == "Error: end"


async def test_what_is_no_program_is_refused_by_run_and_stream(cm: CodeMode) -> None:
    events, end = await streamed(cm, "")

    assert (events, end.cell_id, end.result.status) == ([], "", "refused")
    assert await cm.run("") == end.result == await cm.exec("")


async def test_a_run_is_cut_only_where_somebody_says_a_budget(cm: CodeMode) -> None:
    program = "text('x'.repeat(100_000))"
    whole = await cm.run(program)
    cut = [
        await cm.run(program, max_output_tokens=2),
        await cm.run(f'// @exec: {{"max_output_tokens": 2}}\n{program}'),
    ]

    assert whole.items[1:] == (TextItem("x" * 100_000),)
    assert ["tokens truncated" in each.text for each in cut] == [True, True]
    assert [each.output for each in cut] == [whole.output] * 2


async def test_a_run_ends_a_program_that_writes_more_than_is_kept() -> None:
    program = f"for (;;) {{ text('x'.repeat(400)); yield_control(); {PAUSE} }}"
    async with asyncio.timeout(SECONDS), CodeMode(limits=Limits(output_bytes=4_000)) as cm:
        result = await cm.run(program)
        again = await cm.exec("text('still here')")

    assert result.status == "failed"
    assert result.error_text == (
        "Limit reached (output_bytes): all output of a program that is run to its end is kept, and"
        " it was more than 3.906 KiB.\nHint: print a summary instead of everything."
    )
    assert result.text.splitlines()[0] == "Script failed"
    assert again.output == "still here"


async def test_a_stream_goes_on_beyond_what_its_end_can_keep() -> None:
    program = f"for (let i = 0; i < 20; i++) {{ text('x'.repeat(400)); yield_control(); {PAUSE} }}"
    async with asyncio.timeout(SECONDS), CodeMode(limits=Limits(output_bytes=4_000)) as cm:
        events, end = await streamed(cm, program)

    assert sum(isinstance(event, CellOutput) for event in events) == 20
    assert end.result.output == "[output left out: 20 items, 9.062 KiB, and 3.906 KiB are kept]"


@pytest.mark.parametrize(
    "leave",
    [
        lambda task: task.cancel(),
        lambda task: None,
    ],
    ids=["cancelled", "left"],
)
async def test_leaving_a_stream_ends_its_cell_and_its_calls(
    leave: Callable[[asyncio.Task[None]], object],
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    @tool
    async def hang() -> None:
        "Never returns."
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def follow() -> None:
        async with aclosing(cm.stream("text(1); await tools.hang()")) as events:
            async for event in events:
                if isinstance(event, CallStarted) and leave(task) is None:
                    break

    async with asyncio.timeout(SECONDS), CodeMode(tools=[hang]) as cm:
        task = asyncio.create_task(follow())
        await asyncio.wait([task])
        await ended.wait()
        gone = await cm.wait("1")

    assert begun.is_set()
    assert "exec cell 1 not found" in gone.text


async def test_what_on_output_raises_ends_the_cell_and_reaches_the_caller(cm: CodeMode) -> None:
    def full(_: object) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await cm.run(f"text(1); {NEVER}", on_output=full)
    assert "exec cell 1 not found" in (await cm.wait("1")).text


async def test_listeners_may_be_coroutines_and_see_the_end(cm: CodeMode) -> None:
    seen: list[str] = []

    async def on_event(event: CellEvent) -> None:
        await asyncio.sleep(0)
        seen.append(type(event).__name__)

    await cm.run("text(1); yield_control()", on_event=on_event)

    assert seen == ["CellStarted", "CellOutput", "CellYielded", "CellEnded"]


async def test_a_result_tells_of_the_calls_since_the_last_one(cm: CodeMode) -> None:
    first = await cm.exec(
        "await tools.double({x: 1}); yield_control(); await tools.double({x: 50})"
    )
    second = await cm.wait(first)

    assert [untimed(each) for each in first.calls] == [call(1, "double", "ok", bytes=1)]
    assert [untimed(each) for each in second.calls] == [call(2, "double", "ok", bytes=3)]


async def test_a_yielded_result_names_the_calls_that_it_waits_for() -> None:
    gate = asyncio.Event()

    @tool(namespace="slow")
    async def wait() -> str:
        "Waits."
        await gate.wait()
        return "é"

    async with asyncio.timeout(SECONDS), CodeMode(tools=[wait]) as cm:
        first = await cm.exec("const w = tools.slow__wait({}); yield_control(); text(await w)")
        gate.set()
        second = await cm.wait(first)

    assert [untimed(each) for each in first.waiting_for] == [call(1, "slow__wait", "running")]
    assert [untimed(each) for each in second.calls] == [call(1, "slow__wait", "ok", bytes=4)]
    assert (first.calls, second.waiting_for) == ((), ())


async def test_a_call_that_nobody_awaited_is_told_as_cancelled(cm: CodeMode) -> None:
    @tool
    async def hang() -> None:
        "Never returns."
        await asyncio.Event().wait()

    cm.toolset.add(hang)
    result = await cm.exec("tools.hang(); text(1)")

    assert [untimed(each) for each in result.calls] == [call(1, "hang", "cancelled")]


async def test_a_yield_time_and_a_budget_win_over_the_pragma(cm: CodeMode) -> None:
    first = await cm.exec(
        f'// @exec: {{"yield_time_ms": 60000, "max_output_tokens": 9}}\n{NEVER}', yield_time_ms=0
    )
    second = await cm.exec(
        '// @exec: {"max_output_tokens": 9999}\ntext("x".repeat(100))', max_output_tokens=2
    )

    assert first.running
    assert second.text.splitlines()[-1] == "xxxx…23 tokens truncated…xxxx"


@pytest.mark.parametrize("option", ["yield_time_ms", "max_output_tokens"])
@pytest.mark.parametrize(
    ("value", "text"), [(-1, "must not be negative, got -1"), (1.5, "must be an integer, got 1.5")]
)
async def test_a_time_or_budget_that_is_none_is_the_applications_mistake(
    cm: CodeMode, option: str, value: Any, text: str
) -> None:
    with pytest.raises(UsageError, match=f"{option} {text}"):
        await cm.exec("1", **{option: value})
    with pytest.raises(UsageError, match=f"{option} {text}"):
        cm.stream("1", **{option: value})


@pytest.mark.parametrize("source", [5, None, b"text(1)"])
async def test_a_program_that_is_no_text_is_the_applications_mistake(
    cm: CodeMode, source: Any
) -> None:
    text = f"^a program is a text, got a {type(source).__name__}\n"
    with pytest.raises(UsageError, match=text):
        await cm.exec(source)
    with pytest.raises(UsageError, match=text):
        await cm.run(source)


async def test_a_program_whose_host_dies_keeps_what_it_wrote() -> None:
    async with asyncio.timeout(SECONDS), ProcessSessionProvider(OURS) as host:

        def kill(item: object) -> None:
            assert host.host_pid is not None
            os.kill(host.host_pid, signal.SIGKILL)

        async with CodeMode(provider=host) as cm:
            lost = await cm.run(f"text('so far'); {NEVER}", on_output=kill)
            again = await cm.run("text('again')")

    assert (lost.status, lost.output, lost.worker_lost) == ("failed", "so far", True)
    assert lost.error_text
    assert again.output == "again"


async def test_a_second_observer_ends_what_is_followed(cm: CodeMode) -> None:
    async def interfere(event: CellEvent) -> None:
        if isinstance(event, CellOutput):
            await cm.wait("1", terminate=True)

    result = await cm.run(f"text('so far'); {NEVER}", on_event=interfere)

    assert result.output == "so far"
    assert result.status in ("terminated", "failed")
