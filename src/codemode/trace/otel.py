"""Spans and metrics of a session, by the OpenTelemetry API: a sink for ``CodeMode(trace=…)``.

    execute_tool exec        the model's call; a child of the span that is current where ``exec`` is called
      codemode.cell          the cell's whole life, which may outlive that call
        execute_tool NAME    a nested call; current while the tool runs, so the tool's own spans are its children
    execute_tool wait        a later call, linked to the cell that it observes

The GenAI conventions are in development and have left OpenTelemetry's main repository. Their names stand here as
constants, in one place, with the schema that they are of. Contents (arguments, results, programs) are set only if that
is asked for. The SDK is the application's: without one this costs the API's no-ops.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from . import events as e
from .memory import process_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.37.0"

OPERATION: Final = "gen_ai.operation.name"
TOOL: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
CALL_ID: Final = "gen_ai.tool.call.id"
CONVERSATION: Final = "gen_ai.conversation.id"
ARGUMENTS: Final = "gen_ai.tool.call.arguments"
RESULT: Final = "gen_ai.tool.call.result"
ERROR_TYPE: Final = "error.type"
LINE: Final = "code.line.number"
COLUMN: Final = "code.column.number"
CELL: Final = "codemode.cell.id"
CELL_STATUS: Final = "codemode.cell.status"
LIMIT: Final = "codemode.limit"
SOURCE: Final = "codemode.cell.source"
QUEUED: Final = "codemode.call.queued_ms"
PART: Final = "codemode.part"

EXECUTE: Final = "execute_tool"
DURATION: Final = "gen_ai.execute_tool.duration"

LAST_MS: Final = 9e12
"""Later than that (the year 2255) no span can begin or end: times are 64 bits of nanoseconds."""

_FAILED: Final = ("failed", "refused", "cancelled", "terminated")


class OpenTelemetrySink:
    """Makes spans and metrics of events.

    Args:
        contents: whether programs, arguments and results are set as attributes, too.
        tracer_provider: the application's; None: the global one.
        meter_provider: the application's; None: the global one.

    Example:
        ``CodeMode(trace=OpenTelemetrySink())``
    """

    def __init__(
        self,
        *,
        contents: bool = False,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        ours = version("codemode")
        self._tracer = trace.get_tracer("codemode", ours, tracer_provider, SCHEMA_URL)
        meter = metrics.get_meter("codemode", ours, meter_provider, SCHEMA_URL)
        self._contents = contents
        self._spans: dict[tuple[str, ...], Span] = {}
        self._begun: dict[tuple[str, ...], tuple[float, str]] = {}  # when, and which tool
        self._queued: dict[tuple[str, str, str], float] = {}  # since when
        self._duration = meter.create_histogram(
            DURATION, "s", "Calls of tools, by tool and outcome."
        )
        self._live = meter.create_up_down_counter(
            "codemode.cells.live", "{cell}", "Cells that run."
        )
        self._limits = meter.create_counter(
            "codemode.limits.reached", "{limit}", "Limits that ended a cell, by their names."
        )
        self._losses = meter.create_counter(
            "codemode.workers.lost", "{worker}", "Workers that ended under a cell."
        )
        meter.create_observable_gauge(
            "codemode.processes",
            [_processes],
            "{process}",
            "Processes that this one has started: workers and zygotes among them.",
        )
        meter.create_observable_gauge(
            "codemode.memory", [_memory], "By", "Resident memory of this process, and of those."
        )

    def __call__(self, event: e.TraceEvent) -> None:
        """Take an event, in the context of what caused it."""
        take = _TAKE.get(type(event))
        if take is not None:
            take(self, event)

    def call_scope(self, session: str, cell_id: str, call: str) -> AbstractContextManager[object]:
        """A context in which the span of this nested call is the current one."""
        span = self._spans.get((session, cell_id, call))
        return nullcontext() if span is None else _current(span)

    # ── the model's calls ────────────────────────────────────────────────────────────────────

    def _model_call_started(self, event: e.ModelCallStartedEvent) -> None:
        cell = self._spans.get((event.session, event.cell_id))
        links = [Link(cell.get_span_context())] if cell is not None else None
        attributes = {
            OPERATION: EXECUTE,
            TOOL: event.tool,
            TOOL_TYPE: "function",
            CALL_ID: event.model_call,
            CONVERSATION: event.session,
        }
        name = f"{EXECUTE} {event.tool}"
        self._start(("call", event.session, event.model_call), name, event, attributes, links=links)

    def _model_call_ended(self, event: e.ModelCallEndedEvent) -> None:
        attributes: dict[str, Any] = {CELL_STATUS: event.status}
        if event.cell_id:
            attributes[CELL] = event.cell_id
        self._end(("call", event.session, event.model_call), event, event.status, attributes)

    # ── cells ────────────────────────────────────────────────────────────────────────────────

    def _cell_started(self, event: e.CellStartedEvent) -> None:
        parent = self._spans.get(("call", event.session, event.model_call))
        attributes: dict[str, Any] = {CELL: event.cell_id, CONVERSATION: event.session}
        if self._contents and event.source.text is not None:
            attributes[SOURCE] = event.source.text
        key = (event.session, event.cell_id)
        span = self._start(key, "codemode.cell", event, attributes, parent=parent)
        if parent is not None:
            parent.add_link(span.get_span_context())
        self._live.add(1)

    def _limit_reached(self, event: e.LimitReachedEvent) -> None:
        self._limits.add(1, {LIMIT: event.limit})
        span = self._spans.get((event.session, event.cell_id))
        if span is not None:
            span.set_attribute(LIMIT, event.limit)

    def _worker_lost(self, event: e.WorkerLostEvent) -> None:
        self._losses.add(1)
        del event

    def _cell_ended(self, event: e.CellEndedEvent) -> None:
        key = (event.session, event.cell_id)
        if key in self._spans:
            self._live.add(-1)
        for call in [each for each in self._queued if each[:2] == key]:
            del self._queued[call]  # it was never made
        error = None if event.error is None else event.error.text
        self._end(key, event, event.status, {CELL_STATUS: event.status}, error)

    # ── nested calls ─────────────────────────────────────────────────────────────────────────

    def _call_requested(self, event: e.CallRequestedEvent) -> None:
        attributes: dict[str, Any] = {
            OPERATION: EXECUTE,
            TOOL: event.tool,
            TOOL_TYPE: "function",
            CALL_ID: event.call,
            CELL: event.cell_id,
        }
        if event.line:
            attributes |= {LINE: event.line, COLUMN: event.column}
        if self._contents and event.arguments is not None and event.arguments.text is not None:
            attributes[ARGUMENTS] = event.arguments.text
        parent = self._spans.get((event.session, event.cell_id))
        key = (event.session, event.cell_id, event.call)
        queued = self._queued.pop(key, None)
        if queued is not None:
            attributes[QUEUED] = round(event.at_ms - queued, 3)
        self._start(key, f"{EXECUTE} {event.tool}", event, attributes, parent=parent)

    def _call_queued(self, event: e.CallQueuedEvent) -> None:
        self._queued[event.session, event.cell_id, event.call] = event.at_ms

    def _call_begun(self, event: e.CallBegunEvent) -> None:
        key = (event.session, event.cell_id, event.call)
        span, queued = self._spans.get(key), self._queued.pop(key, None)
        if span is not None and queued is not None:
            span.set_attribute(QUEUED, round(event.at_ms - queued, 3))

    def _call_ended(self, event: e.CallEndedEvent) -> None:
        attributes: dict[str, Any] = {}
        if self._contents and event.result is not None and event.result.text is not None:
            attributes[RESULT] = event.result.text
        error = None if event.error is None else event.error.text
        key = (event.session, event.cell_id, event.call)
        self._queued.pop(key, None)
        self._end(key, event, event.outcome, attributes, error)

    def _session_closed(self, event: e.SessionClosedEvent) -> None:
        """What is still open ends with its session: a span that never ends is never seen."""
        for key in [key for key in self._spans if event.session in key[:2]]:
            if len(key) == 2:
                self._live.add(-1)
            self._end(key, event, "cancelled", {})

    # ── spans ────────────────────────────────────────────────────────────────────────────────

    def _start(
        self,
        key: tuple[str, ...],
        name: str,
        event: e.TraceEvent,
        attributes: dict[str, Any],
        *,
        parent: Span | None = None,
        links: list[Link] | None = None,
    ) -> Span:
        # Without a parent of ours it is the caller's current span that counts: the context of this moment.
        context = None if parent is None else trace.set_span_in_context(parent)
        span = self._tracer.start_span(
            name,
            context,
            SpanKind.INTERNAL,
            attributes,
            links,
            start_time=_nanoseconds(event),
        )
        self._spans[key] = span
        self._begun[key] = event.at_ms, attributes.get(TOOL, "")
        return span

    def _end(
        self,
        key: tuple[str, ...],
        event: e.TraceEvent,
        status: str,
        attributes: dict[str, Any],
        error: str | None = None,
    ) -> None:
        span = self._spans.pop(key, None)
        if span is None:
            return
        span.set_attributes(attributes)
        if status in _FAILED:
            span.set_attribute(ERROR_TYPE, status)
            description = error if error is not None and self._contents else None
            span.set_status(Status(StatusCode.ERROR, description))
        span.end(_nanoseconds(event))
        begun_at_ms, tool = self._begun.pop(key)
        if tool:
            seconds = max(0.0, event.at_ms - begun_at_ms) / 1000
            told = {OPERATION: EXECUTE, TOOL: tool, "codemode.outcome": status}
            self._duration.record(seconds, told)


def _processes(_: CallbackOptions) -> Iterator[Observation]:
    memory = process_memory()
    if memory:
        yield Observation(len(memory["workers"]))


def _memory(_: CallbackOptions) -> Iterator[Observation]:
    memory = process_memory()
    if memory:
        yield Observation(memory["application"], {PART: "application"})
        yield Observation(sum(each["bytes"] for each in memory["workers"]), {PART: "processes"})


def _nanoseconds(event: e.TraceEvent) -> int:
    return int(min(max(0.0, event.at_ms), LAST_MS) * 1_000_000)


@contextmanager
def _current(span: Span) -> Iterator[None]:
    # The span ends with its event, not with this context, and an exception is the tool's outcome: told there.
    with trace.use_span(
        span, end_on_exit=False, record_exception=False, set_status_on_exception=False
    ):
        yield


_TAKE: Final[dict[type, Callable[[OpenTelemetrySink, Any], None]]] = {
    e.SessionClosedEvent: OpenTelemetrySink._session_closed,
    e.ModelCallStartedEvent: OpenTelemetrySink._model_call_started,
    e.ModelCallEndedEvent: OpenTelemetrySink._model_call_ended,
    e.CellStartedEvent: OpenTelemetrySink._cell_started,
    e.CellEndedEvent: OpenTelemetrySink._cell_ended,
    e.LimitReachedEvent: OpenTelemetrySink._limit_reached,
    e.WorkerLostEvent: OpenTelemetrySink._worker_lost,
    e.CallRequestedEvent: OpenTelemetrySink._call_requested,
    e.CallQueuedEvent: OpenTelemetrySink._call_queued,
    e.CallBegunEvent: OpenTelemetrySink._call_begun,
    e.CallEndedEvent: OpenTelemetrySink._call_ended,
}
