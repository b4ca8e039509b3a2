"""What this process and its workers have used, from the system's own accounts.

A worker is not dumpable, so how its pages are shared is not to be had; what is counted of it is what no file stands
behind. Pages that it still shares with its zygote count for both: the sum is an upper bound.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")

# Fields of /proc/PID/stat, counted from behind the name of the program, which may hold blanks.
_TIMES: Final = slice(11, 15)
_STARTED: Final = 19


class ProcessUse(NamedTuple):
    """What processes have used.

    Attributes:
        cpu_seconds: of processor time, with that of workers that have ended.
        resident_bytes: memory of this process, and what no file stands behind of its children's.
        worker_bytes: the children's part of it.
        started_at: when this process began, in seconds since 1970.
        processes: how many there are.
    """

    cpu_seconds: float
    resident_bytes: int
    worker_bytes: int
    started_at: float
    processes: int


def process_use(proc: Path = _PROC) -> ProcessUse | None:
    """What this process and its workers use now; None where the system does not tell, which is outside Linux."""
    if sys.platform != "linux":
        return None
    try:
        return _use(proc, os.getpid())
    except (OSError, ValueError, IndexError):  # a /proc that is hidden, or is another system's
        return None


def _use(proc: Path, root: int) -> ProcessUse:
    page, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    own = _stat(proc, root)
    used, resident, anonymous = _times(own), _memory(proc, root)[0], 0
    children = _descendants(proc, root)
    for pid in children:
        try:
            used += _times(_stat(proc, pid))
            size, shared = _memory(proc, pid)
        except OSError:  # it has ended since
            continue
        anonymous += size - shared
    return ProcessUse(
        cpu_seconds=used / ticks,
        resident_bytes=(resident + anonymous) * page,
        worker_bytes=anonymous * page,
        started_at=_booted_at(proc) + int(own[_STARTED]) / ticks,
        processes=1 + len(children),
    )


def _stat(proc: Path, pid: int) -> list[bytes]:
    return (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()


def _times(fields: list[bytes]) -> int:
    """Ticks of the process and of its children that have ended."""
    return sum(map(int, fields[_TIMES]))


def _memory(proc: Path, pid: int) -> tuple[int, int]:
    """Pages that are resident, and those of them that a file stands behind."""
    fields = (proc / str(pid) / "statm").read_bytes().split()
    return int(fields[1]), int(fields[2])


def _descendants(proc: Path, root: int) -> list[int]:
    found: list[int] = []
    rest = [root]
    while rest:
        parent = rest.pop()
        try:
            tasks = list((proc / str(parent) / "task").iterdir())
            lists = [(task / "children").read_bytes() for task in tasks]
        except OSError:  # it has ended since, or the kernel keeps no such list
            continue
        children = [int(pid) for each in lists for pid in each.split()]
        found += children
        rest += children
    return found


def _booted_at(proc: Path) -> int:
    for line in (proc / "stat").read_bytes().splitlines():
        if line.startswith(b"btime "):
            return int(line.split()[1])
    raise ValueError("no time of boot")
