"""Hosts that refuse, lie, vanish or speak out of order; the test plays the host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from codemode import (
    CellId,
    EngineError,
    GrpcSessionProvider,
    Result,
    SessionError,
    WaitRequest,
    WorkerLostError,
)
from codemode.grpc import code_mode_pb2 as pb
from codemode.remote.session import RemoteSession
from tests.remote.stage import bounded
from tests.runtime.doubles import Recorder, echo, never, request, strip

from .scripted import SESSION, Rpc, Scripted, closed, scripted, tool_call

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
ROUTE = ("x-code-mode-route", "host-7")
LOST = ("x-code-mode-route-lost", "true")


@pytest.fixture
async def host() -> AsyncIterator[Scripted]:
    async with scripted() as host:
        yield host


@pytest.fixture
async def provider(host: Scripted) -> AsyncIterator[GrpcSessionProvider]:
    provider = GrpcSessionProvider(host.url)
    yield provider
    closing = asyncio.create_task(provider.aclose())
    answering = asyncio.create_task(_answer_closings(host))
    await bounded(closing)
    answering.cancel()


async def _answer_closings(host: Scripted) -> None:
    while True:
        await host.close_session()


@pytest.fixture
def delegate() -> Recorder:
    return Recorder(echo=echo, never=never)


async def opened(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder, *headers: tuple[str, str]
) -> tuple[RemoteSession, Rpc, Rpc]:
    creating = asyncio.create_task(provider.create_session(delegate))
    lease, calls = await host.admit(*headers)
    return await bounded(creating), lease, calls


async def started(session: RemoteSession, host: Scripted) -> tuple[Rpc, asyncio.Task[Any]]:
    executing = asyncio.create_task(session.execute(request("", "echo", "never")))
    execute = await host.start_cell()
    cell = await bounded(executing)
    return execute, asyncio.create_task(cell.initial_response())


# ── admission and routes ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
async def test_an_admission_is_asked_for_five_times(
    code: grpc.StatusCode, provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    creating = asyncio.create_task(provider.create_session(delegate))
    for _ in range(5):
        (await host.rpc("OpenSession")).fail(code, "not now")
    with pytest.raises(
        EngineError, match=r"^no session at code-mode host 127\.0\.0\.1:\d+: not now$"
    ):
        await bounded(creating)

    assert [name for name, _ in host.seen] == ["OpenSession"] * 5


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNKNOWN])
async def test_an_admission_that_is_refused_otherwise_is_asked_for_once(
    code: grpc.StatusCode, provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    creating = asyncio.create_task(provider.create_session(delegate))
    (await host.rpc("OpenSession")).fail(code, "no\nnever")
    with pytest.raises(EngineError, match=r": no never$"):
        await bounded(creating)

    assert [name for name, _ in host.seen] == ["OpenSession"]


async def test_a_route_goes_with_every_rpc_of_its_session_and_no_other(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    creating = asyncio.create_task(provider.create_session(delegate))
    refusing = await host.rpc("OpenSession")
    refusing.fail(UNAVAILABLE, "not now", ("x-code-mode-route", "host-6"))
    lease, _ = await host.admit(ROUTE)
    session = await bounded(creating)
    other, *_ = await opened(provider, host, delegate)
    execute, first = await started(session, host)
    await host.finish(execute, lease)
    await bounded(first)
    waiting = asyncio.create_task(other.wait(WaitRequest(cell_id=CellId("1"))))
    gone = pb.ExecutionOutcome(cell_id="1", completed=pb.ExecutionCompleted(error_text="gone"))
    await (await host.rpc("Wait")).answer(pb.WaitResponse(missing_cell=gone))
    await bounded(waiting)

    shown = [(name, rpc.headers.get("x-code-mode-route")) for name, rpc in host.seen]
    assert shown == [
        ("OpenSession", None),
        ("OpenSession", None),
        ("SubscribeToToolCalls", "host-7"),
        ("OpenSession", None),
        ("SubscribeToToolCalls", None),
        ("Execute", "host-7"),
        ("Wait", None),
    ]


async def test_a_lost_route_retires_its_session_and_only_where_there_is_one(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    routed, *_ = await opened(provider, host, delegate, ROUTE)
    plain, *_ = await opened(provider, host, delegate)
    for session in (routed, plain):
        executing = asyncio.create_task(session.execute(request()))
        (await host.rpc("Execute")).fail(grpc.StatusCode.FAILED_PRECONDITION, "oh", LOST)
        with pytest.raises((WorkerLostError, SessionError), match=r"oh($|\. The program may)"):
            await bounded(executing)

    again = asyncio.create_task(routed.execute(request()))
    await host.admit()
    execute = await host.rpc("Execute")
    assert execute.request.session_id == SESSION
    again.cancel()
    execute, first = await started(plain, host)
    assert execute.request.session_id == SESSION
    first.cancel()


async def test_a_token_goes_with_every_rpc_and_is_in_no_text(
    host: Scripted, delegate: Recorder
) -> None:
    async with GrpcSessionProvider(host.url, token="s3cret") as provider:
        session, *_ = await opened(provider, host, delegate)
        texts = repr((provider, session, vars(session)))
        closing = asyncio.create_task(provider.aclose())
        await host.close_session()
        await bounded(closing)

    assert {rpc.headers["authorization"] for _, rpc in host.seen} == {"Bearer s3cret"}
    assert "s3cret" not in texts


# ── losses ───────────────────────────────────────────────────────────────────────────────────────


async def _ended(lease: Rpc, _: Rpc) -> None:
    lease.end()


async def _failed(lease: Rpc, _: Rpc) -> None:
    lease.fail(UNAVAILABLE, "going away")


async def _no_calls(_: Rpc, calls: Rpc) -> None:
    calls.end()


async def _opened_twice(lease: Rpc, _: Rpc) -> None:
    await lease.say(pb.SessionEvent(opened=pb.SessionOpened(session_id=SESSION)))


async def _foreign_call(_: Rpc, calls: Rpc) -> None:
    await calls.say(pb.ToolCall(session_id="another", cell_id="1", sequence=1))


async def _skipped_call(_: Rpc, calls: Rpc) -> None:
    await calls.say(tool_call("echo", "a", 2))


LOSSES = {
    "its lease ends": (_ended, "closed the session"),
    "its lease fails": (_failed, "is gone: going away"),
    "its calls end": (_no_calls, "sends no more calls"),
    "it opens twice": (_opened_twice, "broke the protocol: a session that was opened twice"),
    "it sends a foreign call": (
        _foreign_call,
        "broke the protocol: a tool call of another session",
    ),
    "it skips a call": (
        _skipped_call,
        "broke the protocol: tool call 2 after tool call 0 of a cell",
    ),
}


@pytest.mark.parametrize("case", LOSSES)
async def test_a_session_that_is_lost_says_why_and_goes_on_anew(
    case: str, provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    lose, why = LOSSES[case]
    session, lease, calls = await opened(provider, host, delegate)
    _, first = await started(session, host)
    await lose(lease, calls)
    with pytest.raises(WorkerLostError, match=rf"{why}\. Exec cell 1 is lost with it, "):
        await bounded(first)
    await delegate.heard("closed", "1")
    again = asyncio.create_task(session.execute(request()))
    second, _ = await host.admit()
    with pytest.raises(WorkerLostError, match=r"Stored values are gone, if there were any\. "):
        await bounded(again)
    with pytest.raises(SessionError, match=r"^cell belongs to a stale code-mode host generation$"):
        await session.wait(WaitRequest(cell_id=CellId("1")))
    execute, first = await started(session, host)
    await host.finish(execute, second)

    assert (await bounded(first)).cell_id == "g2:1"
    await delegate.heard("closed", "g2:1")


async def test_what_a_host_that_does_not_know_the_session_was_asked_is_run_in_a_new_one_once(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, lease, _ = await opened(provider, host, delegate)
    executing = asyncio.create_task(session.execute(request()))
    (await host.rpc("Execute")).fail(grpc.StatusCode.NOT_FOUND, "unknown session")
    await bounded(lease.is_gone.wait())
    await host.admit()
    await host.start_cell()

    assert (await bounded(executing)).cell_id == "g2:1"
    assert [name for name, _ in host.seen].count("Execute") == 2


@pytest.mark.parametrize("code", [UNAVAILABLE, grpc.StatusCode.CANCELLED])
async def test_what_a_host_may_have_begun_is_not_run_again(
    code: grpc.StatusCode, provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, lease, _ = await opened(provider, host, delegate)
    executing = asyncio.create_task(session.execute(request()))
    execute = await host.rpc("Execute")
    lease.fail(UNAVAILABLE, "going away")
    execute.fail(code, "going away")
    with pytest.raises((WorkerLostError, SessionError)) as told:
        await bounded(executing)

    assert not getattr(told.value, "not_begun", False)
    assert [name for name, _ in host.seen].count("Execute") == 1


async def test_a_host_that_breaks_an_opening_off_is_asked_again(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    creating = asyncio.create_task(provider.create_session(delegate))
    (await host.rpc("OpenSession")).fail(grpc.StatusCode.CANCELLED, "the host ends")
    await host.admit()
    await bounded(creating)


async def test_a_request_that_fails_for_the_moment_loses_nothing(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, lease, _ = await opened(provider, host, delegate)
    executing = asyncio.create_task(session.execute(request()))
    (await host.rpc("Execute")).fail(UNAVAILABLE, "not now")
    with pytest.raises(SessionError, match=r"^not now$"):
        await bounded(executing)
    execute, first = await started(session, host)
    await host.finish(execute, lease)

    assert (await bounded(first)).cell_id == "1"
    assert [name for name, _ in host.seen].count("Execute") == 2


async def test_an_execute_that_is_refused_leaves_nobody_waiting_to_end_its_observation(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, _, _ = await opened(provider, host, delegate)
    early = asyncio.Event()
    early.set()
    before = asyncio.all_tasks()
    executing = asyncio.create_task(session.execute(request(), preempt=early))
    (await host.rpc("Execute")).fail(grpc.StatusCode.FAILED_PRECONDITION, "no")
    with pytest.raises(SessionError, match=r"^no$"):
        await bounded(executing)
    left = {task for task in asyncio.all_tasks() - before if "end_early" in repr(task)}
    if left:
        await bounded(asyncio.wait(left))

    assert [name for name, _ in host.seen].count("YieldObservation") == 0


async def test_a_cancelled_opening_leaves_no_session(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    creating = asyncio.create_task(provider.create_session(delegate))
    lease = await host.rpc("OpenSession")
    creating.cancel()

    await bounded(lease.is_gone.wait())
    assert creating.cancelled() or creating.cancelling()


async def test_a_host_that_says_goodbye_lets_what_runs_come_to_its_end(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, lease, calls = await opened(provider, host, delegate)
    execute, first = await started(session, host)
    stopping = asyncio.create_task(host.server.stop(10))
    await host.finish(execute, lease)
    assert (await bounded(first)).cell_id == "1"
    lease.end()
    calls.end()
    await bounded(stopping)
    await delegate.heard("closed", "1")

    with pytest.raises(
        EngineError,
        match=r"closed the session(?:$|\. The program may have begun)|^no session at code-mode host ",
    ):
        await bounded(session.execute(request()))


# ── orders ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_cancellation_that_overtakes_its_call_keeps_it_from_running(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, lease, calls = await opened(provider, host, delegate)
    execute, first = await started(session, host)
    await lease.say(pb.SessionEvent(tool_call_cancelled=pb.ToolCallCancelled(invocation_id="a")))
    await lease.say(pb.SessionEvent(notification=_note("n")))
    await host.rpc("AcknowledgeNotification")  # the cancellation has been read
    await calls.say(tool_call("never", "a", 1))
    await calls.say(tool_call("echo", "b", 2, input_json=b'{"x":[1]}'))
    completed = await host.rpc("CompleteToolCall")
    await completed.answer(pb.CompleteToolCallResponse())
    await host.finish(execute, lease, calls=2)
    await bounded(first)

    assert (completed.request.invocation_id, completed.request.succeeded.output_json) == (
        "b",
        b'{"x":[1]}',
    )
    assert ("tool", "never") not in delegate.log


def _note(name: str) -> pb.Notification:
    return pb.Notification(notification_id=name, cell_id="1", call_id="call", text="hi")


async def test_a_call_that_is_cancelled_ends(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, lease, calls = await opened(provider, host, delegate)
    _, first = await started(session, host)
    await calls.say(tool_call("never", "a", 1))
    await delegate.heard("tool", "never")
    await lease.say(pb.SessionEvent(tool_call_cancelled=pb.ToolCallCancelled(invocation_id="a")))

    await delegate.heard("left", "never")
    first.cancel()


async def test_the_end_of_a_cell_waits_for_its_last_call_and_its_notifications(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, lease, calls = await opened(provider, host, delegate)
    execute, first = await started(session, host)
    await lease.say(pb.SessionEvent(notification=_note("n")))
    await host.finish(execute, lease, calls=1)
    await host.rpc("AcknowledgeNotification")
    assert not first.done()
    await calls.say(tool_call("never", "a", 1))
    response = await bounded(first)

    assert strip(response) == Result(cell_id=CellId("1"), items=())
    await delegate.heard("closed", "1")
    assert delegate.log == [
        ("note", "call", "hi"),
        ("tool", "never"),
        ("left", "never"),
        ("closed", "1"),
    ]


async def test_a_notification_that_comes_before_its_cell_is_named_is_waited_for(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    release = asyncio.Event()

    async def deliver(_: str, __: Any) -> None:
        await release.wait()

    delegate.on_note = deliver
    session, lease, _ = await opened(provider, host, delegate)
    executing = asyncio.create_task(session.execute(request()))
    execute = await host.rpc("Execute")
    await lease.say(pb.SessionEvent(notification=_note("n")))
    begun = pb.ExecutionStarted(execution_id=execute.request.execution_id, cell_id="1")
    await execute.say(pb.ExecuteEvent(started=begun))
    await host.finish(execute, lease)
    cell = await bounded(executing)
    first = asyncio.create_task(cell.initial_response())
    await delegate.heard("note", "call", "hi")
    assert not first.done()
    release.set()

    assert (await bounded(first)).cell_id == "1"
    await delegate.heard("closed", "1")
    assert delegate.log == [("note", "call", "hi"), ("note left", "hi"), ("closed", "1")]


async def test_a_cancelled_wait_is_over_before_the_next_one_begins(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, _, _ = await opened(provider, host, delegate)
    _, first = await started(session, host)
    waiting = asyncio.create_task(session.wait(WaitRequest(cell_id=CellId("1"))))
    wait = await host.rpc("Wait")
    waiting.cancel()
    cancel = await host.rpc("CancelWait")
    next_one = asyncio.create_task(session.wait(WaitRequest(cell_id=CellId("1"))))
    said = pb.ContentItem(text=pb.TextContent(text="late"))
    late = pb.ExecutionOutcome(cell_id="1", content_items=[said], yielded=pb.ExecutionYielded())
    await wait.answer(pb.WaitResponse(live_cell=late))
    assert [name for name, _ in host.seen].count("Wait") == 1
    await cancel.answer(pb.CancelWaitResponse())
    second = await host.rpc("Wait")
    empty = pb.ExecutionOutcome(cell_id="1", yielded=pb.ExecutionYielded())
    await second.answer(pb.WaitResponse(live_cell=empty))
    outcome = await bounded(next_one)

    assert cancel.request.wait_id == wait.request.wait_id != second.request.wait_id
    assert [item.text for item in outcome.response.items] == ["late"]  # type: ignore[union-attr]
    first.cancel()


async def test_a_result_that_the_host_does_not_take_becomes_a_failure(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, _, calls = await opened(provider, host, delegate)
    _, first = await started(session, host)
    await calls.say(tool_call("echo", "a", 1, input_json=b"1"))
    await calls.say(tool_call("echo", "b", 2, input_json=b"{"))
    said = {}
    for _ in range(3):
        rpc = await host.rpc("CompleteToolCall")
        if rpc.request.HasField("succeeded"):
            rpc.fail(grpc.StatusCode.INVALID_ARGUMENT, "too deep")
        else:
            said[rpc.request.invocation_id] = rpc.request.failed.message.split(":")[0]
            await rpc.answer(pb.CompleteToolCallResponse())

    assert said == {
        "a": "the code-mode host did not take the result",
        "b": "the argument cannot be read",
    }
    first.cancel()


async def test_a_cell_that_is_closed_before_it_is_named_is_closed_once(
    provider: GrpcSessionProvider, host: Scripted, delegate: Recorder
) -> None:
    session, lease, _ = await opened(provider, host, delegate)
    executing = asyncio.create_task(session.execute(request()))
    execute = await host.rpc("Execute")
    await lease.say(closed(execute, "1", 0))
    begun = pb.ExecutionStarted(execution_id=execute.request.execution_id, cell_id="1")
    await execute.say(pb.ExecuteEvent(started=begun))
    outcome = pb.ExecutionOutcome(cell_id="1", completed=pb.ExecutionCompleted())
    await execute.answer(pb.ExecuteEvent(outcome=outcome))
    cell = await bounded(executing)

    assert strip(await bounded(cell.initial_response())) == Result(cell_id=CellId("1"), items=())
    await delegate.heard("closed", "1")
    assert delegate.closed == ["1"]
