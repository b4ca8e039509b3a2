"""Cells beside each other, cells with much stored, and cells that are ended."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from codemode.limits import MIB, Limits

from .client import Delegate, compared, open_client, repeated, timed, tool
from .scenario import WORKS, Conditions, Figure, Samples, Scenario, at_most

GROUP = "cells"
_IN_FLIGHT = 8
_BATCH = 64
_YIELDED = 128
_STORED_PIECES, _STORED_PIECE_BYTES = 10, 10_000_000

ENDLESS = "for (;;);"
UNINTERRUPTIBLE = "const a = []; a.length = 2 ** 32 - 1; a.sort();"
"""V8 looks for interrupts between the steps of a script, and this is one step."""

_TERMINATION = Figure("terminate", goal=at_most(300.0), decimals=1)


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    return (
        Scenario(
            name=f"cells, {_IN_FLIGHT} in flight",
            figures=(Figure("throughput", "cells/s", decimals=0),),
            measure=in_flight,
            samples=10,
            warm_ups=1,
        ),
        Scenario(
            name=f"{_YIELDED} yielded cells at once",
            figures=(
                Figure("all have yielded", goal=WORKS, decimals=0),
                Figure("all have finished", goal=WORKS, decimals=0),
            ),
            measure=yielded_at_once,
            samples=3,
        ),
        Scenario(
            name="100 MB stored",
            figures=(
                Figure("exec with none"),
                Figure("exec with 100 MB"),
                Figure("more than none"),
            ),
            measure=much_stored,
            samples=60,
            warm_ups=10,
        ),
        Scenario(
            name="an endless loop is terminated",
            figures=(_TERMINATION,),
            measure=partial(termination, source=ENDLESS),
            samples=10,
        ),
        Scenario(
            name="an uninterruptible builtin is terminated",
            figures=(_TERMINATION,),
            measure=partial(termination, source=UNINTERRUPTIBLE),
            samples=5,
        ),
    )


async def in_flight(conditions: Conditions) -> Samples:
    """So many runners that each start a cell when their last one has ended."""
    async with open_client() as client:

        async def runner(count: int) -> None:
            for _ in range(count):
                await client.exec()

        async def batch() -> None:
            await asyncio.gather(*(runner(_BATCH // _IN_FLIGHT) for _ in range(_IN_FLIGHT)))

        times = await repeated(batch, samples=conditions.samples, warm_ups=conditions.warm_ups)
    return {"throughput": [_BATCH / (elapsed / 1000) for elapsed in times]}


async def yielded_at_once(conditions: Conditions) -> Samples:
    """All start at once, yield, and wait for one tool that answers when all are there."""
    source = 'yield_control(); await tools.gate({}); text("done");'
    times: dict[str, list[float]] = {"all have yielded": [], "all have finished": []}
    for _ in range(conditions.samples):
        delegate = Delegate()
        limits = Limits(live_cells=_YIELDED)
        async with open_client(offered=(tool("gate"),), delegate=delegate, limits=limits) as client:
            await client.exec()
            began = time.perf_counter_ns()
            cell_ids = await asyncio.gather(*(client.hold(source) for _ in range(_YIELDED)))
            times["all have yielded"].append((time.perf_counter_ns() - began) / 1e6)
            began = time.perf_counter_ns()
            delegate.opened.set()
            await asyncio.gather(*(client.finish(cell_id) for cell_id in cell_ids))
            times["all have finished"].append((time.perf_counter_ns() - began) / 1e6)
    return times


async def much_stored(conditions: Conditions) -> Samples:
    """A session with much stored and one with nothing take turns at an exec that loads none."""
    async with (
        open_client() as empty,
        open_client(limits=Limits(stored_bytes=256 * MIB)) as full,
    ):
        for number in range(_STORED_PIECES):
            await full.exec(f"store('piece {number}', 'x'.repeat({_STORED_PIECE_BYTES}));")
        none, much, more = await compared(empty.exec, full.exec, conditions)
    return {"exec with none": none, "exec with 100 MB": much, "more than none": more}


async def termination(conditions: Conditions, *, source: str) -> Samples:
    """From the request until the outcome is here. A session for each, since a worker may go."""
    times = []
    for _ in range(conditions.samples):
        async with open_client() as client:
            await client.exec()
            cell_id = await client.hold(source, yield_time_ms=100)
            times.append(await timed(partial(client.terminate, cell_id)))
    return {"terminate": times}
