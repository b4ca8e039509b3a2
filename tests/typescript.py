"""TypeScript's compiler, fetched by npm when a test wants it and kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

VERSION: Final = "7.0.2"
FETCH_SECONDS: Final = 300
COMPILE_SECONDS: Final = 120
OPTIONS: Final = ("--noEmit", "--strict", "--target", "es2022", "--lib", "es2022", "--types", "")


class NoCompiler(Exception):  # noqa: N818 - it is a state of the world
    """There is no compiler to be had here; the text says why."""


def find_or_fetch() -> Path:
    """Return the compiler's command; it is put into the cache first if it is not there.

    :raises NoCompiler: npm is absent, or cannot get it.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    place = Path(base) / "codemode" / f"typescript-{VERSION}"
    command = place / "node_modules" / ".bin" / "tsc"
    if command.exists():
        return command
    npm = shutil.which("npm")
    if npm is None:
        raise NoCompiler("npm is needed to fetch TypeScript, and is not on the PATH")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="fetch-") as folder:
        install = [npm, "install", "--prefix", folder, "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run(
            [*install, f"typescript@{VERSION}"],
            capture_output=True,
            check=False,
            text=True,
            timeout=FETCH_SECONDS,
        )
        if done.returncode:
            said = (done.stderr.strip() or "nothing said").splitlines()[-1]
            raise NoCompiler(f"npm could not install typescript@{VERSION}: {said}")
        if not place.exists():  # another process may have been quicker
            Path(folder).rename(place)
            Path(folder).mkdir()
    return command


def complaints(command: Path, sources: dict[str, str]) -> list[str]:
    """What the compiler says of some modules, by file name, in its strictest form."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source in sources.items():
            (Path(folder) / name).write_text(source, encoding="utf-8")
        done = subprocess.run(
            [str(command), *OPTIONS, *sources],
            cwd=folder,
            capture_output=True,
            check=False,
            text=True,
            timeout=COMPILE_SECONDS,
        )
    return (done.stdout + done.stderr).splitlines() if done.returncode else []
