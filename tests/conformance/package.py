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

from codemode_conformance.compare import NEWEST

NAME: Final = "@openai/codex"
RELEASES: Final = {
    "0.171.0": "e13d67afb0533cc6160b5f4140e4ad07e2acd87adbaa081bbf69b82e90cf4e55",
    "0.169.0": "89801b4b97faba562eb80fe0a833159ac79399be674022f4b1a0ccab1d153faa",
}
"""The releases that ours is held against, the newest first, and the digest of each one's archive."""

PLATFORM: Final = "linux-x64"

BINARIES: Final = Path("package", "vendor", "x86_64-unknown-linux-musl", "bin")

FETCH_SECONDS: Final = 900
"""How long npm may take for its 167 MB."""


class Unavailable(Exception):  # noqa: N818 - it is a state of the world
    """The package cannot be had here; the text says why."""


VIEW_SECONDS: Final = 20
"""How long npm may take to say what is the latest release."""


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


def place_of(release: str = NEWEST) -> Path:
    """Return where the package of a release is kept."""
    return cache() / f"codex-{release}-{PLATFORM}"


def find_or_fetch(release: str = NEWEST) -> Package:
    """Return the package from the cache, where it is put first if it is not there.

    :raises Unavailable: this machine cannot run it, or cannot get it.
    """
    system, machine = platform.system(), platform.machine()
    if (system, machine) not in {("Linux", "x86_64"), ("Linux", "AMD64")}:
        raise Unavailable(f"{NAME} {release} does not run on {system} {machine}")
    place = place_of(release)
    package = Package(place)
    if not package.host.exists():
        _fetch(release, place)
    return package


def cache() -> Path:
    """Return this project's folder in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "codemode"


def _fetch(release: str, place: Path) -> None:
    """Put the package at ``place``, whole or not at all."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable(f"npm is needed to fetch {NAME} {release}, and is not on the PATH")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="fetch-") as folder:
            archive = _pack(npm, release, Path(folder))
            _check(release, archive)
            unpacked = Path(folder, "unpacked")
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data")
            _move(unpacked, place)
    except (OSError, tarfile.TarError) as error:
        raise Unavailable(f"cannot keep {NAME} {release} in {place.parent}: {error}") from error


def _pack(npm: str, release: str, folder: Path) -> Path:
    """Let npm fetch the archive into ``folder``."""
    command = [
        npm,
        "pack",
        f"{NAME}@{release}-{PLATFORM}",
        "--silent",
        "--pack-destination",
        str(folder),
    ]
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
        raise Unavailable(f"npm pack {NAME}@{release} failed, status {done.returncode}: {last}")
    return archives[0]


def _check(release: str, archive: Path) -> None:
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != RELEASES[release]:
        raise Unavailable(f"{NAME} {release} has the digest {digest}, and not {RELEASES[release]}")


def newest_published() -> str | None:
    """Return the release that npm calls the latest; None where npm cannot say."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    try:
        done = subprocess.run(
            [npm, "view", NAME, "version"],
            capture_output=True,
            check=False,
            text=True,
            timeout=VIEW_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() or None


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
