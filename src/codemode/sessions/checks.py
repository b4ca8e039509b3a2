"""What every session refuses before it asks anything to run, wherever its cells do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..errors import LimitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..limits import Limits
    from ..protocol.types import CellId

DEFAULT_YIELD_MS: Final = 10_000

MAX_YIELD_MS: Final = 2**53
"""What JSON says exactly; more is as good as for ever."""

NAMED_CELLS: Final = 16
"""How many live cells the error names that refuses one more."""


def check_source(source: str, limits: Limits) -> None:
    """Raise LimitError if ``source`` is longer than it may be."""
    size = len(source.encode("utf-8", "replace"))
    if size > limits.source_bytes:
        raise LimitError(limits.message("source_bytes", size), limit="source_bytes")


def check_room(ids: Sequence[CellId], live: int, limits: Limits) -> None:
    """Raise LimitError if ``live`` cells are all there may be; it names some of ``ids``."""
    bound = limits.live_cells
    if bound is not None and live >= bound:
        message = limits.message("live_cells", live)
        named = f" Live cells: {', '.join(ids[:NAMED_CELLS])}." if ids else ""
        raise LimitError(message + named, limit="live_cells")


def check_yield_time(wanted_ms: int) -> None:
    """Raise UsageError if this is no time."""
    if wanted_ms < 0:
        raise UsageError(f"yield_time_ms must not be negative, got {wanted_ms}")
