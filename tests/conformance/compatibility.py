"""The table of intended differences in ``docs/compatibility.md``, made from ``improvements.toml``.

python -m tests.conformance.compatibility        writes it anew
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

from codemode.conformance.compare import load_improvements

PAGE: Final = Path(__file__).parents[2] / "docs" / "compatibility.md"

_BEGIN: Final = (
    "<!-- made from improvements.toml by `python -m tests.conformance.compatibility` -->\n"
)
_END: Final = "<!-- end of what is made -->\n"


def table() -> str:
    """Return the table: a row for each reason, with what shows it."""
    shown_by = defaultdict[str, list[str]](list)
    for name, reason in load_improvements().items():
        shown_by[reason].append(f"`{name}`")
    rows = [f"| {reason} | {', '.join(names)} |" for reason, names in shown_by.items()]
    return "\n".join(["| what differs | shown by |", "| --- | --- |", *rows, ""])


def page(text: str) -> str:
    """Return the page with the table as it should be."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{table()}{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
