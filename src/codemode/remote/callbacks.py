"""What one cell at a host asks of our delegate: calls and notifications, each a task of ours.

They begin in the order in which they came, a bounded number at once. One that the host does not
want any more, and all of them when the cell is over, have their signal set and their task
cancelled; after a grace that all share they are dropped, and what they say later nobody hears.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Raw

from ..protocol import messages as m
from ..protocol.session import TakesQueued
from ..protocol.types import ToolCall
from ..runtime.callbacks import (
    CANCELLED_CALL,
    NOTIFICATIONS_AT_ONCE,
    encoded_result,
    let_go,
    of_cell,
    read_argument,
)
from ..runtime.lane import CALLBACK_SECONDS
from .outgoing import failure_text, json_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from ..limits import Limits
    from ..loop_share import LoopShare
    from ..protocol.session import SessionDelegate
    from ..protocol.types import CellId, ToolDefinition, ToolName

_log = logging.getLogger(__name__)

CANCELLED_REQUEST: Final = "code mode delegate request cancelled"


class Answers(Protocol):
    """Where answers go; ``disown`` says that none will come."""

    def disown(self, number: int) -> None: ...

    def answer(self, number: int, result: m.DelegateOk | m.DelegateFailed) -> None: ...

    async def writable(self) -> None: ...


@dataclass(eq=False, slots=True)
class _Callback:
    """One callback; ``unwanted`` when nobody listens to its answer any more."""

    number: int
    request: m.ToolInvoke | m.NotificationSend
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    unwanted: bool = False


class Callbacks:
    """The callbacks of one cell that have not ended.

    Args:
        call_id: the model's call that started the cell.
        tools: what the cell was given, by their own names.
        context: that of the cell's execute: each callback runs in a copy of it. The context in
            which a host's messages are read belongs to all sessions at the host.
        share: the session's share of the event loop, in which callbacks are begun.
    """

    def __init__(  # noqa: PLR0913 - made in one place, of what its cell has
        self,
        cell_id: CellId,
        call_id: str,
        tools: Mapping[ToolName, ToolDefinition],
        delegate: SessionDelegate,
        limits: Limits,
        context: Context,
        share: LoopShare,
        answers: Answers,
    ) -> None:
        self.context = context
        self._share = share
        self._cell_id = cell_id
        self._call_id = call_id
        self._tools = tools
        self._delegate = delegate
        self._limits = limits
        self._answers = answers
        self._lanes = {
            m.ToolInvoke: _Lane(limits.concurrent_tool_calls, self._begin),
            m.NotificationSend: _Lane(NOTIFICATIONS_AT_ONCE, self._begin),
        }
        self._open: dict[int, _Callback] = {}
        self._on_ended: list[Callable[[], None]] = []
        self._ending = False
        self._grace: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<callbacks of cell {self._cell_id}: {len(self._open)} open>"

    @property
    def is_notifying(self) -> bool:
        """Whether a notification has not been delivered."""
        notes = self._lanes[m.NotificationSend]
        return bool(notes.running or notes.waiting)

    def begin(self, number: int, request: m.ToolInvoke | m.NotificationSend) -> None:
        """Run what the host asks for, or queue it."""
        if self._ending:
            self._answers.answer(number, m.DelegateFailed(CANCELLED_REQUEST))
            return
        callback = _Callback(number, request)
        self._open[number] = callback
        lane = self._lanes[type(request)]
        lane.waiting[callback] = None
        if lane.is_crowded and isinstance(request, m.ToolInvoke):
            self._tell_queued(request.invocation)
        self._fill(lane)

    def _tell_queued(self, asked: m.Invocation) -> None:
        if isinstance(self._delegate, TakesQueued):
            call = asked.runtime_tool_call_id
            self._delegate.call_queued(self._cell_id, call, asked.tool_name)

    def cancel(self, number: int) -> None:
        """The host does not want this one any more."""
        callback = self._open.get(number)
        if callback is None or callback.unwanted:
            return
        self._tell(callback)
        if callback.task is None:
            self._forget(callback)
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self._limits.callback_grace_ms / 1000, self._drop, callback)

    def end(self, on_ended: Callable[[], None]) -> None:
        """The cell is over: cancel everything; then ``on_ended()``, at once if nothing runs."""
        self._on_ended.append(on_ended)
        if not self._ending:
            self._ending = True
            for callback in list(self._open.values()):
                self._tell(callback)
                if callback.task is None:
                    self._forget(callback)
            if self._open:
                seconds = self._limits.callback_grace_ms / 1000
                self._grace = asyncio.get_running_loop().call_later(seconds, self._drop_all)
        self._say_ended()

    def _tell(self, callback: _Callback) -> None:
        callback.unwanted = True
        callback.cancel.set()
        if callback.task is not None:
            callback.task.cancel()

    def _drop_all(self) -> None:
        for callback in list(self._open.values()):
            self._drop(callback)

    def _drop(self, callback: _Callback) -> None:
        task = callback.task
        if callback.number not in self._open or task is None:
            return
        if not task.done():
            let_go(task, self._cell_id)
        self._forget(callback)

    def _forget(self, callback: _Callback) -> None:
        if self._open.pop(callback.number, None) is None:
            return
        self._answers.disown(callback.number)
        lane = self._lanes[type(callback.request)]
        if callback.task is None:
            del lane.waiting[callback]
        else:
            lane.running -= 1
            if not self._ending:
                self._fill(lane)
        self._say_ended()

    def _ended(self, callback: _Callback, _: asyncio.Task[None]) -> None:
        self._forget(callback)

    def _say_ended(self) -> None:
        if not self._ending or self._open:
            return
        if self._grace is not None:
            self._grace.cancel()
        told, self._on_ended = self._on_ended, []
        for on_ended in told:
            on_ended()

    def _fill(self, lane: _Lane) -> None:
        if lane.has_room:
            self._share.do(lane.begin_next)

    def _begin(self, callback: _Callback) -> None:
        self._share.charge(CALLBACK_SECONDS)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._run(callback), context=self.context.copy())
        callback.task = task
        task.add_done_callback(partial(self._ended, callback))

    # ── one callback ─────────────────────────────────────────────────────────────────────────

    async def _run(self, callback: _Callback) -> None:
        # Whatever a delegate does ends here: a SystemExit in a task would end the event loop.
        try:
            result = await self._result(callback.request, callback.cancel)
        except GeneratorExit:
            raise
        except asyncio.CancelledError:
            result = m.DelegateFailed(CANCELLED_CALL)
        except BaseException as error:  # noqa: BLE001 - see above
            result = m.DelegateFailed(failure_text(error, self._limits))
        if callback.unwanted:
            return
        try:
            await self._answers.writable()
        except asyncio.CancelledError:
            return  # nobody listens, or the connection is over
        if not callback.unwanted:
            self._answers.answer(callback.number, result)

    async def _result(
        self, request: m.ToolInvoke | m.NotificationSend, cancel: asyncio.Event
    ) -> m.DelegateOk | m.DelegateFailed:
        if isinstance(request, m.NotificationSend):
            await self._notify(request, cancel)
            return m.DelegateOk(m.NotificationDelivered())
        call = await self._call(request.invocation)
        value = await self._delegate.invoke_tool(call, cancel)
        if cancel.is_set():  # by the tool itself; where we did it nobody listens
            return m.DelegateFailed(CANCELLED_CALL)
        json = await encoded_result(
            value, call.tool_name.name, self._limits, json_value, self._delegate
        )
        return m.DelegateOk(m.ToolResult(Raw(json)))

    async def _call(self, asked: m.Invocation) -> ToolCall:
        argument = asked.input
        if isinstance(argument, Raw):
            text = bytes(argument).decode()
            name = asked.tool_name.name
            argument = await read_argument(text, name, self._limits, self._delegate)
        call = ToolCall(
            cell_id=self._cell_id,
            runtime_tool_call_id=asked.runtime_tool_call_id,
            tool_name=asked.tool_name,
            tool_kind=asked.tool_kind,
            input=argument,
        )
        return of_cell(call, self._call_id, self._tools.get(asked.tool_name))

    async def _notify(self, request: m.NotificationSend, cancel: asyncio.Event) -> None:
        try:
            await self._delegate.notify(request.call_id, self._cell_id, request.text, cancel)
        except Exception as error:  # noqa: BLE001 - a failed notification fails nobody
            _log.warning("a notification of cell %s failed: %r", self._cell_id, error)


class _Lane:
    """Callbacks of one kind; those that wait in order, and found at once when one is taken out."""

    def __init__(self, at_once: int, begin: Callable[[_Callback], None]) -> None:
        self.running = 0
        self.waiting: OrderedDict[_Callback, None] = OrderedDict()
        self._at_once = max(1, at_once)
        self._begin = begin

    @property
    def has_room(self) -> bool:
        """Whether one of those that wait may begin."""
        return bool(self.waiting) and self.running < self._at_once

    @property
    def is_crowded(self) -> bool:
        """Whether the last of those that wait can begin only when another one has ended."""
        return self.running + len(self.waiting) > self._at_once

    def begin_next(self) -> bool:
        """Begin the first of those that wait; whether another one may begin, too."""
        if self.has_room:
            callback, _ = self.waiting.popitem(last=False)
            self.running += 1
            self._begin(callback)
        return self.has_room
