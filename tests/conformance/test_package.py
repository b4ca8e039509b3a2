"""The published package is fetched whole or not at all, and whoever cannot have it is told why."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import pytest

from codemode_conformance.compare import NEWEST

from .package import BINARIES, RELEASES, Package, Unavailable, cache, find_or_fetch, place_of


@pytest.fixture(autouse=True)
def on_linux_with_an_empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def npm(folder: Path, script: str) -> str:
    """Make an ``npm`` that does what a script says, and return a PATH with nothing else first."""
    command = folder / "npm"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def refusal() -> str:
    with pytest.raises(Unavailable) as refused:
        find_or_fetch()
    return str(refused.value)


def test_a_package_in_the_cache_is_used_without_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    package = Package(place_of())
    package.host.parent.mkdir(parents=True)
    package.host.touch()

    assert find_or_fetch() == package
    assert package.host.parent == package.root / BINARIES


def test_another_platform_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")

    assert refusal() == f"@openai/codex {NEWEST} does not run on Darwin x86_64"


def test_a_missing_npm_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert refusal() == f"npm is needed to fetch @openai/codex {NEWEST}, and is not on the PATH"


def test_the_last_thing_that_npm_says_is_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", npm(tmp_path, "echo trying >&2; echo no network >&2; exit 7"))

    assert refusal() == f"npm pack @openai/codex@{NEWEST} failed, status 7: no network"


def test_an_archive_with_another_digest_is_not_unpacked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", npm(tmp_path, "echo other > codex.tgz"))

    digest = hashlib.sha256(b"other\n").hexdigest()
    assert (
        refusal() == f"@openai/codex {NEWEST} has the digest {digest}, and not {RELEASES[NEWEST]}"
    )
    assert list(cache().iterdir()) == []
