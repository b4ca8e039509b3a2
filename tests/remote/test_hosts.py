"""Sessions in real hosts: deaths, cancellation, numbers; ours, and OpenAI's where it is here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest

from codemode import (
    CellId,
    CodeMode,
    Limits,
    ProcessSessionProvider,
    SessionError,
    WaitRequest,
    WorkerLostError,
    tool,
)
from tests.runtime.doubles import Recorder, echo, never

from .hosts import NO_ORACLE, ORACLE, OURS, WHICH
from .sessions import MOMENTS, NEVER, asked, cancel_callers, run, text
from .stage import bounded


@pytest.fixture(params=WHICH)
async def provider(
    request: pytest.FixtureRequest, leaves_nothing: None
) -> AsyncIterator[ProcessSessionProvider]:
    if request.param == "openai" and ORACLE is None:
        pytest.skip(NO_ORACLE)
    command = OURS if request.param == "ours" else (str(ORACLE),)
    async with ProcessSessionProvider(command) as provider:
        yield provider


def kill(provider: ProcessSessionProvider) -> None:
    assert provider.host_pid is not None
    os.kill(provider.host_pid, signal.SIGKILL)


async def test_a_session_outlives_its_host(provider: ProcessSessionProvider) -> None:
    delegate = Recorder(echo=echo, never=never)
    session = await bounded(provider.create_session(delegate))
    await run(session, "store('é', {a: ['\\ud83d\\ude00', 1e300]}); store('n', null)")
    await run(session, "store('é', 1); throw 1")
    await run(session, "store('é', {a: ['\\ud83d\\ude00', 1e300, '\\ud800']})")
    running = asyncio.create_task(run(session, "store('no', 1); await tools.never()"))
    await delegate.heard("tool", "never")
    kill(provider)
    with pytest.raises(
        WorkerLostError, match=r"^code-mode host was killed by SIGKILL\. Exec cell 4 "
    ):
        await running
    is_ours = "python" in repr(provider)
    if not is_ours:  # nobody knows what it had stored
        with pytest.raises(WorkerLostError, match=r"^exec runtime was replaced: "):
            await bounded(session.execute(asked("")))
    look = "text([load('é')?.a.length, load('n') === null, load('no') === undefined])"
    left = await text(session, look)
    with pytest.raises(SessionError, match=r"^cell belongs to a stale code-mode host generation$"):
        await session.wait(WaitRequest(cell_id=CellId("4")))

    assert left == ("[3,true,true]" if is_ours else "[null,false,true]")
    await bounded(session.shutdown())
    assert sorted(delegate.closed) == ["1", "2", "3", "4", "g2:1"]


async def test_a_large_commit_comes_back_in_parts(provider: ProcessSessionProvider) -> None:
    if "python" not in repr(provider):
        pytest.skip("it tells nobody what it stores")
    session = await bounded(provider.create_session(Recorder()))
    await run(session, "for (let i = 0; i < 4; i++) store('k' + i, String(i).repeat(12_000_000))")
    kill(provider)
    with contextlib.suppress(WorkerLostError):  # whether the end was seen before the call, or by it
        await run(session, "")

    lengths = "text([0, 1, 2, 3].map(i => load('k' + i).length + load('k' + i)[0]))"
    assert await text(session, lengths) == '["120000000","120000001","120000002","120000003"]'


async def test_a_hundred_sessions_share_a_host(provider: ProcessSessionProvider) -> None:
    delegates = [Recorder(echo=echo) for _ in range(100)]
    opened = await bounded(asyncio.gather(*map(provider.create_session, delegates)))
    texts = await asyncio.gather(
        *(text(session, f"text(await tools.echo({n}))") for n, session in enumerate(opened))
    )
    await bounded(asyncio.gather(*(session.shutdown() for session in opened)))

    assert texts == [str(n) for n in range(100)]
    assert [delegate.closed for delegate in delegates] == [["1"]] * 100


async def test_a_hundred_cells_run_side_by_side(provider: ProcessSessionProvider) -> None:
    delegate = Recorder(echo=echo)
    session = await bounded(provider.create_session(delegate))
    sources = [f"text(await tools.echo({n}))" for n in range(100)]
    texts = await asyncio.gather(*(text(session, source) for source in sources))
    await bounded(session.shutdown())

    assert texts == [str(n) for n in range(100)]
    assert sorted(map(int, delegate.closed)) == list(range(1, 101))


@pytest.mark.parametrize("rounds", MOMENTS)
async def test_a_caller_cancelled_at_any_moment_leaves_nothing(
    rounds: int, provider: ProcessSessionProvider
) -> None:
    await cancel_callers(rounds, provider)


async def test_code_mode_runs_in_a_host(provider: ProcessSessionProvider) -> None:
    @tool
    async def double(x: int) -> int:
        """Twice x."""
        return 2 * x

    async with CodeMode(tools=[double], provider=provider, limits=Limits()) as cm:
        first = await bounded(cm.exec("text(await tools.double({x: 21})); store('k', 1)"))
        second = await bounded(cm.exec(f"text(load('k')); yield_control(); {NEVER}"))
        assert second.cell_id is not None
        ended = await bounded(cm.wait(second.cell_id, terminate=True))

    assert (first.items[1:], second.items[1:]) == (first.items[-1:], second.items[-1:])
    assert [item.text for item in (*first.items[-1:], *second.items[-1:])] == ["42", "1"]  # type: ignore[union-attr]
    assert [result.status for result in (first, second, ended)] == [
        "completed",
        "running",
        "terminated",
    ]
