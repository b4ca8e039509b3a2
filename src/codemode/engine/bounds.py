"""What a worker may use of memory and processor, told by the application when a session takes it."""

from __future__ import annotations

import os
import struct
import sys
import time
from typing import Final

if sys.platform != "win32":
    import resource

SETTINGS: Final = struct.Struct("<QQ")
"""Bytes of memory, and milliseconds that a cell may compute; 0 for no bound."""

CPU_SLACK_SECONDS: Final = 30
"""Behind the application's own watch, which is to be first: that ends one cell with an error, this
the worker. It matters when the application does not look, because it is stopped or stuck."""


class Bounds:
    """Holds the one file that must be open before the cage closes, until it has been read."""

    def __init__(self) -> None:
        self._statm = -1
        if sys.platform == "linux":
            self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._compute_seconds = 0.0
        self._cpu_until = 0.0

    def apply(self, settings: bytes) -> None:
        """Bound this process, once."""
        memory, compute_ms = SETTINGS.unpack(settings)
        self._compute_seconds = compute_ms / 1000
        if self._statm < 0:
            return
        data = int(os.pread(self._statm, 256, 0).split()[5])
        os.close(self._statm)
        self._statm = -1
        if memory:
            _bound_memory(data, memory)

    def work_arrives(self, cells: int) -> None:
        """Let each of so many cells compute for a whole burst from now on.

        All threads count, so cells that compute at once use their bursts at once.
        """
        if not self._compute_seconds or sys.platform != "linux":
            return
        used = time.process_time()
        until = used + cells * self._compute_seconds + CPU_SLACK_SECONDS / 2
        if until <= self._cpu_until:
            return
        self._cpu_until = until + CPU_SLACK_SECONDS / 2  # so that it need not move each time
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        soft = min(int(self._cpu_until) + 1, 2**62)
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _bound_memory(pages: int, size: int) -> None:
    """Let this process take ``size`` bytes more than the ``pages`` of data that it has now.

    What it has now must not count: V8 maps 512 MiB for machine code with its first isolate, all
    of it writable and so "data" to the kernel, and next to nothing of it ever touched.
    """
    data = pages * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    bound = data + size if hard == resource.RLIM_INFINITY else min(data + size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
