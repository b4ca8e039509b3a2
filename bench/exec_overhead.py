"""What an exec costs that does nothing: the first of a process, and those that follow.

Runs by itself too: ``python bench/exec_overhead.py --samples 30 --warm-iterations 25``.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run as a file: its folder is on the path, and not the one above
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import click

from bench import process_tree
from bench.client import PAUSE_SECONDS, compared, open_client, repeated, timed, tools
from bench.command import bench_options, measure_and_report
from bench.scenario import Conditions, Figure, Samples, Scenario, at_most

GROUP = "exec-overhead"
TOOL_COUNTS = (0, 32, 128)

_GROWTH = (
    Figure("RSS growth of the tree", "MiB", decimals=1),
    Figure("PSS growth of the tree", "MiB", decimals=1),
)
_PAUSES = Figure("exec", goal=at_most(1.2))
_BACK_TO_BACK = Figure("exec", goal=at_most(1.8))


def scenarios(
    *,
    samples: int = 100,
    cold_samples: int = 8,
    warm_iterations: int = 25,
    tool_counts: tuple[int, ...] = TOOL_COUNTS,
) -> tuple[Scenario, ...]:
    """The scenarios of the upstream's benchmark, its warm one at two paces."""
    found = []
    for count in tool_counts:
        found.append(
            Scenario(
                name=f"cold_exec, {count} tools",
                figures=(Figure("exec"), *_GROWTH),
                measure=partial(cold, tool_count=count),
                samples=1,
                processes=cold_samples,
            )
        )
    for pace, pause_seconds, exec_figure in (
        ("10 ms between", PAUSE_SECONDS, _PAUSES),
        ("back to back", 0.0, _BACK_TO_BACK),
    ):
        for count in tool_counts:
            found.append(
                Scenario(
                    name=f"warm_exec, {count} tools, {pace}",
                    figures=(exec_figure, *_GROWTH),
                    measure=partial(warm, tool_count=count, pause_seconds=pause_seconds),
                    samples=samples,
                    warm_ups=warm_iterations,
                )
            )
    return tuple(found)


def all_scenarios() -> tuple[Scenario, ...]:
    """The upstream's, and what many tools with long descriptions add."""
    return (
        *scenarios(),
        Scenario(
            name="1,000 tools of 1 kB description",
            figures=(
                Figure("exec with none"),
                Figure("exec with 1,000"),
                Figure("more than none", goal=at_most(2.0)),
            ),
            measure=many_tools,
            samples=60,
            warm_ups=10,
        ),
    )


async def cold(conditions: Conditions, *, tool_count: int) -> Samples:
    """The first exec of this process. The session is open; nothing else has been made."""
    async with open_client(offered=tools(tool_count)) as client:
        before = _tree()
        elapsed = await timed(client.exec)
        return {"exec": [elapsed], **_growth(before)}


async def warm(conditions: Conditions, *, tool_count: int, pause_seconds: float) -> Samples:
    """The same exec again and again in one session."""
    async with open_client(offered=tools(tool_count)) as client:
        await client.exec()
        before = _tree()
        times = await repeated(
            client.exec,
            samples=conditions.samples,
            warm_ups=conditions.warm_ups,
            pause_seconds=pause_seconds,
        )
        return {"exec": times, **_growth(before)}


async def many_tools(conditions: Conditions) -> Samples:
    """Two sessions take turns, so that what else the machine does meets both alike."""
    many = tools(1_000, "d" * 1_024)
    async with (
        open_client() as plain,
        open_client(offered=many) as loaded,
    ):
        none, thousand, more = await compared(plain.exec, loaded.exec, conditions)
        return {"exec with none": none, "exec with 1,000": thousand, "more than none": more}


def _tree() -> process_tree.Memory | None:
    return process_tree.tree_memory() if process_tree.supported() else None


def _growth(before: process_tree.Memory | None) -> dict[str, list[float]]:
    if before is None:
        return {figure.name: [] for figure in _GROWTH}
    grown = process_tree.tree_memory() - before
    return {_GROWTH[0].name: [grown.rss], _GROWTH[1].name: [grown.pss]}


@click.command()
@click.option("--samples", default=30, show_default=True, help="Timed execs a scenario.")
@click.option("--warm-iterations", default=25, show_default=True, help="Execs before them.")
@click.option("--tool-counts", default="0,32,128", show_default=True, help="Tools offered.")
@bench_options
def main(samples: int, warm_iterations: int, tool_counts: str, **options: Any) -> None:
    """Measure what an exec costs that does nothing, with the upstream's scenarios."""
    found = scenarios(
        samples=samples,
        cold_samples=samples,
        warm_iterations=warm_iterations,
        tool_counts=tuple(int(count) for count in tool_counts.split(",")),
    )
    measure_and_report({GROUP: found}, **options)


if __name__ == "__main__":  # as the module that the processes of the scenarios find by its name
    import_module("bench.exec_overhead").main()
