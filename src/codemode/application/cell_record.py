"""What one cell has done since the last result that told of it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from ..surface.nested_call import NestedCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.types import CellId, Item
    from ..surface.nested_call import CallStatus
    from ..tools.policy.approvals import Approval
    from .event_queue import EventQueue
    from .events import CellEvent


class CellInfo(Struct, frozen=True, kw_only=True):
    """A cell whose end was not handed over yet.

    Attributes:
        cell_id: what ``wait`` takes.
        call_id: the model's call that started it.
        seconds: its age.
        idle_seconds: how long ago a result told of it last, or since its start.
        calls: how many tools it has called, those that run included.
        waiting_for: the nested calls that run.
        has_output: whether it is known to have written what was not handed over; hosts do not
            tell it.
        is_over: whether it is known to have ended: ``wait`` gives its end at once.
    """

    cell_id: CellId
    call_id: str
    seconds: float
    idle_seconds: float
    calls: int
    waiting_for: tuple[NestedCall, ...]
    has_output: bool
    is_over: bool


class CellRecord:
    """What a cell has done since the last result that told of it.

    Attributes:
        began: when it was first known, by the clock of ``time.monotonic``.
        call_id: the model's call that started it, once that is known.
        source: its program, once that is known.
        calls: how many tools it has called.
        ended: the calls that have ended.
        left_over: output of observations whose caller was cancelled, for the next one.
        has_output: whether there is undelivered output.
        has_ended: whether the program is over, and its end not yet delivered.
        is_lost: whether the application was told that the cell is lost with its host.
        is_closed: whether the cell is over and all its callbacks have ended.
        on_call_ended: called when a call has ended.
        asks: set when a call has begun to wait for approval, and no result has told of it.
    """

    def __init__(self, cell_id: CellId) -> None:
        self.cell_id = cell_id
        self.began = time.monotonic()
        self.call_id = ""
        self.source = ""
        self.calls = 0
        self.ended: deque[NestedCall] = deque()
        self.left_over: list[Item] = []
        self.has_output = False
        self.has_ended = False
        self.is_lost = False
        self.is_closed = False
        self.on_call_ended: Callable[[], None] | None = None
        self.asks = asyncio.Event()
        self._told_at = self.began
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
        """From now on events go to ``queue``, those that have waited first; None: the cell has no follower."""
        early, self._early = self._early, None
        self._queue = queue
        if queue is not None:
            queue.extend(early or ())
            if self.is_closed:
                queue.news.set()

    @property
    def is_followed(self) -> bool:
        """Whether events reach a follower, or may yet."""
        return self._queue is not None or self._early is not None

    @property
    def is_streamed(self) -> bool:
        """Whether a follower reads the cell to its end."""
        return self._queue is not None

    async def tell(self, event: CellEvent) -> None:
        """Hand over an event; waits while the cell's follower has too many."""
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

    def knows_call(self, name: str) -> bool:
        """Whether ``name`` is a call that was made, or the tool of one that runs."""
        if any(name in (call_id, tool) for call_id, (tool, _) in self._running.items()):
            return True
        number = name.removeprefix("tool-")
        is_number = number.isascii() and number.isdecimal() and len(number) < 10
        return is_number and 0 < int(number) <= self.calls

    def take_left_over(self) -> tuple[Item, ...]:
        """Output of observations whose caller was cancelled; it is not here any more."""
        items = tuple(self.left_over)
        self.left_over.clear()
        return items

    def told(self) -> None:
        """A result has told of the cell."""
        self._told_at = time.monotonic()

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
        if self.on_call_ended is not None:
            self.on_call_ended()
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
        now = time.monotonic()
        return CellInfo(
            cell_id=self.cell_id,
            call_id=self.call_id,
            seconds=round(now - self.began, 3),
            idle_seconds=round(now - self._told_at, 3),
            calls=self.calls,
            waiting_for=self.running,
            has_output=self.has_output or bool(self.left_over),
            is_over=self.is_closed or self.has_ended,
        )

    def close(self) -> None:
        """The cell is over and all its callbacks have ended."""
        self.is_closed = True
        if self._queue is not None:
            self._queue.news.set()


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
