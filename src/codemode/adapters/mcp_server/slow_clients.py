"""One TCP connection over HTTP, and how long it may keep the server waiting.

The HTTP server underneath bounds connections by their number alone: a client that opens that many and sends
nothing locks everybody out, without a token. Here a connection that sends nothing, or does not
read what is sent to it, costs its own place: it is closed in time, and sooner when others need room.
What requests may take is bounded where they are let in, in :mod:`.request_limits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """How patient the server is with a connection.

    Attributes:
        waiting: how many connections may be without a request at once; then the one that has been
            so longest is closed for each new one.
        head_seconds: from the beginning, and from each answer, to the whole head of a request.
        stall_seconds: how long a client may take none of what is written to it.
    """

    waiting: int = 256
    head_seconds: float = 10.0
    stall_seconds: float = 30.0


class BoundedConnection(H11Protocol):
    """A protocol for uvicorn, which makes one for each connection.

    Args:
        bounds: how long it may wait.
        uvicorns: what uvicorn gives to each of its protocols.
    """

    def __init__(self, bounds: ConnectionBounds, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._bounds = bounds
        self._waits_since = self.loop.time()
        self._head_due: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    @property
    def waits(self) -> bool:
        """Whether there is no request that has begun and is not yet answered."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr] # before the first

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self._await_head()
        self._make_room()

    def on_response_complete(self) -> None:
        self._await_head()  # first: the next request may have come already, and begins in there
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self._bounds.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._stalled)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._head_due)
        _cancel(self._stalled)
        super().connection_lost(exc)

    def _await_head(self) -> None:
        _cancel(self._head_due)
        self._waits_since = self.loop.time()
        self._head_due = self.loop.call_later(self._bounds.head_seconds, self._on_head_due)

    def _on_head_due(self) -> None:
        if self.waits:
            self.transport.abort()

    def _make_room(self) -> None:
        waiting = [
            each
            for each in self.connections
            if isinstance(each, BoundedConnection)
            and each.waits
            and not each.transport.is_closing()
        ]
        if len(waiting) > self._bounds.waiting:
            min(waiting, key=lambda each: each._waits_since).transport.abort()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
