"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from codemode.engine.installed import V8


@dataclass(frozen=True, slots=True)
class Machine:
    """The header of a report. ``load`` is the load average of the last minute before it."""

    python: str
    v8: str
    cpu: str
    cpus: int
    kernel: str
    load: float | None

    @classmethod
    def this(cls) -> Machine:
        """The machine that this runs on."""
        return cls(
            python=f"{platform.python_implementation()} {platform.python_version()}",
            v8=V8,
            cpu=_cpu(),
            cpus=os.cpu_count() or 0,
            kernel=f"{platform.system()} {platform.release()}",
            load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        )

    def __str__(self) -> str:
        load = "" if self.load is None else f" · load before {self.load:.2f}"
        cpus = f"{self.cpus} × {self.cpu}"
        return f"{self.python} · V8 {self.v8} · {cpus} · {self.kernel}{load}"


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
