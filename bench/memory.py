"""Memory: of a worker, of the whole tree of processes, and of each live cell."""

from __future__ import annotations

import asyncio
import gc
import statistics

from codemode.limits import Limits

from . import process_tree
from .client import open_client, repeated
from .scenario import BenchError, Conditions, Figure, Samples, Scenario, at_most

GROUP = "memory"
_CELLS = 100
_STEP = 10
_SETTLE_SECONDS = 0.3
"""Enough to make the isolates that are kept ready, and to free those that are not needed."""


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    return (
        Scenario(
            name="private memory of a worker",
            figures=(
                Figure("ready, unused", "MiB", at_most(20.0), 1),
                Figure("after one cell", "MiB", at_most(20.0), 1),
                Figure("after 100 cells", "MiB", at_most(20.0), 1),
                Figure("all processes, PSS", "MiB", decimals=1),
            ),
            measure=private_memory,
            samples=1,
            processes=3,
        ),
        Scenario(
            name=f"memory of a live cell, slope over {_CELLS}",
            figures=(Figure("a cell, USS", "MiB", at_most(1.5)),),
            measure=live_cell,
            samples=1,
            processes=2,
        ),
    )


async def private_memory(conditions: Conditions) -> Samples:
    """What the end of one worker would give back. The zygote is the oldest child; of the
    workers the session has the oldest, and the youngest waits ready."""
    if not process_tree.supported():
        return {}
    async with open_client() as client:
        await client.exec()
        await _settle()
        processes = process_tree.descendants()
        if len(processes) != 3:
            raise BenchError(f"a zygote and two workers were expected: {len(processes)} processes")
        _, used, ready = processes
        fresh = process_tree.memory_of(ready).uss
        once = process_tree.memory_of(used).uss
        whole = process_tree.tree_memory().pss
        await repeated(client.exec, samples=99, warm_ups=0)
        await _settle()
        often = process_tree.memory_of(used).uss
    return {
        "ready, unused": [fresh],
        "after one cell": [once],
        "after 100 cells": [often],
        "all processes, PSS": [whole],
    }


async def live_cell(conditions: Conditions) -> Samples:
    """How the private memory of all processes grows with cells that have yielded and wait."""
    if not process_tree.supported():
        return {}
    source = "yield_control(); await new Promise((resolve) => setTimeout(resolve, 3_600_000));"
    async with open_client(limits=Limits(live_cells=_CELLS)) as client:
        counts, sizes = [], []
        for count in range(_STEP, _CELLS + 1, _STEP):
            for _ in range(_STEP):
                await client.hold(source)
            await _settle()
            counts.append(float(count))
            sizes.append(process_tree.tree_memory().uss)
    return {"a cell, USS": [statistics.linear_regression(counts, sizes).slope]}


async def _settle() -> None:
    gc.collect()
    await asyncio.sleep(_SETTLE_SECONDS)
