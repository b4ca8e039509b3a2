"""Real sessions leave the same trace wherever their cells run."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codemode import (
    CodeMode,
    Limits,
    LocalSessionProvider,
    Policy,
    ProcessSessionProvider,
    ToolError,
    Toolset,
    allow,
    ask,
)
from codemode.protocol.session import SessionProvider
from codemode.trace.bundle import Bundle
from codemode.trace.events import (
    CallBegunEvent,
    CallQueuedEvent,
    CellEndedEvent,
    TraceEvent,
    ValueStoredEvent,
)
from codemode.trace.graph import by_number
from codemode.trace.reducer import reduce

Queue = CallQueuedEvent | CallBegunEvent

HOST = f"{sys.executable} -m codemode.host"


async def double(x: int) -> int:
    "Twice x."
    return 2 * x


def refuse() -> None:
    "Never works."
    raise ToolError("not today")


@pytest.fixture(params=["local", "host"])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[SessionProvider]:
    made: LocalSessionProvider | ProcessSessionProvider = (
        LocalSessionProvider() if request.param == "local" else ProcessSessionProvider(HOST)
    )
    async with made:
        yield made


PROGRAM = """
    text(await tools.double({x: 21}));
    try { await tools.refuse({}) } catch (error) { text(error) }
    notify("half");
    yield_control();
    await new Promise((resolve) => setTimeout(resolve, 20));
    text("done");
"""


async def test_a_program_its_calls_and_its_waits_are_told(provider: SessionProvider) -> None:
    events: list[TraceEvent] = []
    async with CodeMode(tools=[double, refuse], provider=provider, trace=events.append) as cm:
        result = await cm.exec(PROGRAM, call_id="call_1")
        while result.running:
            result = await cm.wait(result, call_id="call_2")
    trace = reduce(events)

    [session] = trace.sessions
    cell = trace.cells[f"{session}/call_1"]
    assert (cell.status, cell.observations[0], cell.waits[:1]) == (
        "completed",
        "yielded",
        [f"{session}/call_2"],
    )
    assert cell.source is not None and cell.source.text == PROGRAM
    texts = {output.item.text for output in cell.outputs}
    assert texts == {"42", "not today", "half", "done"}
    calls = [trace.calls[name] for name in cell.calls]
    assert [(call.tool, call.status) for call in calls] == [("double", "ok"), ("refuse", "failed")]
    # V1 has no word for the place of a call.
    is_local = isinstance(provider, LocalSessionProvider)
    places = [(2, 22), (3, 23)] if is_local else [(0, 0), (0, 0)]
    assert [(call.line, call.column) for call in calls] == places
    assert [call.arguments and call.arguments.text for call in calls] == ['{"x":21}', "{}"]
    assert [call.error and call.error.text for call in calls] == [None, "not today"]
    assert {name: call.status for name, call in trace.model_calls.items()} == {
        f"{session}/call_1": "yielded",
        f"{session}/call_2": "completed",
    }
    assert (trace.recording.status, trace.recording.problems) == ("complete", [])


async def test_a_program_that_the_application_runs_is_told_as_its_own() -> None:
    events: list[TraceEvent] = []
    async with CodeMode(tools=[double], trace=events.append) as cm:
        await cm.run("text(await tools.double({x: 1}))")
    [call] = reduce(events).model_calls.values()

    assert (call.tool, call.requester, call.status) == ("exec", "application", "completed")


async def test_a_call_that_waits_for_a_person_is_told_with_the_decision() -> None:
    events: list[TraceEvent] = []
    policy = Policy([ask("double", prompt="Really?"), allow("*")])
    async with CodeMode(tools=[double, refuse], policy=policy, trace=events.append) as cm:
        result = await cm.exec("text(await tools.double({x: 1}))")
        [approval] = cm.pending_approvals()
        await cm.approve(approval.id)
        while result.running:
            result = await cm.wait(result)
    trace = reduce(events)

    [call] = trace.calls.values()
    found = [trace.approvals[name] for name in call.approvals]
    assert [(node.verdict, node.by) for node in found] == [
        ("approved", "person"),
        ("allowed", "ask double"),
    ]
    assert (found[0].prompt, found[0].window.started_seq > 0) == ("Really?", True)
    assert call.status == "ok"


async def test_a_call_that_waits_for_others_of_its_cell_is_told(provider: SessionProvider) -> None:
    events: list[TraceEvent] = []
    told: list[tuple[str, str]] = []
    both_wait = asyncio.Event()

    def take(event: TraceEvent) -> None:
        events.append(event)
        if isinstance(event, CallQueuedEvent):
            told.append((event.call, event.tool))
            if len(told) == 2:
                both_wait.set()

    async def held(x: int) -> int:
        await both_wait.wait()
        return x

    limits = Limits(concurrent_tool_calls=1)
    async with CodeMode(tools=[held], provider=provider, limits=limits, trace=take) as cm:
        await cm.exec("await Promise.all([1, 2, 3].map((x) => tools.held({x})))")
    [one, two, three] = sorted(reduce(events).calls.values(), key=by_number)

    assert told == [("tool-2", "held"), ("tool-3", "held")]
    assert one.queued_ms == 0 < two.queued_ms < three.queued_ms
    assert [call.queued_since_ms for call in (one, two, three)] == [0, 0, 0]


async def test_a_call_that_waits_for_a_thread_is_told_and_its_run_is_counted_without() -> None:
    events: list[TraceEvent] = []
    queued = threading.Event()

    def take(event: TraceEvent) -> None:
        events.append(event)
        if isinstance(event, CallQueuedEvent):
            queued.set()

    def held(x: int) -> int:
        assert queued.wait(60)
        return x

    toolset = Toolset([held], max_threads=1)
    async with CodeMode(tools=toolset, trace=take) as cm:
        await cm.exec("await Promise.all([1, 2].map((x) => tools.held({x})))")
    kinds = [(type(each), each.call) for each in events if isinstance(each, Queue)]
    [one, two] = reduce(events).calls.values()

    assert kinds == [(CallQueuedEvent, "tool-2"), (CallBegunEvent, "tool-2")]
    assert one.queued_ms == 0 < two.queued_ms
    assert two.run_ms < two.window.ms


async def test_a_limit_is_told_with_the_end_that_it_made() -> None:
    events: list[TraceEvent] = []
    async with CodeMode(trace=events.append) as cm:
        await cm.exec("const kept = []; for (;;) kept.push(new Array(1e6).fill(0.5));")
    [cell] = reduce(events).cells.values()

    assert (cell.status, cell.limit) == ("failed", "heap_bytes")


async def test_a_sink_that_fails_costs_the_session_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_event: TraceEvent) -> None:
        raise ZeroDivisionError

    async with CodeMode(tools=[double], trace=fail) as cm:
        assert (await cm.exec("text(await tools.double({x: 1}))")).output == "2"
    assert len(caplog.records) == 1


async def test_sessions_of_a_process_share_the_recording_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMODE_TRACE", str(tmp_path))
    async with CodeMode(tools=[double]) as one, CodeMode(tools=[double], trace=tmp_path) as other:
        await one.exec("text(1)")
        await other.exec("text(2)")

    trace = Bundle(tmp_path).reduce()
    assert (len(trace.sessions), trace.recording.status) == (2, "complete")


def test_a_trace_that_is_neither_a_folder_nor_a_function_is_refused() -> None:
    with pytest.raises(Exception, match="trace must be a folder or a function that takes events"):
        CodeMode(trace=3)  # type: ignore[arg-type]


async def test_what_a_cell_stores_is_told_with_the_cell_before_its_end() -> None:
    events: list[TraceEvent] = []
    async with CodeMode(trace=events.append) as cm:
        await cm.exec("store('kept', [1, 2, 3]); store('word', 'é')", call_id="call_1")
        await cm.exec("store('kept', null); throw 1", call_id="call_2")
        await cm.exec("text(load('kept'))", call_id="call_3")
    stored = [each for each in events if isinstance(each, ValueStoredEvent)]
    ends = {each.cell_id: each.seq for each in events if isinstance(each, CellEndedEvent)}

    assert [(each.cell_id, each.key, each.size) for each in stored] == [
        ("1", "kept", 7),
        ("1", "word", 4),
        ("2", "kept", 4),
    ]
    assert all(each.seq < ends[each.cell_id] for each in stored)
    assert [cell.stored for cell in reduce(events).cells.values()] == [
        ["kept", "word"],
        ["kept"],
        [],
    ]
