"""A session and its delegate, traced: what passes between them, as events.

The trace sees a session from outside, through the interface that every provider has. So the events are the same
wherever cells run, and a session that is not traced has nothing of this on its way.

    provider = TracedSessionProvider(provider, sink)
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import asdict
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

import msgspec
from msgspec import UNSET

from ..call_observation import call_observer
from ..limits import Limits
from ..protocol.session import TakesQueued, TakesStores
from ..protocol.types import (
    AudioItem,
    ImageItem,
    LiveCell,
    Pending,
    Result,
    TextItem,
    Yielded,
)
from . import events as e
from .tracer import Tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..protocol.session import (
        Session,
        SessionDelegate,
        SessionProvider,
        Signal,
        StartedCell,
        TellsOutput,
    )
    from ..protocol.types import (
        CellId,
        ExecuteRequest,
        Item,
        JsonValue,
        PendingResponse,
        RuntimeResponse,
        ToolCall,
        ToolName,
        WaitOutcome,
        WaitRequest,
        WaitToPendingRequest,
    )
    from .tracer import Sink

_sessions = count(1)


def session_name() -> str:
    """A name that no other session has, of this process or another; the first part tells its sessions apart."""
    return f"{next(_sessions)}-{uuid4().hex[:12]}"


class TracedSessionProvider:
    """Makes sessions of another provider, and traces them.

    Args:
        provider: makes the sessions; it is closed with this one.
        sink: takes the events.
    """

    def __init__(self, provider: SessionProvider, sink: Sink) -> None:
        self._provider = provider
        self._sink = sink

    def __repr__(self) -> str:
        return f"<traced {self._provider!r}>"

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> Session:
        """Open a session whose cells call back to ``delegate``."""
        tracer = Tracer(self._sink, session_name())
        return await open_traced(self._provider, delegate, limits, tracer)

    async def aclose(self) -> None:
        """Shut every session down and release what they shared."""
        await self._provider.aclose()


async def open_traced(
    provider: SessionProvider, delegate: SessionDelegate, limits: Limits | None, tracer: Tracer
) -> Session:
    """A session of ``provider`` whose events ``tracer`` emits."""
    from importlib.metadata import version  # noqa: PLC0415 - slow, and only for what is traced

    traced = TracedDelegate(delegate, tracer)
    session = await provider.create_session(traced, limits=limits)
    tracer.emit(
        e.SessionOpenedEvent,
        provider=type(provider).__name__,
        version=version("codemode"),
        process=os.getpid(),
        limits=asdict(limits or Limits()),
    )
    keeps_values = hasattr(session, "on_commit")
    return (TracedKeepingSession if keeps_values else TracedSession)(session, traced, tracer)


class TracedDelegate:
    """The application's side of callbacks, traced."""

    def __init__(self, delegate: SessionDelegate, tracer: Tracer) -> None:
        self._delegate = delegate
        self._emit = tracer.emit
        self._call_scope = tracer.call_scope if tracer.has_call_scope else None

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        """Run a tool; see ``protocol.session.SessionDelegate``."""
        cell_id, name = call.cell_id, call.runtime_tool_call_id
        argument = call.input
        self._emit(
            e.CallRequestedEvent,
            cell_id=cell_id,
            call=name,
            tool=str(call.tool_name),
            line=call.line or 0,
            column=call.column or 0,
            arguments=None if argument is UNSET else json_content(argument),
            digest=call.digest,
            attempt=call.attempt,
        )
        times = _CallTimes(self._emit, cell_id, name)
        ended: dict[str, Any] = {"outcome": "cancelled"}
        # Each call has a context of its own, which ends with it: there is nothing to set back.
        call_observer.set(times)
        try:
            if self._call_scope is None:
                value = await self._delegate.invoke_tool(call, cancel)
            else:
                with self._call_scope(cell_id, name):
                    value = await self._delegate.invoke_tool(call, cancel)
            ended = {"outcome": "ok", "result": json_content(value)}
            return value
        except asyncio.CancelledError:
            raise
        except Exception as error:
            ended = {"outcome": "failed", "error": e.content(str(error))}
            raise
        finally:
            run_ms = times.run_ms()
            self._emit(e.CallEndedEvent, cell_id=cell_id, call=name, run_ms=run_ms, **ended)

    def call_queued(self, cell_id: CellId, call: str, tool: ToolName) -> None:
        """A tool call waits for room; see ``protocol.session.TakesQueued``."""
        self._emit(e.CallQueuedEvent, cell_id=cell_id, call=call, tool=str(tool))
        if isinstance(self._delegate, TakesQueued):
            self._delegate.call_queued(cell_id, call, tool)

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        """Deliver a notification; see ``protocol.session.SessionDelegate``."""
        self._emit(e.CellNotifiedEvent, cell_id=cell_id, text=e.content(text))
        await self._delegate.notify(call_id, cell_id, text, cancel)

    def values_stored(self, cell_id: CellId, values: Mapping[str, bytes]) -> None:
        """A cell has stored something; see ``protocol.session.TakesStores``."""
        for key, value in values.items():
            self._emit(e.ValueStoredEvent, cell_id=cell_id, key=key, size=len(value))
        if isinstance(self._delegate, TakesStores):
            self._delegate.values_stored(cell_id, values)

    def cell_closed(self, cell_id: CellId) -> None:
        """A cell is over; see ``protocol.session.SessionDelegate``."""
        self._delegate.cell_closed(cell_id)


class _CallTimes:
    """Observes a nested call (``call_observation.CallObserver``): how long it ran, and waited for a thread."""

    def __init__(self, emit: Callable[..., None], cell_id: CellId, call: str) -> None:
        self._emit = emit
        self._cell_id = cell_id
        self._call = call
        self._began = time.perf_counter()
        self._queued_since = 0.0
        self._queued = 0.0

    def __call__(self, kind: str, facts: Mapping[str, Any]) -> None:
        """How the call is carried out."""
        self._emit(
            e.CallObservedEvent, cell_id=self._cell_id, call=self._call, kind=kind, facts=facts
        )

    def queued(self) -> None:
        """The call waits for a thread."""
        self._queued_since = time.perf_counter()
        self._emit(e.CallQueuedEvent, cell_id=self._cell_id, call=self._call)

    def begun(self) -> None:
        """It has one."""
        self._dequeue()
        self._emit(e.CallBegunEvent, cell_id=self._cell_id, call=self._call)

    def run_ms(self) -> float:
        """Milliseconds since the call began, without those in which it waited."""
        self._dequeue()
        return round((time.perf_counter() - self._began - self._queued) * 1000, 3)

    def _dequeue(self) -> None:
        if self._queued_since:
            self._queued += time.perf_counter() - self._queued_since
            self._queued_since = 0.0


class TracedSession:
    """A session, traced (``protocol.session.Session``)."""

    def __init__(self, session: Session, delegate: TracedDelegate, tracer: Tracer) -> None:
        self._session = session
        self._delegate = delegate
        self._emit = tracer.emit
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<traced {self._session!r}>"

    def __getattr__(self, name: str) -> Any:
        # What a provider's sessions can do beyond the interface, they can do traced.
        return getattr(self._session, name)

    async def execute(
        self, request: ExecuteRequest, *, preempt: Signal | None = None
    ) -> StartedCell:
        """Start a cell."""
        started = await self._session.execute(request, preempt=preempt)
        self._started(request, started.cell_id)
        return TracedStartedCell(started, self)

    async def wait(self, request: WaitRequest, *, preempt: Signal | None = None) -> WaitOutcome:
        """Observe a cell."""
        return self._observed(await self._session.wait(request, preempt=preempt))

    async def wait_for_output(
        self, request: WaitRequest, *, preempt: Signal | None = None
    ) -> WaitOutcome:
        """Observe a cell until it has output, where the session can."""
        session = cast("TellsOutput", self._session)
        return self._observed(await session.wait_for_output(request, preempt=preempt))

    async def terminate(self, cell_id: CellId) -> WaitOutcome:
        """End a cell."""
        return self._observed(await self._session.terminate(cell_id))

    async def execute_to_pending(self, request: ExecuteRequest) -> PendingResponse:
        """Start a cell and run it to its pending frontier."""
        response = await self._session.execute_to_pending(request)
        self._started(request, response.cell_id)
        self.respond(response, is_first=True)
        return response

    async def wait_to_pending(self, request: WaitToPendingRequest) -> WaitOutcome:
        """Resume a cell and run it to its next pending frontier."""
        return self._observed(await self._session.wait_to_pending(request))

    async def shutdown(self) -> None:
        """End every cell and close."""
        try:
            await self._session.shutdown()
        finally:
            if not self._is_closed:
                self._is_closed = True
                self._emit(e.SessionClosedEvent)

    def _started(self, request: ExecuteRequest, cell_id: CellId) -> None:
        self._emit(
            e.CellStartedEvent,
            cell_id=cell_id,
            model_call=request.tool_call_id,
            source=e.content(request.source),
            tools=len(request.enabled_tools),
        )

    def _observed(self, outcome: WaitOutcome) -> WaitOutcome:
        if isinstance(outcome, LiveCell):
            self.respond(outcome.response)
        return outcome

    def respond(self, response: RuntimeResponse | Pending, *, is_first: bool = False) -> None:
        """Emit what a response tells: output, and how the observation, or the cell, ended."""
        cell_id = response.cell_id
        for item in response.items:
            kind, text = _ITEMS[type(item)], _item_text(item)
            self._emit(e.CellOutputEvent, cell_id=cell_id, kind=kind, item=e.content(text))
        if isinstance(response, Pending):
            waiting_for = response.pending_tool_call_ids
            self._emit(e.CellFrozenEvent, cell_id=cell_id, waiting_for=waiting_for)
            return
        status, error = _ended(response)
        self._emit(
            e.CellRespondedEvent,
            cell_id=cell_id,
            status=status,
            is_first=is_first,
            host_duration_ns=response.host_duration_ns,
        )
        if status == "yielded":
            return
        if isinstance(response, Result):
            self._limit_and_loss(response)
        self._emit(
            e.CellEndedEvent,
            cell_id=cell_id,
            status=status,
            error=None if error is None else e.content(error),
        )

    def _limit_and_loss(self, result: Result) -> None:
        cell_id = result.cell_id
        if result.limit:
            self._emit(e.LimitReachedEvent, cell_id=cell_id, limit=result.limit)
        if result.worker_lost:
            reason = result.error_text or "its worker was lost"
            self._emit(e.WorkerLostEvent, cell_id=cell_id, reason=reason)


class TracedKeepingSession(TracedSession):
    """A traced session whose stored values can be watched, and set before its first cell."""

    def on_commit(self, tell: Callable[[Mapping[str, bytes]], None]) -> None:
        """Call ``tell`` with what each cell commits."""
        self._session.on_commit(tell)  # type: ignore[attr-defined]  # open_traced has looked

    def restore(self, values: Mapping[str, bytes]) -> None:
        """Set the stored values, before the first cell."""
        self._session.restore(values)  # type: ignore[attr-defined]  # as above


class TracedStartedCell:
    """A cell that was admitted, traced (``protocol.session.StartedCell``)."""

    def __init__(self, started: StartedCell, session: TracedSession) -> None:
        self._started = started
        self._session = session

    @property
    def cell_id(self) -> CellId:
        """The cell's runtime id."""
        return self._started.cell_id

    async def initial_response(self) -> RuntimeResponse:
        """The first observation."""
        response = await self._started.initial_response()
        self._session.respond(response, is_first=True)
        return response


_encode: Final = msgspec.json.Encoder().encode


def json_content(value: JsonValue) -> e.Content | None:
    """A value of JSON as it goes into an event; None for what JSON cannot say."""
    try:
        data = _encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None
    return e.Content(size=len(data), text=data.decode())


def _item_text(item: Item) -> str:
    if isinstance(item, TextItem):
        return item.text
    return item.image_url if isinstance(item, ImageItem) else item.audio_url


_ITEMS: Final[dict[type, str]] = {TextItem: "text", ImageItem: "image", AudioItem: "audio"}


def _ended(response: RuntimeResponse) -> tuple[e.CellStatus, str | None]:
    """How an observation ended, and what a failed cell threw."""
    if isinstance(response, Result):
        error = response.error_text
        return "completed" if error is None else "failed", error
    return "yielded" if isinstance(response, Yielded) else "terminated", None
