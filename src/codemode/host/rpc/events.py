"""What a session tells its client by itself, in order, on the stream that is its lease."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ...grpc import code_mode_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...protocol.types import CellId


UNREAD_EVENTS: Final = 4_096
"""Events of a session that its client has not read; beyond, no cell is started and no call is sent."""


class Events:
    """Events that wait to be written.

    A notification counts as unanswered at its cell until it is written, and nothing new is begun while there is no
    ``room``: a client that does not read holds its cells back.
    """

    def __init__(self) -> None:
        self._queue: deque[tuple[pb.SessionEvent, asyncio.Future[None] | None]] = deque()
        self._changed = asyncio.Event()
        self._shrunk = asyncio.Event()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._queue)

    async def room(self) -> None:
        """Return when few enough events wait, or none will ever be written."""
        while len(self._queue) >= UNREAD_EVENTS and not self._is_closed:
            await self._shrunk.wait()

    async def write_to(self, write: Callable[[pb.SessionEvent], Awaitable[object]]) -> None:
        """Write what comes, until ``close``, and then what is left."""
        while True:
            while self._queue:
                event, written = self._queue.popleft()
                if len(self._queue) < UNREAD_EVENTS:
                    self._shrunk.set()
                if written is not None and written.done():
                    continue  # nobody waits for it any more
                await write(event)
                if written is not None and not written.done():
                    written.set_result(None)
            if self._is_closed:
                return
            self._changed.clear()
            await self._changed.wait()

    async def notify(self, execution_id: str, cell_id: CellId, call_id: str, text: str) -> None:
        """Tell the client what a cell notifies it of; return when that is written."""
        notification = pb.Notification(
            notification_id=str(uuid4()),
            execution_id=execution_id,
            cell_id=cell_id,
            call_id=call_id,
            text=text,
        )
        written = asyncio.get_running_loop().create_future()
        self._put(pb.SessionEvent(notification=notification), written)
        await written

    def call_cancelled(self, invocation_id: str) -> None:
        """A call that was written is no longer wanted."""
        cancelled = pb.ToolCallCancelled(invocation_id=invocation_id)
        self._put(pb.SessionEvent(tool_call_cancelled=cancelled))

    def cell_closed(self, execution_id: str, cell_id: CellId, last_sequence: int) -> None:
        """Nothing more comes of a cell."""
        closed = pb.CellClosed(
            execution_id=execution_id, cell_id=cell_id, final_tool_call_sequence=last_sequence
        )
        self._put(pb.SessionEvent(cell_closed=closed))

    def close(self) -> None:
        """Nothing more comes."""
        self._is_closed = True
        self._changed.set()
        self._shrunk.set()

    def _put(self, event: pb.SessionEvent, written: asyncio.Future[None] | None = None) -> None:
        self._queue.append((event, written))
        if len(self._queue) >= UNREAD_EVENTS:
            self._shrunk.clear()
        self._changed.set()
