"""The limits of what all sessions of a process share: threads of tools, workers, zygotes, descriptors."""

from __future__ import annotations

from dataclasses import dataclass

from .limits import check_limits, limit_field, limit_message


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """Bounds on what all sessions of this process use together; :func:`limit_process` sets them.

    The defaults leave a machine of 2 cores and 4 GiB usable: an idle worker has about 6 MiB, a
    thread of a tool some 0.1 MiB.

    Raises:
        UsageError: a value is not an integer in its range, or ``None`` where that is unsafe.
    """

    tool_threads: int = limit_field(
        256,
        "threads",
        "sync tools of this session's owner hold {observed}, cancelled calls that have not returned"
        " among them, and of the {cap} of this process no more are left for it",
        "try again later, or call other tools.",
    )
    """Threads of sync tools in the process, cancelled calls that have not returned included."""
    workers: int = limit_field(
        256,
        "workers",
        "sessions of this owner have {observed} at work, and of the {cap} of this process no more are"
        " left for it",
        "try again in a moment; a session that ends, or whose programs have ended, makes room.",
    )
    """Worker processes, resting ones included; these are ended when a place is needed."""
    zygotes: int = limit_field(
        16,
        "zygotes",
        "this process has {cap} already, and none of them gives a worker in this event loop",
        "try again in a moment.",
    )
    """Processes from which workers are forked, in all event loops of the process."""
    descriptors: int | None = limit_field(
        None,
        "descriptors",
        "this process has {observed} open, and starts no worker where it would have more than {cap}",
        "try again in a moment; a session that ends makes room.",
        optional=True,
    )
    """Open file descriptors above which no worker is started; None: seven eighths of the system's
    soft limit."""

    def __post_init__(self) -> None:
        check_limits(self)

    def message(self, name: str, observed: int | None = None) -> str:
        """The error text of limit ``name``; ``observed`` is the offending amount."""
        return limit_message(self, name, observed)
