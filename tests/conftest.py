"""What holds for every test: examples that come again, no verdict by the clock, nothing fetched unasked."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

settings.register_profile("repeat", derandomize=True, deadline=None)
# make test PYTEST_ARGS=--hypothesis-profile=explore
settings.register_profile("explore", max_examples=5_000, deadline=None, print_blob=True)
settings.load_profile("repeat")

# A run that a shell began in its background ignores SIGINT, and so would each command that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

PACKAGE_FIXTURE = "package"
"""Whoever asks for the published package compares with it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--published",
        action="store_true",
        help="run the tests marked `published`, too; what they compare with is fetched at need",
    )
    parser.addoption(
        "--sample-seed",
        type=int,
        default=0,
        help="which part of what is too much for every run is run: any number",
    )


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests of processes mostly wait."""
    return (os.cpu_count() or 1) + 1


def pytest_report_header(config: pytest.Config) -> str:
    return f"samples: --sample-seed={config.getoption('--sample-seed')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of published packages, unless they are asked for."""
    for item in items:
        if PACKAGE_FIXTURE in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.published)
    if config.getoption("--published"):
        return
    left_out = [item for item in items if item.get_closest_marker("published")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("published")]
