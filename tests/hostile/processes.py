"""Processes and what they take, as the kernel tells it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

SAMPLE_SECONDS: Final = 0.04
LOOK_EVERY: Final = 3
"""Memory is read each time, and who there is each third time: that takes longer."""


def descendants(parent: int, *, without: str | None = None) -> set[int]:
    """The processes that live below ``parent``; a zombie does not.

    Those with the word ``without`` in their command line do not count, nor what is below them.
    """
    children = _children()
    found: set[int] = set()
    open_ends = [parent]
    while open_ends:
        for child in children.get(open_ends.pop(), ()):
            if without is not None and without in _command_line(child):
                continue
            found.add(child)
            open_ends.append(child)
    return found


def childless(pids: Iterable[int]) -> set[int]:
    """Those of the processes that have no child: workers, not the zygotes that have forked them."""
    children = _children()
    return {pid for pid in pids if pid not in children}


def _children() -> dict[int, list[int]]:
    """The children of each process that has some; a zombie is none."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (above := _parent(entry)) is not None:
            children.setdefault(above, []).append(int(entry))
    return children


def _parent(pid: str) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):  # it has just ended
        return None
    return None if fields[0] in "ZX" else int(fields[1])


def _command_line(pid: int) -> str:
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except OSError:
        return ""


def memory(pids: Iterable[int]) -> int:
    """What these processes take together, in bytes: pages that several share count once."""
    return sum(map(_memory, pids))


def _memory(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        return 0
    except PermissionError:  # it hides from us: then all its pages count, which is more
        return _resident(pid)
    except OSError:  # it has just ended
        return 0


def _resident(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class Sampler:
    """Watches in a thread what some processes take.

    Args:
        everyone: gives those that live now.
    """

    def __init__(self, everyone: Callable[[], set[int]]) -> None:
        self.everyone = everyone
        self._most = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._thread.start()

    def begin(self) -> int:
        """Forget the most that was seen; what they take now, in bytes."""
        now = memory(self.everyone())
        with self._lock:
            self._most = now
        return now

    @property
    def most(self) -> int:
        """The most that was seen since ``begin``, in bytes."""
        with self._lock:
            return self._most

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        looks, pids = 0, set[int]()
        while not self._ended.wait(SAMPLE_SECONDS):
            if looks % LOOK_EVERY == 0:
                pids = self.everyone()
            looks += 1
            now = memory(pids)
            with self._lock:
                self._most = max(self._most, now)
