"""Events become a graph: the same for every order of the same history, and whatever is missing is named."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given

from codemode.trace import events as e
from codemode.trace.events import content
from codemode.trace.graph import Trace, Window
from codemode.trace.reducer import Reducer, reduce

from .histories import Log, cell_stream, interleavings, numbered


def timeless(trace: Trace) -> Any:
    """The graph without numbers and times, and without the order in which sessions met their cells."""

    def cut(value: Any) -> Any:
        match value:
            case dict():
                kept = {key: cut(item) for key, item in value.items() if key != "window"}
                if "cells" in kept and isinstance(kept["cells"], list):
                    kept["cells"] = sorted(kept["cells"])
                return kept
            case list():
                return [cut(item) for item in value]
            case _:
                return value

    return cut(msgspec.to_builtins(trace))


@given(interleavings())
def test_every_order_of_one_history_reduces_to_the_same_graph(logs: tuple[Log, Log]) -> None:
    in_turn, mixed = logs

    assert timeless(reduce(mixed.events)) == timeless(reduce(in_turn.events))


def test_a_cell_is_named_after_the_call_that_started_it_and_linked_both_ways() -> None:
    log = numbered("s", cell_stream(1, 1))
    trace = reduce(log.events)

    cell = trace.cells["s/call_1"]
    assert (cell.cell_id, cell.model_call, cell.calls) == ("1", "s/call_1", ["s/call_1/tool-1"])
    assert (cell.status, cell.observations) == ("completed", ["completed"])
    assert [output.item.text for output in cell.outputs] == ["1"]
    call = trace.calls["s/call_1/tool-1"]
    assert (call.cell, call.tool, call.status) == ("s/call_1", "t", "ok")
    assert call.window == Window(started_seq=3, started_at_ms=1003, ended_seq=4, ended_at_ms=1004)
    assert trace.model_calls["s/call_1"].cell == "s/call_1"


def test_a_wait_is_linked_to_the_cell_that_it_observed() -> None:
    log = numbered("s", cell_stream(1, 0)[:2])
    log.add(e.ModelCallStartedEvent, model_call="w", tool="wait", cell_id="1")
    trace = reduce(log.events)

    assert trace.model_calls["s/w"].cell == "s/call_1"
    assert trace.cells["s/call_1"].waits == ["s/w"]


def test_what_runs_when_its_cell_ends_has_ended_with_it() -> None:
    log = numbered("s", cell_stream(1, 0)[:2])
    log.add(e.CallRequestedEvent, cell_id="1", call="tool-1", tool="slow")
    log.add(e.CellEndedEvent, cell_id="1", status="terminated")
    call = reduce(log.events).calls["s/call_1/tool-1"]

    assert (call.status, call.reason) == ("cancelled", "its cell ended")


def test_a_call_that_waits_for_others_begins_with_its_request() -> None:
    log = numbered("s", cell_stream(1, 0)[:2])
    call = {"cell_id": "1", "call": "tool-1"}
    log.add(e.CallQueuedEvent, **call, tool="t")
    queued = reduce(log.events).calls["s/call_1/tool-1"]
    assert (queued.tool, queued.status, queued.queued_since_ms) == ("t", "running", 1003)
    log.add(e.ValueStoredEvent, cell_id="1", key="k", size=1)
    log.add(e.CallRequestedEvent, **call, tool="t")
    log.add(e.CallEndedEvent, **call, outcome="ok", run_ms=1.0)
    ended = reduce(log.events).calls["s/call_1/tool-1"]

    assert (ended.queued_ms, ended.queued_since_ms, ended.run_ms) == (2, 0, 1)
    assert ended.window == Window(started_seq=3, started_at_ms=1003, ended_seq=6, ended_at_ms=1006)


def test_a_call_waits_for_a_thread_until_it_has_one_or_ends() -> None:
    log = numbered("s", cell_stream(1, 0)[:2])
    for call in ("tool-1", "tool-2"):
        log.add(e.CallRequestedEvent, cell_id="1", call=call, tool="t")
        log.add(e.CallQueuedEvent, cell_id="1", call=call)
    log.add(e.CallBegunEvent, cell_id="1", call="tool-1")
    log.add(e.CellEndedEvent, cell_id="1", status="terminated")
    calls = reduce(log.events).calls.values()

    assert [(call.window.started_seq, call.queued_ms, call.tool) for call in calls] == [
        (3, 3, "t"),
        (5, 2, "t"),
    ]


def test_a_call_that_is_told_to_have_ended_after_its_cell_keeps_its_own_outcome() -> None:
    log = numbered("s", cell_stream(1, 0)[:2])
    log.add(e.CallRequestedEvent, cell_id="1", call="tool-1", tool="slow")
    log.add(e.CellEndedEvent, cell_id="1", status="completed")
    log.add(e.CallEndedEvent, cell_id="1", call="tool-1", outcome="failed", error=content("late"))
    call = reduce(log.events).calls["s/call_1/tool-1"]

    assert (call.status, call.reason, call.error) == ("failed", "", content("late"))


def test_what_runs_when_its_session_closes_has_ended_with_it() -> None:
    log = numbered("s", cell_stream(1, 0)[:2])
    log.add(e.CallRequestedEvent, cell_id="1", call="tool-1", tool="slow")
    log.add(e.SessionClosedEvent)
    trace = reduce(log.events)

    assert (trace.cells["s/call_1"].status, trace.cells["s/call_1"].reason) == (
        "terminated",
        "its session was closed",
    )
    assert trace.calls["s/call_1/tool-1"].status == "cancelled"
    assert trace.model_calls["s/call_1"].status == "cancelled"
    assert trace.recording.status == "complete"


def test_a_session_that_is_not_closed_leaves_the_recording_unclosed() -> None:
    trace = reduce(numbered("s", cell_stream(1, 0)).events)

    assert (trace.recording.status, trace.recording.problems) == ("unclosed", [])


def test_a_cell_without_a_start_is_kept_and_named_as_a_problem() -> None:
    log = Log()
    log.add(e.CallRequestedEvent, cell_id="7", call="tool-1", tool="t")
    trace = reduce(log.events)

    assert list(trace.cells) == ["s/cell:7"]
    assert list(trace.calls) == ["s/cell:7/tool-1"]
    assert trace.recording.status == "damaged"
    assert trace.recording.problems == ["the start of cell s/cell:7 is missing"]


def test_a_gap_in_the_numbers_is_named_and_the_rest_is_reduced() -> None:
    log = numbered("s", cell_stream(1, 1))
    del log.events[2]
    trace = reduce(log.events)

    assert trace.recording.problems == ["session s: event 4 follows event 2"]
    assert trace.calls["s/call_1/tool-1"].status == "ok"


def test_dropped_events_are_named() -> None:
    log = numbered("s", cell_stream(1, 0))
    log.add(e.EventsDroppedEvent, count=3, reason="a full disk")

    assert reduce(log.events).recording.problems == [
        "3 events were dropped before event 7: a full disk"
    ]


def test_two_calls_with_one_id_are_two_cells() -> None:
    log = numbered("s", cell_stream(1, 0))
    log.add(e.CellStartedEvent, cell_id="2", model_call="call_1", source=content("2"))

    assert list(reduce(log.events).cells) == ["s/call_1", "s/call_1#2"]


def test_a_response_is_linked_to_its_calls_whichever_comes_first() -> None:
    items = content('[{"type": "custom_tool_call", "call_id": "call_1"}, {"type": "message"}]')
    first, last = Log(), numbered("s", cell_stream(1, 0))
    first.add(e.ModelResponseEvent, response="r", items=items)
    for event in numbered("s", cell_stream(1, 0)).events:
        first.add(type(event), **_fields(event))
    last.add(e.ModelResponseEvent, response="r", items=items)

    for log in (first, last):
        trace = reduce(log.events)
        assert trace.responses["s/r"].calls == ["s/call_1"]
        assert trace.model_calls["s/call_1"].response == "s/r"


def test_a_reducer_tells_the_graph_at_any_time() -> None:
    reducer = Reducer()
    seen = []
    for event in numbered("s", cell_stream(1, 1)).events:
        reducer.feed(event)
        calls = reducer.trace.calls.values()
        seen.append([call.status for call in calls])

    assert seen == [[], [], ["running"], ["ok"], ["ok"], ["ok"], ["ok"], ["ok"]]


def _fields(event: e.TraceEvent) -> dict[str, Any]:
    fields = msgspec.structs.asdict(event)
    return {name: fields[name] for name in fields if name not in ("seq", "at_ms", "session")}
