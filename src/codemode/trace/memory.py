"""Memory of this process and of its children, as the kernel counts it; empty where it does not tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

MOST_CHILDREN: Final = 256


def process_memory() -> dict[str, Any]:
    """Resident bytes: ``application``, and a list ``workers`` of ``{pid, name, bytes}``, children of children, too."""
    own = _resident(os.getpid())
    if own is None:
        return {}
    workers: list[dict[str, Any]] = []
    waiting = _children(os.getpid())
    while waiting and len(workers) < MOST_CHILDREN:
        pid = waiting.pop()
        size = _resident(pid)
        if size is not None:
            workers.append({"pid": pid, "name": _name(pid), "bytes": size})
            waiting += _children(pid)
    return {"application": own, "workers": sorted(workers, key=lambda each: each["pid"])}


def _resident(pid: int) -> int | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, children.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            continue
    return found
