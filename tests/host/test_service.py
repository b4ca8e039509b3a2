"""The host's side of a conversation, told by scripted sessions: orders, refusals, callbacks."""

import asyncio
from typing import Any

import pytest

from codemode.errors import CellBusyError, EngineError, LimitError, SessionClosedError
from codemode.host import service as service_module
from codemode.host.cells import ACTIVE_CELLS
from codemode.host.connection import ProtocolViolationError
from codemode.limits import MIB, Limits
from codemode.protocol.frames import FrameUndecodableError
from codemode.protocol.types import (
    CellId,
    MissingCell,
    Result,
    TextItem,
    ToolCall,
    ToolName,
)
from codemode.protocol.v1 import encode

from .fakes import (
    HELLO,
    Client,
    body,
    closed,
    connected,
    failed,
    first,
    live,
    ok,
    opened,
    settle,
    started,
    waited,
)

READY = {"type": "connection/ready", "selectedVersion": 1, "capabilities": []}


async def test_a_hello_is_answered() -> None:
    client = Client()

    client.say(HELLO)

    assert await client.heard() == [READY]
    assert (client.service.is_open, client.service.is_rejected) == (True, False)


async def test_a_client_that_does_not_say_hello_is_rejected() -> None:
    client = Client()

    client.ask(1, "session/open")

    reason = {"type": "invalidHello", "message": "first message must be connection/hello"}
    assert await client.heard() == [{"type": "connection/rejected", "reason": reason}]
    assert client.service.is_rejected


async def test_a_second_hello_breaks_the_connection() -> None:
    client = await connected()

    with pytest.raises(ProtocolViolationError, match=r"^received a second code-mode client hello$"):
        client.say(HELLO)


async def test_what_is_no_message_breaks_the_connection() -> None:
    client = await connected()

    with pytest.raises(FrameUndecodableError):
        client.say({"type": "operation/cancel", "id": 1, "x": 1})


async def test_a_session_name_is_given_once() -> None:
    client = await connected()

    client.ask(1, "session/open")
    client.ask(2, "session/open")
    client.ask(3, "session/shutdown")
    client.ask(4, "session/open")
    client.ask(5, "session/shutdown")

    assert await client.heard() == [
        ok(1, type="session/ready", sessionId="s"),
        failed(2, "code-mode session ID `s` is already open"),
        ok(3, type="session/closed", sessionId="s"),
        failed(4, "code-mode session ID `s` was reused"),
        failed(5, "unknown code-mode session s"),
    ]


@pytest.mark.parametrize(
    ("asked", "limits"),
    [
        (None, {}),
        ({}, {}),
        ({"maxYieldTimeMs": 5}, {"max_yield_time_ms": 5}),
        ({"maxHeapSizeBytes": 0}, {}),
        ({"maxHeapSizeBytes": 1}, {"heap_bytes": 8 * MIB}),
        ({"maxHeapSizeBytes": 64 * MIB}, {"heap_bytes": 64 * MIB}),
        (
            {"maxHeapSizeBytes": 2**64 - 1, "maxYieldTimeMs": 0},
            {
                "heap_bytes": 4096 * MIB,
                "worker_memory_bytes": 4352 * MIB,
                "max_yield_time_ms": 0,
            },
        ),
    ],
)
async def test_a_session_gets_the_limits_that_were_asked_for(asked: Any, limits: Any) -> None:
    client = await opened(cellExecutionLimits=asked)

    assert client.session.limits == Limits(live_cells=256, **limits)


@pytest.mark.parametrize("method", ["session/execute", "session/wait", "session/terminate"])
async def test_a_request_for_no_session_is_refused(method: str) -> None:
    client = await connected()

    match method:
        case "session/execute":
            client.execute(1)
        case "session/wait":
            client.wait(1)
        case _:
            client.terminate(1)

    assert await client.heard() == [failed(1, "unknown code-mode session s")]


async def test_a_cell_is_started_answered_and_closed_in_this_order() -> None:
    client = await opened()
    client.execute(2)
    begun = await client.heard()
    [cell] = client.session.cells

    cell.first.set_result(cell.result("done"))
    cell.close()

    assert begun == [ok(2, type="execution/started", cellId="1")]
    assert await client.heard() == [first(2, body("Result", "done")), closed()]


async def test_a_cell_that_closes_before_its_start_is_told_is_told_in_order_all_the_same() -> None:
    client = await opened()
    session = client.session
    session.admits.clear()
    client.execute(2)
    await settle()
    session.delegate.cell_closed(CellId("1"))
    session.admits.set()
    await settle()

    session.cells[0].first.set_result(session.cells[0].result("done"))

    assert await client.heard() == [
        ok(2, type="execution/started", cellId="1"),
        first(2, body("Result", "done")),
        closed(),
    ]


async def test_whoever_ends_a_cell_learns_of_it_before_those_who_watch() -> None:
    client = await started()
    [cell] = client.session.cells
    client.terminate(3)
    await settle()

    cell.first.set_result(cell.terminated())
    cell.close()
    early = await client.heard()
    client.session.ends[0].set_result(live(cell.terminated()))

    assert early == []
    assert await client.heard() == [
        waited(3, body("Terminated")),
        first(2, body("Terminated")),
        closed(),
    ]


async def test_a_yield_is_told_at_once_even_while_the_cell_is_being_ended() -> None:
    client = await started()
    [cell] = client.session.cells
    client.terminate(3)
    await settle()

    cell.first.set_result(cell.yielded())

    assert await client.heard() == [first(2, body("Yielded"))]


async def test_the_end_of_a_cell_waits_for_every_answer_about_it() -> None:
    client = await started()
    [cell] = client.session.cells
    cell.first.set_result(cell.yielded())
    client.wait(3)
    client.wait(4)
    await client.heard()

    cell.close()
    client.session.waits[1].set_exception(CellBusyError("1"))
    busy = await client.heard()
    client.session.waits[0].set_result(live(cell.result("late")))

    assert busy == [failed(4, "exec cell 1 already has an active observer")]
    assert await client.heard() == [waited(3, body("Result", "late")), closed()]


async def test_a_wait_for_a_cell_that_is_being_started_waits_for_its_start() -> None:
    client = await opened()
    client.session.admits.clear()
    client.execute(2)
    client.wait(3)
    early = await client.heard()

    client.session.admits.set()
    await settle()
    client.session.waits[0].set_exception(CellBusyError("1"))

    assert early == []
    assert await client.heard() == [
        ok(2, type="execution/started", cellId="1"),
        failed(3, "exec cell 1 already has an active observer"),
    ]


async def test_a_missing_cell_is_an_outcome() -> None:
    client = await opened()
    client.wait(2, "9")
    await settle()

    text = "exec cell 9 not found"
    missing = Result(cell_id=CellId("9"), items=(), error_text=text)
    client.session.waits[0].set_result(MissingCell(missing))

    response = body("Result", cell_id="9", error=text)
    assert await client.heard() == [waited(2, response, "MissingCell")]


async def test_a_session_is_closed_after_the_last_word_about_its_cells() -> None:
    client = await started()
    session = client.session
    [cell] = session.cells

    def end() -> None:
        cell.close()
        cell.first.set_result(cell.terminated())

    session.on_shutdown = end
    client.ask(3, "session/shutdown")

    assert await client.heard() == [
        first(2, body("Terminated")),
        closed(),
        ok(3, type="session/closed", sessionId="s"),
    ]


@pytest.mark.parametrize(
    "error", [SessionClosedError(), LimitError("too much of something", limit="source_bytes")]
)
async def test_an_execute_that_the_session_refuses_gives_its_reason(error: Exception) -> None:
    client = await opened()

    async def refuse(*_: object, **__: object) -> None:
        raise error

    client.session.execute = refuse  # type: ignore[method-assign, assignment]
    client.execute(2)

    assert await client.heard() == [failed(2, str(error))]


async def test_a_request_that_breaks_the_host_hurts_nobody_else() -> None:
    client = await opened()

    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    client.session.terminate = fail  # type: ignore[method-assign, assignment]
    client.terminate(2)
    client.ask(3, "session/shutdown")

    assert await client.heard() == [
        failed(2, "code-mode host failed: ZeroDivisionError"),
        ok(3, type="session/closed", sessionId="s"),
    ]


async def test_a_negative_budget_of_an_execute_is_refused() -> None:
    client = await connected()

    client.execute(1, max_output_tokens=-1)

    text = "invalid code-mode execute request: number too small to fit in target type"
    assert await client.heard() == [failed(1, text)]


# ── cancel and yield ─────────────────────────────────────────────────────────────────────────────


async def test_a_wait_can_be_taken_back_and_the_cell_goes_on() -> None:
    client = await started()
    [cell] = client.session.cells
    cell.first.set_result(cell.yielded())
    client.wait(3)
    await client.heard()

    client.say({"type": "operation/cancel", "id": 3})

    assert await client.heard() == [failed(3, "code-mode request cancelled")]
    assert client.session.waits[0].cancelled()


async def test_an_execute_can_be_taken_back_before_it_has_started() -> None:
    client = await opened()
    client.session.admits.clear()
    client.execute(2)
    await settle()

    client.say({"type": "operation/cancel", "id": 2})

    assert await client.heard() == [failed(2, "code-mode request cancelled")]


async def test_a_request_that_is_taken_back_in_the_same_breath_is_answered() -> None:
    client = await opened()
    client.session.admits.clear()

    client.execute(2)
    client.say({"type": "operation/cancel", "id": 2})
    client.wait(3, "9")
    client.say({"type": "operation/cancel", "id": 3})

    assert await client.heard() == [
        failed(2, "code-mode request cancelled"),
        failed(3, "code-mode request cancelled"),
    ]


async def test_to_take_back_what_has_started_or_is_unknown_changes_nothing() -> None:
    client = await started()
    [cell] = client.session.cells
    client.terminate(3)
    await settle()

    for number in (2, 3, 99):
        client.say({"type": "operation/cancel", "id": number})
        client.say({"type": "operation/yield", "id": 99})
    quiet = await client.heard()
    cell.first.set_result(cell.yielded())

    assert quiet == []
    assert await client.heard() == [first(2, body("Yielded"))]


async def test_a_yield_reaches_the_observation_that_it_names() -> None:
    client = await started()
    [cell] = client.session.cells
    cell.first.set_result(cell.yielded())
    client.wait(3)
    await settle()

    client.say({"type": "operation/yield", "id": 3})

    [preempt] = client.session.preempts
    assert preempt is not None and preempt.is_set()
    assert cell.preempt is not None and not cell.preempt.is_set()


# ── limits ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_request_over_the_limit_is_refused_and_the_others_are_not() -> None:
    client = await started()
    for number in range(3, 2051):
        client.wait(number)
    answers = await client.heard()

    client.say({"type": "operation/cancel", "id": 3})
    await settle()
    client.wait(3000)

    assert answers == [failed(2050, "code-mode host has too many in-flight requests")]
    assert await client.heard() == [failed(3, "code-mode request cancelled")]


async def test_a_used_request_id_breaks_the_connection() -> None:
    client = await opened()

    with pytest.raises(
        ProtocolViolationError, match=r"^duplicate code-mode request ID RequestId\(1\)$"
    ):
        client.ask(1, "session/shutdown")


async def test_a_cell_over_the_limit_is_refused_until_another_is_closed() -> None:
    client = await opened()
    for number in range(ACTIVE_CELLS):
        client.execute(number + 2)
    await settle()
    for cell in client.session.cells:
        cell.first.set_result(cell.yielded())
    await client.heard()

    client.execute(5000)
    refused = await client.heard()
    client.session.cells[0].close()
    client.execute(5001)

    assert refused == [failed(5000, "code-mode host has too many active cells")]
    assert await client.heard() == [
        closed("1"),
        ok(5001, type="execution/started", cellId="1025"),
    ]


async def test_a_session_over_the_limit_is_refused_until_another_is_shut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codemode.host.sessions.OPEN_SESSIONS", 2)
    client = await opened()
    client.ask(2, "session/open", sessionId="a")
    client.ask(3, "session/open", sessionId="b")
    client.ask(4, "session/shutdown")
    client.ask(5, "session/open", sessionId="b")

    assert await client.heard() == [
        ok(2, type="session/ready", sessionId="a"),
        failed(3, "code-mode host has too many open sessions"),
        ok(4, type="session/closed", sessionId="s"),
        ok(5, type="session/ready", sessionId="b"),
    ]


async def test_a_session_that_is_being_made_has_its_name_and_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codemode.host.sessions.OPEN_SESSIONS", 1)
    client = await connected()
    client.provider.makes.clear()
    client.ask(1, "session/open")
    client.ask(2, "session/open")
    client.ask(3, "session/open", sessionId="a")
    refused = await client.heard()
    client.provider.makes.set()

    assert refused == [
        failed(2, "code-mode session ID `s` is already open"),
        failed(3, "code-mode host has too many open sessions"),
    ]
    assert await client.heard() == [ok(1, type="session/ready", sessionId="s")]
    assert len(client.provider.sessions) == 1


async def test_a_session_that_could_not_be_made_leaves_its_name_free() -> None:
    client = await connected()
    client.provider.error = EngineError("no engine")
    client.ask(1, "session/open")
    refused = await client.heard()
    client.provider.error = None
    client.ask(2, "session/open")

    assert refused == [failed(1, "no engine")]
    assert await client.heard() == [ok(2, type="session/ready", sessionId="s")]


async def test_an_execute_that_failed_takes_no_place() -> None:
    client = await opened()
    client.session.admits.clear()
    for number in range(2, 2 + ACTIVE_CELLS):
        client.execute(number)
        client.say({"type": "operation/cancel", "id": number})
    await client.heard()
    client.session.admits.set()

    client.execute(5000)

    assert await client.heard() == [ok(5000, type="execution/started", cellId="1")]


async def test_a_response_over_the_frame_limit_becomes_an_error_of_its_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service_module, "encode", lambda message: encode(message, 400))
    client = await started()
    [cell] = client.session.cells

    client.wait(3)
    await settle()
    client.session.waits[0].set_result(live(cell.result("x" * 1000)))
    cell.first.set_result(cell.result("x" * 1000))
    cell.close()

    size = "exceeds 400 bytes"
    [late, initial, end] = await client.heard()
    assert [late["result"]["message"], initial["result"]["message"]] == [
        f"code-mode host response exceeds the IPC frame limit: code-mode IPC frame length 1271 {size}",
        f"code-mode initial response exceeds the IPC frame limit: code-mode IPC frame length 1227 {size}",
    ]
    assert (initial["type"], end) == ("execute/initialResponse", closed())


async def test_an_answer_waits_while_the_client_reads_nothing() -> None:
    client = await started()
    [cell] = client.session.cells
    client.outlet.reads.clear()

    cell.first.set_result(cell.result("done"))
    cell.close()
    client.say({"type": "operation/cancel", "id": 2})
    early = await client.heard()
    client.outlet.reads.set()

    assert early == []
    assert await client.heard() == [first(2, body("Result", "done")), closed()]


async def test_no_cell_starts_while_the_client_reads_nothing() -> None:
    client = await opened()
    client.outlet.reads.clear()
    client.execute(2)
    client.execute(3)
    await settle()
    early = list(client.session.cells)

    client.outlet.reads.set()

    assert early == []
    assert await client.heard() == [
        ok(2, type="execution/started", cellId="1"),
        ok(3, type="execution/started", cellId="2"),
    ]


# ── truncation ───────────────────────────────────────────────────────────────────────────────────

CUT = (
    "Warning: truncated output (original token count: 25)\nTotal output lines: 1\n\n"
    "xxxx…23 tokens truncated…xxxx"
)


@pytest.mark.parametrize(("where", "text"), [("server", CUT), ("client", "x" * 100)])
async def test_the_server_cuts_output_only_if_asked_to(where: str, text: str) -> None:
    client = await opened(outputTruncation=where)
    client.execute(2, max_output_tokens=2)
    await client.heard()
    [cell] = client.session.cells

    cell.first.set_result(cell.result("x" * 100))

    assert await client.heard() == [first(2, body("Result", text))]


async def test_the_server_cuts_what_is_waited_for_with_the_error_as_its_last_item() -> None:
    client = await started(outputTruncation="server")
    [cell] = client.session.cells
    client.wait(3, maxOutputTokens=100)
    client.terminate(4, maxOutputTokens=2)
    await settle()

    client.session.waits[0].set_result(live(cell.result("out", error="boom")))
    client.session.ends[0].set_result(
        live(Result(cell_id=CellId("1"), items=(TextItem("x" * 100),)))
    )

    assert sorted(await client.heard(), key=lambda message: message["id"]) == [
        waited(3, body("Result", "out", "Script error:\nboom", error="boom")),
        waited(4, body("Result", CUT)),
    ]


# ── callbacks ────────────────────────────────────────────────────────────────────────────────────


def call(number: int = 1) -> ToolCall:
    return ToolCall(
        cell_id=CellId("1"),
        runtime_tool_call_id=f"tool-{number}",
        tool_name=ToolName("t"),
        input=number,
    )


def invoke(number: int) -> dict[str, Any]:
    return {
        "type": "delegate/request",
        "id": number,
        "sessionId": "s",
        "request": {
            "type": "tool/invoke",
            "invocation": {
                "cell_id": "1",
                "runtime_tool_call_id": f"tool-{number}",
                "tool_name": {"name": "t", "namespace": None},
                "tool_kind": "function",
                "input": number,
            },
        },
    }


def answer(number: int, **result: Any) -> dict[str, Any]:
    return {"type": "delegate/response", "id": number, "result": result}


def invoked(client: Client, number: int = 1) -> asyncio.Task[Any]:
    """A tool call of the cell under way."""
    work = client.session.delegate.invoke_tool(call(number), asyncio.Event())
    return asyncio.get_running_loop().create_task(work)


def notified(client: Client, text: str) -> asyncio.Task[None]:
    work = client.session.delegate.notify("call", CellId("1"), text, asyncio.Event())
    return asyncio.get_running_loop().create_task(work)


async def test_a_tool_call_gets_what_the_client_answers() -> None:
    client = await started()
    task = invoked(client)
    sent = await client.heard()

    client.say(answer(1, status="ok", value={"type": "tool/result", "result": [1]}))

    assert (sent, bytes(await task)) == ([invoke(1)], b"[1]")


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"status": "error", "message": "boom"}, "boom"),
        (
            {"status": "ok", "value": {"type": "notification/delivered"}},
            "code-mode client returned an invalid tool result",
        ),
    ],
)
async def test_a_tool_call_fails_with_what_the_client_answers(result: Any, text: str) -> None:
    client = await started()
    task = invoked(client)
    await client.heard()

    client.say(answer(1, **result))
    await settle()

    assert str(task.exception()) == text


async def test_a_notification_is_delivered_when_the_client_says_so() -> None:
    client = await started()
    task = notified(client, "hi")
    sent = await client.heard()
    was_done = task.done()

    client.say(answer(1, status="ok", value={"type": "notification/delivered"}))
    await task

    request = {"type": "notification/send", "callId": "call", "cellId": "1", "text": "hi"}
    expected = {"type": "delegate/request", "id": 1, "sessionId": "s", "request": request}
    assert (sent, was_done) == ([expected], False)


async def test_an_answer_that_nobody_waits_for_means_nothing() -> None:
    client = await started()

    client.say(answer(77, status="error", message="who?"))

    assert await client.heard() == []


async def test_a_callback_that_is_no_longer_wanted_is_cancelled_at_the_client() -> None:
    client = await started()
    task = invoked(client)
    await client.heard()

    task.cancel()

    assert await client.heard() == [{"type": "delegate/cancel", "id": 1}]


async def test_a_callback_that_was_never_sent_is_not_cancelled_either() -> None:
    client = await started()
    client.outlet.reads.clear()
    task = invoked(client)
    await settle()

    task.cancel()
    client.outlet.reads.set()

    assert await client.heard() == []


async def test_an_answered_callback_is_not_cancelled() -> None:
    client = await started()
    task = invoked(client)
    await client.heard()

    client.say(answer(1, status="error", message="boom"))
    task.cancel()

    assert await client.heard() == []


async def test_callbacks_wait_while_the_client_reads_nothing_and_then_go_in_order() -> None:
    client = await started()
    client.outlet.reads.clear()
    tasks = [invoked(client, number) for number in range(1, 11)]
    early = await client.heard()

    client.outlet.reads.set()
    sent = await client.heard()
    assert early == []
    assert sent == [invoke(number) for number in range(1, 11)]
    for task in tasks:
        task.cancel()


@pytest.mark.parametrize(
    ("capabilities", "at_once"), [((), 1_024), (("delegate-capacity-4096",), 4_096)]
)
async def test_more_callbacks_than_the_client_has_room_for_wait_their_turn(
    capabilities: tuple[str, ...], at_once: int
) -> None:
    client = await connected(*capabilities)
    client.ask(1, "session/open")
    client.execute(2)
    await client.heard()
    tasks = [invoked(client, number) for number in range(1, at_once + 2)]
    await settle()
    sent = await client.heard()

    client.say(answer(1, status="error", message="boom"))

    assert len(sent) == at_once
    assert await client.heard() == [invoke(at_once + 1)]
    for task in tasks:
        task.cancel()


async def test_a_callback_comes_after_the_start_of_its_cell() -> None:
    client = await opened()
    session = client.session
    session.admits.clear()
    client.execute(2)
    await settle()
    task = invoked(client)
    early = await client.heard()

    session.admits.set()

    assert early == []
    assert await client.heard() == [ok(2, type="execution/started", cellId="1"), invoke(1)]
    task.cancel()


async def test_the_end_of_the_connection_ends_requests_without_an_answer() -> None:
    client = await started()
    client.wait(3)
    await client.heard()

    await client.service.aclose()

    assert await client.heard() == []
    assert client.session.waits[0].cancelled()


async def test_a_service_shows_what_it_has() -> None:
    client = await started()

    assert repr(client.service) == (
        "<service: <connection open, 1 requests>, 1 sessions, 1 cells, <callbacks: 0 open>>"
    )
