"""A zygote whose workers have no cage, to measure what that costs. Nothing of it is installed."""

from __future__ import annotations

from typing import NoReturn

from codemode.engine import worker, zygote
from codemode.engine.cage import PARTS, Part


def main(control_fd: int, parent: int) -> NoReturn:
    """Be a zygote that leaves the cage open."""
    worker.close_cage = _leave_open  # type: ignore[attr-defined]
    zygote.main(control_fd, parent)


def _leave_open() -> tuple[Part, ...]:
    return tuple(Part(name, in_force=False, note="left out") for name in PARTS)
