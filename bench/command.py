"""What the command lines of these benchmarks share: their options, and what they do with them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape

from . import report
from .machine import Machine
from .runner import run
from .scenario import Row, Scenario

_Command = TypeVar("_Command", bound=Callable[..., Any])


def bench_options(command: _Command) -> _Command:
    """Add ``--json`` and ``--quick``."""
    for option in (
        click.option(
            "--quick", is_flag=True, help="Run everything once or twice; figures mean nothing."
        ),
        click.option("--json", "as_json", is_flag=True, help="Write JSON, with every sample."),
    ):
        command = option(command)
    return command


def measure_and_report(
    groups: Mapping[str, Sequence[Scenario]],
    *,
    as_json: bool,
    quick: bool,
) -> None:
    """Run the scenarios and write the report; exit with 1 if one of them failed.

    A missed goal is no failure: how much else the machine does decides it too.
    """
    machine = Machine.this()
    jobs = [
        (group, scenario.quick() if quick else scenario)
        for group, scenarios in groups.items()
        for scenario in scenarios
    ]
    talk = Console(stderr=True, highlight=False)
    rows: list[Row] = []
    # One at a time, so that they do not disturb each other; where nothing is measured, in haste.
    with (
        ThreadPoolExecutor(4 if quick else 1) as pool,
        talk.status("measuring …") as status,
    ):
        running = [pool.submit(run, *job) for job in jobs]
        try:
            for (group, scenario), found in zip(jobs, running, strict=True):
                status.update(f"{group}: {escape(scenario.name)}")
                rows += found.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if as_json:
        click.echo(report.as_json(machine, rows, quick=quick))
    else:
        report.print_table(machine, rows, quick=quick)
    failures = {found.scenario: found.failure for found in rows if found.failure}
    for what, failure in failures.items():
        talk.print(f"[red]failed:[/] {escape(what)}: {escape(failure)}", soft_wrap=True)
    sys.exit(1 if failures else 0)
