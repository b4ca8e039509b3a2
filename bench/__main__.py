"""``python -m bench``: measure speed and memory."""

from __future__ import annotations

from typing import Any

import click

from . import (
    calls,
    cells,
    declarations,
    exec_overhead,
    fairness,
    mcp_calls,
    memory,
    output,
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
    )
}


@click.command()
@click.argument("groups", nargs=-1, type=click.Choice([*_GROUPS, "all"]))
@bench_options
def main(groups: tuple[str, ...], **options: Any) -> None:
    """Measure speed and memory; without GROUPS, everything. See docs/benchmarks.md."""
    chosen = _GROUPS if not groups or "all" in groups else dict.fromkeys(groups)
    measure_and_report({group: _GROUPS[group]() for group in chosen}, **options)


if __name__ == "__main__":
    main(prog_name="python -m bench")
