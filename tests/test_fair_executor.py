"""One thread for all: owners take turns, nobody waits for what was cancelled, nothing stays behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

import pytest

from codemode.fair_executor import FairExecutor
from tests.runtime.doubles import bounded

USER: Final[ContextVar[str]] = ContextVar("user", default="nobody")
Pause = Callable[[], None]


class Gate:
    """A job that holds the thread until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, pause: Pause) -> str:
        self.begun.set()
        assert self.go_on.wait(10)
        return "gate"


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "codemode-fair"]


async def test_owners_take_turns_however_much_one_of_them_wants() -> None:
    executor, gate, order = FairExecutor(), Gate(), []
    one, two, three = object(), object(), object()

    def job(name: str) -> Callable[[Pause], None]:
        return lambda pause: order.append(name)

    holding = asyncio.create_task(executor.run(object(), gate))
    await asyncio.to_thread(gate.begun.wait)
    wanted = [(one, "1a"), (one, "1b"), (one, "1c"), (two, "2a"), (two, "2b"), (three, "3a")]
    jobs = [asyncio.create_task(executor.run(owner, job(name))) for owner, name in wanted]
    await asyncio.sleep(0)
    gate.go_on.set()
    await bounded(asyncio.gather(holding, *jobs))

    assert order == ["1a", "2a", "3a", "1b", "2b", "1c"]


async def test_a_cancelled_job_is_not_run_and_one_that_runs_is_not_waited_for() -> None:
    executor, gate, ran = FairExecutor(), Gate(), []
    running = asyncio.create_task(executor.run("a", gate))
    await asyncio.to_thread(gate.begun.wait)
    waiting = asyncio.create_task(executor.run("a", lambda pause: ran.append(1)))
    await asyncio.sleep(0)
    for task in (waiting, running):
        task.cancel()
    await bounded(asyncio.wait({waiting, running}))
    gate.go_on.set()
    await bounded(executor.run("b", lambda pause: None))

    assert waiting.cancelled() and running.cancelled()
    assert ran == []


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), StopIteration()]
)
async def test_what_a_job_raises_reaches_whoever_waits_and_nobody_else(
    error: BaseException,
) -> None:
    executor = FairExecutor()

    def fails(pause: Pause) -> None:
        raise error

    with pytest.raises(
        (type(error), RuntimeError)
    ):  # a coroutine turns StopIteration into the latter
        await bounded(executor.run("a", fails))

    assert await bounded(executor.run("a", lambda pause: 7)) == 7


async def test_a_job_runs_in_a_copy_of_its_callers_context() -> None:
    executor = FairExecutor()
    USER.set("ann")

    def job(pause: Pause) -> str:
        seen = USER.get()
        USER.set("the job's own")
        return seen

    assert await bounded(executor.run("a", job)) == "ann"
    assert USER.get() == "ann"


def test_event_loops_of_several_threads_share_it_and_its_thread_goes_with_the_work() -> None:
    executor = FairExecutor()

    async def many(owner: str) -> list[int]:
        jobs = [executor.run(owner, lambda pause, n=n: n) for n in range(50)]  # type: ignore[misc]
        return list(await asyncio.gather(*jobs))

    found: list[Any] = []
    callers = [
        threading.Thread(target=lambda name: found.append(asyncio.run(many(name))), args=(name,))
        for name in "abcd"
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    for each in threading.enumerate():
        if each.name == "codemode-fair":
            each.join(30)

    assert found == [list(range(50))] * 4
    assert threads() == []


async def test_where_the_system_has_no_thread_to_give_the_work_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuses)

    assert await bounded(FairExecutor().run("a", lambda pause: 7)) == 7


async def test_an_event_loop_has_its_turn_while_a_job_pauses() -> None:
    executor = FairExecutor()
    turns, over = 0, threading.Event()

    def computes(pause: Pause) -> None:
        while not over.is_set():
            pause()

    running = asyncio.create_task(executor.run("a", computes))
    for _ in range(200):
        await asyncio.sleep(0.0001)
        turns += 1
    over.set()
    await bounded(running)

    assert turns == 200
