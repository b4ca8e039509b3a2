"""Tools that read the repository they stand in: plain functions with type hints.

    codemode run --tools examples/repository_tools.py examples/largest_files.js

Without a git history (a source archive) the files are found by looking, and there are no commits.
"""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import chart

from codemode import Image, ToolError, tool

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = {"build", "dist", "out", "node_modules", "__pycache__"}
GIT_SECONDS = 30


class FileFacts(TypedDict):
    path: str
    lines: int
    functions: int
    """Functions and methods, if it is Python."""


class Commit(TypedDict):
    hash: str
    date: str
    subject: str


class Bar(TypedDict):
    label: str
    value: float
    group: int


@tool
def list_files(suffix: str = "") -> list[str]:
    """The repository's files, by path.

    Args:
        suffix: only those whose name ends so, such as ".py".
    """
    listed = _git("ls-files", "--cached", "--others", "--exclude-standard")
    paths = sorted(set(_walk(ROOT)) if listed is None else set(listed.splitlines()))
    return [path for path in paths if path.endswith(suffix) and (ROOT / path).is_file()]


@tool
def file_facts(path: str) -> FileFacts:
    """How long a file is, and what is in it."""
    text = read_file(path)
    functions = 0
    if path.endswith(".py"):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        functions = sum(isinstance(node, kinds) for node in ast.walk(ast.parse(text)))
    return {"path": path, "lines": len(text.splitlines()), "functions": functions}


@tool
def read_file(path: str) -> str:
    """The text of a file of the repository."""
    file = (ROOT / path).resolve()
    if not file.is_relative_to(ROOT) or not file.is_file():
        raise ToolError(f"there is no file {path!r} in the repository\nHint: see list_files.")
    return file.read_text(encoding="utf-8", errors="replace")


@tool
def commits(limit: int = 1000) -> list[Commit]:
    """The latest commits, newest first; none in a copy without a git history."""
    log = _git("log", f"--max-count={limit}", "--date=short", "--format=%h%x09%ad%x09%s") or ""
    rows = (line.split("\t", 2) for line in log.splitlines())
    return [{"hash": name, "date": date, "subject": subject} for name, date, subject in rows]


@tool
def bar_chart(title: str, subtitle: str, bars: list[Bar]) -> Image:
    """Draw a bar chart as a PNG.

    Args:
        title: the first line.
        subtitle: a smaller line below it.
        bars: from top to bottom; bars of one group have one colour.
    """
    return Image(chart.bar_chart(title, subtitle, [chart.Bar(**bar) for bar in bars]), "image/png")


def _git(*arguments: str) -> str | None:
    """What git says, or None if there is no git or no history of this very folder."""
    if not (ROOT / ".git").exists():
        return None
    command = ["git", "-C", str(ROOT), "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, check=True, timeout=GIT_SECONDS, encoding="utf-8"
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _walk(folder: Path) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name in SKIPPED or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _walk(entry)
        else:
            yield entry.relative_to(ROOT).as_posix()
