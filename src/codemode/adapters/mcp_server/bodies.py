"""Bodies of requests while they come in, and the memory that they share.

A body is read in a bounded time and counted before anything is made of it. Small ones are bounded by
their number; what is longer takes memory from a room as it arrives, and keeps it until its request has
been answered, because the SDK keeps the body as long.

A slow client never causes another one to be refused. A body that finds no room takes that of the slowest body
that is slower than itself, and a body beyond the number takes the place of the slowest of all. The
fastest one therefore always comes in, and the answer to an abandoned one has the reason.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import Receive, Scope


@dataclass(frozen=True, slots=True)
class BodyBounds:
    """What bodies may take. Bytes are those of bodies.

    Attributes:
        most: how many may come in at once.
        body_bytes: of one; a program of the greatest length, escaped, fits.
        body_seconds: from the head of a request to the end of its body.
        small_bytes: a body that is no longer takes nothing of the room.
        room_bytes: of all the others together; not less than ``body_bytes``.
    """

    most: int = 256
    body_bytes: int = 8 * 1024 * 1024
    body_seconds: float = 30.0
    small_bytes: int = 64 * 1024
    room_bytes: int = 32 * 1024 * 1024


MOST_DIGITS: Final = 18
GREATEST: Final = 10**MOST_DIGITS
"""The greatest Content-Length that is read: Python refuses to convert numbers of any length."""

CREDIT_BYTES: Final = 64 * 1024
"""What a body is taken to have sent when it begins, so that a new one is not the slowest of all."""


class BodyRefusedError(Exception):
    """A body is not taken: an HTTP status, and a text for the client."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class GoneError(Exception):
    """The client is gone: there is no connection to answer on."""


class RequestBody:
    """One body.

    Attributes:
        bytes: how many have come.
        taken: how many of them have memory in the room.
        is_whole: whether all have come.
    """

    def __init__(self, now: float) -> None:
        self.bytes = 0
        self.taken = 0
        self.is_whole = False
        self.began = now
        self.deadline: asyncio.Timeout | None = None
        self.waits_for_room = False
        self.is_given_up = False

    def rate(self, now: float) -> float:
        """Bytes a second so far, with the credit of the beginning."""
        return (self.bytes + CREDIT_BYTES) / max(now - self.began, 1e-3)

    def give_up(self) -> None:
        """End its reading: others need what it has."""
        self.is_given_up = True
        if self.deadline is not None:
            self.deadline.reschedule(0)


class Bodies:
    """Those of one server. For one event loop."""

    def __init__(self, bounds: BodyBounds) -> None:
        self.free = bounds.room_bytes
        self._bounds = bounds
        self._coming: set[RequestBody] = set()
        self._left = asyncio.Event()
        self._clock = asyncio.get_running_loop().time

    async def read(self, scope: Scope, receive: Receive) -> tuple[bytes, RequestBody]:
        """A whole body, and what it has of the room until :meth:`leave`.

        Raises:
            RefusedError: it is too long, too slow, or there is no room for it.
            GoneError: the client has gone.
        """
        body = RequestBody(self._clock())
        self._coming.add(body)
        if len(self._coming) > self._bounds.most:
            slowest(self._coming, self._clock()).give_up()
        try:
            async with asyncio.timeout(self._bounds.body_seconds) as body.deadline:
                data = await self._whole(body, scope, receive)
        except TimeoutError:
            self.leave(body)
            raise self._too_slow(body) from None
        except BaseException:
            self.leave(body)
            raise
        self._coming.discard(body)
        body.is_whole = True
        return data, body

    def leave(self, body: RequestBody) -> None:
        """Give back what a body has. Idempotent."""
        self._coming.discard(body)
        self.free += body.taken
        body.taken = 0
        self._left.set()

    async def _whole(self, body: RequestBody, scope: Scope, receive: Receive) -> bytes:
        bounds = self._bounds
        data = bytearray()
        more = declared_bytes(scope) <= bounds.body_bytes
        if not more:
            raise BodyRefusedError(413, f"the request has more than {bounds.body_bytes} bytes")
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise GoneError
            data += message.get("body", b"")
            more = message.get("more_body", False)
            body.bytes = len(data)
            if body.bytes > bounds.body_bytes:
                raise BodyRefusedError(413, f"the request has more than {bounds.body_bytes} bytes")
            if body.bytes > bounds.small_bytes:
                await self._take(body)
        return bytes(data)

    async def _take(self, body: RequestBody) -> None:
        """Memory for what has come; until there is some, nothing more is read of the body."""
        while (wanted := body.bytes - body.taken) > self.free:
            now = self._clock()
            others = {each for each in self._coming if each.taken and not each.is_given_up} - {body}
            if others:
                slow = slowest(others, now)
                if slow.rate(now) < body.rate(now):
                    slow.give_up()
            body.waits_for_room = True
            self._left.clear()
            await self._left.wait()
        body.waits_for_room = False
        self.free -= wanted
        body.taken += wanted

    def _too_slow(self, body: RequestBody) -> BodyRefusedError:
        if body.is_given_up:
            return BodyRefusedError(408, "the request came too slowly while others were waiting")
        if body.waits_for_room:
            return BodyRefusedError(503, "other large requests are under way; try again")
        seconds = self._bounds.body_seconds
        return BodyRefusedError(408, f"the request did not come within {seconds:g} s")


def slowest(bodies: set[RequestBody], now: float) -> RequestBody:
    """The one that comes most slowly; of several the one that began first."""
    return min(bodies, key=lambda each: (each.rate(now), each.began))


def declared_bytes(scope: Scope) -> int:
    """Bytes of a body by its Content-Length, at most ``GREATEST``; 0 without one."""
    declared = Headers(scope=scope).get("content-length", "")
    if not (declared.isascii() and declared.isdecimal()):
        return 0
    return int(declared) if len(declared) <= MOST_DIGITS else GREATEST
