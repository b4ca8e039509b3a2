"""Schedule after schedule, until the time is up or something is wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from unittest.mock import patch

from codemode.engine import spawners, worker_connection, workers
from codemode.engine.supply import Spares, StartMethod, WorkerSupply

from .schedule import Schedule, make_schedule
from .stage import Played, play

AT_ONCE = 4
"""Schedules spend most of their time in waiting for what is stopped."""

BOUNDS = {
    (worker_connection, "ANSWER_SECONDS"): 1.0,
    (spawners, "FORK_SECONDS"): 0.5,
    (spawners, "START_SECONDS"): 2.0,
}
"""Bounds that end what is stopped, short: there would be few schedules otherwise."""


def supply_of_its_own(engine: Spares, start_method: StartMethod) -> WorkerSupply:
    """A zygote for each schedule: those of a batch run in one event loop, and some kill theirs."""
    supply = WorkerSupply(start_method)
    supply.join(engine)
    return supply


def seeds_for(seconds: float, first: int) -> Iterator[int]:
    """Seeds from ``first`` on, while there is time."""
    end = time.monotonic() + seconds
    for seed in count(first):
        if time.monotonic() >= end:
            return
        yield seed


def soak(seeds: Iterable[int], tell: Callable[[Played], None] = lambda _: None) -> Played:
    """Play the schedules of ``seeds``; all that happened in them, which ``tell`` gets now and then.

    Raises:
        FoundError: in one of them something was not as it should be.
    """
    total = Played()
    with _short_bounds():
        for batch in _batches(map(make_schedule, seeds)):
            total.add(asyncio.run(play(batch)))
            tell(total)
    return total


def _batches(schedules: Iterable[Schedule]) -> Iterator[list[Schedule]]:
    """What may run side by side: no descriptors are no descriptors for all."""
    batch: list[Schedule] = []
    for schedule in schedules:
        if any(fault.kind == "no descriptors" for fault in schedule.faults):
            yield [schedule]
            continue
        batch.append(schedule)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _short_bounds() -> Iterator[None]:
    with ExitStack() as stack:
        for (module, name), seconds in BOUNDS.items():
            stack.enter_context(patch.object(module, name, seconds))
        stack.enter_context(patch.object(workers, "supply_for", supply_of_its_own))
        yield
