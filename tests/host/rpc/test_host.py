"""The gRPC host as a process: who may come, how it ends, what it survives."""

from __future__ import annotations

import asyncio
import signal
import socket
import stat
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from codemode.grpc import code_mode_pb2 as pb
from codemode.grpc import stored_values_pb2 as stored
from codemode.grpc.methods import methods

from .hosts import FOREVER, SECONDS, Client, client, folder_entries, host, status_of, texts

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
    table = methods(stored.DESCRIPTOR.services_by_name["StoredValues"])
    async with host() as running, client(running) as there:
        _, session_id = await there.open()
        follow = there.channel.unary_stream(
            table["Follow"].path,
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
            table["Restore"].path,
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
