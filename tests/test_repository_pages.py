"""ARCHITECTURE.md and CONTRIBUTING.md name files that are there, in lines that fit a terminal."""

from __future__ import annotations

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
