"""What callers of every session wait for: how long at most, until which signal, and a cell that is not there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ..protocol.types import MissingCell, Result

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ..protocol.session import Signal
    from ..protocol.types import CellId

_log = logging.getLogger(__name__)

MAX_SECONDS: Final = 1e9
"""Clocks differ about longer times, and no caller waits for 30 years."""


async def preempted(preempt: Signal, on_signal: Callable[[], None]) -> None:
    """Call ``on_signal`` when an observation is to end early."""
    try:
        await preempt.wait()
    except Exception as error:  # noqa: BLE001 - a broken signal never comes
        _log.warning("a preemption signal failed: %r", error)
    else:
        on_signal()


def missing(cell_id: CellId) -> MissingCell:
    """There is no such cell."""
    gone = Result(cell_id=cell_id, items=(), error_text=f"exec cell {cell_id} not found")
    return MissingCell(gone)


def retrieved(answer: asyncio.Future[Any]) -> None:
    """An error that nobody waited for is no news."""
    if not answer.cancelled():
        answer.exception()
