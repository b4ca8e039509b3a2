"""The gRPC host as a process: who may come, how it ends, what it survives."""

from __future__ import annotations

import asyncio
import signal
import socket
import stat
import sys
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from codemode.grpc import code_mode_pb2 as pb
from codemode.grpc import stored_values_pb2 as stored

from .hosts import FOREVER, METHODS, SECONDS, Client, client, folder_entries, host, status_of, texts

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-of-some-length"
LISTEN_SECONDS = 10


async def test_a_socket_file_is_only_for_its_user_and_goes_with_the_host(tmp_path: Path) -> None:
    path = tmp_path / "s"

    async with host(listen=f"unix:{path}") as running:
        async with client(running) as there:
            _, session_id = await there.open()
            outcome = await there.run(session_id, "e", "text('hello')")
        mode = stat.S_IMODE(path.stat().st_mode)
        ended = await running.end()

    assert running.where == f"unix:{path}"
    assert texts(outcome) == ["hello"]
    assert mode == 0o600
    assert ended == (-signal.SIGTERM, "")
    assert folder_entries(tmp_path) == []


async def test_a_socket_at_which_somebody_listens_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with host(listen=f"unix:{path}") as running:
        async with host(listen=f"unix:{path}") as second:
            _, words = await asyncio.wait_for(second.process.communicate(), SECONDS)
        async with client(running) as there:
            _, session_id = await there.open()
            assert texts(await there.run(session_id, "e", "text(1)")) == ["1"]

    assert words.decode() == f"Error: cannot listen on {path}: somebody does already\n"
    assert second.process.returncode == 1


async def test_a_port_that_is_taken_is_said_to_be() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        async with host(listen=f"grpc://{place}") as refused:
            _, words = await asyncio.wait_for(refused.process.communicate(), SECONDS)

    assert words.decode() == f"Error: cannot listen on {place}: Address already in use\n"
    assert refused.process.returncode == 1


async def test_a_socket_in_no_folder_is_said_to_be(tmp_path: Path) -> None:
    where = f"unix:{tmp_path / 'nowhere' / 's'}"
    async with host(listen=where) as refused:
        _, words = await asyncio.wait_for(refused.process.communicate(), SECONDS)

    assert words.decode() == f"Error: cannot listen on {where}: No such file or directory\n"


@pytest.mark.parametrize("shown", [None, "wrong", TOKEN[:-1], f"{TOKEN}x"])
async def test_who_does_not_know_the_token_is_refused_everything(shown: str | None) -> None:
    async with host(environment={"CODEMODE_HOST_TOKEN": TOKEN}) as running:
        async with client(running, token=shown) as there:
            lease = there.call("OpenSession", pb.OpenSessionRequest())
            metrics = there.call("GetProcessMetrics", pb.GetProcessMetricsRequest())
            found = [await status_of(lease), await status_of(metrics)]
        async with client(running, token=TOKEN) as there:
            _, session_id = await there.open()
            allowed = texts(await there.run(session_id, "e", "text(1)"))
        _, words = await running.end()

    why = "the bearer token is not the one that this host asks for"
    refused = (
        grpc.StatusCode.UNAUTHENTICATED,
        "a bearer token is required" if shown is None else why,
    )
    assert found == [refused, refused]
    assert allowed == ["1"]
    assert TOKEN not in words


async def test_process_metrics_are_those_of_the_host_and_its_workers() -> None:
    async with host() as running, client(running) as there:
        _, session_id = await there.open()
        await there.run(session_id, "e", "text(1)")
        before = await there.call("GetProcessMetrics", pb.GetProcessMetricsRequest())
        await there.run(session_id, "f", "const end = Date.now() + 200; while (Date.now() < end);")
        after = await there.call("GetProcessMetrics", pb.GetProcessMetricsRequest())

    assert after.cpu_seconds_total - before.cpu_seconds_total > 0.05  # that of the worker
    assert 2**24 < after.resident_memory_bytes < 2**30
    assert after.process_start_time_seconds == before.process_start_time_seconds
    assert 0 < time.time() - after.process_start_time_seconds < 600


async def test_health_and_reflection_are_those_of_grpc(tmp_path: Path) -> None:
    async with host(listen=f"unix:{tmp_path / 's'}") as running, client(running) as there:
        health = health_pb2_grpc.HealthStub(there.channel)
        service = "codex.code_mode.v1.CodeModeHost"
        checked = await health.Check(health_pb2.HealthCheckRequest(service=service))
        reflection = reflection_pb2_grpc.ServerReflectionStub(there.channel)
        asked = reflection.ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        listed = await asked.read()

    assert checked.status == health_pb2.HealthCheckResponse.SERVING
    assert [each.name for each in listed.list_services_response.service] == [
        "codemode.v1.StoredValues",
        "codex.code_mode.v1.CodeModeHost",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    ]


async def test_a_thousand_sessions_that_are_opened_and_dropped_leave_room_for_more() -> None:
    async with host() as running, client(running) as there:

        async def open_and_drop() -> None:
            lease, session_id = await there.open()
            lease.cancel()
            assert session_id

        for _ in range(20):
            await asyncio.gather(*(open_and_drop() for _ in range(50)))
        _, session_id = await there.open()
        outcome = await there.run(session_id, "e", "text('still here')")

    assert texts(outcome) == ["still here"]


async def test_a_client_that_vanishes_takes_its_cells_with_it() -> None:
    async with host() as running:
        async with client(running) as there:
            _, session_id = await there.open()
            execution = there.execute(session_id, "e", FOREVER)
            await execution.read()
        async with client(running) as other:
            while True:
                late = other.call("CloseSession", pb.CloseSessionRequest(session_id=session_id))
                if (await status_of(late))[0] is grpc.StatusCode.NOT_FOUND:
                    break
            _, session_id = await other.open()
            assert texts(await other.run(session_id, "e", "text(1)")) == ["1"]


async def test_a_subscriber_that_does_not_read_holds_up_only_its_own_calls() -> None:
    async with host() as running, client(running) as there:
        _, session_id = await there.open()
        slow = there.call("SubscribeToToolCalls", _filter(session_id, "echo"))
        await slow.initial_metadata()
        flood = there.execute(
            session_id,
            "flood",
            "for (let i = 0; i < 60; i++) tools.echo('x'.repeat(1000000)); " + FOREVER,
        )
        await flood.read()

        _, other_id = await there.open()
        outcome = await there.run(other_id, "e", "text('quick')")
        again = await there.run(session_id, "f", "text('here too')")

    assert texts(outcome) == ["quick"]
    assert texts(again) == ["here too"]


async def test_calls_of_a_subscriber_that_leaves_go_to_another_if_it_had_not_read_them() -> None:
    async with host() as running, client(running) as there:
        _, session_id = await there.open(max_pending_delegate_calls=1)
        first = there.call("SubscribeToToolCalls", _filter(session_id, "echo"))
        await first.initial_metadata()
        running_cell = there.execute(
            session_id, "e", "text(await Promise.allSettled([tools.echo(1), tools.echo(2)]))"
        )
        await running_cell.read()
        await first.read()
        second = there.call("SubscribeToToolCalls", _filter(session_id, "echo"))
        await second.initial_metadata()
        first.cancel()
        call = await second.read()
        await there.call(
            "CompleteToolCall",
            pb.CompleteToolCallRequest(
                session_id=session_id,
                invocation_id=call.invocation_id,
                succeeded=pb.ToolCallSucceeded(output_json=b"5"),
            ),
        )
        outcome = await running_cell.read()

    left = "code-mode tool subscription closed before returning tool output"
    assert call.input_json == b"2"
    assert texts(outcome.outcome) == [
        f'[{{"status":"rejected","reason":"{left}"}},{{"status":"fulfilled","value":5}}]'
    ]


async def test_what_is_stored_is_followed_and_restored() -> None:
    async with host() as running, client(running) as there:
        _, session_id = await there.open()
        follow = there.channel.unary_stream(
            METHODS["Follow"].path,
            request_serializer=stored.FollowRequest.SerializeToString,
            response_deserializer=stored.Commit.FromString,
        )(stored.FollowRequest(session_id=session_id))
        begun = await follow.read()
        execution = there.execute(session_id, "e", "store('k', {n: [1]})")
        events = [event async for event in execution]
        trailer = dict(await execution.trailing_metadata())
        commit: Any = await follow.read()

        _, other_id = await there.open()
        restore = there.channel.unary_unary(
            METHODS["Restore"].path,
            request_serializer=stored.RestoreRequest.SerializeToString,
            response_deserializer=stored.RestoreResponse.FromString,
        )
        await restore(stored.RestoreRequest(session_id=other_id, values=commit.values))
        loaded = await there.run(other_id, "e", "text(load('k'))")
        late = restore(stored.RestoreRequest(session_id=other_id))
        refused = await status_of(late)

    assert begun == stored.Commit()
    assert len(events) == 2
    assert trailer["codemode-commit"] == "1"
    value = stored.StoredValue(key="k", json=b'{"n":[1]}')
    assert commit == stored.Commit(number=1, values=[value])
    assert texts(loaded) == ['{"n":[1]}']
    assert refused[0] is grpc.StatusCode.FAILED_PRECONDITION


async def test_messages_and_headers_that_are_too_large_are_refused_and_the_host_goes_on() -> None:
    async with host() as running, client(running) as there:
        _, session_id = await there.open()
        large = there.execute(session_id, "large", "/*" + "x" * (64 * 1024 * 1024) + "*/")
        code, _ = await status_of(large)
        with_header = Client(there.channel, (("x", "y" * 100_000),))
        header, _ = await status_of(
            with_header.call("GetProcessMetrics", pb.GetProcessMetricsRequest())
        )
        outcome = await there.run(session_id, "e", "text(1)")

    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert header is not grpc.StatusCode.UNIMPLEMENTED
    assert texts(outcome) == ["1"]


def _filter(session_id: str, name: str) -> pb.SubscribeToToolCallsRequest:
    return pb.SubscribeToToolCallsRequest(
        session_id=session_id, tool_names=[pb.ToolName(name=name)]
    )


# ── whose a session is ───────────────────────────────────────────────────────────────────────────


def intrusions(client: Client, session: str) -> dict[str, Any]:
    """RPCs that want something of a session."""
    return {
        "Execute": client.execute(session, "e", "text(1)"),
        "Wait": client.call("Wait", pb.WaitRequest(session_id=session, cell_id="1", wait_id="w")),
        "Terminate": client.call("Terminate", pb.TerminateRequest(session_id=session, cell_id="1")),
        "CloseSession": client.call("CloseSession", pb.CloseSessionRequest(session_id=session)),
        "SubscribeToToolCalls": client.call(
            "SubscribeToToolCalls", pb.SubscribeToToolCallsRequest(session_id=session)
        ),
        "CompleteToolCall": client.call(
            "CompleteToolCall",
            pb.CompleteToolCallRequest(session_id=session, invocation_id=str(uuid4())),
        ),
        "AcknowledgeNotification": client.call(
            "AcknowledgeNotification",
            pb.AcknowledgeNotificationRequest(session_id=session, notification_id=str(uuid4())),
        ),
        "YieldObservation": client.call(
            "YieldObservation", pb.YieldObservationRequest(session_id=session, execution_id="mine")
        ),
        "CancelWait": client.call(
            "CancelWait", pb.CancelWaitRequest(session_id=session, wait_id="w")
        ),
        "Follow": client.call("Follow", stored.FollowRequest(session_id=session)),
        "Restore": client.call("Restore", stored.RestoreRequest(session_id=session)),
    }


async def refusals(client: Client, session: str) -> set[tuple[grpc.StatusCode, str]]:
    tried = intrusions(client, session)
    assert tried.keys() == {
        name
        for name, method in METHODS.items()
        if "session_id" in method.request.DESCRIPTOR.fields_by_name
    }
    return {await status_of(rpc) for rpc in tried.values()}


async def test_without_a_token_a_session_is_for_the_connection_that_opened_it() -> None:
    async with host() as served, client(served) as one, client(served) as two:
        lease, session = await one.open()
        assert await refusals(two, session) == {
            (grpc.StatusCode.NOT_FOUND, f"unknown code-mode session {session}")
        }
        assert texts(await one.run(session, "e", "text('mine')")) == ["mine"]
        lease.cancel()


async def test_a_session_is_for_the_principal_that_opened_it(tmp_path: Path) -> None:
    ann, bob = "the-token-of-ann-16", "the-token-of-bob-16"
    (tmp_path / "tokens").write_text(f"ann: {ann}\nann: {ann}-new\nbob: {bob}\n")
    async with host("--token-file", str(tmp_path / "tokens")) as served:
        async with (
            client(served, token=ann) as one,
            client(served, token=f"{ann}-new") as again,
            client(served, token=bob) as other,
            client(served, token="the-token-of-eve-16") as stranger,
        ):
            lease, session = await one.open()
            mine = one.execute(session, "mine", "yield_control(); " + FOREVER)
            await mine.read()
            assert await refusals(other, session) == {
                (grpc.StatusCode.NOT_FOUND, f"unknown code-mode session {session}")
            }
            (refused,) = {code for code, _ in await refusals(stranger, session)}
            assert refused is grpc.StatusCode.UNAUTHENTICATED
            assert texts(await again.run(session, "e", "text('mine')")) == ["mine"]
            request = pb.WaitRequest(session_id=session, cell_id="1", wait_id="w", yield_time_ms=1)
            waited = await again.call("Wait", request)
            assert waited.live_cell.HasField("yielded")
            lease.cancel()


async def test_a_token_that_is_taken_out_of_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("ann: the-token-of-ann-16")
    async with host("--token-file", str(path)) as served:
        async with client(served, token="the-token-of-ann-16") as one:
            lease, session = await one.open()
            path.write_text("bob: the-token-of-bob-16")
            outcome = grpc.StatusCode.OK
            while outcome is grpc.StatusCode.OK:  # the file is looked at once a second
                request = pb.AcknowledgeNotificationRequest(
                    session_id=session, notification_id=str(uuid4())
                )
                outcome = await one.call("AcknowledgeNotification", request).code()
            assert outcome is grpc.StatusCode.UNAUTHENTICATED
            lease.cancel()


async def test_a_limit_of_the_host_is_the_most_that_a_client_may_ask_for() -> None:
    code = "const kept = []; for (;;) kept.push(new Array(1e5).fill(1.5))"
    asked = pb.SessionCellExecutionLimits(max_heap_size_bytes=2**30)
    async with host("--limit", "heap_bytes=32MiB") as served, client(served) as one:
        lease, session = await one.open(cell_execution_limits=asked)
        outcome = await one.run(session, "e", code)
        assert outcome.completed.error_text.startswith(
            "Limit reached (heap_bytes): the cell used more than 32 MiB of JavaScript heap."
        )
        lease.cancel()


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        (
            ["--insecure"],
            "WARNING: --insecure: who reaches 0.0.0.0 can run programs here: there is no token,"
            " and read and change what is sent: there is no TLS\n",
        ),
        (
            ["--insecure", "--token-file", "TOKEN"],
            "WARNING: --insecure: who reaches 0.0.0.0 can read and change what is sent:"
            " there is no TLS\n",
        ),
    ],
)
async def test_a_host_that_anybody_may_reach_says_so(
    options: list[str], warning: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("the-token-of-ann-16")
    given = [str(tmp_path / "token") if each == "TOKEN" else each for each in options]
    async with host(*given, listen="grpc://0.0.0.0:0") as served:
        _, words = await served.end()
    assert words == warning


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        ("heap_byte=1", "error: --limit: there is no limit 'heap_byte'\nhint: did you mean "),
        ("heap_bytes=much", "error: --limit: 'much' is no amount of bytes for heap_bytes\nhint: "),
    ],
)
async def test_a_limit_that_is_none_is_refused(limit: str, error: str) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "codemode.host", "--limit", limit),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await child.communicate()
    assert (child.returncode, words.decode()[: len(error)]) == (2, error)


# ── how a host is taken out of service ───────────────────────────────────────────────────────────


async def health(client: Client) -> int:
    stub = health_pb2_grpc.HealthStub(client.channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest())
    return int(answer.status)


SERVING, NOT_SERVING = 1, 2


async def test_a_host_that_drains_ends_idle_sessions_at_once_and_lets_cells_end() -> None:
    async with host() as served, client(served) as one:
        idle, _ = await one.open()
        busy, session = await one.open()
        calls = one.call("SubscribeToToolCalls", pb.SubscribeToToolCallsRequest(session_id=session))
        await calls.initial_metadata()  # a call for which there is no subscriber fails
        running = one.execute(session, "e", "text(await tools.echo(1))")
        call = await calls.read()
        assert await health(one) == SERVING
        served.process.send_signal(signal.SIGTERM)
        assert await idle.code() is grpc.StatusCode.OK
        assert await health(one) == NOT_SERVING
        refused = one.call("OpenSession", pb.OpenSessionRequest())
        assert await status_of(refused) == (
            grpc.StatusCode.UNAVAILABLE,
            "the code-mode host is draining: it takes no session more",
        )
        assert call.cell_id == "1"
        running.cancel()  # whoever leaves ends the cell
        while await busy.read() is not grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs do not know it
            pass
        assert await busy.code() is grpc.StatusCode.OK
        assert await asyncio.wait_for(served.process.wait(), SECONDS) == -signal.SIGTERM


@pytest.mark.parametrize("options", [["--drain-seconds", "0"], ["--drain-seconds", "600"]])
async def test_a_drain_has_an_end_and_a_second_signal_is_one(options: list[str]) -> None:
    async with host(*options) as served, client(served) as one:
        lease, session = await one.open()
        running = one.execute(session, "e", FOREVER)
        await running.read()
        served.process.send_signal(signal.SIGTERM)
        if "600" in options:
            while await health(one) == SERVING:
                pass
            served.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(served.process.wait(), SECONDS) == -signal.SIGTERM
        del lease


async def test_a_host_has_so_many_sessions_and_cells_as_it_is_told() -> None:
    async with host("--max-sessions", "1", "--max-cells", "1") as served, client(served) as one:
        lease, session = await one.open()
        assert await status_of(one.call("OpenSession", pb.OpenSessionRequest())) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "code-mode host has too many open sessions",
        )
        running = one.execute(session, "e", FOREVER)
        await running.read()
        code, _ = await status_of(one.execute(session, "f", "text(1)"))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        lease.cancel()
