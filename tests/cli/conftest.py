"""The command line: in this process, or as one of its own where that is the subject."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from click.testing import CliRunner

import codemode
from codemode.cli import PROGRAM, app

SOURCES = Path(codemode.__file__).parents[1]
ROOT = Path(__file__).parents[2]
CHILD_SECONDS = 60
"""The bound on a child; it is never used up."""

Codemode: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Start: TypeAlias = Callable[..., subprocess.Popen[bytes]]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "codemode", *arguments]


def environment(**more: str) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    return {**plain, "PYTHONPATH": str(SOURCES), "COLUMNS": "200", **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the command runs in."""
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Codemode:
    """Run ``codemode run … -`` in this process, with a program on standard input, to its end."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(program: str, *options: str) -> subprocess.CompletedProcess[str]:
        done = CliRunner().invoke(app, ["run", *options, "-"], prog_name=PROGRAM, input=program)
        return subprocess.CompletedProcess(options, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def run_process(folder: Path) -> Codemode:
    """Run ``codemode run … -`` as a process, with a program on standard input, to its end."""

    def run(program: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command("run", *options, "-"),
            input=program,
            capture_output=True,
            check=False,
            cwd=folder,
            encoding="utf-8",
            env=environment(),
            timeout=CHILD_SECONDS,
        )

    return run


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start ``codemode run … program.js`` and leave it running; it is ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str, *options: str, **more: Any) -> subprocess.Popen[bytes]:
        (folder / "program.js").write_text(program, encoding="utf-8")
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        child = subprocess.Popen(
            command("run", *options, "program.js"), cwd=folder, env=environment(), **streams
        )
        started.append(child)
        return child

    yield start
    for child in started:
        with child:
            child.kill()


@pytest.fixture
def tools(folder: Path) -> Callable[[str], str]:
    """Write a module of tools; its path."""

    def write(source: str) -> str:
        (folder / "my_tools.py").write_text(
            f"from codemode import tool, ToolError, Image\n{source}\n", encoding="utf-8"
        )
        return "my_tools.py"

    return write
