"""Every hostile program, on every route, beside a neighbour that must not notice: ``make hostile``.

Names select programs, as in ``E/loop``, ``'F/*'`` or ``G``. The suite prints a line for each class and
the total last; what was not as it must be is named before. The exit code is 1 if there was any.
"""

from __future__ import annotations

import argparse
import asyncio
import fnmatch
import json
import logging
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .corpus import Group, Program, load
from .report import HEADING, Tally, as_json, failures, tallies
from .runner import Judged, Surroundings, run
from .settings import DEFAULT, ROUTES

if TYPE_CHECKING:
    from .settings import Route


def main(argv: Sequence[str] | None = None) -> int:
    """Run the suite; the exit code."""
    options = _parser().parse_args(argv)
    groups = load()
    chosen = select(groups, options.names)
    if not chosen:
        print(f"no program is called {' or '.join(options.names)}", file=sys.stderr)
        return 2
    logging.disable(logging.CRITICAL)  # tools that misbehave are logged, and here many do
    progress = Progress(shown=sys.stderr.isatty())
    routes = [options.route] if options.route else list(ROUTES)
    began = time.monotonic()
    try:
        judged, left = asyncio.run(suite(chosen, routes, options.patience, progress))
    except KeyboardInterrupt:
        progress.clear()
        print(f"interrupted after {progress.count} programs", file=sys.stderr)
        return 130
    progress.clear()
    if options.json:
        print(json.dumps(as_json(groups, judged, left), indent=2))
    else:
        wrong = [*failures(judged), *(f"left behind at the end: {each}" for each in left)]
        if wrong:
            print(*wrong, "", sep="\n")
        print(HEADING, *(tally.line() for tally in tallies(groups, judged)), sep="\n")
        print(Tally.of(f"total, {time.monotonic() - began:.0f} s", judged).line())
    return 1 if left or any(each.wrong for each in judged) else 0


def select(groups: Iterable[Group], names: Sequence[str]) -> list[Program]:
    """The programs that one of the names means; all if there are no names."""
    return [
        program
        for group in groups
        for program in group.programs
        if not names or any(_means(name, program) for name in names)
    ]


async def suite(
    programs: Sequence[Program], routes: Sequence[Route], patience: float, progress: Progress
) -> tuple[list[Judged], list[str]]:
    """Run the programs; what came of each, and what is left when all is over."""
    judged: list[Judged] = []
    surroundings = Surroundings()
    for route in routes:
        judged += await run(programs, route, patience=patience, on_judged=progress)
        more = [program for program in programs if program.also]
        judged += await run(more, route, limits=DEFAULT, patience=patience, on_judged=progress)
    return judged, await surroundings.left()


class Progress:
    """One line on a terminal that says what has just run."""

    def __init__(self, *, shown: bool) -> None:
        self.count = 0
        self._shown = shown

    def __call__(self, judged: Judged) -> None:
        self.count += 1
        if self._shown:
            mark = "failed" if judged.wrong else "ok"
            text = f"{self.count} {judged.program.name} ({judged.route}) {mark}"
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown and self.count:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _means(name: str, program: Program) -> bool:
    return name == program.group or fnmatch.fnmatchcase(program.name, name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which programs; all if none")
    parser.add_argument("--route", choices=ROUTES, help="one route only")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--patience",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="how much slower than it should this machine may be (default: 1)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
