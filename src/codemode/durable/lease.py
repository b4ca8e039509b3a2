"""Who holds the lease of a session: names of processes, and whether one of this machine has died."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
"""Linux tells there when a process began; elsewhere its number has to do."""


def owner_here() -> str:
    """Names this process and store: machine, process id, when that process began, and what is by chance."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_start_of(pid) or 0}:{uuid.uuid4().hex[:12]}"


def has_died(owner: str) -> bool:
    """Whether the process that holds a lease is one of this machine, and is no more."""
    host, pid, began, _ = owner.rsplit(":", 3)
    if host != socket.gethostname():
        return False
    if _PROC.is_dir():
        return _start_of(int(pid)) != int(began)  # another process may have its number by now
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _start_of(pid: int) -> int | None:
    """When a process began, in ticks since the system did; None if it is no more, or only to be reaped."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])
