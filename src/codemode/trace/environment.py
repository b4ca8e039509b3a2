"""What the environment asks to be recorded or shown; light, since every session looks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE: Final = "CODEMODE_TRACE"
"""Names a folder: every session of the process that is not told otherwise is recorded there."""


def recorded_in() -> str | None:
    """The folder in which sessions of this process are recorded by default; None: they are not."""
    return os.environ.get(VARIABLE) or None


def record_in(folder: str | os.PathLike[str]) -> None:
    """Have sessions of this process, and of those that it starts, recorded in ``folder`` by default."""
    os.environ[VARIABLE] = os.fspath(folder)


INSPECT: Final = "CODEMODE_INSPECT"
"""Has a process answer ``codemode inspect --attach``: ``1``, or the folder for its socket."""


def process_folder() -> Path | None:
    """The folder for the socket of this process; None: it is not to have one."""
    said = os.environ.get(INSPECT, "")
    if said in ("", "0"):
        return None
    from pathlib import Path  # noqa: PLC0415 - only for who asks

    return sockets_folder() if said == "1" else Path(said)


def sockets_folder() -> Path:
    """Where the sockets of this user's processes are, unless a process was told another folder."""
    from pathlib import Path  # noqa: PLC0415 - only for who asks

    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime, "codemode") if runtime else Path(f"/tmp/codemode-{os.getuid()}")


def inspect_processes() -> None:
    """Have this process, and those that it starts, answer ``codemode inspect --attach``."""
    os.environ.setdefault(INSPECT, "1")
