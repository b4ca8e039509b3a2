"""The published reference server for Node, fetched when it is wanted and kept in the user's cache."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest

from codemode import StdioServer

NAME: Final = "@modelcontextprotocol/server-everything"
VERSION: Final = "2026.8.31"
PROGRAM: Final = Path("node_modules", NAME, "dist", "index.js")

FETCH_SECONDS: Final = 300
"""How long npm may take for its 30 MB."""


def everything() -> StdioServer:
    """The server; a test that wants it is skipped where it cannot be had."""
    node = shutil.which("node")
    if node is None:
        pytest.skip(f"{NAME} needs node, which is not on the PATH")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    place = Path(base, "codemode", f"server-everything-{VERSION}")
    if not (place / PROGRAM).exists():
        _fetch(place)
    return StdioServer(node, [str(place / PROGRAM)])


def _fetch(place: Path) -> None:
    """Put the package at ``place``, whole or not at all."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"npm is needed to fetch {NAME} {VERSION}, and is not on the PATH")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="fetch-") as folder:
        made = Path(folder, "made")
        made.mkdir()
        options = ["--prefix", str(made), "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        try:
            done = subprocess.run(
                [npm, "install", *options, f"{NAME}@{VERSION}"],
                capture_output=True,
                check=False,
                text=True,
                timeout=FETCH_SECONDS,
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm install {NAME}@{VERSION} took longer than {FETCH_SECONDS} s")
        if done.returncode or not (made / PROGRAM).exists():
            last = (done.stderr.strip() or "no program").splitlines()[-1]
            pytest.skip(f"npm install {NAME}@{VERSION} failed, status {done.returncode}: {last}")
        try:
            made.rename(place)
        except OSError:  # another process was quicker
            if not (place / PROGRAM).exists():
                raise
