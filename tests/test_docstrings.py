"""Examples in docstrings give what stands below them."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path
from typing import Final

import pytest

import codemode

ROOT: Final = Path(codemode.__file__).parent
MODULES: Final = sorted(
    ".".join(("codemode", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_an_example_gives_what_stands_below_it(name: str) -> None:
    module = importlib.import_module(name)

    found = doctest.testmod(module)

    assert found.failed == 0 < found.attempted
