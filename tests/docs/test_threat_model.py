"""``docs/threat-model.md`` names what there is."""

import re

import pytest

from .code import ROOT, source_of

PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
CODE = sorted(set(re.findall(r"`([^`\s]+)`", PAGE)))
TESTS = [name for name in CODE if "::" in name]
FILES = [name for name in CODE if re.fullmatch(r"[\w./-]+\.(py|js|cc|md)", name)]
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| (?!vector)", line)]


@pytest.mark.parametrize("test", TESTS)
def test_a_test_that_is_named_is_there(test: str) -> None:
    assert source_of(test) is not None


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_named_is_there(file: str) -> None:
    folder = ROOT if file.startswith("tests/") else ROOT / "src" / "codemode"

    assert (folder / file).is_file()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_each_vector_has_a_defence_a_file_and_a_test(row: str) -> None:
    vector, defence, files, tests = (cell.strip() for cell in row.strip("|").split("|"))

    assert vector and defence
    assert re.fullmatch(r"`[a-z_0-9/]+\.(py|js|cc)`(, `[a-z_0-9/]+\.(py|js|cc)`)*", files)
    assert all(name.startswith("`tests/") for name in tests.split(", "))
