"""Waiting for something of a cell: output, the answers of its calls, its end.

A session ends an observation when the cell yields, ends, or the time is up. A *condition* tells when a
caller has what it waits for: observations that end before are followed by others, and what they gave
is handed over together. What a caller who was cancelled did not get waits for the next one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import msgspec

from ..errors import UsageError
from ..protocol.types import LiveCell, MissingCell, WaitRequest, WaitToPendingRequest, Yielded
from ..sessions.items import size_of
from ..sessions.waits import preempted
from .output_waits import wait_for_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..protocol.session import Session, Signal
    from ..protocol.types import CellId, Item, WaitOutcome
    from .cell_record import CellRecord

Condition: TypeAlias = Literal["output", "calls", "pending", "end"]
"""``output``: the cell has written something. ``calls``: no nested call runs. ``pending``: it is
frozen at its pending frontier. ``end``: it is over, whatever it yields meanwhile."""

CONDITIONS: Final[tuple[Condition, ...]] = get_args(Condition)
MODEL_CONDITIONS: Final[tuple[Condition, ...]] = ("output", "calls", "end")
"""Those that a model can choose: it need not know what a frontier is."""

FROZEN_MS: Final = 1
"""How long a cell is observed that has not come to its frontier in time: it runs on then."""


class CellWait:
    """One wait for a condition.

    Args:
        session: where the cell runs.
        record: of the cell.
        until: a condition, or a nested call: its id or the name of its tool.
        seconds: how long to wait at most.
        max_bytes: how much output to gather at most.
        preempt: ends the wait early.

    Raises:
        UsageError: there is no such condition or call; written for the model.
    """

    def __init__(
        self,
        session: Session,
        record: CellRecord,
        until: str,
        *,
        seconds: float,
        max_bytes: int,
        preempt: Signal | None,
    ) -> None:
        self._session = session
        self._record = record
        self._until = until
        self._calls = frozenset(
            call.id for call in record.running if until in ("calls", call.id, call.tool)
        )
        _check_condition(until, record)
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._max_bytes = max_bytes
        self._preempt = preempt
        self._ends = asyncio.Event()

    async def outcome(self) -> WaitOutcome:
        """The last of what came until the condition was met, the cell ended, or the time was up.

        What came before is left over in the record.

        Raises:
            SessionError: as for ``Session.wait``.
        """
        forwarding = self._forward_preempt()
        self._record.on_call_ended = self._call_ended
        self._call_ended()
        try:
            while True:
                outcome = await self._observe()
                response = outcome.response
                if not isinstance(response, Yielded) or self._is_over(response.items):
                    return outcome
                # Where the next observation is cancelled, the next caller gets these.
                self._record.left_over.extend(response.items)
        finally:
            self._record.on_call_ended = None
            if forwarding is not None:
                forwarding.cancel()

    @property
    def _left(self) -> float:
        return self._deadline - asyncio.get_running_loop().time()

    @property
    def _left_ms(self) -> int:
        return max(0, int(self._left * 1000))

    async def _observe(self) -> WaitOutcome:
        cell_id = self._record.cell_id
        if self._until == "output":
            left = self._left
            return await wait_for_output(self._session, cell_id, left, preempt=self._ends)
        if self._until == "pending":
            return await self._observe_frontier(cell_id)
        request = WaitRequest(cell_id=cell_id, yield_time_ms=self._left_ms)
        return await self._session.wait(request, preempt=self._ends)

    async def _observe_frontier(self, cell_id: CellId) -> WaitOutcome:
        frontier = self._session.wait_to_pending(WaitToPendingRequest(cell_id=cell_id))
        observing = asyncio.ensure_future(frontier)
        ending = asyncio.ensure_future(self._ends.wait())
        try:
            # The frontier, the condition, or the time: whichever is first. A frontier that is there counts.
            await asyncio.wait(
                {observing, ending}, timeout=self._left, return_when=asyncio.FIRST_COMPLETED
            )
            if observing.done():
                return observing.result()
        finally:
            ending.cancel()
            observing.cancel()
            # The session takes back what the cancelled observation had; only then may the next one begin.
            await asyncio.wait({observing})
        return await self._session.wait(WaitRequest(cell_id=cell_id, yield_time_ms=FROZEN_MS))

    def _is_over(self, items: Sequence[Item]) -> bool:
        """Whether a yield is handed over, and not waited through."""
        gathered = (*self._record.left_over, *items)
        if self._left <= 0 or self._ends.is_set() or self._until == "pending":
            return True
        if self._until == "output" and gathered:
            return True
        return sum(map(size_of, gathered)) > self._max_bytes

    def _call_ended(self) -> None:
        waits_for_calls = self._until not in ("output", "pending", "end")
        if waits_for_calls and not self._calls.intersection(
            call.id for call in self._record.running
        ):
            self._ends.set()

    def _forward_preempt(self) -> asyncio.Task[None] | None:
        if self._preempt is None:
            return None
        return asyncio.create_task(preempted(self._preempt, self._ends.set))


def _check_condition(until: str, record: CellRecord) -> None:
    """Raise UsageError if nothing of this name can be waited for; a call that has ended can."""
    if until in CONDITIONS or record.knows_call(until):
        return
    running = ", ".join(f"{call.id} ({call.tool})" for call in record.running) or "no call"
    raise UsageError(
        f"cell {record.cell_id} has made no call `{until}`; under way: {running}"
        f"\nHint: wait until {', '.join(CONDITIONS)}, or until one of these calls has its answer."
    )


def with_items_before(outcome: WaitOutcome, items: Sequence[Item]) -> WaitOutcome:
    """``outcome`` with ``items`` before its own."""
    if not items:
        return outcome
    if isinstance(outcome, MissingCell):
        gone = outcome.response
        return MissingCell(msgspec.structs.replace(gone, items=(*items, *gone.items)))
    response = outcome.response
    return LiveCell(msgspec.structs.replace(response, items=(*items, *response.items)))
