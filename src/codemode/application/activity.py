"""What the cells of a session do: their nested calls, their notifications, and who follows them.

An :class:`Activity` stands between a session and the toolset as the session's delegate, so that it
sees every nested call, one that is refused before the chain, too, wherever the cells run. It keeps
a record for each cell. The delegate may be told of a cell's calls before the caller of ``execute``
knows the cell's id, so a record is made by whoever comes first, and its events wait in the record
until the cell is followed, or it is said that nobody follows it.

What records hold of calls that have ended is bounded for the session: beyond the bound a cell
forgets its oldest ones.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

import msgspec

from ..runtime.jsontext import encode_json
from ..surface.nested_call import NestedCall
from ..tools.policy.gate import Gate
from .decision_trace import trace_decision
from .events import ApprovalRequested, CallDecided, CallEnded, CallStarted, CellNotification

if TYPE_CHECKING:
    from ..protocol.session import Signal
    from ..protocol.types import CellId, JsonValue, ToolCall
    from ..surface.nested_call import CallStatus
    from ..tools.policy.approvals import Approval, Approvals
    from ..tools.policy.decisions import CallDecision
    from ..tools.toolset import Toolset
    from ..trace.tracer import Tracer
    from .event_queue import EventQueue
    from .events import CellEvent
    from .identity import SessionIdentity

KEPT_BYTES: Final = 8 * 1024 * 1024
"""What the calls that have ended may take together until a result tells of them."""

CALL_BYTES: Final = 256
"""What a call takes besides its error."""

CLOSED_RECORDS: Final = 128
"""How many cells may be over before their last result was handed over, and keep their calls."""

ERROR_CHARACTERS: Final = 1_000


class CellInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A cell whose end was not handed over yet.

    Attributes:
        cell_id: what ``wait`` takes.
        call_id: the model's call that started it.
        seconds: its age.
        calls: how many tools it has called, those that run included.
        waiting_for: the nested calls that run.
        is_over: whether it has ended and closed: ``wait`` gives its end at once.
    """

    cell_id: CellId
    call_id: str
    seconds: float
    calls: int
    waiting_for: tuple[NestedCall, ...]
    is_over: bool


class CellRecord:
    """What a cell has done since the last result that told of it.

    Attributes:
        began: when it was first known, by the clock of ``time.monotonic``.
        call_id: the model's call that started it, once that is known.
        calls: how many tools it has called.
        ended: the calls that have ended.
        is_closed: whether the cell is over and all its callbacks have ended.
        asks: set when a call has begun to wait for approval, and no result has told of it.
    """

    def __init__(self, cell_id: CellId) -> None:
        self.cell_id = cell_id
        self.began = time.monotonic()
        self.call_id = ""
        self.calls = 0
        self.ended: deque[NestedCall] = deque()
        self.is_closed = False
        self.asks = asyncio.Event()
        self._callbacks = 0
        self._running: dict[str, tuple[str, float]] = {}  # tool and start, by the id of the call
        self._approvals: dict[str, Approval] = {}  # by the id of the call
        self._early: list[CellEvent] | None = []
        self._queue: EventQueue | None = None

    def __repr__(self) -> str:
        return f"<record of cell {self.cell_id}, {self._callbacks} callbacks>"

    @property
    def is_busy(self) -> bool:
        """Whether a nested call or a notification is under way."""
        return self._callbacks > 0

    @property
    def running(self) -> tuple[NestedCall, ...]:
        """The nested calls that run, in order."""
        return tuple(self._running_call(call_id) for call_id in self._running)

    @property
    def approvals(self) -> tuple[Approval, ...]:
        """The nested calls that wait for approval."""
        return tuple(self._approvals.values())

    def approval_asked(self, approval: Approval) -> None:
        """A call waits for approval."""
        self._approvals[approval.call.runtime_tool_call_id] = approval
        self.asks.set()

    def approval_over(self, approval: Approval) -> None:
        """A call does not wait for approval any more."""
        self._approvals.pop(approval.call.runtime_tool_call_id, None)
        if not self._approvals:
            self.asks.clear()

    def _running_call(self, call_id: str) -> NestedCall:
        approval = self._approvals.get(call_id)
        if approval is None:
            return _call(call_id, *self._running[call_id], "running")
        waiting = _call(call_id, *self._running[call_id], "waiting")
        return msgspec.structs.replace(waiting, approval_id=approval.id)

    def follow(self, queue: EventQueue | None) -> None:
        """From now on events go to ``queue``, those that have waited first; None: nobody follows."""
        early, self._early = self._early, None
        self._queue = queue
        if queue is not None:
            queue.extend(early or ())
            if self.is_closed:
                queue.news.set()

    @property
    def is_followed(self) -> bool:
        """Whether events reach somebody, or may yet."""
        return self._queue is not None or self._early is not None

    async def tell(self, event: CellEvent) -> None:
        """Hand over an event; waits while whoever follows the cell has too many."""
        if self._early is None and self._queue is not None:
            await self._queue.put(event)
        else:
            self.tell_now(event)

    def tell_now(self, event: CellEvent) -> None:
        """Hand over an event, without waiting."""
        if self._early is not None:
            self._early.append(event)
        elif self._queue is not None:
            self._queue.extend((event,))

    def begin(self, call_id: str, tool: str) -> None:
        """A call begins."""
        self.calls += 1
        self._running[call_id] = (tool, time.monotonic())

    def begun(self, call_id: str) -> NestedCall:
        """A call that runs."""
        return _call(call_id, *self._running[call_id], "running")

    def end(
        self, call_id: str, status: CallStatus, *, size: int = 0, error: str | None = None
    ) -> NestedCall:
        """A call is over."""
        tool, began = self._running.pop(call_id)
        return _call(call_id, tool, began, status, size=size, error=error)

    def callback_began(self) -> None:
        """The session waits for the delegate."""
        self._callbacks += 1

    def callback_ended(self) -> None:
        """The session has its answer."""
        self._callbacks -= 1

    @property
    def info(self) -> CellInfo:
        """The cell as it is now."""
        return CellInfo(
            cell_id=self.cell_id,
            call_id=self.call_id,
            seconds=round(time.monotonic() - self.began, 3),
            calls=self.calls,
            waiting_for=self.running,
            is_over=self.is_closed,
        )

    def close(self) -> None:
        """The cell is over and all its callbacks have ended."""
        self.is_closed = True
        if self._queue is not None:
            self._queue.news.set()


class Activity:
    """The delegate of a session: keeps and tells what its cells do, and asks the toolset.

    Args:
        toolset: runs nested calls.
        identity: whose session it is.
        approvals: the calls that wait for approval.

    Attributes:
        tracer: is told what was decided about calls; None where the session is not traced.
    """

    def __init__(self, toolset: Toolset, identity: SessionIdentity, approvals: Approvals) -> None:
        self._toolset = toolset
        self._identity = identity
        self._approvals = approvals
        self.tracer: Tracer | None = None
        self._gate: Gate | None = None
        if toolset.policy is not None:
            self._gate = Gate(toolset.policy, approvals, listener=self._decided)
            approvals.listener = self._decided
        self._records: dict[CellId, CellRecord] = {}
        self._closed: OrderedDict[CellId, CellRecord] = OrderedDict()
        self._kept = 0

    def __repr__(self) -> str:
        return f"<activity of {len(self._records)} cells>"

    def record(self, cell_id: CellId) -> CellRecord:
        """The record of a cell, made if there is none."""
        found = self._find(cell_id)
        if found is None:
            found = self._records[cell_id] = CellRecord(cell_id)
        return found

    def started(
        self,
        cell_id: CellId,
        call_id: str,
        queue: EventQueue | None = None,
        *,
        asks: asyncio.Event | None = None,
    ) -> CellRecord:
        """A cell was admitted; ``queue`` gets its events, ``asks`` is set when it asks for approval."""
        record = self.record(cell_id)
        record.call_id = call_id
        if asks is not None:
            if record.asks.is_set():
                asks.set()
            record.asks = asks
        record.follow(queue)
        return record

    @property
    def cells(self) -> tuple[CellInfo, ...]:
        """The cells whose end was not handed over, in the order of their starts."""
        records = (*self._closed.values(), *self._records.values())
        return tuple(record.info for record in sorted(records, key=lambda each: each.began))

    def running(self, cell_id: CellId) -> tuple[NestedCall, ...]:
        """The nested calls of a cell that run."""
        record = self._find(cell_id)
        return () if record is None else record.running

    def take_calls(self, cell_id: CellId) -> tuple[tuple[NestedCall, ...], tuple[NestedCall, ...]]:
        """The calls of a cell that have ended since this was asked last, and those that run."""
        record = self._find(cell_id)
        if record is None:
            return (), ()
        ended = tuple(record.ended)
        record.ended.clear()
        self._kept -= sum(map(_size, ended))
        return ended, record.running

    def asks(self, cell_id: CellId) -> asyncio.Event | None:
        """Set while a call of a cell waits for approval that no result has told of."""
        record = self._find(cell_id)
        return None if record is None else record.asks

    def approvals(self, cell_id: CellId) -> tuple[Approval, ...]:
        """The nested calls of a cell that nobody is asked about, so that a result tells of them."""
        record = self._find(cell_id)
        if record is None or not self._approvals.asks_nobody:
            return ()
        record.asks.clear()
        return record.approvals

    def forget(self, cell_id: CellId) -> None:
        """The last result of a cell was handed over."""
        self._drop(self._records.pop(cell_id, None) or self._closed.pop(cell_id, None))

    def forget_closed(self, cell_id: CellId) -> None:
        """The end of a cell that is closed cannot be had any more."""
        self._drop(self._closed.pop(cell_id, None))

    # ── what the session tells ───────────────────────────────────────────────────────────────

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        """Run a nested call; see ``protocol.session.SessionDelegate``."""
        call = self._identity.named(
            call
        )  # before anything waits: its occurrence is counted in order
        record = self.record(call.cell_id)
        call_id = call.runtime_tool_call_id
        record.callback_began()
        record.begin(call_id, self._public_name(call))
        ended: NestedCall | None = None
        try:
            if record.is_followed:
                begun = record.begun(call_id)
                await record.tell(CallStarted(cell_id=call.cell_id, call=begun))
            value = await self._toolset.invoke_tool(call, cancel, gate=self._gate)
            ended = record.end(call_id, "ok", size=_json_bytes(value))
            return value
        except Exception as error:
            ended = record.end(call_id, "failed", error=_shortened(str(error)))
            raise
        finally:
            if ended is None:  # its task is cancelled, or the event loop closes
                ended = record.end(call_id, "cancelled")
            self._keep(record, ended)
            # Not awaited: a task that is cancelled ends now. The next call waits for room.
            if record.is_followed:
                record.tell_now(CallEnded(cell_id=call.cell_id, call=ended))
            record.callback_ended()

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        """Deliver a notification; see ``protocol.session.SessionDelegate``."""
        record = self.record(cell_id)
        record.callback_began()
        try:
            await record.tell(CellNotification(cell_id=cell_id, call_id=call_id, text=text))
            await self._toolset.notify(call_id, cell_id, text, cancel)
        finally:
            record.callback_ended()

    def cell_closed(self, cell_id: CellId) -> None:
        """A cell is over; see ``protocol.session.SessionDelegate``."""
        record = self._records.pop(cell_id, None)
        if record is not None:
            record.close()
            self._closed[cell_id] = record
            while len(self._closed) > CLOSED_RECORDS:
                self._drop(self._closed.popitem(last=False)[1])
        self._toolset.cell_closed(cell_id)
        self._identity.forget(cell_id)
        if self._gate is not None:
            self._gate.cell_closed(cell_id)

    def _decided(self, decision: CallDecision, approval: Approval | None) -> None:
        """Something was decided about a nested call."""
        trace_decision(self.tracer, decision, approval)
        record = self._find(decision.cell_id)
        if record is None:
            return  # a callback that outlived its cell
        if approval is not None and decision.outcome == "asked":
            record.approval_asked(approval)
            record.tell_now(ApprovalRequested(cell_id=decision.cell_id, approval=approval))
        elif approval is not None:
            record.approval_over(approval)
        record.tell_now(CallDecided(cell_id=decision.cell_id, decision=decision))

    def _find(self, cell_id: CellId) -> CellRecord | None:
        return self._records.get(cell_id) or self._closed.get(cell_id)

    def _public_name(self, call: ToolCall) -> str:
        definition = self._toolset.find(call.tool_name)
        return call.tool_name.name if definition is None else definition.name

    def _keep(self, record: CellRecord, call: NestedCall) -> None:
        if self._find(record.cell_id) is not record:
            return  # its last result was handed over: nobody asks again
        record.ended.append(call)
        self._kept += _size(call)
        while self._kept > KEPT_BYTES and record.ended:
            self._kept -= _size(record.ended.popleft())

    def _drop(self, record: CellRecord | None) -> None:
        if record is not None:
            self._kept -= sum(map(_size, record.ended))
            record.ended.clear()


def _call(
    call_id: str,
    tool: str,
    began: float,
    status: CallStatus,
    *,
    size: int = 0,
    error: str | None = None,
) -> NestedCall:
    return NestedCall(
        id=call_id,
        tool=tool,
        status=status,
        milliseconds=round((time.monotonic() - began) * 1000, 3),
        bytes=size,
        error=error,
    )


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


def _shortened(error: str) -> str:
    return error if len(error) <= ERROR_CHARACTERS else error[: ERROR_CHARACTERS - 1] + "…"
