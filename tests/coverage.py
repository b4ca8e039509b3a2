"""What the tests of a run have reached, room by room: the last step of ``make test COVERAGE=1``.

    python -m tests.coverage

Reads what coverage.py has gathered (``.coverage``) and prints a line for each room of ``src/codemode``: lines,
branches and the share of branches that were taken. A process that a test starts is not measured, so that rooms which
mostly run in hosts of their own show less than their tests reach. Exit code 1: a room of ``PURE`` is below its bound.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import coverage

PACKAGE: Final = Path("src/codemode")

PURE: Final = ("errors", "estimate", "limits", "protocol", "runtime/cell_state", "surface")
"""Rooms and modules without a clock, a file or a task: nothing in them is out of a test's reach."""

BOUND: Final = 95.0
"""Percent of the branches of each of these that a run has to take."""


@dataclass(slots=True)
class Reached:
    """How much of a room there is, and how much of that was run."""

    lines: int = 0
    lines_run: int = 0
    branches: int = 0
    branches_taken: int = 0

    @property
    def percent(self) -> float:
        """Branches taken, of a hundred; of a room without branches the lines run."""
        whole, part = (
            (self.branches, self.branches_taken) if self.branches else (self.lines, self.lines_run)
        )
        return 100.0 * part / whole if whole else 100.0


def by_room(files: Mapping[str, Any]) -> dict[str, Reached]:
    """Add up the files of coverage's JSON report by room; a module of ``PURE`` counts for itself, too."""
    rooms = defaultdict[str, Reached](Reached)
    for name, found in files.items():
        path = Path(name).relative_to(PACKAGE).with_suffix("")
        whole = path.as_posix()
        for room in {path.parts[0], whole} & {path.parts[0], *PURE}:
            seen, summary = rooms[room], found["summary"]
            seen.lines += summary["num_statements"]
            seen.lines_run += summary["covered_lines"]
            seen.branches += summary["num_branches"]
            seen.branches_taken += summary["covered_branches"]
    return dict(sorted(rooms.items()))


def table(rooms: Mapping[str, Reached]) -> str:
    """Return a line for each room, with a mark where it is below the bound that it has to keep."""
    lines = [f"{'room':20}{'lines':>8}{'run':>8}{'branches':>10}{'taken':>8}{'':>9}"]
    for room, seen in rooms.items():
        mark = f"  below {BOUND:g}" if room in too_low(rooms) else ""
        lines.append(
            f"{room:20}{seen.lines:8}{seen.lines_run:8}{seen.branches:10}{seen.branches_taken:8}"
            f"{seen.percent:8.1f}%{mark}"
        )
    return "\n".join(lines)


def too_low(rooms: Mapping[str, Reached]) -> list[str]:
    """Return the rooms of pure code that are below the bound."""
    return [room for room in PURE if room in rooms and rooms[room].percent < BOUND]


def main() -> int:
    """Print the table of the last run, and return 1 if a room of pure code is below the bound."""
    gathered = coverage.Coverage()
    gathered.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        gathered.json_report(outfile=str(report))
        rooms = by_room(json.loads(report.read_text("utf-8"))["files"])
    print(table(rooms))
    return 1 if too_low(rooms) else 0


if __name__ == "__main__":
    sys.exit(main())
