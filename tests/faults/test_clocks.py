"""The time of day may jump: what has to last is measured by a clock that does not."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import codemode

WALL_CLOCKS: Final = frozenset(
    "time.time time.time_ns time.localtime time.gmtime time.ctime datetime.now datetime.datetime"
    " datetime.date".split()
)


FOR_PEOPLE: Final = {
    "tracer.py": "when an event happened; order is by number",
    "recorder.py": "the name of a recording, and when it was begun",
    "approvals.py": "since when a call waits, and until when it may; the wait itself is bounded by the loop's clock",
    "decisions.py": "when a person decided",
    "endpoint.py": "when a process began to be looked at",
    "sqlite.py": "until when the lease of another machine lasts",
    "tables.py": "when a cell began",
    "history.py": "when a call of a rate was made, for a session that goes on in another process",
    "stored_cells.py": "how old a cell is",
    "durable_session.py": "how old a cell is",
    "results.py": "for how long a call has waited, as a text",
}
"""Modules that read the time of day, and what they show with it."""


def _names(source: Path) -> Iterator[str]:
    """Everything that a module takes from another, as ``module.name``."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_no_module_reads_the_time_of_day_but_to_show_it() -> None:
    root = Path(codemode.__file__).parent
    readers = {path.name for path in root.rglob("*.py") if not WALL_CLOCKS.isdisjoint(_names(path))}

    assert readers == set(FOR_PEOPLE)
