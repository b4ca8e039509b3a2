"""The workers of one event loop, whichever engine they are for: one zygote, and places on the ledger.

A zygote has 25 MiB, and an application may have an engine for each of its users. So the engines of an
event loop share one, which ends with the last of them. A worker that is wanted while this process has as
many as it may have gets the place of one that no cell uses; if there is none, it waits a while.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

from ..process_ledger import LEDGER, WAIT_SECONDS
from .census import Census
from .spawners import ProcessSpawner, ZygoteSpawner

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ..errors import LimitError
    from ..process_ledger import Place
    from .process import WorkerProcess
    from .spawners import WorkerSpawner

StartMethod: TypeAlias = Literal["zygote", "spawn"]


def refusal_of(owner: Hashable) -> LimitError:
    """The error for ``owner``, for whom there is no worker more."""
    account = LEDGER.workers
    return LEDGER.refusal("workers", account.used if owner is None else account.held_by(owner))


class Spares(Protocol):
    """An engine, as its supply knows it."""

    def give_up_ready(self) -> bool:
        """End the worker that waits for a session, if there is one; whether there was."""


class WorkerSupply:
    """Starts workers for the engines that have joined. Belongs to one event loop.

    Attributes:
        spawner: starts them.
        census: its workers, counted; among them those without a cell.
    """

    def __init__(self, start_method: StartMethod) -> None:
        self.spawner: WorkerSpawner = (
            ZygoteSpawner() if start_method == "zygote" else ProcessSpawner()
        )
        self.census = Census()
        self._loop = asyncio.get_running_loop()
        self._engines: WeakSet[Spares] = WeakSet()

    def __repr__(self) -> str:
        return f"<worker supply of {len(self._engines)} engines, {len(self.census.resting)} workers rest>"

    async def start(self, owner: Hashable = None) -> WorkerProcess:
        """A fresh worker for sessions of ``owner``. If the caller is cancelled, there is none.

        Raises:
            EngineError: it could not be started.
            LimitError: this process has as many as it may have.
        """
        place = await self._place(owner)
        try:
            LEDGER.check_descriptors()
            worker = await self.spawner.start()
        except BaseException:
            place.give_back()
            raise
        self.census.on_start()
        worker.hold(place)
        return worker

    async def _place(self, owner: Hashable) -> Place:
        """A place on the ledger, made free if that is possible."""
        deadline = self._loop.time() + WAIT_SECONDS
        while (place := LEDGER.workers.take(owner)) is None:
            self._make_room()
            seconds = deadline - self._loop.time()
            if seconds <= 0 or not await LEDGER.workers.wait_for_room(seconds, owner):
                raise refusal_of(owner)
        return place

    def _make_room(self) -> None:
        """End an unneeded worker; its place is free when it is gone."""
        if self.census.resting:
            next(iter(self.census.resting)).leave()
            return
        for engine in self._engines:
            if engine.give_up_ready():
                return

    def leave(self, engine: Spares) -> bool:
        """``engine`` is closed; whether it was the last one, so that it has to end the spawner."""
        self._engines.discard(engine)
        if self._engines:
            return False
        supplies = _SUPPLIES.get(self._loop, {})
        for method in [method for method, each in supplies.items() if each is self]:
            del supplies[method]
        return True

    def join(self, engine: Spares) -> None:
        """Start workers for ``engine``, too."""
        self._engines.add(engine)


_SUPPLIES: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[StartMethod, WorkerSupply]]] = (
    WeakKeyDictionary()
)


def supply_for(engine: Spares, start_method: StartMethod) -> WorkerSupply:
    """The supply of the running event loop; ``engine`` has joined it, and has to leave it."""
    supplies = _SUPPLIES.setdefault(asyncio.get_running_loop(), {})
    supply = supplies.get(start_method)
    if supply is None:
        supply = supplies[start_method] = WorkerSupply(start_method)
    supply.join(engine)
    return supply
