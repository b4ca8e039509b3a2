"""Callers who wait for what a cell says, and how it is handed to them.

An answer that finds its caller gone is kept for the next one: output goes in front of what comes
next, an end is told to whoever asks. The end of a cell is handed over when its callbacks have
ended, as in a session on this machine.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from ..errors import WorkerLostError
from ..protocol import messages as m
from ..protocol.types import CellId, LiveCell, MissingCell, Result, Terminated, Yielded
from ..sessions.items import size_of
from ..sessions.waits import retrieved
from .losses import cell_lost, start_lost
from .operations import UnexpectedAnswerError, Value
from .overtime import OBSERVE_SECONDS, Overtime
from .refusals import refusal

if TYPE_CHECKING:
    from ..errors import CodeModeError
    from ..protocol.types import ExecuteRequest, RuntimeResponse, WaitOutcome
    from ..sessions.ends import Ends
    from .cells import RemoteCell

    End: TypeAlias = Result | Terminated

_log = logging.getLogger(__name__)


class Deliveries:
    """Hands outcomes to callers, and keeps what reaches nobody."""

    def __init__(self, unread: Ends[LiveCell], max_bytes: int) -> None:
        self._unread = unread
        self._max_bytes = max_bytes

    def deliver(
        self,
        outcome: WaitOutcome,
        cell_id: CellId,
        cell: RemoteCell | None,
        caller: asyncio.Future[WaitOutcome],
    ) -> None:
        """Give the outcome to ``caller``, when its time has come."""
        if isinstance(outcome, MissingCell):
            text = f"exec cell {cell_id} not found"
            gone = msgspec.structs.replace(outcome.response, cell_id=cell_id, error_text=text)
            self._after_callbacks(cell, lambda: self._hand_over_missing(MissingCell(gone), caller))
            return
        response: Any = msgspec.structs.replace(outcome.response, cell_id=cell_id)
        if isinstance(response, Yielded):
            self._hand_over(response, cell, caller)
            return
        if cell is not None:
            cell.is_over = True
        self._after_callbacks(cell, lambda: self._hand_over(response, cell, caller))

    def take_back(self, outcome: WaitOutcome, cell: RemoteCell | None) -> None:
        """The outcome was given to a caller who is gone."""
        if isinstance(outcome, LiveCell) and isinstance(
            outcome.response, Yielded | Result | Terminated
        ):
            if cell is not None and not isinstance(outcome.response, Yielded):
                cell.end_seen = False
            self._keep(outcome.response, cell)

    def _after_callbacks(self, cell: RemoteCell | None, hand_over: Any) -> None:
        if cell is None:
            hand_over()
        else:
            cell.callbacks.cancel_all(hand_over)

    def _hand_over_missing(self, outcome: MissingCell, caller: asyncio.Future[WaitOutcome]) -> None:
        if not caller.done():
            unread = self._unread.take(outcome.response.cell_id)
            caller.set_result(outcome if unread is None else unread)

    def _hand_over(
        self,
        response: Yielded | End,
        cell: RemoteCell | None,
        caller: asyncio.Future[WaitOutcome],
    ) -> None:
        if caller.done():
            self._keep(response, cell)
            return
        if cell is not None:
            cell.end_seen = cell.end_seen or not isinstance(response, Yielded)
        caller.set_result(LiveCell(_with_left_over(response, cell)))

    def _keep(self, response: Yielded | End, cell: RemoteCell | None) -> None:
        if cell is None:
            return
        if not isinstance(response, Yielded):
            if not cell.end_seen:
                whole = _with_left_over(response, cell)
                self._unread.keep(whole.cell_id, LiveCell(whole), whole.items)
            return
        kept = [*cell.left_over, *response.items]
        if sum(map(size_of, kept)) > self._max_bytes:
            _log.warning("output of cell %s that reached nobody is too much to keep", cell.cell_id)
            return
        cell.left_over = kept


def _with_left_over(response: Any, cell: RemoteCell | None) -> Any:
    if cell is None or not cell.left_over:
        return response
    items, cell.left_over = (*cell.left_over, *response.items), []
    return msgspec.structs.replace(response, items=items)


class Asking(Protocol):
    """What an observation needs of its session."""

    @property
    def deliveries(self) -> Deliveries: ...

    def admitted(self, start: Start, remote_id: CellId) -> RemoteCell: ...

    def withdraw(self, number: int) -> None: ...

    def end_unwanted(self, cell: RemoteCell) -> None: ...

    def begun(self) -> None:
        """An execute is over with: it has a cell, or never will."""

    def give_up(self) -> None:
        """The host does not answer."""


class RemoteObservation:
    """A wait or a termination (``operations.Operation``)."""

    def __init__(
        self, session: Asking, cell_id: CellId, cell: RemoteCell | None, *, withdrawable: bool
    ) -> None:
        self.outcome: asyncio.Future[WaitOutcome] = asyncio.get_running_loop().create_future()
        self.outcome.add_done_callback(retrieved)
        self.number = 0
        self.is_over = False
        self._session = session
        self._cell_id = cell_id
        self._cell = cell
        self._withdrawable = withdrawable
        self.overtime = Overtime(self._overdue)
        if cell is not None:
            cell.observers += 1

    def __repr__(self) -> str:
        return f"<observation of cell {self._cell_id}, {'over' if self.is_over else 'open'}>"

    def answered(self, value: Value) -> None:
        if not isinstance(value, LiveCell | MissingCell):
            raise UnexpectedAnswerError(f"{type(value).__name__} for an observation")
        self._done()
        self._session.deliveries.deliver(value, self._cell_id, self._cell, self.outcome)

    def refused(self, message: str) -> None:
        self._done()
        if not self.outcome.done():
            self.outcome.set_exception(refusal(message, self._cell_id))

    def observed(self, response: RuntimeResponse) -> None:
        raise UnexpectedAnswerError("an initial response for no execute")

    def unobserved(self, message: str) -> None:
        raise UnexpectedAnswerError("an initial response for no execute")

    def lost(self, error: CodeModeError) -> None:
        self._done()
        if not self.outcome.done():
            self.outcome.set_exception(_told(error, self._cell))

    def leave(self) -> None:
        """The caller is gone."""
        if self.outcome.cancelled():
            if self._withdrawable and not self.is_over:
                self._session.withdraw(self.number)
        elif self.outcome.exception() is None:
            self._session.deliveries.take_back(self.outcome.result(), self._cell)

    def _overdue(self) -> None:
        if self._withdrawable and _is_notifying(self._cell):
            self.overtime.begin(OBSERVE_SECONDS)
        else:
            self._session.give_up()

    def _done(self) -> None:
        self.is_over = True
        self.overtime.end()
        if self._cell is not None:
            self._cell.observers -= 1


def _told(error: CodeModeError, cell: RemoteCell | None) -> CodeModeError:
    """The error for whoever waits for the cell; that it was lost has been told then."""
    if cell is None or cell.is_over or not isinstance(error, WorkerLostError):
        return error
    cell.loss_seen = True
    return WorkerLostError(cell_lost(str(error), cell.cell_id))


def _is_notifying(cell: RemoteCell | None) -> bool:
    """Whether an answer may be due to us: some hosts say how a cell ended when they know it was notified."""
    return cell is not None and cell.callbacks.is_notifying


class Start:
    """An execute, up to its initial response (``operations.Operation``).

    Made by whoever executes: ``context`` is a copy of that task's, for the callbacks of the cell.

    Args:
        session: whose it is.
        request: what was asked for.
        yield_seconds: how long the cell may run before it is answered for the first time.
    """

    def __init__(self, session: Asking, request: ExecuteRequest, yield_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.request = request
        self.context = copy_context()
        self.admitted: asyncio.Future[RemoteCell] = loop.create_future()
        self.initial: asyncio.Future[WaitOutcome] = loop.create_future()
        self.admitted.add_done_callback(retrieved)
        self.initial.add_done_callback(retrieved)
        self.number = 0
        self.is_over = False
        self.overtime = Overtime(self._overdue)
        self._session = session
        self._yield_seconds = yield_seconds
        self._cell: RemoteCell | None = None

    def __repr__(self) -> str:
        return (
            f"<execute of {self._cell or 'a cell to come'}, {'over' if self.is_over else 'open'}>"
        )

    def answered(self, value: Value) -> None:
        if not isinstance(value, m.ExecutionStarted) or self._cell is not None:
            raise UnexpectedAnswerError(f"{type(value).__name__} for an execute")
        cell = self._cell = self._session.admitted(self, value.cell_id)
        cell.observers += 1
        self.overtime.begin(self._yield_seconds + OBSERVE_SECONDS)
        if self.admitted.done():
            self._session.end_unwanted(cell)
        else:
            self.admitted.set_result(cell)

    def refused(self, message: str) -> None:
        self._done()
        if self._cell is None:
            self._session.begun()
        self._fail(refusal(message))

    def observed(self, response: RuntimeResponse) -> None:
        cell = self._cell
        if cell is None:
            raise UnexpectedAnswerError("an initial response before its cell")
        self._done()
        cell.observers -= 1
        outcome = LiveCell(response)
        self._session.deliveries.deliver(outcome, cell.cell_id, cell, self.initial)

    def unobserved(self, message: str) -> None:
        if self._cell is None:
            raise UnexpectedAnswerError("an initial response before its cell")
        self._done()
        self._cell.observers -= 1
        self._fail(refusal(message, self._cell.cell_id))

    def lost(self, error: CodeModeError) -> None:
        self._done()
        if self._cell is None:
            self._session.begun()
            if isinstance(error, WorkerLostError) and not error.not_begun:
                error = WorkerLostError(start_lost(str(error)))
        elif not self.initial.done():
            error = _told(error, self._cell)
        self._fail(error)

    def leave(self) -> None:
        """Whoever started the cell is gone: it is to end, now or when it has begun."""
        if self._cell is not None:
            self._session.end_unwanted(self._cell)
        elif not self.is_over:
            self._session.withdraw(self.number)

    def _overdue(self) -> None:
        if _is_notifying(self._cell):
            self.overtime.begin(OBSERVE_SECONDS)
        else:
            self._session.give_up()

    def _done(self) -> None:
        self.is_over = True
        self.overtime.end()

    def _fail(self, error: CodeModeError) -> None:
        for future in (self.admitted, self.initial):
            if not future.done():
                future.set_exception(error)
