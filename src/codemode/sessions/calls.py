"""The callbacks of one cell - tool calls and notifications - each a task that its runner owns.

Both kinds begin in the order in which the program asked for them, a bounded number at once. A
callback that is not wanted any more has its signal set and its task cancelled. When the cell ends,
all that are left share one grace, however many there are. A callback that ignores its cancellation
is dropped: it runs on, and its outcome is not used.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextvars import Context
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Struct, field

from ..errors import CodeModeError, ToolError
from ..protocol.session import TakesQueued
from .call_values import encoded_now, encoded_result, error_text, read_argument

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from msgspec import Raw

    from ..limits import Limits
    from ..loop_share import LoopShare
    from ..protocol.session import SessionDelegate
    from ..protocol.types import CellId, ToolCall, ToolDefinition, ToolName

    Work: TypeAlias = Callable[["CellCall"], Coroutine[object, object, None]]

_log = logging.getLogger(__name__)

_Json = TypeVar("_Json", str, bytes)

CANCELLED_CALL: Final = "code mode nested tool call cancelled"

NOTIFICATIONS_AT_ONCE: Final = 64
"""Enough to keep a delegate far away busy, without a task for each of a thousand."""

CALLBACK_SECONDS: Final = 0.0001
"""About what a callback takes of an event loop that has nothing else to do: its tasks, and its answer."""

_DROPPED: Final[set[asyncio.Task[None]]] = set()
"""Callbacks that outlived their grace; kept from the collector until they end by themselves."""


@lru_cache(maxsize=128)
def offers(delegate: type, what: type) -> bool:
    """Whether delegates of a class offer all methods of ``what``: a check of a protocol takes microseconds, each time."""
    return issubclass(delegate, what)


class CellCall(Struct, eq=False):
    """One callback that has not ended.

    Attributes:
        number: what its cell, or the host, calls it.
        work: makes its coroutine when its turn comes.
        size: bytes that it holds.
        cancel: the delegate's signal. The delegate may set it, too.
        task: None until its turn comes.
        unwanted: whether it was cancelled by us: its outcome is not used.
        begin: begins it without a task, and sets ``take_back``; False where that cannot be now.
        take_back: ends it, if it runs without a task.
    """

    number: int
    work: Work
    size: int = 0
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    unwanted: bool = False
    begin: Callable[[CellCall], bool] | None = None
    take_back: Callable[[], None] | None = None


class CallFailure(Struct, frozen=True, gc=False):
    """Why a tool call has failed, as the program reads it."""

    text: str


def result_now(
    result: Raw | ToolError,
    tool_name: str,
    limits: Limits,
    encode: Callable[[Any, int], _Json],
) -> _Json | CallFailure:
    """What a call of ``tool_name`` without a task has come to, as ``CallRunner.invoke`` gives it."""
    if isinstance(result, ToolError):
        return CallFailure(error_text(result, limits))
    try:
        return encoded_now(result, tool_name, limits, encode)
    except CodeModeError as error:
        return CallFailure(error_text(error, limits))


class CallQueue:
    """The callbacks of one kind: those that run, and those that wait their turn, in order."""

    def __init__(self, at_once: int, begin: Callable[[CellCall], None]) -> None:
        self.running: dict[CellCall, None] = {}
        self.waiting: OrderedDict[CellCall, None] = OrderedDict()  # any of them may be taken out
        self.is_held = False
        self.at_once = max(1, at_once)
        self._begin = begin

    def __len__(self) -> int:
        return len(self.running) + len(self.waiting)

    @property
    def has_room(self) -> bool:
        """Whether one of those that wait may begin."""
        return bool(self.waiting) and not self.is_held and len(self.running) < self.at_once

    def begin_next(self) -> bool:
        """Begin the first of those that wait; whether another one may begin, too."""
        if self.has_room:
            call, _ = self.waiting.popitem(last=False)
            self.running[call] = None
            self._begin(call)
        return self.has_room

    def remove(self, call: CellCall) -> bool:
        """Forget ``call``; False if it is not here."""
        if call in self.running:
            del self.running[call]
            return True
        return self.waiting.pop(call, self) is None


class CallRunner:
    """Runs the callbacks of one cell. Those who make the calls inherit from it.

    Args:
        call_id: the model's call that started the cell.
        context: that of the cell's execute: each callback runs in a copy of it. The event that makes one due
            belongs to another user maybe.
        share: the session's share of the event loop, in which callbacks begin.
    """

    def __init__(
        self,
        cell_id: CellId,
        call_id: str,
        delegate: SessionDelegate,
        limits: Limits,
        context: Context,
        share: LoopShare,
    ) -> None:
        self.cell_id = cell_id
        self.bytes = 0
        """What the callbacks that have not ended hold."""
        self._call_id = call_id
        self._delegate = delegate
        self._takes_queued = (
            cast("TakesQueued", delegate) if offers(type(delegate), TakesQueued) else None
        )
        self._limits = limits
        self._context = context
        self._share = share
        self._tool_calls = CallQueue(limits.concurrent_tool_calls, self._begin)
        self._notifications = CallQueue(NOTIFICATIONS_AT_ONCE, self._begin)
        self._in_tasks = 0  # of both kinds, that run
        self._is_ending = False
        self._is_cancelled = False
        self._on_ended: list[Callable[[], None]] = []
        self._grace: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        calls, notes = len(self._tool_calls), len(self._notifications)
        return f"<callbacks of cell {self.cell_id}: {calls} calls, {notes} notes>"

    def __len__(self) -> int:
        return len(self._tool_calls) + len(self._notifications)

    def on_left(self, call: CellCall) -> None:
        """``call`` has ended, or was dropped, or never begins."""

    def add_call(self, call: CellCall, name: str, tool: ToolName) -> None:
        """Run the tool call ``name``, after those before it; the delegate learns if it must wait for one to end."""
        queue = self._tool_calls
        must_wait = len(queue) >= queue.at_once or queue.is_held
        if must_wait and self._takes_queued is not None:
            self._takes_queued.call_queued(self.cell_id, name, tool)
        self.add(queue, call)

    def add(self, queue: CallQueue, call: CellCall) -> None:
        """Run ``call``, after those before it in ``queue`` have begun."""
        queue.waiting[call] = None
        self.bytes += call.size
        self._begin_next(queue)

    def begin_notifications(self) -> None:
        """Begin those that only others' turns have kept from beginning."""
        while self._notifications.begin_next():
            pass

    def withdraw(self, call: CellCall) -> None:
        """Cancel one that is not wanted any more; drop it if it still runs after the grace."""
        if not call.unwanted:
            self._cancel(call)
            if call.task is not None:
                self._after_grace(self._drop, call)

    def say_closed(self) -> None:
        """Tell the delegate that nothing more comes of the cell; its failure is its own."""
        try:
            self._context.copy().run(self._delegate.cell_closed, self.cell_id)
        except BaseException:  # noqa: BLE001 - the session goes on
            _log.exception("cell_closed of cell %s failed", self.cell_id)

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def drain(self, on_ended: Callable[[], None]) -> None:
        """Let the notifications end, then cancel the tool calls, then call ``on_ended()``; maybe at once."""
        self._on_ended.append(on_ended)
        if not self._is_ending:
            # Calls that only others' turns have kept from beginning were made all the same.
            while self._tool_calls.begin_next():
                pass
            for call in list(self._tool_calls.waiting):
                self._leave(call)
            self._is_ending = True
        if len(self):
            # A round later: what has just begun is with the delegate when it is cancelled.
            asyncio.get_running_loop().call_soon(self._review_end, context=Context())
        else:
            self._review_end()  # most cells end like this

    def cancel_all(self, on_ended: Callable[[], None]) -> None:
        """Cancel everything, drop what still runs after the grace, then call ``on_ended()``; maybe at once."""
        self._on_ended.append(on_ended)
        self._is_ending = True
        self._cancel_rest()
        self._review_end()

    def _review_end(self) -> None:
        if not self._is_ending:
            return
        if not len(self._notifications):
            self._cancel_rest()
        if len(self):
            return
        if self._grace is not None:
            self._grace.cancel()
        told, self._on_ended = self._on_ended, []
        for on_ended in told:
            on_ended()

    def _cancel_rest(self) -> None:
        if self._is_cancelled:
            return
        self._is_cancelled = True
        for queue in (self._notifications, self._tool_calls):
            for call in (*queue.waiting, *queue.running):
                if not call.unwanted:
                    self._cancel(call)
        if len(self):
            self._grace = self._after_grace(self._drop_rest)

    def _cancel(self, call: CellCall) -> None:
        call.unwanted = True
        call.cancel.set()
        if call.task is not None:
            call.task.cancel()
            return
        if call.take_back is not None:
            call.take_back()
        self._leave(call)

    def _after_grace(self, do: Callable[..., None], *args: CellCall) -> asyncio.TimerHandle:
        # The loop keeps a cancelled timer, and its context, until its time comes: an empty one.
        seconds = self._limits.callback_grace_ms / 1000
        return asyncio.get_running_loop().call_later(seconds, do, *args, context=Context())

    def _drop_rest(self) -> None:
        for call in (*self._notifications.running, *self._tool_calls.running):
            self._drop(call)

    def _drop(self, call: CellCall) -> None:
        if call.task is not None and not call.task.done():
            _log.warning("a callback of cell %s ignored its cancellation", self.cell_id)
            _DROPPED.add(call.task)
            call.task.add_done_callback(_DROPPED.discard)
        self._leave(call)

    # ── one callback ─────────────────────────────────────────────────────────────────────────

    def _begin_next(self, queue: CallQueue) -> None:
        if queue.has_room:
            self._share.do(queue.begin_next)

    def _begin(self, call: CellCall) -> None:
        # What a task has yet to send would be overtaken.
        if call.begin is not None and not self._in_tasks and call.begin(call):
            return
        self._share.charge(CALLBACK_SECONDS)
        self._in_tasks += 1
        loop = asyncio.get_running_loop()
        call.task = loop.create_task(call.work(call), context=self._context.copy())
        call.task.add_done_callback(lambda _: self._leave(call))

    def _leave(self, call: CellCall) -> None:
        """Forget a callback; harmless if that was done before, as with one that was dropped."""
        if self._tool_calls.remove(call):
            queue = self._tool_calls
        elif self._notifications.remove(call):
            queue = self._notifications
        else:
            return
        self.bytes -= call.size
        self._in_tasks -= call.task is not None
        if not self._is_cancelled:
            self._begin_next(queue)
        self.on_left(call)
        self._review_end()

    async def invoke(
        self,
        call: CellCall,
        asked: ToolCall,
        tool: ToolDefinition | None,
        json: str | bytes | None,
        encode: Callable[[Any, int], _Json],
    ) -> _Json | CallFailure:
        """Call a tool; its result as JSON, or why there is none.

        Args:
            asked: the call without what its cell was told of it.
            tool: the definition that the cell was given, if any: a host calls others, too.
            json: the argument; None if ``asked`` has it.
            encode: see :func:`~codemode.sessions.call_values.encoded_result`.
        """
        # Whatever a tool does ends here: a SystemExit in a task would end the event loop.
        name = asked.tool_name.name if tool is None else tool.name
        try:
            value = asked.input
            if json is not None:
                text = json if isinstance(json, str) else json.decode()
                value = await read_argument(text, name, self._limits, self._delegate)
            result = await self._delegate.invoke_tool(
                self._of_cell(asked, tool, value), call.cancel
            )
            if call.cancel.is_set():  # by us, and the outcome is not used; or by the tool itself
                return CallFailure(CANCELLED_CALL)
            return await encoded_result(result, name, self._limits, encode, self._delegate)
        except GeneratorExit:
            raise
        except asyncio.CancelledError:
            return CallFailure(CANCELLED_CALL)
        except BaseException as error:  # noqa: BLE001 - see above
            return CallFailure(error_text(error, self._limits))

    def _of_cell(self, call: ToolCall, tool: ToolDefinition | None, argument: Any) -> ToolCall:
        if tool is None:
            return msgspec.structs.replace(call, input=argument, call_id=self._call_id)
        given = tool.given or tool
        return msgspec.structs.replace(
            call,
            input=argument,
            call_id=self._call_id,
            description=given.description,
            annotations=given.annotations,
            digest=given.digest,
        )

    async def deliver(self, call_id: str, text: str, call: CellCall) -> None:
        """Deliver a notification. If that fails, the log says so, and nothing else comes of it."""
        try:
            await self._delegate.notify(call_id, self.cell_id, text, call.cancel)
        except (GeneratorExit, asyncio.CancelledError):
            raise
        except BaseException as error:  # noqa: BLE001 - a SystemExit in a task would end the event loop
            _log.warning("a notification of cell %s failed: %r", self.cell_id, error)
