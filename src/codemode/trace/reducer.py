"""Events to a graph: deterministic, incremental, and never surprised.

The rules:

1. Events of a session are taken in the order in which they are fed. A number that is not the next one of its session
   is named in ``recording.problems``, and the event is taken all the same.
2. ``(session, cell_id)`` is the only bridge between runtime ids and the cell's identity, which is the model call that
   started it. A nested call may be told before its cell's start: the cell is then made from what is known, and gets
   its name when the start comes. A cell whose start never comes is named ``session/cell:ID`` and is a problem.
3. A wait is linked to the cell that it names, a cell to its waits, and a response of a model to the calls among its
   items, whichever of the two comes first.
4. What still runs when its owner ends has ended with it: nested calls with their cell, cells with their session. Its
   ``reason`` says so. What still runs when the recording ends, runs: the recording is ``unclosed``.
5. Nothing is an exception. What is damaged, unknown or lost is a problem by name, and everything else is reduced.

This module imports nothing of the runtime: it reads recordings of any process, long after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..surface.canonical_json import canonical_hash
from . import events as e
from .graph import (
    ApprovalNode,
    CallNode,
    CellNode,
    ModelCallNode,
    Node,
    Observed,
    Output,
    Recording,
    ResponseNode,
    SessionNode,
    Trace,
)
from .model_items import call_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

MOST_PROBLEMS: Final = 1_000
"""Problems that are named; more are counted in the last one."""


class Reducer:
    """Takes events one by one; :attr:`trace` is the graph so far.

    Args:
        hashes: whether to hash arguments whose event has no hash, which takes a third of all the time.
    """

    def __init__(self, *, hashes: bool = True) -> None:
        self._hashes = hashes
        self._recording = Recording()
        self._trace = Trace(schema=e.SCHEMA, recording=self._recording)
        self._cells: dict[tuple[str, str], CellNode] = {}
        self._unstarted: dict[tuple[str, str], CellNode] = {}
        self._waiting_links: dict[str, ResponseNode] = {}  # by the model call that has not come yet
        self._waits_for: dict[
            tuple[str, str], list[ModelCallNode]
        ] = {}  # by a cell that has not come
        self._last_seq: dict[str, int] = {}
        self._unnamed_problems = 0

    @property
    def trace(self) -> Trace:
        """The graph of what was fed so far; it goes on changing with the next event."""
        recording = self._recording
        for (session, cell_id), cell in self._unstarted.items():
            self._name(cell, f"{session}/cell:{cell_id}")
        unstarted = [f"the start of cell {cell.id} is missing" for cell in self._unstarted.values()]
        is_open = any(node.status == "running" for node in self._trace.sessions.values())
        problems = [*recording.problems, *unstarted]
        if self._unnamed_problems:
            problems.append(f"and {self._unnamed_problems} problems more")
        shown = Recording(
            status="damaged" if problems else "unclosed" if is_open else "complete",
            events=recording.events,
            problems=problems,
        )
        self._trace.recording = shown
        return self._trace

    def cell(self, session: str, cell_id: str) -> CellNode | None:
        """The cell of this runtime id."""
        return self._cells.get((session, cell_id))

    def call(self, session: str, cell_id: str, call: str) -> CallNode | None:
        """The nested call of this runtime id, in its cell."""
        cell = self._cells.get((session, cell_id))
        return None if cell is None else self._trace.calls.get(f"{cell.id}/{call}")

    def problem(self, text: str) -> None:
        """Note that something of the recording is missing or was not understood."""
        if len(self._recording.problems) < MOST_PROBLEMS:
            self._recording.problems.append(text)
        else:
            self._unnamed_problems += 1

    def feed(self, event: e.TraceEvent) -> None:
        """Take the next event."""
        self._recording.events += 1
        last = self._last_seq.get(event.session, 0)
        if event.seq != last + 1 and not isinstance(event, e.EventsDroppedEvent):
            self.problem(f"session {event.session}: event {event.seq} follows event {last}")
        self._last_seq[event.session] = event.seq
        take = _TAKE.get(type(event))
        if take is None:
            self.problem(f"an event of the unknown type {type(event).__name__}")
        else:
            take(self, event)

    # ── sessions and turns ───────────────────────────────────────────────────────────────────

    def _session(self, event: e.TraceEvent) -> SessionNode:
        node = self._trace.sessions.get(event.session)
        if node is None:
            node = SessionNode(id=event.session, session=event.session)
            self._trace.sessions[event.session] = node
        return node

    def _session_opened(self, event: e.SessionOpenedEvent) -> None:
        node = self._session(event)
        node.provider, node.version = event.provider, event.version
        node.limits = dict(event.limits)
        _start(node, event)

    def _session_moved(self, event: e.SessionMovedEvent) -> None:
        self._session(event).moves.append(event.reason)

    def _session_closed(self, event: e.SessionClosedEvent) -> None:
        node = self._session(event)
        for (session, _), cell in self._cells.items():
            if session == event.session and cell.status == "running":
                self._end_cell(cell, event, "terminated", "its session was closed")
        for call in self._trace.model_calls.values():
            if call.session == event.session and call.status == "running":
                _end(call, event, "cancelled", "its session was closed")
        _end(node, event, "closed")

    def _turn_started(self, event: e.TurnStartedEvent) -> None:
        name = f"{event.session}/{event.turn}"
        self._trace.turns[name] = node = Node(id=name, session=event.session)
        _start(node, event)

    def _turn_ended(self, event: e.TurnEndedEvent) -> None:
        name = f"{event.session}/{event.turn}"
        node = self._trace.turns.setdefault(name, Node(id=name, session=event.session))
        _end(node, event, event.status)

    def _events_dropped(self, event: e.EventsDroppedEvent) -> None:
        self.problem(f"{event.count} events were dropped before event {event.seq}: {event.reason}")

    # ── the model ────────────────────────────────────────────────────────────────────────────

    def _model_call(self, event: e.TraceEvent, call_id: str) -> ModelCallNode:
        name = f"{event.session}/{call_id}"
        node = self._trace.model_calls.get(name)
        if node is None:
            node = ModelCallNode(id=name, session=event.session)
            self._trace.model_calls[name] = node
            response = self._waiting_links.pop(name, None)
            if response is not None:
                node.response = response.id
        return node

    def _model_call_started(self, event: e.ModelCallStartedEvent) -> None:
        node = self._model_call(event, event.model_call)
        node.tool, node.requester, node.terminate = event.tool, event.requester, event.terminate
        _start(node, event)
        if event.cell_id:
            self._link_wait(node, event.cell_id)

    def _model_call_ended(self, event: e.ModelCallEndedEvent) -> None:
        node = self._model_call(event, event.model_call)
        node.answer = event.answer
        _end(node, event, event.status)

    def _link_wait(self, call: ModelCallNode, cell_id: str) -> None:
        cell = self._cells.get((call.session, cell_id))
        if cell is None:  # it comes later, or never was: a model may ask for any
            self._waits_for.setdefault((call.session, cell_id), []).append(call)
            return
        call.cell = cell.id
        cell.waits.append(call.id)

    def _model_response(self, event: e.ModelResponseEvent) -> None:
        name = f"{event.session}/{event.response}"
        node = ResponseNode(
            id=name,
            session=event.session,
            model=event.model,
            turn=event.turn,
            usage=dict(event.usage),
            items=event.items,
        )
        self._trace.responses[name] = node
        for call_id in call_ids(event.items.text):
            call_name = f"{event.session}/{call_id}"
            node.calls.append(call_name)
            call = self._trace.model_calls.get(call_name)
            if call is None:
                self._waiting_links[call_name] = node
            else:
                call.response = name

    # ── cells ────────────────────────────────────────────────────────────────────────────────

    def _cell(self, event: e.TraceEvent, cell_id: str) -> CellNode:
        """The cell of this runtime id; made, without a start, where none was told yet."""
        key = (event.session, cell_id)
        cell = self._cells.get(key)
        if cell is None:
            name = f"{event.session}/cell:{cell_id}"
            cell = CellNode(id=name, session=event.session, cell_id=cell_id)
            self._cells[key] = self._unstarted[key] = cell
            self._trace.cells[name] = cell
            self._session(event).cells.append(name)
            for call in self._waits_for.pop(key, ()):
                self._link_wait(call, cell_id)
        return cell

    def _cell_started(self, event: e.CellStartedEvent) -> None:
        cell = self._cell(event, event.cell_id)
        self._unstarted.pop((event.session, event.cell_id), None)
        call = self._model_call(event, event.model_call)
        name = call.id
        if name in self._trace.cells:  # the application used one id for two calls
            name = f"{name}#{event.cell_id}"
        self._name(cell, name)
        cell.model_call = call.id
        call.cell = cell.id
        cell.source, cell.tools, cell.catalogue = event.source, event.tools, event.catalogue
        _start(cell, event)

    def _name(self, cell: CellNode, name: str) -> None:
        """Give a cell its name, and to everything that has named it until now."""
        old, cell.id = cell.id, name
        if old == name:
            return
        trace = self._trace
        del trace.cells[old]
        trace.cells[name] = cell
        cells = trace.sessions[cell.session].cells
        cells[cells.index(old)] = name
        for wait in cell.waits:
            trace.model_calls[wait].cell = name
        for place, call_name in enumerate(cell.calls):
            call = trace.calls.pop(call_name)
            call.id, call.cell = f"{name}/{call.call}", name
            cell.calls[place] = call.id
            trace.calls[call.id] = call
            for approval in call.approvals:
                trace.approvals[approval].call = call.id

    def _cell_output(self, event: e.CellOutputEvent) -> None:
        self._cell(event, event.cell_id).outputs.append(Output(kind=event.kind, item=event.item))

    def _cell_notified(self, event: e.CellNotifiedEvent) -> None:
        output = Output(kind="notification", item=event.text)
        self._cell(event, event.cell_id).outputs.append(output)

    def _cell_responded(self, event: e.CellRespondedEvent) -> None:
        self._cell(event, event.cell_id).observations.append(event.status)

    def _cell_frozen(self, event: e.CellFrozenEvent) -> None:
        self._cell(event, event.cell_id).frozen += 1

    def _value_stored(self, event: e.ValueStoredEvent) -> None:
        self._cell(event, event.cell_id).stored.append(event.key)

    def _limit_reached(self, event: e.LimitReachedEvent) -> None:
        self._cell(event, event.cell_id).limit = event.limit

    def _worker_lost(self, event: e.WorkerLostEvent) -> None:
        self._cell(event, event.cell_id).reason = event.reason

    def _cell_ended(self, event: e.CellEndedEvent) -> None:
        cell = self._cell(event, event.cell_id)
        cell.error = event.error
        self._end_cell(cell, event, event.status, cell.reason)

    def _end_cell(self, cell: CellNode, event: e.TraceEvent, status: str, reason: str) -> None:
        _end(cell, event, status, reason)
        for name in cell.calls:
            call = self._trace.calls[name]
            if call.status == "running":
                _end(call, event, "cancelled", "its cell ended")

    # ── nested calls ─────────────────────────────────────────────────────────────────────────

    def _call(self, event: e.TraceEvent, cell_id: str, call_id: str) -> CallNode:
        cell = self._cell(event, cell_id)
        name = f"{cell.id}/{call_id}"
        call = self._trace.calls.get(name)
        if call is None:
            call = CallNode(id=name, session=event.session, cell=cell.id, call=call_id)
            self._trace.calls[name] = call
            cell.calls.append(name)
        return call

    def _call_requested(self, event: e.CallRequestedEvent) -> None:
        call = self._call(event, event.cell_id, event.call)
        call.tool, call.line, call.column = event.tool, event.line, event.column
        call.arguments = event.arguments
        call.arguments_hash = event.arguments_hash
        if self._hashes and not call.arguments_hash:
            call.arguments_hash = hash_of(event.arguments)
        call.digest, call.attempt = event.digest, event.attempt
        if call.queued_since_ms:
            _dequeue(call, event)
        else:
            _start(call, event)

    def _call_queued(self, event: e.CallQueuedEvent) -> None:
        call = self._call(event, event.cell_id, event.call)
        call.queued_since_ms = event.at_ms
        if not call.window.started_seq:  # it was not requested yet
            call.tool = event.tool
            _start(call, event)

    def _call_begun(self, event: e.CallBegunEvent) -> None:
        _dequeue(self._call(event, event.cell_id, event.call), event)

    def _call_observed(self, event: e.CallObservedEvent) -> None:
        call = self._call(event, event.cell_id, event.call)
        call.observed.append(Observed(kind=event.kind, facts=dict(event.facts)))

    def _call_ended(self, event: e.CallEndedEvent) -> None:
        call = self._call(event, event.cell_id, event.call)
        call.run_ms, call.result, call.error = event.run_ms, event.result, event.error
        # A call may be told to have ended after its cell was: its own word counts.
        call.status, call.reason = "running", ""
        _end(call, event, event.outcome)

    def _approval(self, event: e.ApprovalRequestedEvent | e.ApprovalDecidedEvent) -> ApprovalNode:
        call = self._call(event, event.cell_id, event.call)
        name = f"{event.session}/{event.approval or call.id}"
        node = self._trace.approvals.get(name)
        if node is None:
            node = ApprovalNode(id=name, session=event.session, call=call.id)
            self._trace.approvals[name] = node
            call.approvals.append(name)
        return node

    def _approval_requested(self, event: e.ApprovalRequestedEvent) -> None:
        node = self._approval(event)
        node.prompt = event.prompt
        _start(node, event)

    def _approval_decided(self, event: e.ApprovalDecidedEvent) -> None:
        node = self._approval(event)
        node.verdict, node.by = event.verdict, event.by
        _end(node, event, "decided", event.reason)


def reduce(events: Iterable[e.TraceEvent]) -> Trace:
    """The graph of a whole recording. Pure: the same events give the same trace."""
    reducer = Reducer()
    for event in events:
        reducer.feed(event)
    return reducer.trace


def hash_of(arguments: e.Content | None) -> str:
    """The hash of arguments that stand in their event; a recorder has made it of others."""
    return "" if arguments is None or arguments.text is None else canonical_hash(arguments.text)


def _start(node: Node, event: e.TraceEvent) -> None:
    node.window.started_seq, node.window.started_at_ms = event.seq, event.at_ms


def _end(node: Node, event: e.TraceEvent, status: str, reason: str = "") -> None:
    if node.status != "running":
        return  # it has ended with its owner, or is told twice
    if isinstance(node, CallNode):
        _dequeue(node, event)
    node.status, node.reason = status, reason
    node.window.ended_seq, node.window.ended_at_ms = event.seq, event.at_ms


def _dequeue(call: CallNode, event: e.TraceEvent) -> None:
    if call.queued_since_ms:
        waited = max(0.0, event.at_ms - call.queued_since_ms)
        call.queued_ms, call.queued_since_ms = round(call.queued_ms + waited, 3), 0.0


_TAKE: Final[dict[type, Callable[[Reducer, Any], None]]] = {
    e.SessionOpenedEvent: Reducer._session_opened,
    e.SessionMovedEvent: Reducer._session_moved,
    e.SessionClosedEvent: Reducer._session_closed,
    e.ModelCallStartedEvent: Reducer._model_call_started,
    e.ModelCallEndedEvent: Reducer._model_call_ended,
    e.CellStartedEvent: Reducer._cell_started,
    e.CellOutputEvent: Reducer._cell_output,
    e.CellNotifiedEvent: Reducer._cell_notified,
    e.CellRespondedEvent: Reducer._cell_responded,
    e.CellFrozenEvent: Reducer._cell_frozen,
    e.ValueStoredEvent: Reducer._value_stored,
    e.LimitReachedEvent: Reducer._limit_reached,
    e.WorkerLostEvent: Reducer._worker_lost,
    e.CellEndedEvent: Reducer._cell_ended,
    e.CallRequestedEvent: Reducer._call_requested,
    e.CallQueuedEvent: Reducer._call_queued,
    e.CallBegunEvent: Reducer._call_begun,
    e.CallObservedEvent: Reducer._call_observed,
    e.CallEndedEvent: Reducer._call_ended,
    e.ApprovalRequestedEvent: Reducer._approval_requested,
    e.ApprovalDecidedEvent: Reducer._approval_decided,
    e.ModelResponseEvent: Reducer._model_response,
    e.TurnStartedEvent: Reducer._turn_started,
    e.TurnEndedEvent: Reducer._turn_ended,
    e.EventsDroppedEvent: Reducer._events_dropped,
}
