"""``python -m bench``: measure speed and memory."""

from __future__ import annotations

from typing import Any

import click

from . import (
    calls,
    cells,
    declarations,
    durable,
    exec_overhead,
    fairness,
    mcp_calls,
    memory,
    output,
    traces,
    workers,
)
from .command import bench_options, measure_and_report

_GROUPS = {
    module.GROUP: module.all_scenarios
    for module in (
        exec_overhead,
        calls,
        output,
        cells,
        workers,
        memory,
        declarations,
        mcp_calls,
        fairness,
        traces,
        durable,
    )
}


@click.command()
@click.argument("groups", nargs=-1, type=click.Choice([*_GROUPS, "all"]))
@click.option(
    "--filter",
    "parts",
    metavar="TEXT",
    multiple=True,
    help="Only scenarios whose name has this in it. Repeatable.",
)
@bench_options
def main(groups: tuple[str, ...], *, parts: tuple[str, ...], **options: Any) -> None:
    """Measure speed and memory; without GROUPS, everything. See docs/benchmarks.md."""
    chosen = _GROUPS if not groups or "all" in groups else dict.fromkeys(groups)
    found = {
        group: [each for each in _GROUPS[group]() if _has_one_of(parts, each.name)]
        for group in chosen
    }
    if not any(found.values()):
        raise click.UsageError(f"no scenario has {' or '.join(map(repr, parts))} in its name")
    measure_and_report(found, **options)


def _has_one_of(parts: tuple[str, ...], name: str) -> bool:
    return not parts or any(part.lower() in name.lower() for part in parts)


if __name__ == "__main__":
    main(prog_name="python -m bench")
