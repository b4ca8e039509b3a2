"""What the environment asks to be recorded; light, since every session looks."""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "CODEMODE_TRACE"
"""Names a folder: every session of the process that is not told otherwise is recorded there."""


def recorded_in() -> str | None:
    """The folder in which sessions of this process are recorded by default; None: they are not."""
    return os.environ.get(VARIABLE) or None


def record_in(folder: str | os.PathLike[str]) -> None:
    """Have sessions of this process, and of those that it starts, recorded in ``folder`` by default."""
    os.environ[VARIABLE] = os.fspath(folder)
