"""What a worker's cage costs: the same with and without it, taking turns."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from codemode.engine import process
from codemode.engine.workers import WorkersEngine
from codemode.limits import Limits
from codemode.runtime.session import SessionRuntime

from . import uncaged
from .client import PAUSE_SECONDS, Client, Delegate, compared
from .scenario import Conditions, Figure, Samples, Scenario, at_most
from .workers import ping, take_ready_one

GROUP = "cage"


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    return (
        Scenario(
            name="warm exec in the cage",
            figures=(
                Figure("exec without", decimals=3),
                Figure("exec with", decimals=3),
                Figure("more than without", goal=at_most(0.04), decimals=3),
            ),
            measure=warm_exec,
            samples=300,
            warm_ups=25,
            engines=("workers",),
        ),
        Scenario(
            name="a worker from the zygote, in the cage",
            figures=(
                Figure("fork → ready without"),
                Figure("fork → ready with"),
                Figure("more than without", goal=at_most(3.0)),
            ),
            measure=start,
            samples=30,
            warm_ups=2,
            engines=("workers",),
        ),
    )


async def warm_exec(conditions: Conditions) -> Samples:
    """Two sessions take turns; an agent's pace."""
    async with _engine(caged=False) as open_engine, _engine(caged=True) as closed_engine:
        clients = [
            Client(SessionRuntime(engine.session(Limits()), Delegate(), Limits()))
            for engine in (open_engine, closed_engine)
        ]
        without, with_cage, more = await compared(clients[0].exec, clients[1].exec, conditions)
        return {"exec without": without, "exec with": with_cage, "more than without": more}


async def start(conditions: Conditions) -> Samples:
    """Workers that are forked when they are asked for, of two zygotes in turn."""
    async with _engine(caged=False) as open_engine, _engine(caged=True) as closed_engine:
        rounds = [
            (await _ready_ms(open_engine), await _ready_ms(closed_engine))
            for _ in range(conditions.warm_ups + conditions.samples)
        ][conditions.warm_ups :]
    return {
        "fork → ready without": [without for without, _ in rounds],
        "fork → ready with": [with_cage for _, with_cage in rounds],
        "more than without": [with_cage - without for without, with_cage in rounds],
    }


async def _ready_ms(engine: WorkersEngine) -> float:
    await take_ready_one(engine)
    began = time.perf_counter_ns()
    worker = await engine.take()
    await ping(worker.socket)
    elapsed = (time.perf_counter_ns() - began) / 1e6
    worker.kill()
    worker.release()
    return elapsed


@asynccontextmanager
async def _engine(*, caged: bool) -> AsyncIterator[WorkersEngine]:
    """An engine whose zygote has been started; there is no switch, so another module is run."""
    logging.getLogger("codemode.engine.link").setLevel(logging.ERROR)
    engine, usual = WorkersEngine(), process.ZYGOTE
    process.ZYGOTE = usual if caged else uncaged.__name__
    try:
        worker = await engine.take()
        worker.kill()
        worker.release()
        await asyncio.sleep(PAUSE_SECONDS)
    finally:
        process.ZYGOTE = usual
    try:
        yield engine
    finally:
        await engine.aclose()
