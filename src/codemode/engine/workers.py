"""Sessions whose cells run in a worker process each session has for itself.

A worker belongs to one session and may die at any moment: it holds nothing that is needed. Its
cells then end with a reason, and the session's next program gets a fresh worker.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from contextvars import Context
from typing import TYPE_CHECKING, Final

from ..errors import EngineError
from ..process_ledger import LEDGER
from .process import dispose, taken
from .supply import refusal_of, supply_for
from .worker_cell import WorkerCell
from .worker_connection import WorkerConnection, settings_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ..limits import Limits
    from .catalogue import Catalogue
    from .census import Census
    from .events import Sink
    from .interfaces import Repeatable
    from .process import WorkerProcess
    from .sandbox import Part
    from .supply import StartMethod, WorkerSupply

TRIES: Final = 3
"""How many workers may die before they are used until we believe that they all do."""


class WorkersEngine:
    """Makes sessions; keeps one worker ready for the next that needs one.

    What it starts belongs to the event loop that it is used in. Used in another one, it lets go
    of all that and begins anew.

    Args:
        start_method: ``"zygote"`` forks workers from a process that has V8 loaded, 10 ms each;
            ``"spawn"`` begins each from nothing, 100 ms. By default the first, where the system
            takes a fork of a process with V8 in it: on Linux.
    """

    def __init__(self, *, start_method: StartMethod | None = None) -> None:
        default: StartMethod = "zygote" if sys.platform == "linux" else "spawn"
        self.start_method = start_method or default
        self._loop: asyncio.AbstractEventLoop | None = None
        self._supply: WorkerSupply | None = None
        self._ready: asyncio.Task[WorkerProcess] | None = None
        self._closed = False

    def session(self, limits: Limits, owner: Hashable = None) -> WorkersSession:
        """A session of ``owner``, who shares the workers of the process with others; None: without an owner."""
        return WorkersSession(self, limits, owner)

    @property
    def census(self) -> Census:
        """The workers of all engines of this event loop, counted."""
        return self._supply_here().census

    @property
    def ready_workers(self) -> int:
        """How many workers wait for a session: 0 or 1."""
        ready = self._ready
        return int(ready is not None and ready.done() and not _failed(ready))

    def warm_up(self) -> None:
        """Have a worker made ready, unless there is one, or many are at work in this process."""
        supply = self._supply_here()
        if self._ready is not None and _failed(self._ready):
            self._ready = None  # why it failed may be over
        is_roomy = 2 * LEDGER.workers.used < LEDGER.limits.workers
        if self._ready is None and is_roomy and not self._closed:
            self._ready = _starting(supply)

    def give_up_ready(self) -> bool:
        """End the worker that waits for a session, if there is one; whether there was."""
        ready, self._ready = self._ready, None
        if ready is None or _failed(ready):
            return False
        dispose(ready)
        return True

    async def renew(self) -> None:
        """Start a worker in place of the one that is ready, which proves that workers can be started now.

        Raises:
            EngineError: none could be started.
            LimitError: this process has as many as it may have.
        """
        self._refuse_if_closed()
        before = self._ready
        if before is None or before.done():
            self._ready = _starting(self._supply_here())
            if before is not None:
                dispose(before)
        coming = self._ready
        assert coming is not None
        # A session may take it meanwhile: that it has been started counts.
        await asyncio.wait([coming])
        if coming.cancelled():
            raise EngineError("the engine is closed")
        error = coming.exception()
        if error is not None:
            raise error

    async def take(self, owner: Hashable = None) -> WorkerProcess:
        """A worker for a session of ``owner``, ready if there is one.

        Raises:
            EngineError: none could be started.
            LimitError: this process has as many as it may have.
        """
        for _ in range(TRIES):
            self._refuse_if_closed()
            supply = self._supply_here()
            ready, self._ready = self._ready, None
            if ready is None or _failed(ready):
                worker = await taken(_starting(supply, owner))
            else:
                worker = await self._claimed(ready, owner)
            if self._closed:
                worker.kill()
                worker.release()
            elif worker.exited.done():  # it died while it waited
                worker.release()
            else:
                self.warm_up()
                return worker
        raise EngineError("workers die before they are used")

    async def _claimed(self, ready: asyncio.Task[WorkerProcess], owner: Hashable) -> WorkerProcess:
        """The worker that was made ready, which has no owner yet.

        Raises:
            LimitError: ``owner`` may not have one more; another one may have this.
        """
        worker = await taken(ready)
        if worker.claim(owner):
            return worker
        if self._ready is None and not self._closed:
            self._ready = ready
        else:
            dispose(ready)
        raise refusal_of(owner)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise EngineError("the engine is closed")

    async def aclose(self) -> None:
        self._closed = True
        ready, self._ready = self._ready, None
        supply, self._supply = self._supply, None
        is_here = self._loop is asyncio.get_running_loop()
        if ready is not None:
            dispose(ready)
        if supply is not None and supply.leave(self):
            if is_here:
                await supply.spawner.aclose()
            else:
                supply.spawner.abandon()
        if ready is not None and is_here:
            # A worker may be ready in spite of its cancellation; it is then ended below.
            await asyncio.wait([ready])
            if not _failed(ready):
                await ready.result().gone()

    def __del__(self) -> None:
        if self._supply is not None:
            warnings.warn(f"unclosed {self!r}: call aclose()", ResourceWarning, stacklevel=1)
            self._abandon()

    def _supply_here(self) -> WorkerSupply:
        loop = asyncio.get_running_loop()
        if self._supply is not None and self._loop is not loop:
            self._abandon()
        if self._supply is None:
            self._loop = loop
            self._supply = supply_for(self, self.start_method)
        return self._supply

    def _abandon(self) -> None:
        """Let go of what belongs to another event loop, without waiting."""
        supply, self._supply = self._supply, None
        ready, self._ready = self._ready, None
        if supply is not None and supply.leave(self):
            supply.spawner.abandon()
        if ready is not None:
            dispose(ready)


def _starting(supply: WorkerSupply, owner: Hashable = None) -> asyncio.Task[WorkerProcess]:
    task = asyncio.create_task(supply.start(owner), name="ready worker", context=Context())
    task.add_done_callback(_retrieve)
    return task


def _failed(task: asyncio.Task[WorkerProcess]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _retrieve(task: asyncio.Task[WorkerProcess]) -> None:
    """Drop a failure that no caller waits for."""
    _failed(task)


class WorkersSession:
    """The cells of one session and the worker they run in, replaced when it dies."""

    def __init__(self, engine: WorkersEngine, limits: Limits, owner: Hashable = None) -> None:
        self._engine = engine
        self._owner = owner
        self._limits = limits
        self._settings = settings_of(limits)
        self._link: WorkerConnection | None = None
        self._dying: set[WorkerConnection] = set()
        self._linking = asyncio.Lock()
        self._numbers = 0
        self._census: Census | None = None
        self._closed = False

    async def start(
        self,
        source: str,
        catalogue: Catalogue,
        sink: Sink,
        repeatable: Repeatable | None = None,
    ) -> WorkerCell:
        link = self._usable_link()
        if link is None:
            link = await self._linked()
        self._numbers += 1
        if repeatable is not None and repeatable.is_replay and self._census is not None:
            self._census.replays += 1
        cell = WorkerCell(link, self._numbers, sink)
        link.start(cell, source, catalogue, repeatable)
        return cell

    async def aclose(self) -> None:
        self._closed = True
        if self._link is not None:
            self._link.abandon()
            self._on_lost(self._link)
        for link in list(self._dying):
            if link.loop is asyncio.get_running_loop():
                await link.gone.wait()

    @property
    def pid(self) -> int | None:
        """The process of its worker, if it has one."""
        return None if self._link is None else self._link.pid

    @property
    def sandbox(self) -> tuple[Part, ...] | None:
        """The parts of the sandbox that its worker has reported; None before its report."""
        return None if self._link is None else self._link.sandbox

    def _usable_link(self) -> WorkerConnection | None:
        link = self._link
        if link is None or link.lost or link.loop is not asyncio.get_running_loop():
            return None
        return link

    async def _linked(self) -> WorkerConnection:
        """One link for all that ask at once."""
        async with self._linking:
            for _ in range(TRIES):
                link = self._usable_link()
                if link is not None:
                    return link
                if self._link is not None and self._link.loop.is_closed():
                    self._link.abandon()
                self._link = await self._connect()  # it may die while it is being connected
            raise EngineError("workers die before they are used")

    async def _connect(self) -> WorkerConnection:
        self._refuse_if_closed()
        worker = await self._engine.take(self._owner)
        census = self._census = self._engine.census
        link = WorkerConnection(worker, self._limits, self._settings, self._on_lost, census)
        census.links.add(link)  # before the wait, in which it may be lost
        try:
            await asyncio.get_running_loop().create_connection(lambda: link, sock=worker.socket)
        except BaseException:
            census.links.discard(link)
            worker.kill()
            worker.release()
            raise
        if self._closed:
            link.abandon()
            self._refuse_if_closed()
        return link

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise EngineError("the engine session is closed")

    def _on_lost(self, link: WorkerConnection) -> None:
        """No program may start in it any more; it is waited for when we close."""
        if self._census is not None:
            self._census.links.discard(link)
        self._dying = {each for each in self._dying if not each.gone.is_set()}
        self._dying.add(link)
        if self._link is link:
            self._link = None
