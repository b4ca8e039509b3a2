"""This tree and an earlier one, taking turns: ``python -m bench.before REVISION [GROUP …]``.

A machine's speed changes by the hour, so figures of two days cannot be compared. Here both trees are measured in one
run, a group of the one and the same group of the other, again and again. The earlier tree is checked out into
``out/before`` and set up there, once.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import click
from rich import box
from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parents[1]
GROUPS: Final = ("exec-overhead", "calls", "output", "cells", "workers", "memory")

Key = tuple[str, str, str, str]
"""Group, scenario, figure and unit."""


def checked_out(revision: str) -> Path:
    """The tree of ``revision``, set up.

    Raises:
        click.ClickException: there is no such revision, or its setup fails.
    """
    tree = ROOT / "out" / "before" / _output(["git", "rev-parse", "--short", revision]).strip()
    if not (tree / "Makefile").exists():
        _output(["git", "worktree", "prune"])
        _output(["git", "worktree", "add", "--detach", str(tree), revision])
    _output(["make", "-C", str(tree), "setup", f"PYTHON={sys.executable}"])
    return tree


def _output(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def measure(tree: Path, group: str) -> dict[Key, list[float]]:
    """The samples of each figure of a group, as the benchmark of ``tree`` gathers them."""
    python = str(tree / ".venv" / "bin" / "python")
    options = subprocess.run(
        [python, "-m", "bench", "--help"], cwd=tree, capture_output=True, text=True, check=True
    ).stdout
    engine = ["--engine", "workers"] if "--engine" in options else []
    done = subprocess.run(
        [python, "-m", "bench", group, *engine, "--json"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        figures: list[dict[str, Any]] = json.loads(done.stdout)["figures"]
    except ValueError as error:
        raise click.ClickException(f"{tree}: {done.stderr.strip()[-500:]}") from error
    return {
        (group, each["scenario"], each["figure"], each["unit"]): each["samples"] for each in figures
    }


@click.command()
@click.argument("revision")
@click.argument("groups", nargs=-1, type=click.Choice([*GROUPS, "all"]))
@click.option("--rounds", default=3, show_default=True, help="How often the two trees take turns.")
def main(revision: str, groups: tuple[str, ...], rounds: int) -> None:
    """Compare this tree with an earlier REVISION, in turns."""
    console = Console(stderr=True, highlight=False)
    with console.status(f"setting {revision} up …"):
        tree = checked_out(revision)
    found: dict[Key, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    chosen = GROUPS if not groups or "all" in groups else groups
    with console.status("measuring …") as status:
        for turn in range(rounds):
            for group in chosen:
                for side, where in enumerate((tree, ROOT)):
                    status.update(f"round {turn + 1} of {rounds}: {group} in {where.name}")
                    for key, samples in measure(where, group).items():
                        found[key][side].extend(samples)
    Console(width=130).print(_table(revision, found))


def _table(revision: str, found: dict[Key, tuple[list[float], list[float]]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="dim")
    for name in ("scenario", "figure"):
        table.add_column(name, overflow="fold")
    for name in (revision, "now", "ratio", "ratio of minima", "unit"):
        table.add_column(name, justify="right", no_wrap=True)
    for (_, scenario, figure, unit), (before, now) in found.items():
        if before and now:
            table.add_row(
                scenario,
                figure,
                f"{statistics.median(before):,.3f}",
                f"{statistics.median(now):,.3f}",
                _ratio(statistics.median(now), statistics.median(before)),
                _ratio(min(now), min(before)),
                unit,
            )
    return table


def _ratio(now: float, before: float) -> str:
    return f"{now / before:.2f}" if before > 0 else "–"


if __name__ == "__main__":
    main(prog_name="python -m bench.before")
