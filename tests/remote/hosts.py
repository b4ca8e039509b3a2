"""The hosts that these tests start: ours, and OpenAI's where it has been fetched."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.package import Package, place_of

OURS: Final = (sys.executable, "-m", "codemode.host")


def find_oracle() -> Path | None:
    """OpenAI's host: named by ``CODEMODE_ORACLE``, or in the cache of the conformance tests."""
    named = os.environ.get("CODEMODE_ORACLE")
    path = Path(named) if named else Package(place_of()).host
    return path if path.is_file() else None


ORACLE: Final = find_oracle()

WHICH: Final = ("ours", pytest.param("openai", marks=pytest.mark.published))
"""The hosts by name, for fixtures."""

NO_ORACLE: Final = (
    "OpenAI's host is not here: run `python -m tests.conformance.package`, or set CODEMODE_ORACLE"
)
