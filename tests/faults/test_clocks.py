"""The time of day may jump: nobody here looks at it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import codemode

WALL_CLOCKS: Final = frozenset(
    "time.time time.time_ns time.localtime time.gmtime time.ctime datetime.now datetime.datetime"
    " datetime.date".split()
)


def _names(source: Path) -> Iterator[str]:
    """Everything that a module takes from another, as ``module.name``."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_no_module_reads_the_time_of_day() -> None:
    root = Path(codemode.__file__).parent
    readers = {path.name for path in root.rglob("*.py") if not WALL_CLOCKS.isdisjoint(_names(path))}

    assert readers == set()
