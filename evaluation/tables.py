"""Results as files: CSV that a spreadsheet reads, and rows that Python reads back."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

RESULTS: Final = Path(__file__).parent / "results"

Row: TypeAlias = dict[str, Any]


def write(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of equal keys; a file without rows has no line."""
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / name).open("w", newline="", encoding="utf-8") as file:
        if rows:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def read(name: str) -> list[Row]:
    """Rows with numbers where there are any."""
    with (RESULTS / name).open(encoding="utf-8") as file:
        return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def markdown(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of Markdown; numbers have separators of thousands."""
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
