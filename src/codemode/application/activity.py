"""What the cells of a session do: their nested calls, their notifications, and who follows them.

An :class:`Activity` stands between a session and the toolset as the session's delegate, so that it
sees every nested call, one that is refused before the chain, too, wherever the cells run. It keeps
a record for each cell. The delegate may be told of a cell's calls before the caller of ``execute``
knows the cell's id, so a record is made by the first of the two, and its events wait in the record
until the cell is followed, or :meth:`follow` declares that it has no follower.

What records hold of calls that have ended is bounded for the session: beyond the bound a cell
forgets its oldest ones.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

from ..json_text import encode_json
from ..surface.text import shortened
from ..tools.policy.gate import Gate
from .cell_record import CellRecord
from .events import (
    ApprovalRequested,
    CallDecided,
    CallEnded,
    CallStarted,
    CellNews,
    CellNotification,
    CellStarted,
)
from .traced_calls import trace_decision

if TYPE_CHECKING:
    from ..protocol.session import News, Signal
    from ..protocol.types import CellId, JsonValue, ToolCall
    from ..surface.nested_call import NestedCall
    from ..tools.policy.approvals import Approval, Approvals
    from ..tools.policy.decisions import CallDecision
    from ..tools.policy.history import CallHistory
    from ..tools.toolset import Toolset
    from ..trace.tracer import Tracer
    from .cell_record import CellInfo
    from .durable_session import DurableSession
    from .event_queue import EventQueue
    from .events import CellEvent, OnEvent
    from .identity import SessionIdentity

_log = logging.getLogger(__name__)

KEPT_BYTES: Final = 8 * 1024 * 1024
"""What the calls that have ended may take together until a result tells of them."""

CALL_BYTES: Final = 256
"""What a call takes besides its error."""

CLOSED_RECORDS: Final = 128
"""How many cells may be over before their last result was handed over, and keep their calls."""

ERROR_CHARACTERS: Final = 1_000

TELL_SECONDS: Final = 0.1
"""How long a cancelled ``on_event`` may take to end."""


class Activity:
    """The delegate of a session: keeps and tells what its cells do, and asks the toolset.

    Args:
        toolset: answers nested calls and takes notifications.
        identity: whose session it is.
        approvals: the calls that wait for approval.
        on_event: called with the events of all cells, but for their output, which is fetched.

    Attributes:
        tracer: receives decisions about calls; None where the session is not traced.
        durable: has it noted that a tool runs; None where no store keeps the session.
    """

    def __init__(
        self,
        toolset: Toolset,
        identity: SessionIdentity,
        approvals: Approvals,
        on_event: OnEvent | None = None,
    ) -> None:
        self._toolset = toolset
        self._identity = identity
        self._approvals = approvals
        self.tracer: Tracer | None = None
        self._gate: Gate | None = None
        approvals.listener = self._decided
        if toolset.policy is not None:
            self._gate = Gate(toolset.policy, approvals, listener=self._decided)
        self.durable: DurableSession | None = None
        self._on_event = on_event
        self._telling: set[asyncio.Future[object]] = set()
        self._unseen_ends: dict[CellId, None] = {}
        self._records: dict[CellId, CellRecord] = {}
        self._closed: OrderedDict[CellId, CellRecord] = OrderedDict()
        self._closed_unknown: OrderedDict[CellId, None] = OrderedDict()
        self._kept = 0

    def __repr__(self) -> str:
        return f"<activity of {len(self._records)} cells>"

    @property
    def history(self) -> CallHistory | None:
        """What the policy has counted; None without a policy."""
        return None if self._gate is None else self._gate.history

    def record(self, cell_id: CellId) -> CellRecord:
        """The record of a cell, made if there is none."""
        found = self.find(cell_id)
        if found is None:
            found = self._records[cell_id] = CellRecord(cell_id)
        return found

    def started(
        self,
        cell_id: CellId,
        call_id: str,
        queue: EventQueue | None = None,
        *,
        source: str = "",
        asks: asyncio.Event | None = None,
    ) -> CellRecord:
        """A cell was admitted; ``queue`` gets its events, ``asks`` is set when it asks for approval."""
        record = self.record(cell_id)
        record.call_id = call_id
        record.source = source
        if asks is not None:
            if record.asks.is_set():
                asks.set()
            record.asks = asks
        record.follow(queue)
        if cell_id in self._closed_unknown:
            del self._closed_unknown[cell_id]
            self._closed[cell_id] = self._records.pop(cell_id, record)
            record.close()
        self._tell_application(CellStarted(cell_id=cell_id, call_id=call_id))
        return record

    def find(self, cell_id: CellId) -> CellRecord | None:
        """The record of a cell whose end was not handed over."""
        return self._records.get(cell_id) or self._closed.get(cell_id)

    @property
    def cells(self) -> tuple[CellInfo, ...]:
        """The cells whose end was not handed over, in the order of their starts."""
        records = (*self._closed.values(), *self._records.values())
        return tuple(record.info for record in sorted(records, key=lambda each: each.began))

    def source(self, cell_id: CellId) -> str:
        """The program of a cell whose end was not handed over; empty if it is not known."""
        record = self.find(cell_id)
        return "" if record is None else record.source

    def running(self, cell_id: CellId) -> tuple[NestedCall, ...]:
        """The nested calls of a cell that run."""
        record = self.find(cell_id)
        return () if record is None else record.running

    def take_calls(self, cell_id: CellId) -> tuple[tuple[NestedCall, ...], tuple[NestedCall, ...]]:
        """The calls of a cell that have ended since this was asked last, and those that run."""
        record = self.find(cell_id)
        if record is None:
            return (), ()
        record.told()
        ended = tuple(record.ended)
        record.ended.clear()
        self._kept -= sum(map(_size, ended))
        return ended, record.running

    def asks(self, cell_id: CellId) -> asyncio.Event | None:
        """Set while a call of a cell waits for approval that no result has told of."""
        record = self.find(cell_id)
        return None if record is None else record.asks

    def approvals(self, cell_id: CellId) -> tuple[Approval, ...]:
        """The nested calls of a cell that wait for approval without an approver, for its result."""
        record = self.find(cell_id)
        if record is None or self._approvals.has_approver:
            return ()
        record.asks.clear()
        return record.approvals

    def forget(self, cell_id: CellId) -> None:
        """The last result of a cell was handed over, or is not wanted."""
        self._unseen_ends.pop(cell_id, None)
        self._drop(self._records.pop(cell_id, None) or self._closed.pop(cell_id, None))

    def forget_closed(self, cell_id: CellId) -> None:
        """The end of a cell that is closed cannot be had any more."""
        self._unseen_ends.pop(cell_id, None)
        self._drop(self._closed.pop(cell_id, None))

    def take_unseen_ends(self) -> tuple[CellId, ...]:
        """The cells that have closed without an observer, each of them once."""
        ends = tuple(self._unseen_ends)
        self._unseen_ends.clear()
        return ends

    async def aclose(self) -> None:
        """End what was begun to tell the application of events."""
        for telling in self._telling:
            telling.cancel()
        if self._telling:
            # Cancellation against an application's callback that ignores it: the bound decides.
            await asyncio.wait(self._telling, timeout=TELL_SECONDS)

    # ── what the session tells ───────────────────────────────────────────────────────────────

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        """Run a nested call; see ``protocol.session.SessionDelegate``."""
        # A key that is never read costs 11 µs.
        if self.durable is not None or self._toolset.shows(call):
            call = self._identity.named(call)  # before anything waits: occurrences count in order
        record = self.record(call.cell_id)
        call_id = call.runtime_tool_call_id
        record.callback_began()
        record.begin(call_id, self._public_name(call))
        ended: NestedCall | None = None
        try:
            if record.is_followed or self._on_event is not None:
                begun = CallStarted(cell_id=call.cell_id, call=record.begun(call_id))
                self._tell_application(begun)
                await record.tell(begun)
            owner = call.caller or self._identity.owner()
            gate = self._gate if self.durable is None else self.durable.calls.gate(self._gate)
            value = await self._toolset.invoke_tool(call, cancel, gate=gate, owner=owner)
            ended = record.end(call_id, "ok", size=_json_bytes(value))
            return value
        except Exception as error:
            ended = record.end(call_id, "failed", error=shortened(str(error), ERROR_CHARACTERS))
            raise
        finally:
            if ended is None:  # its task is cancelled, or the event loop closes
                ended = record.end(call_id, "cancelled")
            self._keep(record, ended)
            # Not awaited: a task that is cancelled ends now. The next call waits for room.
            if record.is_followed or self._on_event is not None:
                event = CallEnded(cell_id=call.cell_id, call=ended)
                self._tell_application(event)
                record.tell_now(event)
            record.callback_ended()

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        """Deliver a notification; see ``protocol.session.SessionDelegate``."""
        record = self.record(cell_id)
        record.callback_began()
        try:
            event = CellNotification(cell_id=cell_id, call_id=call_id, text=text)
            self._tell_application(event)
            await record.tell(event)
            await self._toolset.notify(call_id, cell_id, text, cancel)
        finally:
            record.callback_ended()

    def cell_closed(self, cell_id: CellId) -> None:
        """A cell is over; see ``protocol.session.SessionDelegate``."""
        record = self._records.pop(cell_id, None)
        if record is not None:
            record.close()
            self._closed[cell_id] = record
            if record.call_id and not record.is_streamed and not record.is_lost:
                self._unseen_ends[cell_id] = None
                self._has_ended(record)
            while len(self._closed) > CLOSED_RECORDS:
                self._drop(self._closed.popitem(last=False)[1])
        else:
            # A short program may be over before its starter has run on and made its record.
            self._closed_unknown[cell_id] = None
            if len(self._closed_unknown) > CLOSED_RECORDS:
                self._closed_unknown.popitem(last=False)
        self._toolset.cell_closed(cell_id)
        self._identity.forget(cell_id)
        if self._gate is not None:
            self._gate.cell_closed(cell_id)

    def host_lost(self) -> None:
        """The application was told which cells its host has taken along: their ends are no news.

        Some of these cells may be closed only later: reports of a host come in no order.
        """
        self._unseen_ends.clear()
        for record in self._records.values():
            record.is_lost = True

    def news(self, cell_id: CellId, news: News) -> None:
        """There is news of an unobserved cell; see ``protocol.session.TellsNews``."""
        record = self._records.get(cell_id)
        if record is None or record.is_streamed:
            return
        if news == "ended":
            self._has_ended(record)
        elif news == "taken":
            record.has_output = False
        elif not record.has_output:
            record.has_output = True
            self._tell_application(CellNews(cell_id=cell_id, ended=False))

    def _has_ended(self, record: CellRecord) -> None:
        if not record.has_ended:
            record.has_ended = True
            self._tell_application(CellNews(cell_id=record.cell_id, ended=True))

    def _decided(self, decision: CallDecision, approval: Approval | None) -> None:
        """Something was decided about a nested call."""
        trace_decision(self.tracer, decision, approval)
        record = self.find(decision.cell_id)
        if record is None:
            return  # a callback that outlived its cell
        events: list[CellEvent] = []
        if approval is not None and decision.outcome == "asked":
            record.approval_asked(approval)
            events.append(ApprovalRequested(cell_id=decision.cell_id, approval=approval))
        elif approval is not None:
            record.approval_over(approval)
        events.append(CallDecided(cell_id=decision.cell_id, decision=decision))
        for event in events:
            self._tell_application(event)
            record.tell_now(event)

    def _tell_application(self, event: CellEvent) -> None:
        if self._on_event is None:
            return
        try:
            result = self._on_event(event)
        except Exception:  # noqa: BLE001 - the application's own trouble
            _log.exception("on_event failed")
            return
        if inspect.isawaitable(result):
            telling = asyncio.ensure_future(result)
            self._telling.add(telling)
            telling.add_done_callback(self._told)

    def _told(self, telling: asyncio.Future[object]) -> None:
        self._telling.discard(telling)
        if not telling.cancelled() and telling.exception() is not None:
            _log.error("on_event failed", exc_info=telling.exception())

    def _public_name(self, call: ToolCall) -> str:
        definition = self._toolset.find(call.tool_name)
        return call.tool_name.name if definition is None else definition.name

    def _keep(self, record: CellRecord, call: NestedCall) -> None:
        if self.find(record.cell_id) is not record:
            return  # its last result was handed over: it is not asked for again
        record.ended.append(call)
        self._kept += _size(call)
        while self._kept > KEPT_BYTES and record.ended:
            self._kept -= _size(record.ended.popleft())

    def _drop(self, record: CellRecord | None) -> None:
        if record is not None:
            self._kept -= sum(map(_size, record.ended))
            record.ended.clear()


def _size(call: NestedCall) -> int:
    return CALL_BYTES + len(call.error or "")


def _json_bytes(value: JsonValue) -> int:
    try:
        return len(msgspec.json.encode(value))
    except (TypeError, ValueError, RecursionError, OverflowError):
        pass  # what the session takes all the same, or refuses
    try:
        return len(encode_json(value))
    except (TypeError, ValueError, RecursionError):
        return 0
