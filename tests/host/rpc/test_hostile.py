"""Clients that break rules, ask for too much, or do not read: what they get, and what the host keeps."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from codemode.grpc import code_mode_pb2 as pb
from codemode.host.rpc.events import UNREAD_EVENTS, Events
from codemode.host.rpc.refusal import RpcError
from codemode.host.rpc.service import CodeModeHost
from codemode.host.rpc.stored import UNREAD_BYTES, Commits
from codemode.protocol.types import CellId
from codemode.runtime.local import LocalSessionProvider

from .hosts import FOREVER, METHODS, SECONDS, client, host, status_of, texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TOKEN = "a-token-of-some-length"
GOAWAY = b"\0\0\x08\x07\0\0\0\0\0" + bytes(8)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"


@pytest.mark.parametrize("name", ["OpenSession", "CloseSession"])
async def test_what_is_no_message_is_refused_as_the_reference_does(name: str) -> None:
    async with host() as running, client(running) as there:
        make: Any = there.channel.unary_stream
        if not METHODS[name].streams:
            make = there.channel.unary_unary
        code, text = await status_of(make(METHODS[name].path)(b"\xff\xff\xff"))
        _, words = await running.end()

    assert code is grpc.StatusCode.INTERNAL
    assert text.startswith("failed to decode Protobuf message: ")
    assert words == ""


async def test_a_stranger_is_refused_before_anything_that_it_sends_is_read() -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with host(environment={"CODEMODE_HOST_TOKEN": "secret"}) as running:
        async with client(running) as there:
            make: Any = there.channel.stream_unary
            refused = make(METHODS["CompleteToolCall"].path)(never(), timeout=SECONDS)
            code, _ = await status_of(refused)

    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_stranger_learns_that_the_host_is_alive_and_nothing_that_it_sends_is_read() -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with host(environment={"CODEMODE_HOST_TOKEN": TOKEN}) as running:
        async with client(running) as there:
            channel: Any = there.channel
            alive = channel.stream_unary("/grpc.health.v1.Health/Check")
            answer = await alive(never(), timeout=SECONDS)
            watching = channel.unary_stream("/grpc.health.v1.Health/Watch")
            watched = await status_of(watching(b"", timeout=SECONDS))
        async with client(running, token=TOKEN) as there:
            channel = there.channel
            known = channel.unary_unary("/grpc.health.v1.Health/Check")
            shown = (("authorization", f"Bearer {TOKEN}"),)
            nobody = await status_of(known(b"\x0a\x01x", metadata=shown, timeout=SECONDS))
        _, words = await running.end()

    assert answer == b"\x08\x01"
    assert watched == (grpc.StatusCode.UNAUTHENTICATED, "a bearer token is required")
    assert nobody[0] is grpc.StatusCode.NOT_FOUND
    assert words == ""


class Gone:
    """The context of an RPC whose client has left, as a write finds out; then it is as good as aborted."""

    def __init__(self) -> None:
        self.status: tuple[grpc.StatusCode, str] | None = None

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    async def write(self, _: object) -> None:
        raise grpc.aio.InternalError("Failed execute_batch")

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.status = code, details


async def test_a_client_that_leaves_during_a_write_is_no_news(
    caplog: pytest.LogCaptureFixture,
) -> None:
    details = SimpleNamespace(method=METHODS["OpenSession"].path, invocation_metadata=())
    gone = Gone()
    async with LocalSessionProvider() as provider:
        service = CodeModeHost(provider)
        handler: Any = service.handlers().service(details)  # type: ignore[arg-type]  # as gRPC's own
        await handler.unary_stream(b"", gone)
        left = repr(service)

    assert gone.status == (grpc.StatusCode.CANCELLED, "code-mode client has left")
    assert left == "<rpc host: 0 sessions, 0 cells>"
    assert caplog.records == []


async def test_a_file_that_is_no_socket_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_text("dear")

    async with host(listen=f"unix:{path}") as running:
        _, words = await asyncio.wait_for(running.process.communicate(), SECONDS)

    assert running.process.returncode == 1
    assert words.decode() == f"Error: cannot listen on {path}: it is there already, and no socket\n"
    assert path.read_text() == "dear"


async def test_a_socket_that_a_killed_host_has_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with host(listen=f"unix:{path}") as first:
        first.process.kill()
        await first.process.wait()
    assert path.is_socket()

    async with host(listen=f"unix:{path}") as second, client(second) as there:
        _, session_id = await there.open()
        assert texts(await there.run(session_id, "e", "text(1)")) == ["1"]
        assert (await second.end())[0] == -signal.SIGTERM


async def test_a_burst_of_sessions_is_answered_one_by_one_up_to_the_limit() -> None:
    async with host() as running, client(running) as there:

        async def opened() -> tuple[str, Any]:
            lease = there.call("OpenSession", pb.OpenSessionRequest())
            try:
                await lease.read()
            except grpc.aio.AioRpcError as error:
                return error.code().name, lease
            return "opened", lease

        found = await asyncio.gather(*(opened() for _ in range(5_000)))

    assert Counter(how for how, _ in found) == {"opened": 4_096, "RESOURCE_EXHAUSTED": 904}


@pytest.mark.parametrize("says", [b"", b"GET / HTTP/1.1\r\n\r\n", PREFACE, PREFACE + GOAWAY])
async def test_connections_that_are_left_half_open_hinder_nobody(says: bytes) -> None:
    async with host() as running:
        address, _, port = running.target.rpartition(":")
        silent = [await asyncio.open_connection(address, int(port)) for _ in range(50)]
        for _, writer in silent:
            writer.write(says)
            await writer.drain()
        async with client(running) as there:
            _, session_id = await there.open()
            outcome = await there.run(session_id, "e", "text(1)")
        for _, writer in silent:
            writer.transport.abort()
        ended = await running.end()

    assert texts(outcome) == ["1"]
    assert ended == (-signal.SIGTERM, "")


async def test_a_reset_connection_takes_its_sessions_with_it() -> None:
    """The client is behind a relay that vanishes without an orderly end."""
    async with host() as running:
        address, _, port = running.target.rpartition(":")
        relayed: list[asyncio.StreamWriter] = []
        copying: list[asyncio.Task[None]] = []

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            out_of, into = await asyncio.open_connection(address, int(port))
            relayed.extend((writer, into))
            copying.append(asyncio.create_task(copy(reader, into)))
            copying.append(asyncio.create_task(copy(out_of, writer)))

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        relay_port = server.sockets[0].getsockname()[1]
        behind = type(running)(running.process, f"http://127.0.0.1:{relay_port}")
        async with client(behind) as there:
            _, session_id = await there.open()
            await there.execute(session_id, "e", FOREVER).read()
            server.close()
            for writer in relayed:
                writer.transport.abort()
        await asyncio.gather(*copying, return_exceptions=True)
        async with client(running) as other:
            while True:  # until the host has seen it
                late = other.call("CloseSession", pb.CloseSessionRequest(session_id=session_id))
                if (await status_of(late))[0] is grpc.StatusCode.NOT_FOUND:
                    break


async def test_a_follower_that_does_not_read_is_cut_off_and_nothing_is_kept_for_it() -> None:
    commits = Commits()
    reads = asyncio.Event()
    began = asyncio.Event()

    async def write(_: object) -> None:
        began.set()
        await reads.wait()

    following = asyncio.create_task(commits.follow(write))
    await began.wait()
    for _ in range(10):
        commits.tell({"k": b"x" * (UNREAD_BYTES // 8)})
    kept = repr(commits)
    followed = commits.is_followed
    reads.set()

    with pytest.raises(RpcError, match="reads too slowly"):
        await following
    assert not followed
    assert kept == "<commits: 10, 0 bytes unread>"
    assert repr(commits) == "<commits: 10, 0 bytes unread>"


async def test_nothing_new_is_begun_for_a_client_that_does_not_read_its_events() -> None:
    events = Events()
    for number in range(UNREAD_EVENTS - 1):
        events.cell_closed("e", CellId(str(number)), 0)
    await events.room()
    events.cell_closed("e", CellId("last"), 0)
    waiting = asyncio.create_task(events.room())
    await asyncio.sleep(0)
    waited = not waiting.done()
    written: list[object] = []

    async def write(event: object) -> None:
        written.append(event)

    events.close()
    await events.write_to(write)
    await waiting

    assert waited
    assert len(written) == UNREAD_EVENTS
