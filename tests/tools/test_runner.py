import asyncio
import contextvars
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from codemode.errors import ToolError, UsageError
from codemode.tools.runner import Runner
from codemode.tools.threads import ABANDONED_PER_THREAD, CallOutcome

BOUND_S = 20
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture
async def runner() -> AsyncIterator[Runner]:
    made = Runner(max_threads=2)
    async with asyncio.timeout(BOUND_S):
        yield made
    await made.aclose()


class Gate:
    """A blocking function, and when it has been entered."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self) -> str:
        self.entered.release()
        assert self.opened.wait(BOUND_S)
        return "through"

    async def wait_until_entered(self, times: int = 1) -> None:
        for _ in range(times):
            assert await asyncio.to_thread(self.entered.acquire, timeout=BOUND_S)


@pytest.fixture
def gate() -> Any:
    made = Gate()
    yield made
    made.opened.set()


async def test_a_plain_function_runs_in_a_daemon_thread_with_the_callers_context(
    runner: Runner,
) -> None:
    variable.set("caller's")

    def function() -> tuple[str, bool, bool]:
        seen = variable.get()
        variable.set("thread's")
        thread = threading.current_thread()
        return seen, thread.daemon, thread is threading.main_thread()

    assert await runner.call(function, thread=True) == CallOutcome(("caller's", True, False))
    assert variable.get() == "caller's"


async def test_without_a_thread_it_runs_in_the_event_loop(runner: Runner) -> None:
    outcome = await runner.call(threading.current_thread, thread=False)
    assert outcome == CallOutcome(threading.main_thread())


async def test_an_awaitable_from_a_thread_is_awaited_in_the_loop(runner: Runner) -> None:
    async def inner() -> object:
        return asyncio.get_running_loop()

    assert await runner.call(lambda: inner(), thread=True) == CallOutcome(
        asyncio.get_running_loop()
    )


RAISED: list[type[BaseException]] = [
    ValueError,
    ToolError,
    SystemExit,
    KeyboardInterrupt,
    GeneratorExit,
    asyncio.CancelledError,
    StopIteration,
    RecursionError,
]


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("thread", [True, False], ids=["thread", "loop"])
async def test_whatever_is_raised_becomes_an_outcome(
    runner: Runner, kind: type[BaseException], thread: bool
) -> None:
    def function() -> None:
        raise kind("x")

    outcome = await runner.call(function, thread=thread)
    assert (outcome.value, type(outcome.error)) == (None, kind)


@pytest.mark.parametrize("kind", [kind for kind in RAISED if kind is not StopIteration])
async def test_whatever_a_coroutine_raises_becomes_an_outcome(
    runner: Runner, kind: type[BaseException]
) -> None:
    async def function() -> None:
        await asyncio.sleep(0)
        raise kind("x")

    outcome = await runner.call(function, thread=False)
    assert (outcome.value, type(outcome.error)) == (None, kind)


async def test_a_coroutine_that_cancels_its_own_task_harms_nobody(runner: Runner) -> None:
    async def function() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.Event().wait()

    outcome = await runner.call(function, thread=False)
    assert type(outcome.error) is asyncio.CancelledError
    me = asyncio.current_task()
    assert me is not None and me.cancelling() == 0


async def test_a_cancellation_from_outside_reaches_the_coroutine_and_passes(runner: Runner) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def function() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    task = asyncio.create_task(runner.call(function, thread=False))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


async def test_a_coroutine_that_swallows_its_cancellation_is_cancelled_all_the_same(
    runner: Runner,
) -> None:
    started = asyncio.Event()

    async def function() -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "too late"
        return "never"

    task = asyncio.create_task(runner.call(function, thread=False))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_around_a_call_is_a_timeout(runner: Runner, gate: Gate) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await runner.call(gate, thread=True)


async def test_a_closed_coroutine_object_ends_quietly(runner: Runner) -> None:
    started = asyncio.Event()

    async def function() -> None:
        started.set()
        await asyncio.Event().wait()

    coroutine = runner.call(function, thread=False)
    coroutine.send(None)
    coroutine.close()


async def test_no_more_threads_than_allowed_run_at_once(runner: Runner, gate: Gate) -> None:
    running = 0
    most = 0
    lock = threading.Lock()

    def function() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate()
        with lock:
            running -= 1

    tasks = [asyncio.create_task(runner.call(function, thread=True)) for _ in range(7)]
    await gate.wait_until_entered(2)
    assert repr(runner) == ("<Runner open, 0 tasks, 2 threads busy, 0 abandoned, 5 calls queued>")
    gate.opened.set()
    assert await asyncio.gather(*tasks) == [CallOutcome()] * 7
    assert most == 2


async def test_a_stuck_thread_does_not_hold_up_its_cancellation_or_other_calls(
    runner: Runner, gate: Gate
) -> None:
    tasks = [asyncio.create_task(runner.call(gate, thread=True)) for _ in range(2)]
    await gate.wait_until_entered(2)
    waiting = asyncio.create_task(runner.call(lambda: 5, thread=True))
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    assert await waiting == CallOutcome(5)
    assert repr(runner).count(" 2 abandoned,") == 1  # how many are busy is the threads' affair


async def test_a_queued_call_that_is_cancelled_never_runs(runner: Runner, gate: Gate) -> None:
    busy = [asyncio.create_task(runner.call(gate, thread=True)) for _ in range(2)]
    await gate.wait_until_entered(2)
    ran: list[int] = []
    queued = asyncio.create_task(runner.call(lambda: ran.append(1), thread=True))
    await asyncio.sleep(0)
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    gate.opened.set()
    await asyncio.gather(*busy)
    assert await runner.call(lambda: list(ran), thread=True) == CallOutcome([])


async def test_too_many_stuck_threads_refuse_new_calls(gate: Gate) -> None:
    runner = Runner(max_threads=1)
    async with asyncio.timeout(BOUND_S):
        for _ in range(ABANDONED_PER_THREAD):
            task = asyncio.create_task(runner.call(gate, thread=True))
            await gate.wait_until_entered()
            task.cancel()
            await asyncio.wait([task])
        outcome = await runner.call(lambda: 1, thread=True)
    assert str(outcome.error) == (
        "no thread is free: 8 calls that were cancelled have not returned"
        "\nHint: try again later, or call other tools."
    )
    await runner.aclose()


async def test_calls_run_again_when_those_that_were_stuck_have_returned(gate: Gate) -> None:
    runner = Runner(max_threads=1)
    async with asyncio.timeout(BOUND_S):
        for _ in range(ABANDONED_PER_THREAD):
            task = asyncio.create_task(runner.call(gate, thread=True))
            await gate.wait_until_entered()
            task.cancel()
            await asyncio.wait([task])
        stuck = [each for each in threading.enumerate() if each.name == "codemode-tool"]
        gate.opened.set()
        for thread in stuck:
            await asyncio.to_thread(thread.join, BOUND_S)
        assert await runner.call(lambda: 1, thread=True) == CallOutcome(1)
        assert repr(runner).count(" 0 abandoned,") == 1
    await runner.aclose()


async def test_closing_ends_what_runs_and_refuses_the_rest(gate: Gate) -> None:
    runner = Runner(max_threads=1)

    async def forever() -> None:
        await asyncio.Event().wait()

    calls = [
        asyncio.create_task(runner.call(gate, thread=True)),
        asyncio.create_task(runner.call(lambda: 1, thread=True)),
        asyncio.create_task(runner.call(forever, thread=False)),
    ]
    await gate.wait_until_entered()
    async with asyncio.timeout(BOUND_S):
        await runner.aclose()
        await runner.aclose()
        outcomes = await asyncio.gather(*calls, runner.call(lambda: 1, thread=True))
    closed = "the tools of this session are closed"
    assert [str(outcome.error) for outcome in outcomes] == [closed, closed, "", closed]
    assert repr(runner) == "<Runner closed, 0 tasks, 0 threads busy, 1 abandoned, 0 calls queued>"


async def test_threads_end_when_there_is_no_work(runner: Runner) -> None:
    threads = [(await runner.call(threading.current_thread, thread=True)).value for _ in range(3)]
    for thread in threads:
        await asyncio.to_thread(thread.join, BOUND_S)
        assert not thread.is_alive()


async def test_closing_with_a_coroutine_that_refuses_to_end_is_bounded() -> None:
    runner = Runner()
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    call = asyncio.create_task(runner.call(stubborn, thread=False))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(BOUND_S):
        await runner.aclose()
        release.set()
        await call


def test_one_runner_serves_several_event_loops_at_once() -> None:
    runner = Runner(max_threads=2)
    found: list[list[CallOutcome]] = []

    async def work() -> None:
        async with asyncio.timeout(BOUND_S):
            calls = [runner.call(lambda n=n: n, thread=True) for n in range(50)]  # type: ignore[misc]
            found.append(await asyncio.gather(*calls))

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND_S)
    assert found == [[CallOutcome(n) for n in range(50)]] * 3


def test_a_thread_that_outlives_its_loop_is_no_error(gate: Gate) -> None:
    runner = Runner()

    async def leave() -> None:
        task = asyncio.create_task(runner.call(gate, thread=True))
        await gate.wait_until_entered()
        task.cancel()

    asyncio.run(leave())
    gate.opened.set()
    asyncio.run(runner.aclose())


def test_at_least_one_thread_is_needed() -> None:
    with pytest.raises(UsageError) as caught:
        Runner(max_threads=0)
    assert str(caught.value) == "max_threads must be at least 1, got 0"


STUCK: dict[str, str] = {
    "cancelled": "call.cancel()",
    "closed": "await runner.aclose()",
    "left": "pass",
}


@pytest.mark.parametrize("end", STUCK.values(), ids=STUCK.keys())
def test_a_function_that_never_returns_does_not_keep_the_interpreter(end: str) -> None:
    program = f"""
import asyncio, threading
from codemode.tools.runner import Runner

async def main():
    runner, entered = Runner(), threading.Event()
    def never():
        entered.set()
        threading.Event().wait()
    call = asyncio.create_task(runner.call(never, thread=True))
    await asyncio.to_thread(entered.wait)
    {end}

asyncio.run(main())
print("over")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("over\n", "", 0)
