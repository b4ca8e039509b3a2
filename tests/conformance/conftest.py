"""The published package, for the tests that compare with it."""

from __future__ import annotations

import os
from typing import Final

import pytest

from .package import Package, Unavailable, find_or_fetch
from .sample import sample
from .tries import told, tries

__all__ = ["tries"]  # the fixture

FIXTURE: Final = "package"
_FOUND: Final = pytest.StashKey[Package | Unavailable]()

_SAMPLES: Final = {"v1_program": "V1", "grpc_program": "gRPC"}
"""What a test calls one program of the sample, and the wire that this goes over."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test over a wire the programs of its sample."""
    for name, wire in _SAMPLES.items():
        if name in metafunc.fixturenames:
            programs = sample(wire, metafunc.config.getoption("--sample-seed"))
            metafunc.parametrize(name, programs, ids=[program.name for program in programs])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch the package before the first test: no test's own time is spent on 167 MB."""
    if session.config.option.collectonly:
        return
    if any(FIXTURE in getattr(item, "fixturenames", ()) for item in session.items):
        try:
            session.config.stash[_FOUND] = find_or_fetch()
        except Unavailable as reason:
            session.config.stash[_FOUND] = reason


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how often anything was tried again."""
    stats = terminalreporter.stats
    reports = [each for kind in ("passed", "failed") for each in stats.get(kind, ())]
    if line := told(each for each in reports if each.when == "call"):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session", name=FIXTURE)
def published_package(request: pytest.FixtureRequest) -> Package:
    """Return the package; a test is skipped where it cannot be had, except in CI, where it fails."""
    found = request.config.stash[_FOUND]
    if isinstance(found, Package):
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(str(found), pytrace=False)
    pytest.skip(str(found))
