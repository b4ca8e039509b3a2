"""Runs the callables of tools: coroutines in tasks, plain functions in threads.

Whatever they do, they end in an :class:`Outcome`: nothing that they raise reaches the event
loop. Threads are daemons that live for as long as there is work: Python cannot stop one, so
a function that never returns keeps its thread, but holds up nobody: not the cancellation of
its call, not the closing of the event loop, not the end of the interpreter.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ToolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_THREADS = 32
"""Threads at work at once: as many as the standard library's pool has at most."""
ABANDONED_PER_THREAD = 8
"""Cancelled calls whose threads may still run, for each thread of the bound."""
CLOSE_GRACE_S = 0.1
"""How long closing waits for cancelled coroutines; the grace that sessions give callbacks."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: with a value, or with something raised."""

    value: Any = None
    error: BaseException | None = None


class Runner:
    """Runs calls of tools; usable from several event loops at once.

    Args:
        max_threads: how many plain functions run at once; the rest wait their turn.

    Raises:
        UsageError: ``max_threads`` is less than one.
    """

    def __init__(self, *, max_threads: int = MAX_THREADS) -> None:
        if max_threads < 1:
            raise UsageError(f"max_threads must be at least 1, got {max_threads}")
        self._threads = _Threads(max_threads)
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Runner {state}, {len(self._tasks)} tasks, {self._threads}>"

    async def call(self, function: Callable[[], object], *, thread: bool) -> Outcome:
        """Call ``function``, in a thread if so told, and await what it gives if it can be.

        Raises:
            asyncio.CancelledError: this task was cancelled; a coroutine was cancelled too,
                a thread goes on without anybody waiting for it.
        """
        if self._closed:
            return Outcome(error=ToolError("the tools of this session are closed"))
        if not thread:
            return await self._in_task(function)
        outcome = await self._threads.call(function)
        if outcome.error is None and inspect.isawaitable(outcome.value):
            awaitable = outcome.value
            return await self._in_task(lambda: awaitable)
        return outcome

    async def aclose(self) -> None:
        """Cancel what runs, forget what does not end; later calls are refused. Idempotent."""
        self._closed = True
        self._threads.close()
        here = asyncio.get_running_loop()
        mine = {task for task in self._tasks if task.get_loop() is here}
        for task in self._tasks - mine:
            _cancel_elsewhere(task)
        for task in mine:
            task.cancel()
        if mine:
            await asyncio.wait(mine, timeout=CLOSE_GRACE_S)

    async def _in_task(self, function: Callable[[], object]) -> Outcome:
        """Call in a task of its own: what the tool does to its task is its own affair."""
        task = asyncio.create_task(_outcome(function))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        me = asyncio.current_task()
        before = me.cancelling() if me else 0
        try:
            outcome = await task  # being cancelled here cancels the task, too
        except asyncio.CancelledError as error:
            if _was_cancelled(me, before) or not task.cancelled():
                raise
            return Outcome(error=error)
        if _was_cancelled(me, before):  # the tool swallowed it; we do not
            raise asyncio.CancelledError
        return outcome


async def _outcome(function: Callable[[], object]) -> Outcome:
    """Everything that ``function`` may raise, as a value; only a cancellation passes."""
    try:
        result = function()
        if inspect.isawaitable(result):
            result = await result
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - to complete a call; see the module
        return Outcome(error=error)
    return Outcome(result)


def _was_cancelled(task: asyncio.Task[Any] | None, before: int) -> bool:
    return task is not None and task.cancelling() > before


def _cancel_elsewhere(task: asyncio.Task[Outcome]) -> None:
    try:
        task.get_loop().call_soon_threadsafe(task.cancel)
    except RuntimeError:  # that loop is closed, so its tasks are over
        pass


@dataclass(slots=True, eq=False)
class _Job:
    """A call that waits for a thread, has one, or was abandoned."""

    function: Callable[[], object]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Outcome]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    abandoned: bool = False

    def run(self) -> None:
        try:
            outcome = Outcome(self.context.run(self.function))
        except BaseException as error:  # noqa: BLE001 - to complete a call; see the module
            outcome = Outcome(error=error)
        self.deliver(outcome)

    def deliver(self, outcome: Outcome) -> None:
        try:
            self.loop.call_soon_threadsafe(_complete, self.future, outcome)
        except RuntimeError:  # the loop is closed: nobody waits any more
            pass


def _complete(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)


class _Threads:
    """Daemon threads, made when there is work and gone when there is none.

    ``_running`` are the calls that are wanted, ``_abandoned`` counts those that were
    cancelled and have not returned. Only the first are bound by ``limit``, so that stuck
    calls do not starve the others; too many stuck ones refuse new calls.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._queue: OrderedDict[_Job, None] = OrderedDict()
        self._running: set[_Job] = set()
        self._abandoned = 0

    def __repr__(self) -> str:
        return (
            f"{len(self._running)} threads busy, {self._abandoned} abandoned,"
            f" {len(self._queue)} calls queued"
        )

    async def call(self, function: Callable[[], object]) -> Outcome:
        loop = asyncio.get_running_loop()
        job = _Job(function, loop, loop.create_future())
        with self._lock:
            if self._abandoned >= self._limit * ABANDONED_PER_THREAD:
                return Outcome(error=_stuck(self._abandoned))
            self._queue[job] = None
        self._start_next()
        try:
            return await job.future
        finally:
            self._give_up(job)

    def close(self) -> None:
        with self._lock:
            jobs = [*self._running, *self._queue]
            self._queue.clear()
        for job in jobs:
            self._give_up(job)
            job.deliver(Outcome(error=ToolError("the tools of this session are closed")))

    def _start_next(self) -> None:
        """Give the first queued call a thread if one is free."""
        with self._lock:
            job = self._take()
        if job is None:
            return
        thread = threading.Thread(target=self._work, args=(job,), name="codemode-tool", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads can be had from the system
            with self._lock:
                self._running.discard(job)
            job.deliver(Outcome(error=error))

    def _take(self) -> _Job | None:
        """The next call, marked as running. The lock is held."""
        if not self._queue or len(self._running) >= self._limit:
            return None
        job, _ = self._queue.popitem(last=False)
        self._running.add(job)
        return job

    def _work(self, first: _Job) -> None:
        """A thread's life: its call, then others while they wait."""
        job: _Job | None = first
        while job is not None:
            job.run()
            with self._lock:
                if job.abandoned:
                    self._abandoned -= 1
                    return  # its place was given away when it was abandoned
                self._running.discard(job)
                job = self._take()

    def _give_up(self, job: _Job) -> None:
        """The caller no longer waits: free the place of ``job``, if it has one still."""
        with self._lock:
            delivered = job.future.done() and not job.future.cancelled()
            if job in self._running and not delivered:
                self._running.discard(job)
                job.abandoned = True
                self._abandoned += 1
            else:
                self._queue.pop(job, None)
        self._start_next()


def _stuck(count: int) -> ToolError:
    return ToolError(
        f"no thread is free: {count} calls that were cancelled have not returned"
        "\nHint: try again later, or call other tools."
    )
