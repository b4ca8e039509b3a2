"""One thread for the work that would hold up an event loop, whose owners take turns.

The interpreter runs one thread at a time. A thread that computes without a break gives way after
5 ms only, and several of them to each other rather than to the event loop: an exec that takes 3 ms
takes 60 beside four. So all sessions of the process share *one* such thread, the owner of the next
job is the one that has waited longest, and a job gives way by itself between its steps: ``pause()``
sleeps for a moment, because a thread that only lets go of the interpreter mostly gets it back
before another one is awake.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable

    Pause: TypeAlias = Callable[[], None]

_T = TypeVar("_T")

STEP_SECONDS: Final = 0.0003
"""How long a job computes before it gives way."""

GIVE_WAY_SECONDS: Final = 0.00003
"""Enough for a thread that waits for the interpreter to wake up."""


class _ExecutorJob(Struct, eq=False):
    """A function that waits for its turn, or runs."""

    function: Callable[[Pause], object]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[tuple[object, BaseException | None]]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)

    def run(self, pause: Pause) -> None:
        value: object = None
        error: BaseException | None = None
        try:
            value = self.context.run(self.function, pause)
        except BaseException as raised:  # noqa: BLE001 - it belongs to the waiting caller
            error = raised
        try:
            self.loop.call_soon_threadsafe(_complete, self.future, (value, error))
        except RuntimeError:  # the loop is closed, and every waiter with it
            pass


def _complete(future: asyncio.Future[Any], outcome: tuple[object, BaseException | None]) -> None:
    if not future.done():
        future.set_result(outcome)


class FairExecutor:
    """Runs functions in a thread of its own, one at a time; usable from several event loops.

    The thread is a daemon that is there while there is work.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By owner; whose turn is next is the first.
        self._waiting: dict[int, deque[_ExecutorJob]] = {}
        self._is_running = False

    def __repr__(self) -> str:
        return f"<fair executor, {len(self._waiting)} owners wait>"

    async def run(self, owner: object, function: Callable[[Pause], _T]) -> _T:
        """Call ``function(pause)`` in the thread, in a copy of this context; what it returns.

        Args:
            owner: whose turn this takes, for example a session: a job of each owner is run before a second
                one of the same. It is compared by identity.
            function: has to call ``pause`` between steps that take longer than a moment.

        Raises:
            BaseException: what the function has raised.
            asyncio.CancelledError: this task was cancelled; a function that has begun goes on,
                and its result is dropped.
        """
        loop = asyncio.get_running_loop()
        job = _ExecutorJob(function, loop, loop.create_future())
        self._add(id(owner), job)
        try:
            value, error = await job.future
        except asyncio.CancelledError:
            self._forget(id(owner), job)
            raise
        if error is not None:
            raise error
        return cast("_T", value)

    def _add(self, owner: int, job: _ExecutorJob) -> None:
        with self._lock:
            self._waiting.setdefault(owner, deque()).append(job)
            if self._is_running:
                return
            self._is_running = True
        try:
            threading.Thread(target=self._work, name="codemode-fair", daemon=True).start()
        except RuntimeError:  # the system has no thread to give
            self._work()

    def _forget(self, owner: int, job: _ExecutorJob) -> None:
        with self._lock:
            jobs = self._waiting.get(owner)
            if jobs is not None and job in jobs:
                jobs.remove(job)
                if not jobs:
                    del self._waiting[owner]

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.run(_pauses())

    def _next(self) -> _ExecutorJob | None:
        with self._lock:
            if not self._waiting:
                self._is_running = False
                return None
            owner, jobs = next(iter(self._waiting.items()))
            del self._waiting[owner]
            job = jobs.popleft()
            if jobs:  # behind all the others
                self._waiting[owner] = jobs
            return job


def _pauses() -> Pause:
    """A pause that gives way if the last time is long enough ago."""
    last = time.perf_counter()

    def pause() -> None:
        nonlocal last
        if time.perf_counter() - last > STEP_SECONDS:
            time.sleep(GIVE_WAY_SECONDS)
            last = time.perf_counter()

    return pause


def no_pause() -> None:
    """The pause of work that is done at once, where it is small."""


FAIR_EXECUTOR: Final = FairExecutor()
"""The one of this process."""
