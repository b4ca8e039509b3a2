"""What the pages of docs/ say about files and tests, held against the tree."""

import ast
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@cache
def tests_in(path: Path) -> dict[str, str]:
    """The tests of a file, each with its source and its decorators'."""
    source = path.read_text(encoding="utf-8")
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            found[node.name] = "\n".join(source.splitlines()[first - 1 : node.end_lineno])
    return {name: text for name, text in found.items() if name.startswith("test_")}


def source_of(test: str) -> str | None:
    """The source of a test named as pytest names it; None if there is no such test."""
    file, _, name = test.partition("[")[0].partition("::")
    path = ROOT / file
    return tests_in(path).get(name) if path.is_file() else None
