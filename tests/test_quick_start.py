"""What is loaded at a start: nothing that most programs do not need."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from codemode.quick_import import quick_import

HOST = "from codemode.host import stdio"
IMPORT = "from codemode import CodeMode"
DESCRIBED = """
from codemode import CodeMode
def add(a: int, b: int) -> int:
    "Add numbers."
    return a + b
CodeMode(tools=[add]).exec_tool.description
"""
RUN = "from codemode.cli import running"

ERRORS = ("difflib", "codemode.surface.hints")
STARTS = {
    "a host over pipes": (HOST, (*ERRORS, "pathlib", "hashlib", "click", "codemode.tools")),
    "the import": (IMPORT, (*ERRORS, "pathlib", "html", "sqlite3", "codemode.engine", "pydantic")),
    "a tool described": (DESCRIBED, ("griffe", "sqlite3", "codemode.host")),
    "codemode run": (RUN, ("codemode.remote", "codemode.tools.mcp.server", "griffe", "pydantic")),
}


@pytest.mark.parametrize("start", STARTS)
def test_what_is_seldom_needed_is_not_loaded(start: str) -> None:
    code, seldom = STARTS[start]
    looked = f"{code}\nprint(*[name for name in {seldom!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys\nsys.path[:0] = {sys.path!r}\n{looked}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n"


@pytest.mark.parametrize("was_enabled", [True, False])
def test_the_collector_is_as_before_when_modules_are_loaded(was_enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if was_enabled else gc.disable)()
        with quick_import():
            assert not gc.isenabled()
        assert gc.isenabled() is was_enabled
    finally:
        (gc.enable if before else gc.disable)()
