"""What cells ask of the client: calls and notifications, numbered, bounded, sent in order.

More than the client may have at once wait here, and while the client reads slowly all of them do;
the runtime then holds their cells back. A callback that is no longer wanted is cancelled at the
client, never before it was sent.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final, TypeAlias

from ..errors import ToolError
from ..protocol import messages as m
from ..protocol.frames import FrameError
from ..protocol.v1 import encode, wire_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from msgspec import Raw

    from ..protocol.session import Signal
    from ..protocol.types import CellId, JsonValue, ToolCall
    from .cells import ResponseOrder
    from .outlet import Outlet

_Answer: TypeAlias = m.DelegateOk | m.DelegateFailed

PENDING_CALLBACKS: Final = 1_024
MORE_PENDING_CALLBACKS: Final = 4_096
"""How many callbacks a client has at once, without and with the capability for more."""


INVALID_RESULT: Final = "code-mode client returned an invalid tool result"


class _Places(asyncio.Semaphore):
    """A semaphore whose places can also be taken without waiting."""

    def take(self) -> bool:
        """Take one; False if there is none, or others wait for one."""
        if self.locked():
            return False
        self._value -= 1
        return True


def _give(answer: asyncio.Future[_Answer], result: _Answer) -> None:
    if not answer.done():
        answer.set_result(result)


def _drop(_: _Answer) -> None:
    """The answer to a callback that has been cancelled."""


class UnansweredCallbacks:
    """The callbacks of a connection that the client has not answered."""

    def __init__(self, outlet: Outlet, *, at_once: int) -> None:
        self._outlet = outlet
        self._places = _Places(at_once)
        self._turn = asyncio.Lock()
        self._numbers = count(1)
        self._open: dict[int, Callable[[_Answer], None]] = {}

    def __repr__(self) -> str:
        return f"<callbacks: {len(self._open)} open>"

    async def ask(
        self, session_id: str, request: m.ToolInvoke | m.NotificationSend
    ) -> m.ToolResult | m.NotificationDelivered:
        """Send a callback and return the client's answer.

        Raises:
            ToolError: the client says that it failed.
            FrameTooLargeError: it does not fit into a frame.
        """
        async with self._places:
            answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
            number = await self._send(session_id, request, partial(_give, answer))
            try:
                result = await answer
            except asyncio.CancelledError:
                if self._open.pop(number, None) is not None:
                    self._outlet.send(encode(m.DelegateCancel(number)))
                raise
        if isinstance(result, m.DelegateFailed):
            raise ToolError(result.message)
        return result.value

    def begin(
        self,
        session_id: str,
        request: m.ToolInvoke,
        on_answer: Callable[[_Answer], None],
    ) -> Callable[[], None] | None:
        """Send a callback now; return what takes it back. None where others are before it, or it does not fit."""
        if self._turn.locked() or not self._outlet.has_room or not self._places.take():
            return None

        def leave(result: _Answer) -> None:
            self._places.release()
            on_answer(result)

        try:
            number = self._send_now(session_id, request, leave)
        except FrameError:  # ``ask`` meets it again, and says why
            self._places.release()
            return None

        def take_back() -> None:
            if self._open.pop(number, None) is not None:
                self._places.release()
                self._outlet.send(encode(m.DelegateCancel(number)))

        return take_back

    async def ask_and_cancel(self, session_id: str, request: m.ToolInvoke) -> None:
        """Send a callback whose program is over already, and its cancellation behind it."""
        async with self._places:
            number = await self._send(session_id, request, _drop)
            if self._open.pop(number, None) is not None:
                self._outlet.send(encode(m.DelegateCancel(number)))

    def answer(self, response: m.DelegateResponse) -> None:
        """The client has answered. An id that nobody waits for means nothing."""
        on_answer = self._open.pop(response.id, None)
        if on_answer is not None:
            on_answer(response.result)

    async def _send(
        self,
        session_id: str,
        request: m.ToolInvoke | m.NotificationSend,
        on_answer: Callable[[_Answer], None],
    ) -> int:
        async with self._turn:  # so that they are sent in the order in which they were asked for
            await self._outlet.room()
            return self._send_now(session_id, request, on_answer)

    def _send_now(
        self,
        session_id: str,
        request: m.ToolInvoke | m.NotificationSend,
        on_answer: Callable[[_Answer], None],
    ) -> int:
        number = next(self._numbers)
        frame = encode(m.DelegateRequest(number, session_id, request))
        self._open[number] = on_answer
        self._outlet.send(frame)
        return number


class ClientDelegate:
    """The client as the delegate of one of its sessions."""

    def __init__(
        self, session_id: str, callbacks: UnansweredCallbacks, cells: ResponseOrder
    ) -> None:
        self._session_id = session_id
        self._callbacks = callbacks
        self._cells = cells

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        """Let the client run a tool."""
        del cancel  # the task is cancelled with it
        try:
            await self._cells.announced(call.cell_id)
        except asyncio.CancelledError:
            # The program has ended before its start was announced. The call was made all the same, so the client gets
            # it and its cancellation. This wait is bounded by the grace that a cancelled call is given.
            await self._cells.announced(call.cell_id)
            await self._callbacks.ask_and_cancel(self._session_id, wire_call(call))
            raise
        value = await self._callbacks.ask(self._session_id, wire_call(call))
        if not isinstance(value, m.ToolResult):
            raise ToolError(INVALID_RESULT)
        return value.result

    def cell_yielded(self, cell_id: CellId) -> None:
        """The client is to learn of a yield before it gets another call of the cell."""
        self._cells.yielded(cell_id)

    def begin_tool(
        self, call: ToolCall, on_ended: Callable[[Raw | ToolError], None]
    ) -> Callable[[], None] | None:
        """Let the client run a tool, if its client knows the start and the yields of its cell, and the way is free."""
        if not self._cells.is_announced(call.cell_id):
            return None

        def on_answer(result: _Answer) -> None:
            if isinstance(result, m.DelegateFailed):
                on_ended(ToolError(result.message))
            elif isinstance(result.value, m.ToolResult):
                on_ended(result.value.result)
            else:
                on_ended(ToolError(INVALID_RESULT))

        return self._callbacks.begin(self._session_id, wire_call(call), on_answer)

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        """Let the client deliver a notification."""
        del cancel
        await self._cells.announced(cell_id)
        value = await self._callbacks.ask(
            self._session_id, m.NotificationSend(call_id, cell_id, text)
        )
        if not isinstance(value, m.NotificationDelivered):
            raise ToolError("code-mode client returned an invalid notification result")

    def cell_closed(self, cell_id: CellId) -> None:
        """Tell the client, once everything else about the cell has been told."""
        self._cells.closed(cell_id)
