"""Definitions and answers fit the types of the ``openai`` and ``anthropic`` packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import programs_of

HERE = Path(__file__).parent
MISTAKES = """\
from codemode import CodeMode, ExecResult


async def mistakes(cm: CodeMode, result: ExecResult) -> None:
    await cm.answer(5)
    result.chat_message(None)
    result.openai_output("c1")
    result.anthropic_result(7)
    await cm.exec("1", yield_time_ms="10")
    cm.stream("1", stop=True)
"""
MYPY_SECONDS = 300


def strictly_checked(path: Path) -> list[str]:
    """What mypy says of a file: its lines with an error, and which rule each one breaks."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(path)],
        capture_output=True,
        check=False,
        cwd=HERE.parents[1],
        encoding="utf-8",
        timeout=MYPY_SECONDS,
    )
    assert done.stderr == ""
    found = [line for line in done.stdout.splitlines() if " error: " in line]
    assert (done.returncode != 0) == bool(found), done.stdout
    return [f"{line.split(':')[1]} {line.rpartition('[')[2].rstrip(']')}" for line in found]


def test_loops_over_the_vendors_packages_are_typed_through_and_through() -> None:
    assert strictly_checked(HERE / "agent_loops.py") == []


@pytest.mark.parametrize("page", ["README.md", "docs/models.md"])
def test_the_loops_that_the_pages_show_are_typed_too(page: str, tmp_path: Path) -> None:
    loops = [
        program
        for program in programs_of(HERE.parents[1] / page)
        if "from openai" in program or "from anthropic" in program
    ]
    for number, program in enumerate(loops):
        (tmp_path / f"loop_{number}.py").write_text(program, encoding="utf-8")

    assert loops
    assert strictly_checked(tmp_path) == []


def test_mistakes_in_a_call_are_found(tmp_path: Path) -> None:
    path = tmp_path / "mistakes.py"
    path.write_text(MISTAKES, encoding="utf-8")

    assert strictly_checked(path) == [
        "5 call-overload",
        "6 arg-type",
        "7 arg-type",
        "8 arg-type",
        "9 arg-type",
        "10 arg-type",
    ]
