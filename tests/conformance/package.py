"""The published package, fetched when it is wanted and kept in the user's cache.

    python -m tests.conformance.package        prints the path of the host, and fetches it at need

Nothing of it enters this repository: it is packed by npm from the registry that npm is set up
for, checked against the digest below, unpacked beside its final place, and moved there whole.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAME: Final = "@openai/codex"
VERSION: Final = "0.169.0-linux-x64"
SHA256: Final = "89801b4b97faba562eb80fe0a833159ac79399be674022f4b1a0ccab1d153faa"

BINARIES: Final = Path("package", "vendor", "x86_64-unknown-linux-musl", "bin")

FETCH_SECONDS: Final = 900
"""How long npm may take for its 167 MB."""


class Unavailable(Exception):  # noqa: N818 - it is a state of the world
    """The package cannot be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """The unpacked package: the client, and its host beside it."""

    root: Path

    @property
    def codex(self) -> Path:
        """The ``codex`` command."""
        return self.root / BINARIES / "codex"

    @property
    def host(self) -> Path:
        """The ``codex-code-mode-host`` that it starts."""
        return self.root / BINARIES / "codex-code-mode-host"


def find_or_fetch() -> Package:
    """Return the package from the cache, where it is put first if it is not there.

    :raises Unavailable: this machine cannot run it, or cannot get it.
    """
    system, machine = platform.system(), platform.machine()
    if (system, machine) not in {("Linux", "x86_64"), ("Linux", "AMD64")}:
        raise Unavailable(f"{NAME} {VERSION} does not run on {system} {machine}")
    place = cache() / f"codex-{VERSION}"
    package = Package(place)
    if not package.host.exists():
        _fetch(place)
    return package


def cache() -> Path:
    """Return this project's folder in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "codemode"


def _fetch(place: Path) -> None:
    """Put the package at ``place``, whole or not at all."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable(f"npm is needed to fetch {NAME} {VERSION}, and is not on the PATH")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="fetch-") as folder:
            archive = _pack(npm, Path(folder))
            _check(archive)
            unpacked = Path(folder, "unpacked")
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data")
            _move(unpacked, place)
    except (OSError, tarfile.TarError) as error:
        raise Unavailable(f"cannot keep {NAME} {VERSION} in {place.parent}: {error}") from error


def _pack(npm: str, folder: Path) -> Path:
    """Let npm fetch the archive into ``folder``."""
    command = [npm, "pack", f"{NAME}@{VERSION}", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            check=False,
            text=True,
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"npm pack took longer than {FETCH_SECONDS} s") from error
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        last = (done.stderr.strip() or "no archive").splitlines()[-1]
        raise Unavailable(f"npm pack {NAME}@{VERSION} failed, status {done.returncode}: {last}")
    return archives[0]


def _check(archive: Path) -> None:
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != SHA256:
        raise Unavailable(f"{NAME} {VERSION} has the digest {digest}, and not {SHA256}")


def _move(unpacked: Path, place: Path) -> None:
    """Put the unpacked package in its place, unless another process has done so meanwhile."""
    try:
        unpacked.rename(place)
    except OSError:
        if not Package(place).host.exists():
            raise


if __name__ == "__main__":
    try:
        print(find_or_fetch().host)
    except Unavailable as reason:
        sys.exit(str(reason))
