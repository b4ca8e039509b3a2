"""What all sessions of a process share has one account, whichever session, provider or loop it is for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from codemode import CodeMode, LocalSessionProvider, ProcessLimits, UsageError
from codemode.process_ledger import (
    LEDGER,
    Account,
    Figure,
    limit_process,
    owned_by,
    process_figures,
)
from codemode.tools.runner import Runner
from codemode.tools.threads import CallOutcome

BOUND_S = 30


@pytest.fixture(autouse=True)
def usual_limits() -> Iterator[None]:
    yield
    limit_process(ProcessLimits())


# ── an account ───────────────────────────────────────────────────────────────────────────────────


def test_an_owner_may_have_as_many_as_are_left_for_the_others() -> None:
    account = Account(lambda: 8)
    taken = dict.fromkeys("abc", 0)
    for owner in taken:
        while account.take(owner) is not None:
            taken[owner] += 1

    assert taken == {"a": 4, "b": 2, "c": 1}


def test_what_is_given_back_is_there_for_others_and_given_back_once() -> None:
    account = Account(lambda: 1)
    place = account.take()
    assert place is not None and account.take() is None
    place.give_back()
    place.give_back()

    assert account.used == 0 and account.take() is not None


def test_an_owner_whose_places_are_stuck_has_no_reason_to_wait() -> None:
    account = Account(lambda: 4)
    stuck = [account.take("stuck"), account.take("stuck")]
    for place in stuck:
        assert place is not None
        place.stick()
    assert account.take("busy") is not None

    assert (account.is_stuck("stuck"), account.is_stuck("busy")) == (True, False)


@pytest.mark.parametrize("limits", [None, 5, {"workers": 1}])
def test_limits_of_a_process_are_process_limits(limits: object) -> None:
    with pytest.raises(UsageError, match=r"^limits must be a ProcessLimits, got a "):
        limit_process(limits)  # type: ignore[arg-type] # that is the test


def test_a_process_without_a_worker_is_no_process_limit() -> None:
    with pytest.raises(UsageError, match=r"^limit workers must be from 1 to 2\*\*53 - 1 \(workers"):
        ProcessLimits(workers=0)


# ── threads of sync tools ────────────────────────────────────────────────────────────────────────


async def _abandoned(runner: Runner, release: threading.Event, owner: str) -> None:
    """A call of ``owner`` that was cancelled and does not return before ``release``."""
    entered = threading.Event()

    def stuck() -> None:
        entered.set()
        release.wait(BOUND_S)

    call = asyncio.create_task(runner.call(stuck, thread=True, owner=owner))
    await asyncio.to_thread(entered.wait, BOUND_S)
    call.cancel()
    await asyncio.wait([call])


async def test_the_owner_of_stuck_threads_is_refused_first_also_when_his_sessions_are_closed() -> (
    None
):
    limit_process(ProcessLimits(tool_threads=4))
    release = threading.Event()
    try:
        for _ in range(2):  # a session each
            session = Runner()
            await _abandoned(session, release, "mallory")
            await session.aclose()
        outcomes = {}
        for owner in ("mallory", "alice"):
            runner = Runner()
            outcomes[owner] = await runner.call(lambda: "done", thread=True, owner=owner)
            await runner.aclose()
    finally:
        release.set()

    assert outcomes["alice"] == CallOutcome("done")
    assert str(outcomes["mallory"].error) == (
        "Limit reached (tool_threads): sync tools of this session's owner hold 2 threads, cancelled"
        " calls that have not returned among them, and of the 4 threads of this process no more are"
        " left for it.\nHint: try again later, or call other tools."
    )


async def test_calls_of_all_sessions_wait_for_a_thread_of_the_process() -> None:
    limit_process(ProcessLimits(tool_threads=2))
    release, entered = threading.Event(), threading.Event()

    def busy() -> str:
        entered.set()
        release.wait(BOUND_S)
        return "busy"

    one, other = Runner(), Runner()
    async with asyncio.timeout(BOUND_S):
        first = asyncio.create_task(one.call(busy, thread=True))
        await asyncio.to_thread(entered.wait)
        waiting = [
            asyncio.create_task(each.call(lambda: "later", thread=True))
            for each in (one, other, other)
        ]
        await waiting[1]
        assert process_figures()["tool_threads"].limit == 2
        release.set()
        said = await asyncio.gather(first, *waiting)
        await asyncio.gather(one.aclose(), other.aclose())

    assert said == [
        CallOutcome("busy"),
        CallOutcome("later"),
        CallOutcome("later"),
        CallOutcome("later"),
    ]


async def test_a_call_that_waits_is_refused_when_the_thread_it_waited_for_is_stuck() -> None:
    limit_process(ProcessLimits(tool_threads=2))
    release, entered = threading.Event(), threading.Event()

    def stuck() -> None:
        entered.set()
        release.wait(BOUND_S)

    runner = Runner()
    try:
        async with asyncio.timeout(BOUND_S):
            holding = asyncio.create_task(runner.call(stuck, thread=True))
            await asyncio.to_thread(entered.wait)
            waiting = asyncio.create_task(runner.call(lambda: 1, thread=True))
            await asyncio.sleep(0)
            holding.cancel()
            outcome = await waiting
    finally:
        release.set()
        await runner.aclose()

    assert str(outcome.error).startswith("Limit reached (tool_threads): ")


# ── workers ──────────────────────────────────────────────────────────────────────────────────────


async def test_engines_of_one_event_loop_share_a_zygote() -> None:
    async with CodeMode() as one, CodeMode() as other:
        assert (await one.exec("text(1)")).text.endswith("1")
        assert (await other.exec("text(2)")).text.endswith("2")
        assert process_figures()["zygotes"].used == 1
        await one.aclose()
        assert (await other.exec("text(3)")).text.endswith("3")
    assert process_figures()["zygotes"].used == 0


async def test_a_session_gets_the_worker_that_another_one_does_not_use() -> None:
    limit_process(ProcessLimits(workers=1))
    async with CodeMode() as one, CodeMode() as other:
        for turn in range(3):
            for each in (one, other):
                assert (await each.exec(f"text({turn})")).status == "completed"
        assert process_figures()["workers"] == Figure(1, 1)
    assert process_figures()["workers"].used == 0


async def test_where_all_workers_are_in_use_an_exec_waits_and_is_then_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codemode.engine.supply.WAIT_SECONDS", 0.01)
    limit_process(ProcessLimits(workers=1))
    async with CodeMode() as one, CodeMode() as other:
        running = await one.exec("await new Promise(() => {})", yield_time_ms=0)
        refused = await other.exec("text(1)")
        await one.wait(running, terminate=True)
        monkeypatch.undo()  # the place is free once the worker is gone, which takes a moment
        after = await other.exec("text(1)")

    assert (refused.status, refused.limit, after.status) == (
        "refused",
        "workers",
        "completed",
    )
    assert refused.text == (
        "Limit reached (workers): sessions of this owner have 1 workers at work, and of the 1 workers of this"
        " process no more are left for it.\n"
        "Hint: try again in a moment; a session that ends, or whose programs have ended, makes room."
    )


async def test_an_exec_that_waits_for_a_worker_runs_when_another_session_ends() -> None:
    limit_process(ProcessLimits(workers=1))
    async with CodeMode() as one, CodeMode() as other:
        await one.exec("await new Promise(() => {})", yield_time_ms=0)
        waiting = asyncio.create_task(other.exec("text('here')"))
        await asyncio.sleep(0)
        await one.aclose()
        async with asyncio.timeout(BOUND_S):
            assert (await waiting).text.endswith("here")


async def test_no_worker_is_started_that_leaves_the_application_too_few_descriptors() -> None:
    limit_process(ProcessLimits(descriptors=1))
    async with LocalSessionProvider() as provider, CodeMode(provider=provider) as cm:
        refused = await cm.exec("text(1)")
        limit_process(ProcessLimits())
        after = await cm.exec("text(1)")

    assert (refused.limit, after.status) == ("descriptors", "completed")


async def test_sessions_of_all_event_loops_have_one_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codemode.engine.supply.WAIT_SECONDS", 0.0)
    limit_process(ProcessLimits(zygotes=1, workers=1))
    async with CodeMode() as one:
        await one.exec("await new Promise(() => {})", yield_time_ms=0)

        def elsewhere() -> str:
            async def work() -> str:
                async with CodeMode() as other:
                    return (await other.exec("text(1)")).limit or ""

            return asyncio.run(work())

        assert await asyncio.to_thread(elsewhere) == "workers"


async def test_a_zygote_beyond_zygotes_is_refused() -> None:
    limit_process(ProcessLimits(zygotes=1))
    async with CodeMode() as one:
        assert (await one.exec("text(1)")).status == "completed"

        def elsewhere() -> str:
            async def work() -> str:
                async with CodeMode() as other:
                    return (await other.exec("text(1)")).text

            return asyncio.run(work())

        refused = await asyncio.to_thread(elsewhere)

    assert refused == (
        "Limit reached (zygotes): this process has 1 zygotes already, and none of them gives a worker"
        " in this event loop.\nHint: try again in a moment."
    )


async def test_the_owner_with_most_workers_is_refused_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codemode.engine.supply.WAIT_SECONDS", 0.01)
    limit_process(ProcessLimits(workers=4))
    ends: dict[str, list[str]] = {"mallory": [], "alice": []}
    async with LocalSessionProvider() as provider, AsyncExitStack() as stack:
        for caller in ("mallory", "mallory", "mallory", "alice"):
            cm = await stack.enter_async_context(CodeMode(provider=provider, caller=caller))
            result = await cm.exec("await new Promise(() => {})", yield_time_ms=0)
            ends[caller].append(result.limit or result.status)

    assert ends == {"mallory": ["running", "running", "workers"], "alice": ["running"]}


async def test_sessions_that_are_opened_for_somebody_are_that_owners() -> None:
    limit_process(ProcessLimits(workers=8))
    async with LocalSessionProvider() as provider:
        with owned_by("a token"):
            cm = CodeMode(provider=provider)
        async with cm:
            assert (await cm.exec("text(1)")).status == "completed"
            assert LEDGER.workers.held_by("a token") == 1
    assert LEDGER.workers.held_by("a token") == 0
