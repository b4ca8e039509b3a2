"""Every user task of AgentDojo, five ways: ``results/tasks.csv`` and ``results/leaks.csv``."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

from codemode import LocalSessionProvider
from codemode.estimate.accounting import MESSAGE_TOKENS, cost_of

from . import dojo, programs
from .catalogues import suite_sizes
from .leaks import leaks
from .tables import Row, write
from .tokens import tokens
from .ways import WAYS, Ran, all_ways

AT_ONCE: Final = 4
SHORT: Final = frozenset({"banking"})
"""The suites of the short part, which CI runs."""


async def run_tasks(only: Collection[str] = ()) -> tuple[list[Row], list[Row], list[Row]]:
    """Run the tasks of some suites, or of all: rows of costs, of constants to look at, of catalogues."""
    written = programs.load()
    rows: list[Row] = []
    found: list[Row] = []
    sizes: list[Row] = []
    gate = asyncio.Semaphore(AT_ONCE)
    async with LocalSessionProvider() as provider:

        async def one(suite: Any, name: str, task: Any) -> dict[str, Ran]:
            async with gate:
                return await all_ways(suite, task, written[suite.name, name], provider)

        for suite_name, suite in dojo.suites().items():
            if only and suite_name not in only:
                continue
            fixed = suite_sizes(suite)
            sizes.append({"suite": suite_name, "tools": len(suite.tools), **fixed})
            names = list(suite.user_tasks)
            ran = await asyncio.gather(
                *(one(suite, name, suite.user_tasks[name]) for name in names)
            )
            for name, ways in zip(names, ran, strict=True):
                task = suite.user_tasks[name]
                rows += [_row(suite_name, name, way, ways[way], task, fixed) for way in WAYS]
                for row in rows[-len(WAYS) :]:
                    row["shapes"] = " ".join(written[suite_name, name].shapes)
                blind = ways["blind"]
                if blind.world is not None:
                    known = dojo.SYSTEM + task.PROMPT
                    codes = written[suite_name, name].turns
                    for turn, word in leaks(suite, blind.world.before, known, codes, blind.printed):
                        found.append(
                            {"suite": suite_name, "task": name, "turn": turn, "word": word}
                        )
    return rows, found, sizes


def _row(suite: str, name: str, way: str, ran: Ran, task: Any, fixed: dict[str, int]) -> Row:
    base = tokens(dojo.SYSTEM) + tokens(task.PROMPT) + 2 * MESSAGE_TOKENS
    catalogue = fixed["direct" if way in ("direct", "parallel") else "shared"]
    cost = cost_of(base + catalogue, ran.turns, tokens)
    own = "" if ran.answered_itself is None else int(ran.answered_itself)
    return {
        "suite": suite,
        "task": name,
        "way": way,
        "passed": int(ran.passed),
        "answered_itself": own,
        "calls": ran.calls,
        "requests": cost.requests,
        "input_tokens": cost.input_tokens,
        "fresh_tokens": cost.fresh_tokens,
        "fixed_tokens": cost.cold_tokens,
        "catalogue_tokens": catalogue,
        "output_tokens": cost.output_tokens,
        "result_bytes": cost.result_bytes,
        "waves": cost.waves,
    }


def save(rows: list[Row], found: list[Row], sizes: list[Row]) -> None:
    """Write what a whole run gave."""
    write("tasks.csv", rows)
    write("leaks.csv", found)
    write("suites.csv", sizes)
