"""ARCHITECTURE.md and CONTRIBUTING.md name files that are there, in lines that fit a terminal."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md")

COLUMNS = 120

_FILE = re.compile(
    r"(?<![\w./-])((?:[\w-]+/)*(?:[\w-]+/|[\w-]+\.(?:py|cc|js|toml|md|sh)))(?![\w/*])"
)


def named_files(text: str) -> set[str]:
    """The paths in code and in the drawing; ``a/b.py, c.py`` names two files of one folder."""
    found = set[str]()
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^ .*$", text, flags=re.MULTILINE)
    for part in code:
        folder = ""
        for name in _FILE.findall(part):
            if "/" not in name:
                name = folder + name
            elif not name.endswith("/"):
                folder = name.rpartition("/")[0] + "/"
            found.add(name)
    return found


def is_there(name: str) -> bool:
    bases = (ROOT, ROOT / "src" / "codemode", ROOT / "conformance" / "src" / "codemode_conformance")
    if any((base / name).exists() for base in bases):
        return True
    return "/" not in name and any(ROOT.glob(f"tests/**/{name}"))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    names = named_files((ROOT / page).read_text("utf-8"))

    assert len(names) > 10
    assert sorted(name for name in names if not is_there(name)) == []


@pytest.mark.parametrize("page", PAGES)
def test_lines_fit(page: str) -> None:
    lines = (ROOT / page).read_text("utf-8").splitlines()

    assert [line for line in lines if len(line) > COLUMNS] == []


_STAGE = re.compile(r"^ +(\w+)(?:\.(\w+))? .* ([\w/]+/[\w.]+\.(?:py|cc|js))$", re.MULTILINE)


def test_every_name_on_a_path_through_the_rooms_is_defined_in_its_file() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    stages = _STAGE.findall(
        text[text.index("## The path of a program") : text.index("## Decisions")]
    )

    assert len(stages) > 20
    assert [stage for stage in stages if not is_defined(*stage)] == []


def is_defined(name: str, member: str, file: str) -> bool:
    """Whether ``name`` is a class or function in ``file``, and ``member`` its method."""
    path = ROOT / "src" / "codemode" / file
    source = path.read_text("utf-8")
    if path.suffix == ".js":
        return f"function {name}(" in source
    if path.suffix == ".cc":
        return f"{name}::" in source
    found = next(
        (
            node
            for node in ast.parse(source).body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name
        ),
        None,
    )
    if not member:
        return found is not None
    return isinstance(found, ast.ClassDef) and any(
        isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name == member
        for each in found.body
    )
