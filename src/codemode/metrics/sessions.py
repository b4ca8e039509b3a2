"""Sessions and their delegates, counted: what passes between them becomes figures.

As a trace does, this sees a session from outside; one that is not counted has nothing of it on its way.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, cast

from ..errors import CodeModeError, LimitError
from ..protocol.types import LiveCell, Pending, Result, Terminated, Yielded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..limits import Limits
    from ..protocol.session import (
        News,
        Session,
        SessionDelegate,
        SessionProvider,
        Signal,
        StartedCell,
    )
    from ..protocol.types import (
        CellId,
        ExecuteRequest,
        JsonValue,
        PendingResponse,
        RuntimeResponse,
        ToolCall,
        WaitOutcome,
        WaitRequest,
        WaitToPendingRequest,
    )
    from ..runtime.session import SessionRuntime
    from .figures import ExecOutcome, Figures


class MeasuredSessionProvider:
    """Makes sessions on this machine, and counts what they do.

    Args:
        provider: makes the sessions; it is closed with this one.
        figures: where it is counted.
    """

    def __init__(self, provider: SessionProvider, figures: Figures) -> None:
        self._provider = provider
        self._figures = figures

    def __repr__(self) -> str:
        return f"<measured {self._provider!r}>"

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> MeasuredSession:
        """Open a session whose cells call back to ``delegate``."""
        cells = _Cells(self._figures)
        measured = _MeasuredDelegate(delegate, cells, self._figures)
        session = await self._provider.create_session(measured, limits=limits)
        self._figures.opened.inc()
        self._figures.open_sessions += 1
        return MeasuredSession(session, cells, self._figures)

    async def aclose(self) -> None:
        """Shut every session down and release what they shared."""
        await self._provider.aclose()


class _Cells:
    """The cells of one session: since when they run, and whether their end has been counted."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._began: dict[CellId, float] = {}
        self._early: set[CellId] = set()
        self._unread: set[CellId] = set()

    def started(self, cell_id: CellId) -> None:
        self._unread.add(cell_id)
        if cell_id in self._early:  # it was over before its start was known
            self._early.discard(cell_id)
            self._figures.run_seconds.observe(0.0)
            return
        self._began[cell_id] = time.perf_counter()
        self._figures.live_cells += 1

    def closed(self, cell_id: CellId) -> None:
        began = self._began.pop(cell_id, None)
        if began is None:
            self._early.add(cell_id)
            return
        self._figures.live_cells -= 1
        self._figures.run_seconds.observe(time.perf_counter() - began)

    def ended(self, cell_id: CellId, outcome: ExecOutcome) -> None:
        """Count how it ended, once, however many observers it had."""
        if cell_id in self._unread:
            self._unread.discard(cell_id)
            self._figures.execs.labels(outcome).inc()

    def forget(self) -> None:
        """The session is shut: its ends can no longer be read."""
        self._figures.execs.labels("unread").inc(len(self._unread))
        self._unread.clear()
        self._figures.live_cells -= len(self._began)
        self._began.clear()


class _MeasuredDelegate:
    """The application's side of callbacks, counted."""

    def __init__(self, delegate: SessionDelegate, cells: _Cells, figures: Figures) -> None:
        self._delegate = delegate
        self._cells = cells
        # The children of a labelled counter are looked up once, and not with each call.
        self._ok, self._failed, self._cancelled = map(
            figures.calls.labels, ("ok", "failed", "cancelled")
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._delegate, name)

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        """Run a tool; see ``protocol.session.SessionDelegate``."""
        try:
            value = await self._delegate.invoke_tool(call, cancel)
        except asyncio.CancelledError:
            self._cancelled.inc()
            raise
        except Exception:
            self._failed.inc()
            raise
        self._ok.inc()
        return value

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        """Deliver a notification; see ``protocol.session.SessionDelegate``."""
        await self._delegate.notify(call_id, cell_id, text, cancel)

    def cell_closed(self, cell_id: CellId) -> None:
        """A cell is over; see ``protocol.session.SessionDelegate``."""
        self._cells.closed(cell_id)
        self._delegate.cell_closed(cell_id)


class MeasuredSession:
    """A session, counted (``protocol.session.Session``)."""

    ends_at_output: Final = True

    def __init__(self, session: Session, cells: _Cells, figures: Figures) -> None:
        self._session = session
        self._local = cast("SessionRuntime", session)
        self._cells = cells
        self._figures = figures
        self._is_shut = False

    def __repr__(self) -> str:
        return f"<measured {self._session!r}>"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def execute(
        self, request: ExecuteRequest, *, preempt: Signal | None = None
    ) -> StartedCell:
        """Start a cell."""
        asked = time.perf_counter()
        try:
            started = await self._session.execute(request, preempt=preempt)
        except CodeModeError as error:
            self._refused(error)
            raise
        self._figures.queue_seconds.observe(time.perf_counter() - asked)
        self._cells.started(started.cell_id)
        return _MeasuredStartedCell(started, self)

    async def execute_to_pending(self, request: ExecuteRequest) -> PendingResponse:
        """Start a cell and run it to its pending frontier."""
        try:
            response = await self._session.execute_to_pending(request)
        except CodeModeError as error:
            self._refused(error)
            raise
        self._cells.started(response.cell_id)
        self.respond(response)
        return response

    def _refused(self, error: CodeModeError) -> None:
        is_limit = isinstance(error, LimitError)
        self._figures.execs.labels("refused" if is_limit else "not_started").inc()
        if isinstance(error, LimitError) and error.limit:
            self._figures.limits.labels(error.limit).inc()

    async def wait(self, request: WaitRequest, *, preempt: Signal | None = None) -> WaitOutcome:
        """Observe a cell."""
        return self._observed(await self._session.wait(request, preempt=preempt))

    async def wait_for_output(
        self, request: WaitRequest, *, preempt: Signal | None = None
    ) -> WaitOutcome:
        """Observe a cell until it has output."""
        return self._observed(await self._local.wait_for_output(request, preempt=preempt))

    async def wait_to_pending(self, request: WaitToPendingRequest) -> WaitOutcome:
        """Resume a cell and run it to its next pending frontier."""
        return self._observed(await self._session.wait_to_pending(request))

    async def terminate(self, cell_id: CellId) -> WaitOutcome:
        """End a cell."""
        return self._observed(await self._session.terminate(cell_id))

    async def shutdown(self) -> None:
        """End every cell and close."""
        try:
            await self._session.shutdown()
        finally:
            if not self._is_shut:
                self._is_shut = True
                self._figures.open_sessions -= 1
                self._cells.forget()

    def _observed(self, outcome: WaitOutcome) -> WaitOutcome:
        if isinstance(outcome, LiveCell):
            self.respond(outcome.response)
        return outcome

    def respond(self, response: RuntimeResponse | Pending) -> None:
        """Count the end of a cell, if this is one."""
        match response:
            case Yielded() | Pending():
                return
            case Terminated():
                outcome: ExecOutcome = "terminated"
            case Result(limit=str() as limit):
                outcome = "limit"
                self._figures.limits.labels(limit).inc()
            case Result(worker_lost=True):
                outcome = "worker_lost"
            case Result(error_text=None):
                outcome = "completed"
            case Result():
                outcome = "failed"
        self._cells.ended(response.cell_id, outcome)

    # ── what sessions on this machine can do besides ─────────────────────────────────────────

    def on_commit(self, tell: Callable[[Mapping[str, bytes]], None]) -> None:
        """Have ``tell(written)`` called when a cell has committed."""
        self._local.on_commit(tell)

    def restore(self, values: Mapping[str, bytes]) -> None:
        """Take over values that another session had stored."""
        self._local.restore(values)
        self._figures.restored.inc()

    def stored_values(self) -> Mapping[str, bytes]:
        """The committed values; see ``protocol.session.StoresValues``."""
        return self._local.stored_values()

    async def restore_values(self, values: Mapping[str, bytes]) -> None:
        """Take over values; see ``protocol.session.StoresValues``."""
        await self._local.restore_values(values)
        self._figures.restored.inc()

    def on_news(self, tell: Callable[[CellId, News], None]) -> None:
        """Have news of cells told; see ``protocol.session.TellsNews``."""
        self._local.on_news(tell)


class _MeasuredStartedCell:
    """A cell that was admitted, counted (``protocol.session.StartedCell``)."""

    def __init__(self, started: StartedCell, session: MeasuredSession) -> None:
        self._started = started
        self._session = session

    @property
    def cell_id(self) -> CellId:
        """The cell's runtime id."""
        return self._started.cell_id

    async def initial_response(self) -> RuntimeResponse:
        """The first observation."""
        response = await self._started.initial_response()
        self._session.respond(response)
        return response
