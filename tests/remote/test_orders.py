"""What a session in a host makes of what the host says, in every order; the test plays the host."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import pytest

from codemode import (
    CellBusyError,
    CellId,
    CellTerminatingError,
    LimitError,
    Limits,
    LiveCell,
    MissingCell,
    ProcessSessionProvider,
    Result,
    SessionClosedError,
    SessionError,
    Terminated,
    TextItem,
    ToolCall,
    ToolName,
    UsageError,
    WaitRequest,
    Yielded,
)
from codemode.protocol.messages import CAPABILITIES
from codemode.protocol.session import Signal
from codemode.remote.session import RemoteSession
from tests.runtime.doubles import Recorder, definitions, request, settle, stubborn_wait

from .stage import Message, Puppet, Stage, bounded, result, terminated, yielded


@dataclass
class Play:
    """A session, its delegate, and the host that the test plays."""

    session: RemoteSession
    delegate: Recorder
    host: Puppet
    session_id: str

    async def start(self, cell_id: str = "1") -> Any:
        """A cell that has started."""
        executing = asyncio.create_task(self.session.execute(request("source")))
        self.number = await self.host.start_cell(cell_id)
        return await bounded(executing)

    async def run(self, response: Message, cell_id: str = "1") -> Any:
        """A cell that has started, and its first response."""
        started = await self.start(cell_id)
        self.host.initial(self.number, response)
        return await bounded(started.initial_response())

    def wait(self, cell_id: str = "1", **options: Any) -> asyncio.Task[Any]:
        wanted = WaitRequest(cell_id=CellId(cell_id))
        return asyncio.create_task(self.session.wait(wanted, **options))

    async def finish(self) -> None:
        """Shut the session, and wait for it."""
        shutting = asyncio.create_task(self.session.shutdown())
        await self.host.shut()
        await bounded(shutting)


@pytest.fixture
async def play(provider: ProcessSessionProvider, stage: Stage, delegate: Recorder) -> Play:
    creating = asyncio.create_task(
        provider.create_session(delegate, limits=Limits(callback_grace_ms=20))
    )
    host = await stage.host()
    await host.shake_hands()
    session_id = await host.open_session()
    return Play(await bounded(creating), delegate, host, session_id)


def said(kind: type, *texts: str, cell_id: str = "1", **fields: Any) -> Any:
    return kind(cell_id=CellId(cell_id), items=tuple(map(TextItem, texts)), **fields)


# ── the handshake and what is asked ──────────────────────────────────────────────────────────────


async def test_the_client_offers_all_capabilities_and_needs_none(play: Play) -> None:
    assert play.host.seen[0] == {
        "type": "connection/hello",
        "supportedVersions": [1],
        "requiredCapabilities": [],
        "optionalCapabilities": [*CAPABILITIES, "codemode-stored-values-v1"],
    }
    assert play.host.seen[1]["request"] == {
        "method": "session/open",
        "sessionId": "session-1",
        "cellExecutionLimits": {"maxHeapSizeBytes": Limits().heap_bytes},
    }
    await play.finish()


async def test_a_host_that_knows_no_capability_sees_no_field_of_them(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    creating = asyncio.create_task(provider.create_session(delegate))
    host = await stage.host()
    await host.hear()
    host.say(type="connection/ready", selectedVersion=1, capabilities=[])
    await host.open_session()
    play = Play(await bounded(creating), delegate, host, "session-1")
    preempt = asyncio.Event()
    preempt.set()
    waiting = play.wait(preempt=preempt)
    number, asked = await host.hear_request("session/wait")
    host.outcome(number, yielded("1"))

    assert await bounded(waiting) == LiveCell(said(Yielded))
    assert host.seen[1]["request"] == {"method": "session/open", "sessionId": "session-1"}
    assert asked["request"] == {"cell_id": "1", "yield_time_ms": 10_000}
    await play.finish()


async def test_an_execute_says_all_that_v1_wants(play: Play) -> None:
    executing = asyncio.create_task(
        play.session.execute(request("a\ud800", "echo", yield_time_ms=2**80))
    )
    number, asked = await play.host.hear_request("session/execute")
    play.host.refuse(number, "no")
    with pytest.raises(SessionError, match=r"^no$"):
        await bounded(executing)

    assert asked["request"] == {
        "tool_call_id": "call",
        "enabled_tools": [
            {
                "name": "echo",
                "tool_name": {"name": "echo", "namespace": None},
                "description": "echo",
                "kind": "function",
                "input_schema": None,
                "output_schema": None,
            }
        ],
        "source": "a\ufffd",
        "yield_time_ms": 2**53,
        "max_output_tokens": None,
        "catalog_revision": 1,
    }
    await play.finish()


REFUSALS = {
    "code-mode host has too many active cells": LimitError,
    "Limit reached (source_bytes): the source is long.": LimitError,
    "code mode session is shutting down": SessionClosedError,
    "code-mode host has too many in-flight requests": SessionError,
}


@pytest.mark.parametrize("message", REFUSALS)
async def test_a_refused_execute_raises_with_the_text_of_the_host(message: str, play: Play) -> None:
    executing = asyncio.create_task(play.session.execute(request()))
    number, _ = await play.host.hear_request("session/execute")
    play.host.refuse(number, message)
    with pytest.raises(SessionError) as refusal:
        await bounded(executing)

    assert (type(refusal.value), str(refusal.value)) == (REFUSALS[message], message)
    await play.finish()


BUSY = {
    "exec cell 1 already has an active observer": CellBusyError,
    "exec cell 1 is already terminating": CellTerminatingError,
}


@pytest.mark.parametrize("message", BUSY)
async def test_a_refused_wait_raises_what_a_local_session_raises(message: str, play: Play) -> None:
    waiting = play.wait()
    number, _ = await play.host.hear_request("session/wait")
    play.host.refuse(number, message)
    with pytest.raises(BUSY[message], match=f"^{message}$"):
        await bounded(waiting)
    await play.finish()


async def test_requests_that_no_host_could_read_are_refused_here(play: Play) -> None:
    deep: Any = None
    for _ in range(200):
        deep = [deep]
    tool = definitions("deep")[0]
    wrong = [
        type(tool)(name="d", tool_name=ToolName("d"), description="", input_schema=schema)
        for schema in (deep, {"x": object()}, {"x": "\ud800"})
    ]
    for each in wrong:
        asked = type(request())(tool_call_id="c", enabled_tools=(each,), source="")
        with pytest.raises(UsageError):
            await play.session.execute(asked)
    with pytest.raises(UsageError, match=r"^yield_time_ms must not be negative, got -1$"):
        await play.session.execute(request(yield_time_ms=-1))
    await play.finish()


async def test_a_frontier_cannot_be_asked_for(play: Play) -> None:
    with pytest.raises(UsageError, match=r"^a session at a host runs no cell to its"):
        await play.session.execute_to_pending(request())
    await play.finish()


async def test_fields_that_we_do_not_know_are_tolerated(play: Play) -> None:
    executing = asyncio.create_task(play.session.execute(request()))
    number, _ = await play.host.hear_request("session/execute")
    value = {"type": "execution/started", "cellId": "1", "new": [1]}
    play.host.say(
        type="operation/response", id=number, result={"status": "ok", "value": value, "n": 1}, z=2
    )
    started = await bounded(executing)
    response = result("1", "a")
    response["Result"] |= {"code_mode_host_gpu_ns": 1}
    play.host.initial(number, response)

    assert await bounded(started.initial_response()) == said(Result, "a")
    await play.finish()


# ── orders ───────────────────────────────────────────────────────────────────────────────────────


async def test_what_comes_before_its_cell_is_kept_for_it(play: Play) -> None:
    play.delegate.tools["tool"] = lambda call, _: _value(call.cell_id)
    executing = asyncio.create_task(play.session.execute(request()))
    number, _ = await play.host.hear_request("session/execute")
    play.host.call(1, play.session_id, "1")
    play.host.call(2, play.session_id, "1")
    play.host.say(type="delegate/cancel", id=2)
    play.host.started(number, "1")
    started = await bounded(executing)
    answer = await play.host.hear()
    play.host.initial(number, result("1"))
    play.host.closed(play.session_id, "1")

    assert await bounded(started.initial_response()) == said(Result)
    assert answer == {
        "type": "delegate/response",
        "id": 1,
        "result": {"status": "ok", "value": {"type": "tool/result", "result": "1"}},
    }
    await play.delegate.heard("closed", "1")
    assert play.delegate.log == [("tool", "tool"), ("left", "tool"), ("closed", "1")]
    await play.finish()


async def test_too_much_before_its_cell_is_refused(play: Play) -> None:
    executing = asyncio.create_task(play.session.execute(request()))
    number, _ = await play.host.hear_request("session/execute")
    for each in range(1, 130):
        play.host.call(each, play.session_id, "1")
    refused = await play.host.hear()
    play.host.refuse(number, "no")
    others = [(await play.host.hear())["id"] for _ in range(128)]

    assert (refused["id"], others) == (129, list(range(1, 129)))
    with pytest.raises(SessionError, match=r"^no$"):
        await bounded(executing)
    await play.finish()


async def test_a_callback_of_no_cell_of_ours_fails(play: Play) -> None:
    play.host.call(1, play.session_id, "7")
    play.host.call(2, "nobody", "7")
    answers = [(await play.host.hear())["result"] for _ in range(2)]

    assert answers == [
        {"status": "error", "message": "exec cell 7 not found"},
        {"status": "error", "message": "unknown session nobody"},
    ]
    await play.finish()


async def test_the_first_response_comes_once_and_a_second_one_is_nothing(play: Play) -> None:
    started = await play.start()
    play.host.initial(play.number, yielded("1", "a"))
    play.host.initial(play.number, yielded("1", "b"))

    assert await bounded(started.initial_response()) == said(Yielded, "a")
    with pytest.raises(UsageError):
        await started.initial_response()
    await play.finish()


async def test_the_delegate_hears_the_end_once_after_the_caller(play: Play) -> None:
    started = await play.start()
    order: list[str] = []
    play.delegate.on_closed = lambda _: order.append("delegate")

    async def caller() -> None:
        await started.initial_response()
        order.append("caller")

    first = asyncio.create_task(caller())
    play.host.initial(play.number, result("1"))
    play.host.closed(play.session_id, "1")
    play.host.closed(play.session_id, "1")
    await bounded(first)
    await play.delegate.heard("closed", "1")
    await play.finish()

    assert order == ["caller", "delegate"]


async def test_an_end_waits_for_callbacks_and_no_longer_than_their_grace(play: Play) -> None:
    release = asyncio.Event()
    play.delegate.tools["tool"] = lambda _, __: stubborn_wait(release)
    started = await play.start()
    play.host.call(1, play.session_id, "1")
    await play.delegate.heard("tool", "tool")
    play.host.say(type="delegate/cancel", id=1)
    play.host.initial(play.number, result("1", "a"))
    play.host.closed(play.session_id, "1")

    assert await bounded(started.initial_response()) == said(Result, "a")
    await play.delegate.heard("closed", "1")
    assert play.delegate.log == [("tool", "tool"), ("closed", "1")]
    release.set()
    await play.delegate.heard("left", "tool")
    await play.finish()


async def test_a_cancelled_callback_has_its_signal_set_and_is_not_answered(play: Play) -> None:
    signals: list[Signal] = []

    async def tool(_: ToolCall, cancel: Signal) -> None:
        signals.append(cancel)
        await asyncio.Event().wait()

    play.delegate.tools["tool"] = tool
    await play.start()
    play.host.call(1, play.session_id, "1")
    await play.delegate.heard("tool", "tool")
    play.host.say(type="delegate/cancel", id=1)
    await play.delegate.heard("left", "tool")
    play.host.note(2, play.session_id, "1", "x")

    assert (await play.host.hear())["id"] == 2
    assert signals[0].is_set()
    play.host.initial(play.number, result("1"))
    play.host.closed(play.session_id, "1")
    await play.finish()


ANSWERS: dict[str, tuple[Any, Any]] = {
    "a value": ({"a": [1]}, {"a": [1]}),
    "a lone surrogate": ("a\ud800b", "a\ufffdb"),
    "backslashes that escape nothing": ("\\ud800\\\\\ud800", "\\ud800\\\\\ufffd"),
    "an integer beyond 64 bits": (2**70, 2**70),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_a_result_arrives_as_json_that_every_host_reads(case: str, play: Play) -> None:
    value, expected = ANSWERS[case]
    play.delegate.tools["tool"] = lambda _, __: _value(value)
    await play.start()
    play.host.call(1, play.session_id, "1")

    assert (await play.host.hear())["result"] == {
        "status": "ok",
        "value": {"type": "tool/result", "result": expected},
    }
    play.host.initial(play.number, result("1"))
    play.host.closed(play.session_id, "1")
    await play.finish()


async def _fails() -> None:
    raise ValueError("bad")


async def _exits() -> None:
    raise SystemExit(3)


def _deep() -> Any:
    value: Any = None
    for _ in range(200):
        value = [value]
    return value


FAILURES: dict[str, tuple[Any, str]] = {
    "an exception": (_fails, "ValueError: bad"),
    "an exit": (_exits, "SystemExit: 3"),
    "what JSON cannot say": (
        lambda: _value(object()),
        "tool `tool` returned what JSON cannot say: Encoding objects of type object is unsupported",
    ),
    "what hosts cannot read": (
        lambda: _value(_deep()),
        "tool `tool` returned what JSON cannot say: it is nested more than 120 deep",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_a_failure_fails_its_call_and_nothing_else(case: str, play: Play) -> None:
    make, text = FAILURES[case]
    play.delegate.tools["tool"] = lambda _, __: make()
    await play.start()
    play.host.call(1, play.session_id, "1")

    assert (await play.host.hear())["result"] == {"status": "error", "message": text}
    play.host.initial(play.number, result("1"))
    play.host.closed(play.session_id, "1")
    await play.finish()


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ([1] * 200_000, {"status": "ok", "value": {"type": "tool/result", "result": 200_000}}),
        (
            [1] * 200_001,
            {
                "status": "error",
                "message": "Limit reached (value_members): the argument of tool `tool` has more than"
                " 200,000 members, those of everything inside it included."
                "\nHint: pass fewer values at once, or pass them as one string.",
            },
        ),
    ],
    ids=["as many as there may be", "one more"],
)
async def test_an_argument_with_too_many_members_fails_its_call(
    value: object, answer: Message, play: Play
) -> None:
    play.delegate.tools["tool"] = lambda call, _: _value(len(cast("list[int]", call.input)))
    await play.start()
    play.host.call(1, play.session_id, "1", value)

    assert (await play.host.hear())["result"] == answer
    play.host.initial(play.number, result("1"))
    play.host.closed(play.session_id, "1")
    await play.finish()


async def test_a_signal_asks_the_host_to_yield(play: Play) -> None:
    preempt = asyncio.Event()
    waiting = play.wait(preempt=preempt)
    number, _ = await play.host.hear_request("session/wait")
    preempt.set()
    assert await play.host.hear() == {"type": "operation/yield", "id": number}
    play.host.outcome(number, yielded("1", "a"))

    assert await bounded(waiting) == LiveCell(said(Yielded, "a"))
    await play.finish()


async def test_a_second_terminator_is_refused_without_asking(play: Play) -> None:
    await play.run(yielded("1"))
    first = asyncio.create_task(play.session.terminate(CellId("1")))
    number, _ = await play.host.hear_request("session/terminate")
    with pytest.raises(CellTerminatingError):
        await play.session.terminate(CellId("1"))
    play.host.outcome(number, terminated("1", "a"))
    play.host.closed(play.session_id, "1")

    assert await bounded(first) == LiveCell(said(Terminated, "a"))
    await play.finish()


# ── callers who leave ────────────────────────────────────────────────────────────────────────────


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await bounded(asyncio.wait([task]))
    assert task.cancelled()


async def test_a_cancelled_execute_is_cancelled_at_the_host_and_its_cell_ended(play: Play) -> None:
    executing = asyncio.create_task(play.session.execute(request()))
    number, _ = await play.host.hear_request("session/execute")
    await cancelled(executing)
    assert await play.host.hear() == {"type": "operation/cancel", "id": number}
    play.host.started(number, "1")
    ending, asked = await play.host.hear_request("session/terminate")
    assert asked["cellId"] == "1"
    play.host.outcome(ending, terminated("1"))
    play.host.initial(number, terminated("1"))
    play.host.closed(play.session_id, "1")

    await play.delegate.heard("closed", "1")
    assert play.session.live_cells == ()
    await play.finish()


async def test_a_cancelled_first_response_ends_the_cell_even_if_the_host_is_busy(
    play: Play,
) -> None:
    started = await play.start()
    first = asyncio.create_task(started.initial_response())
    await settle(1)
    await cancelled(first)
    ending, _ = await play.host.hear_request("session/terminate")
    play.host.refuse(ending, "code-mode host has too many in-flight requests")
    ending, asked = await play.host.hear_request("session/terminate")
    assert asked["cellId"] == "1"
    play.host.outcome(ending, terminated("1"))
    play.host.closed(play.session_id, "1")
    await play.delegate.heard("closed", "1")
    await play.finish()


async def test_what_a_cancelled_wait_missed_is_for_the_next(play: Play) -> None:
    await play.run(yielded("1"))
    waiting = play.wait()
    number, _ = await play.host.hear_request("session/wait")
    await cancelled(waiting)
    assert await play.host.hear() == {"type": "operation/cancel", "id": number}
    play.host.outcome(number, yielded("1", "a"))  # it had been said before the cancel came
    waiting = play.wait()
    number, _ = await play.host.hear_request("session/wait")
    play.host.outcome(number, yielded("1", "b"))

    assert await bounded(waiting) == LiveCell(said(Yielded, "a", "b"))
    await play.finish()


async def test_an_end_that_a_cancelled_wait_missed_is_told_once(play: Play) -> None:
    await play.run(yielded("1"))
    waiting = play.wait()
    number, _ = await play.host.hear_request("session/wait")
    await cancelled(waiting)
    await play.host.hear()
    play.host.outcome(number, result("1", "a"))
    play.host.closed(play.session_id, "1")
    await play.delegate.heard("closed", "1")
    outcomes = []
    for _ in range(2):
        waiting = play.wait()
        number, _ = await play.host.hear_request("session/wait")
        play.host.outcome(number, result("1", error="exec cell 1 not found"), live=False)
        outcomes.append(await bounded(waiting))

    missing = said(Result, error_text="exec cell 1 not found")
    assert outcomes == [LiveCell(said(Result, "a")), MissingCell(missing)]
    await play.finish()


@pytest.mark.parametrize("rounds", range(6))
async def test_an_answer_and_a_cancel_that_cross_lose_nothing(rounds: int, play: Play) -> None:
    await play.run(yielded("1"))
    waiting = play.wait()
    number, _ = await play.host.hear_request("session/wait")
    play.host.outcome(number, yielded("1", "a"))
    await settle(rounds)
    waiting.cancel()
    await bounded(asyncio.wait([waiting]))
    got = [] if waiting.cancelled() else list(waiting.result().response.items)
    waiting = play.wait()
    message = await play.host.hear()
    if message["type"] == "operation/cancel":
        message = await play.host.hear()
    play.host.outcome(message["id"], yielded("1", "b"))
    got += (await bounded(waiting)).response.items

    assert got == [TextItem("a"), TextItem("b")]
    await play.finish()


async def test_a_cancelled_create_session_leaves_no_session(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    creating = asyncio.create_task(provider.create_session(delegate))
    host = await stage.host()
    await host.shake_hands()
    number, asked = await host.hear_request("session/open")
    await cancelled(creating)
    host.ready(number, asked["sessionId"])
    shutting, closed = await host.hear_request("session/shutdown")
    assert closed["sessionId"] == asked["sessionId"]
    host.answer(shutting, type="session/closed", sessionId=asked["sessionId"])


async def test_a_cancelled_handshake_is_shared_by_who_comes_next(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    first = asyncio.create_task(provider.create_session(delegate))
    host = await stage.host()
    await cancelled(first)
    second = asyncio.create_task(provider.create_session(delegate))
    await host.shake_hands()
    await host.open_session()
    session = await bounded(second)
    shutting = asyncio.create_task(session.shutdown())
    await host.shut()
    await bounded(shutting)

    assert stage.started == 1


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_shutdown_tells_who_waits_that_the_cell_was_terminated(play: Play) -> None:
    await play.run(yielded("1"))
    waiting = play.wait()
    number, _ = await play.host.hear_request("session/wait")
    shutting = asyncio.create_task(play.session.shutdown())
    ending, _ = await play.host.hear_request("session/terminate")
    play.host.outcome(ending, terminated("1"))
    play.host.outcome(number, terminated("1", "a"))
    play.host.closed(play.session_id, "1")
    await play.host.shut()
    await bounded(shutting)

    assert await bounded(waiting) == LiveCell(said(Terminated, "a"))
    assert play.delegate.closed == ["1"]
    for refused in (play.session.execute(request()), play.wait()):
        with pytest.raises(SessionClosedError):
            await refused


async def test_a_session_that_was_shut_in_between_is_shut(play: Play) -> None:
    executing = asyncio.create_task(play.session.execute(request()))
    number, _ = await play.host.hear_request("session/execute")
    shutting = asyncio.create_task(play.session.shutdown())
    await play.host.shut()
    play.host.refuse(number, "unknown code-mode session session-1")
    with pytest.raises(SessionClosedError):
        await bounded(executing)
    await bounded(shutting)


async def test_a_host_that_never_says_closed_does_not_keep_the_delegate_waiting(
    play: Play,
) -> None:
    await play.run(yielded("1"))
    await play.finish()

    assert play.delegate.closed == ["1"]


async def _value(value: Any) -> Any:
    return value


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────


async def test_what_does_not_fit_into_a_frame_fails_alone(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    large = "x" * 67_108_865
    delegate.tools["tool"] = lambda _, __: _value(large)
    limits = Limits(value_bytes=2**27, source_bytes=2**27)
    creating = asyncio.create_task(provider.create_session(delegate, limits=limits))
    host = await stage.host()
    await host.shake_hands()
    session_id = await host.open_session()
    play = Play(await bounded(creating), delegate, host, session_id)
    with pytest.raises(
        UsageError, match=r"^the request cannot be sent: code-mode IPC frame length"
    ):
        await play.session.execute(request(large))
    await play.start()
    host.call(1, session_id, "1")
    answer = await host.hear()

    assert (answer["id"], answer["result"]) == (
        1,
        {
            "status": "error",
            "message": "code-mode IPC frame length 67108968 exceeds 67108864 bytes",
        },
    )
    await play.finish()


async def test_a_cell_beyond_the_limit_is_refused_without_asking(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    limits = Limits(live_cells=2)
    creating = asyncio.create_task(provider.create_session(delegate, limits=limits))
    host = await stage.host()
    await host.shake_hands()
    session_id = await host.open_session()
    play = Play(await bounded(creating), delegate, host, session_id)
    await play.start()
    executing = asyncio.create_task(play.session.execute(request()))  # counts before it is answered
    number, _ = await host.hear_request("session/execute")
    with pytest.raises(LimitError, match=r"(?s)^Limit reached \(live_cells\): .* Live cells: 1\.$"):
        await play.session.execute(request())
    host.refuse(number, "no")
    with pytest.raises(SessionError):
        await bounded(executing)
    await play.finish()
