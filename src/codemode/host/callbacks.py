"""What cells ask of the client: calls and notifications, numbered, bounded, sent in order.

More than the client may have at once wait here, and while the client reads slowly all of them do;
the runtime then holds their cells back. A callback that is no longer wanted is cancelled at the
client, never before it was sent.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Final

from ..errors import ToolError
from ..protocol import messages as m
from ..protocol.v1 import encode, wire_call

if TYPE_CHECKING:
    from ..protocol.session import Signal
    from ..protocol.types import CellId, JsonValue, ToolCall
    from .cells import ResponseOrder
    from .outlet import Outlet

PENDING_CALLBACKS: Final = 1_024
MORE_PENDING_CALLBACKS: Final = 4_096
"""How many callbacks a client has at once, without and with the capability for more."""


class UnansweredCallbacks:
    """The callbacks of a connection that the client has not answered."""

    def __init__(self, outlet: Outlet, *, at_once: int) -> None:
        self._outlet = outlet
        self._places = asyncio.Semaphore(at_once)
        self._turn = asyncio.Lock()
        self._numbers = count(1)
        self._open: dict[int, asyncio.Future[m.DelegateOk | m.DelegateFailed]] = {}

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
            number = await self._send(session_id, request)
            answer = self._open[number]
            try:
                result = await answer
            except asyncio.CancelledError:
                if self._open.pop(number, None) is not None:
                    self._outlet.send(encode(m.DelegateCancel(number)))
                raise
        if isinstance(result, m.DelegateFailed):
            raise ToolError(result.message)
        return result.value

    async def ask_and_cancel(self, session_id: str, request: m.ToolInvoke) -> None:
        """Send a callback whose program is over already, and its cancellation behind it."""
        async with self._places:
            number = await self._send(session_id, request)
            if self._open.pop(number, None) is not None:
                self._outlet.send(encode(m.DelegateCancel(number)))

    def answer(self, response: m.DelegateResponse) -> None:
        """The client has answered. An id that nobody waits for means nothing."""
        future = self._open.pop(response.id, None)
        if future is not None and not future.done():
            future.set_result(response.result)

    async def _send(self, session_id: str, request: m.ToolInvoke | m.NotificationSend) -> int:
        async with self._turn:  # so that they are sent in the order in which they were asked for
            await self._outlet.room()
            number = next(self._numbers)
            frame = encode(m.DelegateRequest(number, session_id, request))
            self._open[number] = asyncio.get_running_loop().create_future()
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
            raise ToolError("code-mode client returned an invalid tool result")
        return value.result

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
