"""Responses of a session as results: what a model reads, and which calls were made."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ..errors import LimitError, WorkerLostError
from ..limits import amount
from ..protocol.types import Pending, Result, TextItem, Yielded
from ..surface.approval_text import WaitingCall, approval_text
from ..surface.end_hints import end_hints
from ..surface.output import model_items, status_of
from ..surface.result import ExecResult
from ..surface.text import well_formed
from ..surface.waiting_text import ended_text, waiting_text
from .finished_cells import FinishedCells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..errors import CodeModeError
    from ..limits import Limits
    from ..protocol.types import CellId, MissingCell, RuntimeResponse
    from ..surface.nested_call import NestedCall
    from .activity import Activity


class Results:
    """Makes the results of one session.

    Attributes:
        finished: how its cells have ended.
    """

    def __init__(self, activity: Activity, limits: Limits, *, tells_waiting: bool) -> None:
        self._activity = activity
        self._limits = limits
        self._tells_waiting = tells_waiting
        self.finished = FinishedCells(limits)

    def of(
        self, response: RuntimeResponse | Pending, began: float, max_tokens: int | None
    ) -> ExecResult:
        """The result of an observation that was asked for at ``began``.

        Args:
            response: of the session.
            began: by the clock of ``time.monotonic``.
            max_tokens: budget of the items; ``Limits.output_tokens`` if None.
        """
        budget = self._limits.output_tokens if max_tokens is None else max_tokens
        items = model_items(response, time.monotonic() - began, max_tokens=budget)
        calls, running = self._activity.take_calls(response.cell_id)
        items += tuple(map(TextItem, self._notes(response, calls, running)))
        if isinstance(response, Yielded | Pending):
            return ExecResult("running", items, response.cell_id, response, calls, running)
        calls += tuple(
            msgspec.structs.replace(call, status="cancelled", approval_id=None) for call in running
        )
        result = ExecResult(
            status_of(response),
            items,
            response.cell_id,
            response,
            calls,
            limit=response.limit if isinstance(response, Result) else None,
            worker_lost=isinstance(response, Result) and response.worker_lost,
        )
        self._activity.forget(response.cell_id)
        self.finished.ended(result)
        return result

    def _notes(
        self,
        response: RuntimeResponse | Pending,
        calls: Sequence[NestedCall],
        running: Sequence[NestedCall],
    ) -> Iterator[str]:
        """The notes to a model behind the output."""
        if isinstance(response, Result) and response.error_text is None:
            left = [call for call in calls if call.status == "cancelled"]
            source = self._activity.source(response.cell_id)
            yield from end_hints(source, response.items, (*left, *running))
        if isinstance(response, Yielded | Pending):
            if self._tells_waiting:
                yield waiting_text(running)
            yield from self._approvals(response.cell_id)
        ended = [each for each in self._activity.take_unseen_ends() if each != response.cell_id]
        if ended:
            yield ended_text(ended)

    def _approvals(self, cell_id: CellId) -> Iterator[str]:
        """The notes about calls that wait for approval."""
        approvals = self._activity.approvals(cell_id)
        if not approvals:
            return
        now = datetime.now(UTC)
        waiting = [
            WaitingCall(
                tool=each.name,
                input=each.call.input,
                prompt=each.prompt,
                seconds=(now - each.since).total_seconds(),
            )
            for each in approvals
        ]
        yield approval_text(waiting, cell_id)

    def missing(self, outcome: MissingCell, began: float) -> ExecResult:
        """The result for a cell that is not there: what became of it, and what to do."""
        gone = outcome.response
        self._activity.forget_closed(gone.cell_id)
        error = well_formed(f"{gone.error_text}\nHint: {self.finished.describe(gone.cell_id)}")
        response = msgspec.structs.replace(gone, error_text=error)
        items = model_items(response, time.monotonic() - began)
        return ExecResult("failed", items, gone.cell_id, response)

    def beyond_output(self, response: RuntimeResponse) -> Result:
        """The end of a program that was ended because it wrote more than is kept."""
        error = (
            "Limit reached (output_bytes): all output of a program that is run to its end is kept,"
            f" and it was more than {amount(self._limits.output_bytes, 'bytes')}."
            "\nHint: print a summary instead of everything."
        )
        return Result(
            cell_id=response.cell_id, items=response.items, error_text=error, limit="output_bytes"
        )


def refused(error: CodeModeError) -> ExecResult:
    """The result of a request that was at fault, or whose host is lost."""
    return ExecResult(
        "refused",
        (TextItem(well_formed(str(error))),),  # it may quote what a model wrote
        limit=error.limit if isinstance(error, LimitError) else None,
        worker_lost=isinstance(error, WorkerLostError),
    )


def lost_cell(cell_id: CellId, error: CodeModeError) -> RuntimeResponse:
    """The end of a cell that cannot be observed any more, without what it wrote."""
    lost = isinstance(error, WorkerLostError)
    return Result(cell_id=cell_id, items=(), error_text=well_formed(str(error)), worker_lost=lost)
