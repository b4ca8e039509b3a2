"""Two ways to start workers: let a zygote fork them, or spawn each by itself."""

from __future__ import annotations

import asyncio
import os
import weakref
from typing import TYPE_CHECKING, Final, Protocol

from ..errors import EngineError
from .launching import end, kill, launch
from .process import WorkerProcess, reaped, taken
from .zygotes import Zygote, ZygoteLostError

if TYPE_CHECKING:
    import subprocess

START_SECONDS: Final = 5.0
"""A zygote loads within 0.1 s, and a system out of breath may take seconds; each further one is
given twice the time of the one before."""

FORK_SECONDS: Final = 1.0
"""A zygote that is loaded forks in 10 ms. One that has not by now is stopped, or its system is out
of breath; another one is begun beside it, which costs 0.1 s and no cell."""

ZYGOTES: Final = 3
"""How many zygotes are asked for one worker."""

LOOK_SECONDS: Final = 0.05
"""How often to see whether a spawned worker has ended."""


class WorkerSpawner(Protocol):
    """Starts workers, and ends them all when it is closed. Belongs to one event loop."""

    async def start(self) -> WorkerProcess:
        """A fresh worker. If the caller is cancelled, there is none.

        Raises:
            EngineError: it could not be started.
        """

    def abandon(self) -> None:
        """End everything without waiting for it."""

    async def aclose(self) -> None:
        """End everything, and return when it has ended."""


class ZygoteSpawner:
    """Has a zygote, begun when the first worker is asked for, and replaced when it does not answer."""

    def __init__(self) -> None:
        self._closed = False
        self._zygote: Zygote | None = None
        self._all: set[Zygote] = set()  # it, and those that are retired

    async def start(self) -> WorkerProcess:
        for tries in range(ZYGOTES):
            zygote = self._current()
            seconds = FORK_SECONDS if zygote.proven else START_SECONDS * 2**tries
            try:
                # The forked worker against the bound of its zygote; the zygote's reader ends one that is late.
                async with asyncio.timeout(seconds):
                    return await taken(zygote.ask())
            except TimeoutError as error:
                refusal = EngineError(f"no worker could be started within {seconds:g} s")
                refusal.__cause__ = error
            except ZygoteLostError as error:
                refusal = error
            self._retire(zygote)
        raise refusal

    def abandon(self) -> None:
        self._closed = True
        for zygote in list(self._all):
            zygote.give_up()

    async def aclose(self) -> None:
        self._closed = True
        zygote, workers = self._zygote, [w for each in self._all for w in each.workers]
        process = None if zygote is None else zygote.let_go("the engine is closed")
        for retired in list(self._all):
            retired.give_up()
        if process is not None:
            await reaped(process)
        for worker in workers:
            await worker.gone()

    def _current(self) -> Zygote:
        if self._closed:
            raise EngineError("the engine is closed")
        if self._zygote is None:
            self._zygote = Zygote(self._forget)
            self._all.add(self._zygote)
        return self._zygote

    def _retire(self, zygote: Zygote) -> None:
        if self._zygote is zygote:
            self._zygote = None
        zygote.retire()

    def _forget(self, zygote: Zygote) -> None:
        self._all.discard(zygote)
        if self._zygote is zygote:
            self._zygote = None


class ProcessSpawner:
    """Starts each worker by itself, where forking a process with V8 loaded is not safe."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = os.getpid()
        self._closed = False
        self._watched: dict[WorkerProcess, subprocess.Popen[bytes]] = {}
        self._watch: asyncio.TimerHandle | None = None

    async def start(self) -> WorkerProcess:
        if self._closed:
            raise EngineError("the engine is closed")
        process, ours, words = launch("serve")
        worker = WorkerProcess(ours, words, process.pid)
        self._watched[worker] = process
        weakref.finalize(worker, end, os.getpid(), process, ours, words)
        self._look()
        return worker

    def abandon(self) -> None:
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        watched, self._watched = self._watched, {}
        for worker, process in watched.items():
            if os.getpid() == self._owner:
                process.kill()
            worker.ended(None)
        for process in watched.values():
            if os.getpid() == self._owner:
                kill(process)

    async def aclose(self) -> None:
        self.abandon()

    def _look(self) -> None:
        """See who has ended. Polled: a watcher thread for each would be no better."""
        for worker, process in list(self._watched.items()):
            code = process.poll()
            if code is not None:
                del self._watched[worker]
                worker.ended(-code if code < 0 else code << 8)
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_later(LOOK_SECONDS, self._look) if self._watched else None
