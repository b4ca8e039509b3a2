"""Hosts that are there and say nothing: whoever waits is told, and the next call goes to another host."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from codemode import (
    CellId,
    EngineError,
    ProcessSessionProvider,
    TextItem,
    WaitRequest,
    WorkerLostError,
)
from codemode.remote.callbacks import Callbacks
from codemode.remote.session import RemoteSession
from tests.runtime.doubles import Recorder, request, settle

from .hosts import OURS
from .sessions import NEVER, asked, run, text
from .stage import Puppet, Stage, bounded, result, yielded

SILENT: Final = r"^code-mode host did not answer in time($|\. (The program|Exec cell 1) )"


@pytest.fixture
def give_no_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on a host has no time for anything."""

    def give() -> None:
        for name in ("START_SECONDS", "OBSERVE_SECONDS", "TERMINATE_SECONDS"):
            monkeypatch.setattr(f"codemode.remote.generation.{name}", 0.0)
        monkeypatch.setattr("codemode.remote.observations.OBSERVE_SECONDS", 0.0)
        monkeypatch.setattr("codemode.remote.overtime.LAST_LOOK_SECONDS", 0.05)

    return give


async def opened(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> tuple[RemoteSession, Puppet, str]:
    creating = asyncio.create_task(provider.create_session(delegate))
    host = await stage.host()
    await host.shake_hands()
    session_id = await host.open_session()
    return await bounded(creating), host, session_id


async def shut(session: RemoteSession, host: Puppet) -> None:
    shutting = asyncio.create_task(session.shutdown())
    await host.shut()
    await bounded(shutting)


async def begun(session: RemoteSession, host: Puppet) -> None:
    """A cell runs, and has yielded."""
    executing = asyncio.create_task(session.execute(request()))
    number = await host.start_cell()
    host.initial(number, yielded("1"))
    await bounded((await bounded(executing)).initial_response())


def _execute(session: RemoteSession) -> Awaitable[Any]:
    return session.execute(request())


def _wait(session: RemoteSession) -> Awaitable[Any]:
    return session.wait(WaitRequest(cell_id=CellId("1"), yield_time_ms=0))


def _terminate(session: RemoteSession) -> Awaitable[Any]:
    return session.terminate(CellId("1"))


ASKED: Final = {"execute": _execute, "wait": _wait, "terminate": _terminate}


@pytest.mark.parametrize("what", ASKED)
async def test_a_stopped_host_is_given_up_and_replaced(
    what: str,
    leaves_nothing: None,
    give_no_time: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with ProcessSessionProvider(OURS) as provider:
        session = await bounded(provider.create_session(Recorder()))
        await run(session, f"yield_control(); {NEVER}")
        assert provider.host_pid is not None
        os.kill(provider.host_pid, signal.SIGSTOP)
        give_no_time()
        with pytest.raises(WorkerLostError, match=SILENT):
            await bounded(ASKED[what](session))
        monkeypatch.undo()
        if what == "execute":  # nobody has been told of the cell that ran
            with pytest.raises(
                WorkerLostError, match=r"^exec runtime was replaced: .* Exec cell 1 "
            ):
                await bounded(session.execute(asked("")))
        assert await text(session, "text(1)") == "1"


@pytest.mark.parametrize("what", ASKED)
async def test_a_request_that_is_not_answered_ends_the_host(
    what: str,
    provider: ProcessSessionProvider,
    stage: Stage,
    delegate: Recorder,
    give_no_time: Callable[[], None],
) -> None:
    session, host, _ = await opened(provider, stage, delegate)
    await begun(session, host)
    give_no_time()
    with pytest.raises(WorkerLostError, match=SILENT):
        await bounded(ASKED[what](session))

    await host.gone()
    assert session.live_cells == ()


async def test_a_first_response_that_does_not_come_ends_the_host(
    provider: ProcessSessionProvider,
    stage: Stage,
    delegate: Recorder,
    give_no_time: Callable[[], None],
) -> None:
    session, host, _ = await opened(provider, stage, delegate)
    executing = asyncio.create_task(session.execute(request(yield_time_ms=0)))
    number, _ = await host.hear_request("session/execute")
    give_no_time()
    host.started(number, "1")
    with pytest.raises(WorkerLostError, match=SILENT):
        await bounded((await bounded(executing)).initial_response())
    await host.gone()


async def test_a_cell_that_nobody_wants_and_that_is_not_ended_ends_the_host(
    provider: ProcessSessionProvider,
    stage: Stage,
    delegate: Recorder,
    give_no_time: Callable[[], None],
) -> None:
    session, host, _ = await opened(provider, stage, delegate)
    executing = asyncio.create_task(session.execute(request()))
    await host.start_cell()
    first = asyncio.create_task((await bounded(executing)).initial_response())
    await settle(1)
    give_no_time()
    first.cancel()
    await host.hear_request("session/terminate")
    await host.gone()


async def test_an_opening_that_is_not_answered_ends_the_host(
    provider: ProcessSessionProvider,
    stage: Stage,
    delegate: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codemode.remote.generation.OPEN_SECONDS", 0.05)
    creating = asyncio.create_task(provider.create_session(delegate))
    host = await stage.host()
    await host.shake_hands()
    with pytest.raises(EngineError, match=r"^timed out opening a session at the code-mode host$"):
        await bounded(creating)
    await host.gone()


async def test_a_host_that_reads_nothing_is_given_up(
    provider: ProcessSessionProvider,
    stage: Stage,
    delegate: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, _, _ = await opened(provider, stage, delegate)
    monkeypatch.setattr("codemode.remote.connection.READ_SECONDS", 0.0)
    monkeypatch.setattr("codemode.remote.overtime.LAST_LOOK_SECONDS", 0.05)
    source = "x" * 1_000_000  # more than a pipe holds, and whoever reads it here
    asking = [asyncio.create_task(session.execute(request(source))) for _ in range(4)]
    (await stage.host()).exit(5)  # those that were not sent go on to the next host
    await bounded(asyncio.wait(asking))

    reasons = {str(task.exception()).partition(". ")[0] for task in asking}
    assert reasons == {
        "code-mode host did not read in time",
        "code-mode host exited during handshake: exited with status 5",
    }


async def test_what_a_host_has_said_when_its_time_is_up_is_heard_first(
    provider: ProcessSessionProvider,
    stage: Stage,
    delegate: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, host, session_id = await opened(provider, stage, delegate)
    monkeypatch.setattr("codemode.remote.generation.START_SECONDS", 0.0)
    monkeypatch.setattr("codemode.remote.overtime.LAST_LOOK_SECONDS", 60.0)
    await begun(session, host)

    assert session.live_cells == ("1",)
    host.closed(session_id, "1")
    await delegate.heard("closed", "1")
    await shut(session, host)


async def test_an_answer_that_may_wait_for_a_notification_is_waited_for(
    provider: ProcessSessionProvider,
    stage: Stage,
    delegate: Recorder,
    give_no_time: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delivered, overdue = asyncio.Event(), asyncio.Event()
    is_notifying: Any = vars(Callbacks)["is_notifying"].fget

    def look(callbacks: Callbacks) -> Any:
        overdue.set()
        monkeypatch.setattr("codemode.remote.observations.OBSERVE_SECONDS", 60.0)
        return is_notifying(callbacks)

    async def deliver(_: str, __: object) -> None:
        await delivered.wait()

    delegate.on_note = deliver
    session, host, session_id = await opened(provider, stage, delegate)
    await begun(session, host)
    host.note(1, session_id, "1", "n")
    await delegate.heard("note", "call", "n")
    give_no_time()
    monkeypatch.setattr(Callbacks, "is_notifying", property(look))
    waiting = asyncio.ensure_future(_wait(session))
    number, _ = await host.hear_request("session/wait")
    await bounded(overdue.wait())
    delivered.set()
    assert (await host.hear())["type"] == "delegate/response"
    host.outcome(number, result("1", "a"))
    host.closed(session_id, "1")

    response = (await bounded(waiting)).response
    assert (response.items, response.error_text) == ((TextItem("a"),), None)
    await delegate.heard("closed", "1")
    await shut(session, host)
