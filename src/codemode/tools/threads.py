"""Threads for the sync functions of one toolset, on the account of the process.

Python cannot stop a thread. A call that is cancelled is *abandoned*: no caller waits for it, its place among
those that a toolset may have at work is free, and its thread is there until its function returns, which
may be never. So the process counts both, over all toolsets and also those that are closed, and what it has
belongs to owners: one whose functions never return is refused while others find threads.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..call_observation import call_observer
from ..errors import ToolError
from ..process_ledger import LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from ..call_observation import CallObserver
    from ..process_ledger import Place

ABANDONED_PER_THREAD: Final = 8
"""Abandoned calls of a toolset whose threads may still run, for each thread that it may have at work."""


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended: with a value, or with something raised."""

    value: Any = None
    error: BaseException | None = None


@dataclass(slots=True, eq=False)
class _ThreadCall:
    """A call that waits for a thread, has one, or was abandoned."""

    function: Callable[[], object]
    owner: Hashable
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[CallOutcome]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    place: Place | None = None
    abandoned: bool = False
    on_begun: Callable[[], None] | None = None

    def run(self) -> None:
        try:
            outcome = CallOutcome(self.context.run(self.function))
        except BaseException as error:  # noqa: BLE001 - to complete a call; see the module
            outcome = CallOutcome(error=error)
        self.deliver(outcome)

    def deliver(self, outcome: CallOutcome) -> None:
        try:
            self.loop.call_soon_threadsafe(_complete, self.future, outcome)
        except RuntimeError:  # the loop is closed, and every waiter with it
            pass

    def tell_begun(self) -> None:
        if self.on_begun is not None:
            try:
                self.loop.call_soon_threadsafe(self.on_begun)
            except RuntimeError:  # as in deliver
                pass

    def give_back(self) -> None:
        """Its thread is gone, or another job's."""
        if self.place is not None:
            self.place.give_back()


def _complete(future: asyncio.Future[CallOutcome], outcome: CallOutcome) -> None:
    if not future.done():
        future.set_result(outcome)


class ToolThreads:
    """Daemon threads, made when there is work and gone when there is none.

    ``_running`` are the calls that are wanted, ``_abandoned`` counts by owner those that were
    cancelled and have not returned. Only the first are bound by ``limit``, so that stuck
    calls do not starve the others; too many stuck ones refuse new calls.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._account = LEDGER.tool_threads
        self._lock = threading.Lock()
        self._queue: OrderedDict[_ThreadCall, None] = OrderedDict()
        self._running: set[_ThreadCall] = set()
        self._abandoned = 0

    def __repr__(self) -> str:
        return (
            f"{len(self._running)} threads busy, {self._abandoned} abandoned,"
            f" {len(self._queue)} calls queued"
        )

    async def call(self, function: Callable[[], object], owner: Hashable) -> CallOutcome:
        """What ``function`` gives, in a thread, in a copy of this context."""
        loop = asyncio.get_running_loop()
        job = _ThreadCall(function, owner, loop, loop.create_future())
        observer = call_observer.get()
        with self._lock:
            if self._abandoned >= self._limit * ABANDONED_PER_THREAD:
                return CallOutcome(error=_stuck(self._abandoned))
            self._queue[job] = None
        self._start_next()
        if observer is not None:
            self._observe_queue(job, observer)
        try:
            return await job.future
        finally:
            self._give_up(job)

    def close(self) -> None:
        """Abandon what runs and refuse what waits."""
        with self._lock:
            jobs = [*self._running, *self._queue]
            self._queue.clear()
        self._account.forget(self._start_next)
        for job in jobs:
            self._give_up(job)
            job.deliver(CallOutcome(error=ToolError("the tools of this session are closed")))

    def _observe_queue(self, job: _ThreadCall, observer: CallObserver) -> None:
        with self._lock:
            if job not in self._queue:
                return
            job.on_begun = observer.begun
        # It may have a thread by now, but the loop hears of that later.
        observer.queued()

    def _start_next(self) -> None:
        """Give queued calls threads, as far as there are any for them."""
        while True:
            with self._lock:
                job = self._take()
            if job is None:
                return
            thread = threading.Thread(
                target=self._work, args=(job,), name="codemode-tool", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:  # no more threads can be had from the system
                with self._lock:
                    self._running.discard(job)
                job.give_back()
                job.deliver(CallOutcome(error=error))

    def _take(self) -> _ThreadCall | None:
        """The next call that may have a thread, marked as running. The lock is held."""
        if len(self._running) >= self._limit:
            return None
        without: set[Hashable] = set()  # owners for whom there is no room
        for job in list(self._queue):
            if job.owner in without:
                continue
            job.place = self._account.take(job.owner)
            if job.place is not None:
                del self._queue[job]
                self._running.add(job)
                job.tell_begun()
                return job
            if not self._account.is_stuck(job.owner):
                without.add(job.owner)
                continue
            del self._queue[job]
            held = self._account.held_by(job.owner)
            job.deliver(CallOutcome(error=ToolError(LEDGER.limits.message("tool_threads", held))))
        if self._queue:
            self._account.when_freed(self._start_next)
        return None

    def _work(self, first: _ThreadCall) -> None:
        """A thread's life: its call, then others while they wait."""
        job: _ThreadCall | None = first
        while job is not None:
            job.run()
            with self._lock:
                if job.abandoned:
                    self._abandoned -= 1
                else:
                    self._running.discard(job)
            job.give_back()
            if job.abandoned:
                return  # its place was given away when it was abandoned
            with self._lock:
                job = self._take()

    def _give_up(self, job: _ThreadCall) -> None:
        """The caller no longer waits: free the place of ``job``, if it has one still."""
        with self._lock:
            delivered = job.future.done() and not job.future.cancelled()
            if job in self._running and not delivered:
                self._running.discard(job)
                job.abandoned = True
                self._abandoned += 1
            else:
                self._queue.pop(job, None)
        if job.abandoned and job.place is not None:
            job.place.stick()
        self._start_next()


def _stuck(count: int) -> ToolError:
    return ToolError(
        f"no thread is free: {count} calls that were cancelled have not returned"
        "\nHint: try again later, or call other tools."
    )
