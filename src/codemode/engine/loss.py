"""Why a worker was lost, in words for a model, as far as the way it ended tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..limits import Limits
    from .process import Exit

KEPT: Final = "\nHint: stored values are kept; run the program again"

_ABORTS: Final = frozenset({4, 5, 6})
"""SIGILL, SIGTRAP, SIGABRT: how V8 ends its process; in practice always for want of memory."""

_NEAR: Final = 0.6
"""Of the bound on memory. What was resident at its greatest is less than what was promised."""

_SIGSYS: Final = 31
_SIGXCPU: Final = 24
"""What the sandbox ends a worker with: a forbidden system call, no processor time left."""


def explain(how: Exit, limits: Limits) -> tuple[str, str | None]:
    """The error of the cells that were in a worker, and the limit that it reached, if one.

    Args:
        how: how the worker ended without having been asked to.
        limits: those of its session.
    """
    if how.signal == _SIGSYS:
        return (
            "The worker process of this session was ended by the system: it tried what no cell"
            f" may do ({how.reason()}).{KEPT}, without what it did last.",
            None,
        )
    if how.signal == _SIGXCPU:
        return limits.message("compute_ms"), "compute_ms"
    bound = limits.worker_memory_bytes
    # V8 aborts when the system gives it no memory; near the bound, that was the bound.
    if bound is not None and (how.max_rss > bound * _NEAR or how.signal in _ABORTS):
        message = limits.message("worker_memory_bytes")
        text = message.replace("\n", f" (The worker was {how.reason()}.)\n", 1)
        return text, "worker_memory_bytes"
    return (
        f"The worker process of this session was lost ({how.reason()})."
        f"{KEPT}, with less data at a time if it used much.",
        None,
    )


def out_of_memory(limits: Limits) -> tuple[str, str | None]:
    """The error of a cell for which V8 got no more memory, and the limit."""
    if limits.worker_memory_bytes is None:
        return f"The system gave this cell no more memory.{KEPT}, with less data at a time.", None
    return limits.message("worker_memory_bytes"), "worker_memory_bytes"
