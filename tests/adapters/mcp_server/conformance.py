"""The protocol's own conformance tests, fetched when they are wanted and kept in the user's cache.

Nothing of them enters this repository: npm installs them from the registry that it is set up for,
beside their final place, without running any of their scripts; they are moved there whole.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.conformance.package import Unavailable, cache

NAME: Final = "@modelcontextprotocol/conformance"
VERSION: Final = "0.1.13"
"""The last one that Node 20 can run."""
INTEGRITY: Final = "sha512-J9cC7Dsi7hTn7sxorvxDZ+wC8OlHAkOmVxVm1/IBQ8HEpYJu8r0eAUEw68vTmjBPP5WcU8Jld4RZ3cOFp/Ih1g=="

FETCH_SECONDS: Final = 300
SCENARIO_SECONDS: Final = 60

_PACKAGE: Final = Path("node_modules", NAME)
_PROGRAM: Final = _PACKAGE / "dist" / "index.js"


class Conformance:
    """The installed tests."""

    def __init__(self) -> None:
        """Find them in the cache, where they are put first if they are not there.

        :raises Unavailable: Node or npm is missing, or the package cannot be had.
        """
        node = shutil.which("node")
        if node is None:
            raise Unavailable(f"node is needed to run {NAME}, and is not on the PATH")
        self._node = node
        self._place = cache() / f"mcp-conformance-{VERSION}"
        if not (self._place / _PROGRAM).exists():
            _fetch(self._place)

    def scenarios(self) -> list[str]:
        """Return the names of the scenarios for servers."""
        listed = self._run("list").stdout.partition("Client scenarios")[0].splitlines()
        return [line.strip().removeprefix("- ") for line in listed if line.startswith("  - ")]

    def passes(self, scenario: str, url: str) -> tuple[bool, str]:
        """Return whether a server passes, and what was said about it."""
        done = self._run("server", "--url", url, "--scenario", scenario)
        return done.returncode == 0, done.stdout + done.stderr

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as folder:  # it leaves its results where it runs
            return subprocess.run(
                [self._node, str(self._place / _PROGRAM), *arguments],
                cwd=folder,
                capture_output=True,
                check=False,
                text=True,
                timeout=SCENARIO_SECONDS,
            )


def _fetch(place: Path) -> None:
    """Put the package at ``place``, whole or not at all."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable(f"npm is needed to fetch {NAME} {VERSION}, and is not on the PATH")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="fetch-") as folder:
            installed = Path(folder, "installed")
            installed.mkdir()
            _install(npm, installed)
            try:
                installed.rename(place)
            except OSError:
                if not (place / _PROGRAM).exists():  # else another process was quicker
                    raise
    except OSError as error:
        raise Unavailable(f"cannot keep {NAME} {VERSION} in {place.parent}: {error}") from error


def _install(npm: str, folder: Path) -> None:
    options = ["--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    try:
        done = subprocess.run(
            [npm, "install", *options, f"{NAME}@{VERSION}"],
            cwd=folder,
            capture_output=True,
            check=False,
            text=True,
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"npm install took longer than {FETCH_SECONDS} s") from error
    if done.returncode:
        last = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise Unavailable(f"npm install {NAME}@{VERSION} failed, {done.returncode}: {last}")
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    integrity = lock["packages"][_PACKAGE.as_posix()]["integrity"]
    if integrity != INTEGRITY:
        raise Unavailable(f"{NAME} {VERSION} has the digest {integrity}, and not {INTEGRITY}")
