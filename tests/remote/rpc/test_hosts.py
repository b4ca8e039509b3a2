"""Sessions over gRPC in real hosts: deaths, half-open connections, cancellation, numbers."""

from __future__ import annotations

import asyncio
import math
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from codemode import (
    CellId,
    EngineError,
    GrpcSessionProvider,
    SessionError,
    WaitRequest,
    WorkerLostError,
)
from codemode.remote.rpc.channels import SESSIONS_PER_CHANNEL
from tests.remote.conftest import descriptors
from tests.remote.hosts import WHICH
from tests.remote.sessions import MOMENTS, cancel_callers, run, text
from tests.remote.stage import bounded
from tests.runtime.doubles import Recorder, echo, never

from .hosts import Host, listening


@pytest.fixture(params=WHICH)
def which(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def host(which: str) -> AsyncIterator[Host]:
    async with listening(which) as host:
        yield host


@pytest.fixture
async def provider(host: Host) -> AsyncIterator[GrpcSessionProvider]:
    async with GrpcSessionProvider(host.url) as provider:
        yield provider


async def test_a_session_outlives_its_host(
    which: str, host: Host, provider: GrpcSessionProvider
) -> None:
    delegate = Recorder(echo=echo, never=never)
    session = await bounded(provider.create_session(delegate))
    await run(session, "store('é', {a: ['\\ud83d\\ude00', 1e300]}); store('n', null)")
    await run(session, "store('big', 'x'.repeat(12_000_000)); throw 1")
    running = asyncio.create_task(run(session, "store('no', 1); await tools.never()"))
    await delegate.heard("tool", "never")
    await host.kill()
    with pytest.raises(WorkerLostError, match=r"^code-mode host at 127\.0\.0\.1:\d+ is gone: "):
        await running
    with pytest.raises(EngineError, match=r"^no session at code-mode host "):
        await run(session, "")
    async with listening(which, listen=host.url.replace("http", "grpc")):
        if which == "openai":  # nobody knows what it had stored
            with pytest.raises(WorkerLostError, match=r"^exec runtime was replaced: "):
                await run(session, "")
        look = "text([load('é')?.a.length, load('big')?.length, load('no') === undefined])"
        left = await text(session, look)
        with pytest.raises(SessionError, match=r"^cell belongs to a stale code-mode host"):
            await session.wait(WaitRequest(cell_id=CellId("3")))
        await bounded(session.shutdown())

    assert left == ("[2,12000000,true]" if which == "ours" else "[null,null,true]")
    assert sorted(delegate.closed) == ["1", "2", "3", "g2:1"]


async def test_a_host_that_is_not_there_is_named(leaves_nothing: None) -> None:
    async with GrpcSessionProvider("grpc://127.0.0.1:1") as provider:
        with pytest.raises(EngineError, match=r"^no session at code-mode host 127\.0\.0\.1:1: "):
            await bounded(provider.create_session(Recorder()))


async def test_a_host_that_hangs_holds_up_nothing_for_ever(
    host: Host, provider: GrpcSessionProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await bounded(provider.create_session(Recorder()))
    host.process.send_signal(signal.SIGSTOP)
    try:
        monkeypatch.setattr("codemode.remote.generation.START_SECONDS", 0.0)
        monkeypatch.setattr("codemode.remote.overtime.LAST_LOOK_SECONDS", 0.05)
        with pytest.raises(
            WorkerLostError,
            match=r"^code-mode host at \S+ did not answer in time\. The program may ",
        ):
            await run(session, "")
        monkeypatch.setattr("codemode.remote.generation.CLOSE_SECONDS", 0.05)
        await bounded(session.shutdown())
    finally:
        host.process.send_signal(signal.SIGCONT)


async def test_a_socket_in_a_folder_is_an_endpoint(which: str, tmp_path: Path) -> None:
    if which == "openai":
        pytest.skip("it listens at addresses only")
    path = f"unix:{tmp_path}/host"
    async with listening(which, listen=path), GrpcSessionProvider(path) as provider:
        session = await bounded(provider.create_session(Recorder()))
        assert await text(session, "text(1)") == "1"


async def test_a_token_opens_the_door_and_no_token_does_not(which: str, tmp_path: Path) -> None:
    if which == "openai":
        pytest.skip("it asks for no token")
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    async with listening(which, "--token-file", str(file)) as host:
        async with GrpcSessionProvider(host.url) as provider:
            with pytest.raises(EngineError, match=r"a bearer token is required$"):
                await bounded(provider.create_session(Recorder()))
        async with GrpcSessionProvider(host.url, token="s3cret") as provider:
            session = await bounded(provider.create_session(Recorder()))
            assert await text(session, "text(1)") == "1"


async def test_a_hundred_sessions_share_a_few_connections(provider: GrpcSessionProvider) -> None:
    delegates = [Recorder(echo=echo) for _ in range(100)]
    grpc.aio.init_grpc_aio()  # type: ignore[attr-defined]  # the stubs lack it; it has sockets of its own
    before = {entry for entry in descriptors() if "socket" in entry}
    opened = await bounded(asyncio.gather(*map(provider.create_session, delegates)))
    after = {entry for entry in descriptors() if "socket" in entry}
    texts = await asyncio.gather(
        *(text(session, f"text(await tools.echo({n}))") for n, session in enumerate(opened[:20]))
    )
    await bounded(asyncio.gather(*(session.shutdown() for session in opened)))

    assert texts == [str(n) for n in range(20)]
    assert len(after - before) == math.ceil(100 / SESSIONS_PER_CHANNEL)


async def test_a_large_result_is_in_nobodys_way(provider: GrpcSessionProvider) -> None:
    large = "x" * 12_000_000

    async def answer(call: Any, _: Any) -> Any:
        return large if call.input == "large" else call.input

    session = await bounded(provider.create_session(Recorder(echo=answer)))
    source = """
        const [a, ...rest] = await Promise.all(
            ['large', ...Array(50).keys()].map((n) => tools.echo(n)));
        text([a.length, rest.length, rest[49]]);
    """
    assert await text(session, source) == "[12000000,50,49]"


@pytest.mark.parametrize("rounds", MOMENTS)
async def test_a_caller_cancelled_at_any_moment_leaves_nothing(
    rounds: int, provider: GrpcSessionProvider
) -> None:
    await cancel_callers(rounds, provider)


async def test_a_host_is_restarted_under_a_session_that_has_no_word_of_it(tmp_path: Path) -> None:
    url = f"unix:{tmp_path}/host"
    delegate = Recorder(echo=echo)
    async with GrpcSessionProvider(url) as provider:
        async with listening("ours", listen=url) as served:
            session = await bounded(provider.create_session(delegate))
            served.process.send_signal(signal.SIGTERM)
            await bounded(served.process.wait())
        for number in range(3):
            async with listening("ours", listen=url) as served:
                code = f"const n = load('n') ?? 0; store('n', n + 1); text([n, await tools.echo({number})])"
                assert await text(session, code) == f"[{number},{number}]"
                served.process.send_signal(signal.SIGTERM)
                await bounded(served.process.wait())
        async with listening("ours", listen=url):
            assert await text(session, "text(load('n'))") == "3"
            await bounded(session.shutdown())


async def test_more_sessions_than_a_connection_may_have_streams_for_have_several(
    tmp_path: Path,
) -> None:
    url = f"unix:{tmp_path}/host"
    count = 2 * SESSIONS_PER_CHANNEL + 1
    async with listening("ours", listen=url), GrpcSessionProvider(url) as provider:
        opening = [provider.create_session(Recorder()) for _ in range(count)]
        sessions = await bounded(asyncio.gather(*opening))
        pool = provider._pool
        assert pool is not None
        assert [len(each.connections) for each in pool._channels] == [30, 30, 1]
        assert await text(sessions[-1], "text(1)") == "1"
        await bounded(asyncio.gather(*(each.shutdown() for each in sessions[:30])))
        await bounded(provider.create_session(Recorder()))
        assert [len(each.connections) for each in pool._channels] == [1, 30, 1]
