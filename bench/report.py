"""Figures as a table for people, or as JSON for machines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .machine import Machine
from .scenario import Row

_WIDTH = 150
"""Where the output is no terminal, nothing is cut."""


def as_json(machine: Machine, rows: Sequence[Row], *, quick: bool) -> str:
    """Everything, every sample included."""
    return json.dumps(
        {
            "machine": dataclasses.asdict(machine),
            "quick": quick,
            "figures": [dataclasses.asdict(found) for found in rows],
        },
        indent=2,
        ensure_ascii=False,
    )


def print_table(machine: Machine, rows: Sequence[Row], *, quick: bool) -> None:
    """A table for each group on stdout, and last how many goals are met."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    console.print(escape(str(machine)))
    if quick:
        console.print("[yellow]--quick: too few samples to mean anything[/]")
    for group in dict.fromkeys(found.group for found in rows):
        console.print()
        console.print(_table(group, (found for found in rows if found.group == group)))
    judged = [found for found in rows if found.met is not None]
    console.print()
    console.print(f"{sum(found.met is True for found in judged)} of {len(judged)} goals are met.")


def _table(group: str, rows: Iterable[Row]) -> Table:
    table = Table(
        title=f"[bold]{group}[/]", title_justify="left", header_style="dim", box=box.SIMPLE_HEAD
    )
    for name in ("scenario", "figure"):
        table.add_column(name, overflow="fold")
    for name in ("median", "mean", "p95", "min – max", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("goal", no_wrap=True)
    before = None
    for found in rows:
        named = found.scenario if before != found.scenario else ""
        before = found.scenario
        table.add_row(named, *_figure(found))
    return table


def _figure(found: Row) -> tuple[str, ...]:
    seen = found.statistics
    if seen is None:
        said = "[red]failed[/]" if found.failure else "not here"
        return (found.figure, said, "–", "–", "–", "0", found.unit, _goal(found))

    def number(value: float) -> str:
        return f"{value:,.{found.decimals}f}"

    return (
        found.figure,
        f"[bold]{number(seen.median)}[/]",
        number(seen.mean),
        number(seen.p95),
        f"{number(seen.minimum)} – {number(seen.maximum)}",
        str(seen.n),
        found.unit,
        _goal(found),
    )


def _goal(found: Row) -> str:
    if found.met is None:
        return ""
    wanted = "works" if found.goal is None else f"≤ {found.goal:g}"
    return f"[green]{wanted} ✓[/]" if found.met else f"[red]{wanted} ✗[/]"
