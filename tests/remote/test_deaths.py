"""Hosts that die, lie or never come: what callers are told, and what comes after; the test plays the host."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from codemode import (
    CellId,
    CodeModeError,
    EngineError,
    MissingCell,
    ProcessSessionProvider,
    Result,
    SessionClosedError,
    SessionError,
    UsageError,
    WaitRequest,
    WorkerLostError,
)
from codemode.protocol.messages import CAPABILITIES
from codemode.remote.session import RemoteSession
from codemode.remote.started_cell import RemoteStartedCell
from tests.runtime.doubles import Recorder, never, request

from .stage import Puppet, Stage, bounded, frame, result, yielded

STALE: Final = "^cell belongs to a stale code-mode host generation$"
KILLED: Final = "code-mode host was killed by SIGKILL"


HINT: Final = "\nHint: look at what they have done before you repeat them, and continue with a fresh exec call."
KEPT: Final = "Stored values are as they were"


def notice(reason: str, *, values: str = KEPT, cells: str = "Exec cell 1 is") -> str:
    """What the next execute is told of cells that were lost while nobody waited for them."""
    return (
        f"exec runtime was replaced: {reason}. {cells} lost, and nothing was run again, this call included."
        f" {values}. Tool calls made before may have completed.{HINT}"
    )


def gone(reason: str, values: str) -> str:
    """What the next execute is told of stored values that are gone."""
    return (
        f"exec runtime was replaced: {reason}. {values}. Nothing was run, this call included."
        "\nHint: store again what you need, and repeat the call."
    )


def cell_lost(reason: str) -> str:
    """What whoever waits for the first cell is told."""
    return (
        f"{reason}. Exec cell 1 is lost with it, and nothing was run again. Tool calls made before may"
        f" have completed.{HINT}"
    )


def start_lost(reason: str) -> str:
    """What whoever starts a cell is told."""
    return (
        f"{reason}. The program may have begun, and was not run again. Tool calls made before may have"
        f" completed.{HINT}"
    )


async def opened(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder, *capabilities: str
) -> tuple[RemoteSession, Puppet]:
    creating = asyncio.create_task(provider.create_session(delegate))
    host = await stage.host()
    await host.shake_hands(*capabilities)
    await host.open_session()
    return await bounded(creating), host


async def replaced(session: RemoteSession, stage: Stage, *capabilities: str) -> tuple[str, Puppet]:
    """The next execute: what it is told, and the host that came for it."""
    executing = asyncio.create_task(session.execute(request()))
    host = await stage.host()
    await host.shake_hands(*capabilities)
    await host.open_session()
    with pytest.raises(WorkerLostError) as told:
        await bounded(executing)
    assert not told.value.not_begun
    return str(told.value), host


async def moved(
    session: RemoteSession, stage: Stage, *capabilities: str
) -> tuple[RemoteStartedCell, Puppet]:
    """The next execute, which nothing is told: its cell, and the host that came for it."""
    executing = asyncio.create_task(session.execute(request()))
    host = await stage.host()
    await host.shake_hands(*capabilities)
    await host.open_session()
    await host.start_cell()
    return await bounded(executing), host


async def yields(session: RemoteSession, host: Puppet, cell_id: str = "1") -> None:
    """Start a cell that runs on, with nobody waiting for it."""
    executing = asyncio.create_task(session.execute(request()))
    number = await host.start_cell(cell_id)
    started = await bounded(executing)
    host.initial(number, yielded(cell_id))
    await bounded(started.initial_response())


async def shut(session: RemoteSession, host: Puppet) -> None:
    shutting = asyncio.create_task(session.shutdown())
    await host.shut()
    await bounded(shutting)


def kill(provider: ProcessSessionProvider) -> None:
    assert provider.host_pid is not None
    os.kill(provider.host_pid, signal.SIGKILL)


async def die(provider: ProcessSessionProvider, session: RemoteSession, host: Puppet) -> None:
    """The host is killed when its client has heard everything, and the client has seen it."""
    waiting = asyncio.create_task(session.wait(WaitRequest(cell_id=CellId("0"))))
    number, _ = await host.hear_request("session/wait")
    host.outcome(number, result("0", error="exec cell 0 not found"), live=False)
    await bounded(waiting)
    pending = await _wait(session, host, "99")  # no cell: what is told of it is told to nobody else
    kill(provider)
    with pytest.raises(WorkerLostError, match=f"^{KILLED}$"):
        await bounded(pending)


# ── hosts that never come ────────────────────────────────────────────────────────────────────────

MISSING: Final[dict[str, tuple[Any, str]]] = {
    "no such file": (
        ["/nowhere/host"],
        "failed to spawn code-mode host /nowhere/host: host executable was not found",
    ),
    "a folder": (["/tmp"], "failed to spawn code-mode host /tmp: Permission denied"),
    "a path that is too long to show": (
        ["/nowhere/" + "é" * 600],
        f"failed to spawn code-mode host /nowhere/{'é' * 250}…: host executable was not found",
    ),
    "a path with a zero": (
        ["/nowhere\0"],
        "failed to spawn code-mode host /nowhere\ufffd: embedded null byte",
    ),
    "a program that ends": (
        ["true"],
        "code-mode host exited during handshake: exited with status 0",
    ),
    "a program that speaks otherwise": (
        "echo what is this",
        "code-mode host returned an invalid handshake response:"
        " code-mode IPC frame length 1952540791 exceeds 67108864 bytes",
    ),
}


@pytest.mark.parametrize("case", MISSING)
async def test_without_a_host_this_call_fails_and_the_next_tries_again(
    case: str, leaves_nothing: None, delegate: Recorder
) -> None:
    command, text = MISSING[case]
    async with ProcessSessionProvider(command) as provider:
        for _ in range(2):
            with pytest.raises(EngineError) as failure:
                await bounded(provider.create_session(delegate))
            assert str(failure.value) == text


@pytest.mark.parametrize("command", ["", [], [""], "'"])
def test_a_command_that_says_nothing_is_refused(command: Any) -> None:
    with pytest.raises(UsageError):
        ProcessSessionProvider(command)


async def test_a_program_whose_path_has_a_space_is_found(
    leaves_nothing: None, delegate: Recorder, tmp_path: Path
) -> None:
    program = tmp_path / "a host"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    async with ProcessSessionProvider(str(program)) as provider:
        with pytest.raises(EngineError, match=r"exited with status 3$"):
            await bounded(provider.create_session(delegate))


async def test_a_host_that_does_not_answer_is_given_up_and_ended(
    stage: Stage, delegate: Recorder
) -> None:
    async with ProcessSessionProvider(stage.command, handshake_seconds=0.05) as provider:
        with pytest.raises(EngineError, match=r"^timed out negotiating with the code-mode host$"):
            await bounded(provider.create_session(delegate))
        assert provider.host_pid is None


GREETINGS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "another version": (
        {"type": "connection/ready", "selectedVersion": 2, "capabilities": []},
        "code-mode host returned an invalid handshake response: version 2 was not offered",
    ),
    "something else first": (
        {"type": "delegate/cancel", "id": 1},
        "code-mode host returned an invalid handshake response: DelegateCancel came first",
    ),
    "no version in common": (
        {
            "type": "connection/rejected",
            "reason": {"type": "noCompatibleVersion", "supportedVersions": [2, 3]},
        },
        "code-mode host rejected the handshake: no compatible version; it supports 2, 3",
    ),
    "a capability that we lack": (
        {
            "type": "connection/rejected",
            "reason": {"type": "missingRequiredCapability", "capability": "x"},
        },
        "code-mode host rejected the handshake: missing required capability `x`",
    ),
}


@pytest.mark.parametrize("case", GREETINGS)
async def test_a_wrong_greeting_says_what_is_wrong(
    case: str, provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    greeting, text = GREETINGS[case]
    creating = asyncio.create_task(provider.create_session(delegate))
    host = await stage.host()
    await host.hear()
    host.say(**greeting)
    with pytest.raises(EngineError) as failure:
        await bounded(creating)

    assert str(failure.value) == text


async def test_a_host_killed_before_the_handshake(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    creating = asyncio.create_task(provider.create_session(delegate))
    host = await stage.host()
    await host.hear()
    host.exit(7)
    with pytest.raises(EngineError) as failure:
        await bounded(creating)
    assert str(failure.value) == "code-mode host exited during handshake: exited with status 7"

    session, host = await opened(provider, stage, delegate)  # the next call tries again
    await shut(session, host)


# ── hosts that die ───────────────────────────────────────────────────────────────────────────────


async def _execute(session: RemoteSession, host: Puppet) -> asyncio.Task[Any]:
    executing = asyncio.create_task(session.execute(request()))
    await host.hear_request("session/execute")
    return executing


async def _first(session: RemoteSession, host: Puppet) -> asyncio.Task[Any]:
    executing = asyncio.create_task(session.execute(request()))
    await host.start_cell()
    started = await bounded(executing)
    return asyncio.create_task(started.initial_response())


async def _wait(session: RemoteSession, host: Puppet, cell: str = "1") -> asyncio.Task[Any]:
    waiting = asyncio.create_task(session.wait(WaitRequest(cell_id=CellId(cell))))
    await host.hear_request("session/wait")
    return waiting


async def _terminate(session: RemoteSession, host: Puppet) -> asyncio.Task[Any]:
    ending = asyncio.create_task(session.terminate(CellId("1")))
    await host.hear_request("session/terminate")
    return ending


MOMENTS: Final[dict[str, Callable[[RemoteSession, Puppet], Any]]] = {
    "an execute": _execute,
    "a first response": _first,
    "a wait": _wait,
    "a termination": _terminate,
}


TOLD: Final[dict[str, str]] = {
    "an execute": start_lost(KILLED),
    "a first response": cell_lost(KILLED),
    "a wait": KILLED,
    "a termination": KILLED,
}
"""The last two are for a cell that never was."""


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_death_fails_who_waits_and_the_next_goes_on_without_a_word(
    moment: str, provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    pending = await MOMENTS[moment](session, host)
    kill(provider)
    with pytest.raises(WorkerLostError) as told:
        await bounded(pending)
    assert (str(told.value), told.value.not_begun) == (TOLD[moment], False)
    with pytest.raises(SessionError, match=STALE):  # and nothing is started for it
        await session.wait(WaitRequest(cell_id=CellId("1")))
    with pytest.raises(SessionError, match=STALE):
        await session.terminate(CellId("1"))
    assert stage.started == 1

    started, host = await moved(session, stage)
    assert started.cell_id == "g2:1"
    assert delegate.closed == (["1"] if moment == "a first response" else [])
    assert (stage.started, session.live_cells) == (2, ("g2:1",))
    await shut(session, host)


async def test_cells_that_were_lost_while_nobody_waited_are_told_once_by_name(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    for cell_id in ("1", "2", "3"):
        await yields(session, host, cell_id)
    waiting = asyncio.create_task(session.wait(WaitRequest(cell_id=CellId("1"))))
    await host.hear_request("session/wait")
    kill(provider)
    with pytest.raises(WorkerLostError) as told:
        await bounded(waiting)
    assert str(told.value) == cell_lost(KILLED)

    text, host = await replaced(session, stage)
    assert text == notice(KILLED, cells="Exec cells 2 and 3 are")
    executing = asyncio.create_task(session.execute(request()))
    await host.start_cell()
    assert (await bounded(executing)).cell_id == "g2:1"
    await shut(session, host)


async def test_an_execute_that_a_host_has_certainly_not_begun_is_run_by_the_next(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    generation = session._generation
    assert generation is not None

    async def dies_before_it_is_asked() -> None:
        host.exit(3)
        await generation.connection.over()

    generation.connection.writable = dies_before_it_is_asked  # type: ignore[method-assign]
    started, host = await moved(session, stage)
    assert (started.cell_id, stage.started) == ("g2:1", 2)
    await shut(session, host)


async def test_the_call_after_the_news_runs_and_its_cell_names_its_generation(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    await yields(session, host)
    await die(provider, session, host)
    _, host = await replaced(session, stage)
    executing = asyncio.create_task(session.execute(request()))
    number = await host.start_cell("1")
    started = await bounded(executing)
    host.initial(number, yielded("1", "a"))
    first = await bounded(started.initial_response())
    waiting = asyncio.create_task(session.wait(WaitRequest(cell_id=CellId("g2:1"))))
    asked_number, asked = await host.hear_request("session/wait")
    host.outcome(asked_number, result("1", "b"))
    host.closed("session-1", "1")
    outcome = await bounded(waiting)

    assert (started.cell_id, first.cell_id, outcome.response.cell_id) == ("g2:1",) * 3
    assert asked["request"]["cell_id"] == "1"
    await delegate.heard("closed", "g2:1")
    for stale in ("1", "77"):
        with pytest.raises(SessionError, match=STALE):
            await session.wait(WaitRequest(cell_id=CellId(stale)))
    to_come = CellId("g3:1")
    gone = Result(cell_id=to_come, items=(), error_text="exec cell g3:1 not found")
    assert await session.terminate(to_come) == MissingCell(gone)
    await shut(session, host)


async def test_all_who_asked_before_the_news_are_told_and_share_one_host(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    await yields(session, host)
    await die(provider, session, host)
    executing = [asyncio.create_task(session.execute(request())) for _ in range(5)]
    host = await stage.host()
    await host.shake_hands()
    await host.open_session()
    told = await bounded(asyncio.gather(*executing, return_exceptions=True))

    assert [repr(error) for error in told] == [repr(WorkerLostError(notice(KILLED)))] * 5
    assert stage.started == 2
    await shut(session, host)


async def test_news_that_nobody_waited_for_is_told_to_the_next(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    await yields(session, host)
    await die(provider, session, host)
    executing = asyncio.create_task(session.execute(request()))
    host = await stage.host()
    executing.cancel()
    await host.shake_hands()
    await host.open_session()
    creating = asyncio.create_task(provider.create_session(delegate))
    await host.open_session()
    other = await bounded(creating)  # what the host said before that has been heard
    with pytest.raises(WorkerLostError, match=r"^exec runtime was replaced: "):
        await bounded(session.execute(request()))
    assert stage.started == 2
    await shut(session, host)
    await shut(other, host)


async def test_each_session_of_a_dead_host_is_told_what_it_has_lost(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    one, host = await opened(provider, stage, delegate)
    creating = asyncio.create_task(provider.create_session(delegate))
    await host.open_session()
    other = await bounded(creating)
    await yields(one, host)
    await die(provider, one, host)
    text, host = await replaced(one, stage)
    assert text == notice(KILLED)
    executing = asyncio.create_task(other.execute(request()))
    await host.open_session()
    await host.start_cell()
    assert (await bounded(executing)).cell_id == "g2:1"
    await shut(one, host)
    await shut(other, host)
    assert stage.started == 2


async def test_a_host_that_cannot_be_replaced_fails_each_call_until_it_can(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    await die(provider, session, host)
    executing = asyncio.create_task(session.execute(request()))
    host = await stage.host()
    host.exit(5)
    with pytest.raises(EngineError, match="during handshake: exited with status 5"):
        await bounded(executing)
    started, host = await moved(session, stage)
    assert started.cell_id == "g2:1"
    await shut(session, host)


async def test_a_death_during_a_tool_call_cancels_the_tool(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    delegate.tools["tool"] = never
    session, host = await opened(provider, stage, delegate)
    first = await _first(session, host)
    host.call(1, "session-1", "1")
    await delegate.heard("tool", "tool")
    kill(provider)
    with pytest.raises(WorkerLostError) as told:
        await bounded(first)
    assert str(told.value) == cell_lost(KILLED)
    await delegate.heard("closed", "1")

    assert delegate.log == [("tool", "tool"), ("left", "tool"), ("closed", "1")]
    await bounded(session.shutdown())


# ── why it died ──────────────────────────────────────────────────────────────────────────────────


async def _say_words(host: Puppet) -> None:
    host.say_to_stderr(
        "Error: bad day\n\nCaused by:\n    it rained\n\nStack backtrace:\n   0: <unknown>\n"
    )
    host.exit(1)


async def _say_garbage(host: Puppet) -> None:
    host.say_bytes(frame(b"{"))


async def _say_too_much(host: Puppet) -> None:
    host.say_bytes((2**31).to_bytes(4, "little"))


async def _say_ready_again(host: Puppet) -> None:
    host.say(type="connection/ready", selectedVersion=1, capabilities=[])


async def _answer_otherwise(host: Puppet) -> None:
    number, _ = await host.hear_request("session/wait")
    host.answer(number, type="session/closed", sessionId="session-1")


async def _half_a_frame(host: Puppet) -> None:
    host.say_bytes(b"\x09\0\0\0{")
    host.exit(0)


REASONS: Final[dict[str, tuple[Callable[[Puppet], Any], str]]] = {
    "an exit with words": (_say_words, "code-mode host exited with status 1: it rained"),
    "an exit inside a frame": (_half_a_frame, "code-mode host exited with status 0"),
    "a frame that is no JSON": (
        _say_garbage,
        "failed to decode code-mode IPC frame: EOF while parsing a value",
    ),
    "a frame that is too long": (
        _say_too_much,
        "code-mode IPC frame length 2147483648 exceeds 67108864 bytes",
    ),
    "a second handshake": (_say_ready_again, "code-mode host sent a second handshake response"),
    "another answer": (_answer_otherwise, "SessionClosed for an observation"),
}


@pytest.mark.parametrize("case", REASONS)
async def test_the_reason_is_the_first_that_was_seen(
    case: str, provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    act, reason = REASONS[case]
    session, host = await opened(provider, stage, delegate)
    waiting = asyncio.create_task(session.wait(WaitRequest(cell_id=CellId("1"))))
    if case != "another answer":
        await host.hear_request("session/wait")
    await act(host)
    with pytest.raises(WorkerLostError) as failure:
        await bounded(waiting)

    assert str(failure.value) == reason
    await bounded(session.shutdown())


async def test_a_host_that_only_closes_its_output_is_ended(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    waiting = await _wait(session, host)
    host.close_output()
    with pytest.raises(WorkerLostError, match=r"^code-mode host closed its output$"):
        await bounded(waiting)
    await bounded(session.shutdown())


async def test_what_a_host_says_on_stderr_is_logged(
    provider: ProcessSessionProvider,
    stage: Stage,
    delegate: Recorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "codemode.remote.child")
    session, host = await opened(provider, stage, delegate)
    host.say_to_stderr("one\ntwo\n")
    waiting = await _wait(session, host)
    host.exit(4)
    with pytest.raises(WorkerLostError, match=r"^code-mode host exited with status 4: two$"):
        await bounded(waiting)

    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["code-mode host stderr: one", "code-mode host stderr: two"]
    await bounded(session.shutdown())


# ── stored values ────────────────────────────────────────────────────────────────────────────────


def stored(host: Puppet, *, more: bool = False, **values: Any) -> None:
    host.say(type="session/stored", sessionId="session-1", values=values, more=more)


async def test_committed_values_are_given_to_the_next_host_and_half_a_commit_is_not(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    stored(host, a=1, b={"x": [1.5, "é"]})
    stored(host, more=True, c=1)
    stored(host, d=None)
    stored(host, a=2)
    stored(host, more=True, a=3)
    await die(provider, session, host)
    executing = asyncio.create_task(session.execute(request()))
    host = await stage.host()
    await host.shake_hands()
    await host.open_session()
    number, asked = await host.hear_request("session/restore")
    host.ready(number, "session-1")
    await host.start_cell()
    await bounded(executing)

    assert asked == {
        "method": "session/restore",
        "sessionId": "session-1",
        "values": {"a": 2, "b": {"x": [1.5, "é"]}, "c": 1, "d": None},
    }
    await shut(session, host)


async def test_a_host_that_does_not_know_of_them_is_sent_none_and_the_news_says_so(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate, *CAPABILITIES)
    stored(host, a=1)  # it was not asked for, and means nothing
    await yields(session, host)
    waiting = asyncio.create_task(session.wait(WaitRequest(cell_id=CellId("1"))))
    await host.hear_request("session/wait")
    kill(provider)
    with pytest.raises(WorkerLostError):
        await bounded(waiting)
    text, host = await replaced(session, stage, *CAPABILITIES)

    assert text == gone(KILLED, "Stored values are gone, if there were any")
    await shut(session, host)


async def test_a_session_that_has_run_nothing_goes_on_without_a_word_whatever_the_host_tells(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate, *CAPABILITIES)
    await die(provider, session, host)
    started, host = await moved(session, stage, *CAPABILITIES)
    assert started.cell_id == "g2:1"
    await shut(session, host)


async def test_values_that_the_next_host_knows_nothing_of_are_named(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    stored(host, a=1, b=2)
    await die(provider, session, host)
    text, host = await replaced(session, stage, *CAPABILITIES)
    assert text == gone(KILLED, "Stored values are gone: `a` and `b`")
    await shut(session, host)


async def test_values_that_the_next_host_refuses_are_gone(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    stored(host, a=1)
    await die(provider, session, host)
    executing = asyncio.create_task(session.execute(request()))
    host = await stage.host()
    await host.shake_hands()
    await host.open_session()
    number, _ = await host.hear_request("session/restore")
    host.refuse(number, "too much")
    await host.shut()
    assert await host.open_session() == "session-2"
    with pytest.raises(WorkerLostError) as told:
        await bounded(executing)

    assert str(told.value) == gone(KILLED, "Stored values are gone: `a`")
    await shut(session, host)


@pytest.mark.parametrize("how", ["is silent", "dies"])
async def test_a_host_that_fails_over_the_values_gets_them_once(
    how: str,
    provider: ProcessSessionProvider,
    stage: Stage,
    delegate: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, host = await opened(provider, stage, delegate)
    stored(host, a=1)
    await die(provider, session, host)
    executing = asyncio.create_task(session.execute(request()))
    host = await stage.host()
    await host.shake_hands()
    number, asked = await host.hear_request("session/open")
    with monkeypatch.context() as patched:
        if how == "is silent":
            patched.setattr("codemode.remote.generation.OPEN_SECONDS", 0.0)
        host.ready(number, asked["sessionId"])
        if how == "dies":
            await host.hear_request("session/restore")
            host.exit(3)
        await host.gone()
    host = await stage.host()
    await host.shake_hands()
    await host.open_session()
    with pytest.raises(WorkerLostError) as told:
        await bounded(executing)

    assert str(told.value) == gone(KILLED, "Stored values are gone: `a`")
    await shut(session, host)


async def test_values_over_which_a_host_failed_are_gone_even_if_no_other_host_comes(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    session, host = await opened(provider, stage, delegate)
    stored(host, a=1)
    await die(provider, session, host)
    executing = asyncio.create_task(session.execute(request()))
    host = await stage.host()
    await host.shake_hands()
    await host.open_session()
    await host.hear_request("session/restore")
    host.exit(3)
    (await stage.host()).exit(4)
    with pytest.raises(EngineError, match=r"exited during handshake: exited with status 4$"):
        await bounded(executing)
    text, host = await replaced(session, stage)

    assert text == gone(KILLED, "Stored values are gone: `a`")
    await shut(session, host)


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_closed_provider_makes_no_session(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    await provider.aclose()
    with pytest.raises(SessionClosedError, match=r"^the session provider is closed$"):
        await provider.create_session(delegate)
    assert stage.started == 0


async def test_closing_during_the_handshake_ends_the_host_and_who_waits_for_it(
    provider: ProcessSessionProvider, stage: Stage, delegate: Recorder
) -> None:
    creating = asyncio.create_task(provider.create_session(delegate))
    await stage.host()
    await bounded(provider.aclose())
    with pytest.raises(CodeModeError):
        await bounded(creating)


async def test_a_host_gets_no_environment_but_the_path(
    leaves_nothing: None,
    delegate: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "1")
    program = tmp_path / "host"
    program.write_text(
        f"#!/bin/sh\n/usr/bin/env > {tmp_path}/env; ls /proc/$$/fd > {tmp_path}/fds\n"
    )
    program.chmod(0o700)
    with (tmp_path / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        async with ProcessSessionProvider([str(program)]) as provider:
            with pytest.raises(EngineError):
                await bounded(provider.create_session(delegate))

    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH"}
    assert str(held.fileno() if not held.closed else -1) not in (tmp_path / "fds").read_text()
