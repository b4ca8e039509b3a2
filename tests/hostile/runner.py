"""Runs classes of programs on a route, and judges what was seen."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .processes import descendants
from .settings import TIGHT, TIGHT_COMPUTE_MS
from .stage import LOOK_SECONDS, Stage
from .verdict import Bounds, End, Seen, judge

if TYPE_CHECKING:
    from codemode.limits import Limits

    from .corpus import Program
    from .settings import Route

LEAVING_SECONDS: Final = 10.0
"""How long what was there may take to go; it needs a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A program on a route: what was seen of it, and what was wrong with that."""

    program: Program
    route: Route
    seen: Seen
    wrong: tuple[str, ...]


async def run(
    programs: Iterable[Program],
    route: Route,
    *,
    limits: Limits = TIGHT,
    patience: float = 1,
    on_judged: Callable[[Judged], None] = lambda _: None,
) -> list[Judged]:
    """Run the programs one after another, each in a session of its own, beside one neighbour.

    Args:
        programs: what to run.
        route: where.
        limits: of every session.
        patience: how many times longer than it should everything may take.
        on_judged: hears of each program when it is over.

    A route that fails altogether is one more failure, named after the program that it failed at.
    Under tight limits a program that ``compute_ms`` must not end has ``patience`` times as long
    until it does: a busy machine must not make one end of another.
    """
    by_clock, others = _by_clock(programs)
    patient = limits
    if limits == TIGHT:
        patient = replace(limits, compute_ms=int(TIGHT_COMPUTE_MS * patience))
    judged: list[Judged] = []
    for some, theirs in ((by_clock, limits), (others, patient)):
        bounds = Bounds.of(theirs, patience=patience)
        judged += await _run(some, route, theirs, bounds, on_judged)
    return judged


def _by_clock(programs: Iterable[Program]) -> tuple[list[Program], list[Program]]:
    """Divide the programs into those that ``compute_ms`` may end, and the others."""
    both: tuple[list[Program], list[Program]] = ([], [])
    for program in programs:
        both["limit compute_ms" not in program.ends].append(program)
    return both


async def _run(
    programs: Iterable[Program],
    route: Route,
    limits: Limits,
    bounds: Bounds,
    on_judged: Callable[[Judged], None],
) -> list[Judged]:
    judged: list[Judged] = []
    rest = list(programs)
    while rest:
        try:
            async with Stage(route, limits) as stage:
                while rest:
                    seen = await stage.run(rest[0])
                    program = rest.pop(0)
                    judged.append(Judged(program, route, seen, tuple(judge(program, seen, bounds))))
                    on_judged(judged[-1])
        except (Exception, AssertionError) as error:  # noqa: BLE001 - the others run all the same
            failed = rest.pop(0) if rest else judged[-1].program
            what = f"{type(error).__name__}: {error}"
            judged.append(Judged(failed, route, Seen(end=End(how="nothing")), (what,)))
            on_judged(judged[-1])
    return judged


class Surroundings:
    """What this process has at one moment: processes, descriptors, threads, tasks."""

    def __init__(self) -> None:
        self._before = self._now()

    async def left(self) -> list[str]:
        """What there is more than at the beginning, when all of it had time to go."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEAVING_SECONDS
        while (more := self._more()) and loop.time() < deadline:
            gc.collect()
            await asyncio.sleep(LOOK_SECONDS)
        return more

    def _more(self) -> list[str]:
        now = self._now()
        return [
            f"{count - self._before[what]} {what} more than before"
            for what, count in now.items()
            if count > self._before[what]
        ]

    @staticmethod
    def _now() -> dict[str, int]:
        return {
            "processes": len(descendants(os.getpid())),
            "descriptors": len(list(Path("/proc/self/fd").iterdir())),
            "threads": threading.active_count(),
            "tasks": len(asyncio.all_tasks()),
        }
