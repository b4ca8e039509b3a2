"""What is made in ``docs/compatibility.md``: the table of intended differences, and the counts of the last comparison.

python -m tests.conformance.compatibility        writes the table anew, from ``improvements.toml``
make conformance                                 writes the counts
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from codemode_conformance.compare import NEWEST, Verdict, load_improvements

from .package import RELEASES

PAGE: Final = Path(__file__).parents[2] / "docs" / "compatibility.md"

_BEGIN: Final = (
    "<!-- made from improvements.toml by `python -m tests.conformance.compatibility` -->\n"
)
_BEGIN_COUNTS: Final = "<!-- made by `make conformance` -->\n"
_END: Final = "<!-- end of what is made -->\n"


def table() -> str:
    """Return the table: a row for each reason, with what shows it."""
    shown_by = defaultdict[str, list[str]](list)
    for release in RELEASES:
        for name, reason in load_improvements(release).items():
            only = "" if load_improvements(NEWEST).get(name) == reason else f" (only {release})"
            shown_by[reason + only].append(f"`{name}`")
    rows = [
        f"| {reason} | {', '.join(dict.fromkeys(names))} |" for reason, names in shown_by.items()
    ]
    return "\n".join(["| what differs | shown by |", "| --- | --- |", *rows, ""])


def matrix(counted: Mapping[str, Mapping[str, Mapping[Verdict, int]]]) -> str:
    """Return the counts by release and part as a table."""
    rows = [
        f"| {release} | {part} | {n['equal']} | {n['improved']} | {n['different']} |"
        for release, parts in counted.items()
        for part, n in parts.items()
    ]
    head = [
        "| published host | part | equal | improved | different |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *rows, ""])


def write_matrix(counted: Mapping[str, Mapping[str, Mapping[Verdict, int]]]) -> None:
    """Put the counts of a comparison with every release into the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_replaced(text, _BEGIN_COUNTS, matrix(counted)), encoding="utf-8")


def page(text: str) -> str:
    """Return the page with the table as it should be."""
    return _replaced(text, _BEGIN, table())


def _replaced(text: str, begin: str, made: str) -> str:
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(_END)
    return f"{before}{begin}{made}{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
