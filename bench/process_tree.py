"""Memory of this process and its descendants, from ``/proc``; Linux only.

RSS counts a page once for each process that maps it. PSS divides it among them, so that the sum
over a tree is right. USS counts only what belongs to one process alone: what its end would free.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Memory:
    """Sizes in MiB."""

    rss: float = 0.0
    pss: float = 0.0
    uss: float = 0.0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.rss + other.rss, self.pss + other.pss, self.uss + other.uss)

    def __sub__(self, other: Memory) -> Memory:
        return Memory(self.rss - other.rss, self.pss - other.pss, self.uss - other.uss)


def supported() -> bool:
    """Whether this system says what memory belongs to whom; of workers it tells root alone."""
    return (_PROC / "self/smaps_rollup").exists() and os.geteuid() == 0


def memory_of(pid: int) -> Memory:
    """The memory of one process; nothing if it has ended."""
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return Memory()
    kib = {line.split()[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    private = kib["Private_Clean:"] + kib["Private_Dirty:"]
    return Memory(kib["Rss:"] / 1024, kib["Pss:"] / 1024, private / 1024)


def tree_memory() -> Memory:
    """The memory of this process and all its descendants."""
    return sum(map(memory_of, [os.getpid(), *descendants()]), Memory())


def descendants() -> list[int]:
    """The process ids of all descendants of this process, oldest first."""
    parents: dict[int, int] = {}
    started: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(entry.name)] = int(fields[1])
        started[int(entry.name)] = int(fields[19])
    found: list[int] = []
    ancestors = {os.getpid()}
    while new := [pid for pid, parent in parents.items() if parent in ancestors]:
        found += new
        ancestors = set(new)
    return sorted(found, key=lambda pid: (started[pid], pid))
