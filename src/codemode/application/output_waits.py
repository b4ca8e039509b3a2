"""Observing a cell until it has output, in a session that can end an observation there or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from ..protocol.types import WaitRequest

if TYPE_CHECKING:
    from ..protocol.session import Session, Signal, TellsOutput
    from ..protocol.types import CellId, WaitOutcome

OBSERVE_MS: Final = 100
"""How long output may wait where a session cannot end an observation for it."""

LONGEST_MS: Final = 9_000
"""An observation that ends at output is begun anew after so long."""


async def wait_for_output(
    session: Session, cell_id: CellId, seconds: float, *, preempt: Signal
) -> WaitOutcome:
    """Observe a cell until it has output, yields, ends, or is preempted.

    The observation also ends, with a yield, after ``seconds``, and earlier where a session cannot
    do better: a caller that needs more observes again.
    """
    left_ms = max(0, int(seconds * 1000)) if seconds < LONGEST_MS else LONGEST_MS
    if not ends_at_output(session):
        request = WaitRequest(cell_id=cell_id, yield_time_ms=min(left_ms, OBSERVE_MS))
        return await session.wait(request, preempt=preempt)
    request = WaitRequest(cell_id=cell_id, yield_time_ms=min(left_ms, LONGEST_MS))
    # Not by isinstance: a traced session has the method whatever it wraps.
    return await cast("TellsOutput", session).wait_for_output(request, preempt=preempt)


def ends_at_output(session: Session) -> bool:
    """Whether observations of ``session`` can end at output."""
    return getattr(session, "ends_at_output", False) is True
