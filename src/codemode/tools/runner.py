"""Runs the callables of tools: coroutines in tasks, plain functions in threads.

Whatever they do, they end in a :class:`CallOutcome`: nothing that they raise reaches the event
loop. Threads are daemons that live for as long as there is work: Python cannot stop one, so
a function that never returns keeps its thread, but blocks nothing: not the cancellation of
its call, not the closing of the event loop, not the end of the interpreter.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from ..errors import ToolError, UsageError
from .threads import CallOutcome, ToolThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MAX_THREADS = 32
"""Threads at work at once: as many as the standard library's pool has at most."""
CLOSE_GRACE_S = 0.1
"""How long closing waits for cancelled coroutines; the grace that sessions give callbacks."""


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
        self._threads = ToolThreads(max_threads)
        self._tasks: set[asyncio.Task[CallOutcome]] = set()
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Runner {state}, {len(self._tasks)} tasks, {self._threads}>"

    async def call(
        self, function: Callable[[], object], *, thread: bool, owner: Hashable = None
    ) -> CallOutcome:
        """Call ``function``, in a thread if so told, and await what it gives if it can be.

        Args:
            function: takes nothing.
            thread: whether it blocks.
            owner: for whom it is called: the threads of a process are shared by owners. None: for
                only the users of this runner.

        Raises:
            asyncio.CancelledError: this task was cancelled; a coroutine was cancelled too,
                a thread goes on, and its result is dropped.
        """
        if self._closed:
            return CallOutcome(error=ToolError("the tools of this session are closed"))
        if not thread:
            return await self._in_task(function)
        outcome = await self._threads.call(function, self if owner is None else owner)
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
            # Cancellation against tools that ignore it: the bound decides.
            await asyncio.wait(mine, timeout=CLOSE_GRACE_S)

    async def _in_task(self, function: Callable[[], object]) -> CallOutcome:
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
            return CallOutcome(error=error)
        if _was_cancelled(me, before):  # the tool swallowed it; we do not
            raise asyncio.CancelledError
        return outcome


async def _outcome(function: Callable[[], object]) -> CallOutcome:
    """Everything that ``function`` may raise, as a value; only a cancellation passes."""
    try:
        result = function()
        if inspect.isawaitable(result):
            result = await result
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - to complete a call; see the module
        return CallOutcome(error=error)
    return CallOutcome(result)


def _was_cancelled(task: asyncio.Task[Any] | None, before: int) -> bool:
    return task is not None and task.cancelling() > before


def _cancel_elsewhere(task: asyncio.Task[CallOutcome]) -> None:
    try:
        task.get_loop().call_soon_threadsafe(task.cancel)
    except RuntimeError:  # that loop is closed, so its tasks are over
        pass
