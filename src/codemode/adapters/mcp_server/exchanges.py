"""What a request and its answer may take of the server, before and after the SDK has them.

The SDK takes a body as it comes, for as long as it takes to come, and parses it in the event loop:
eight megabytes of empty lists become three hundred of Python values and a second in which nobody
else is served. ``exec`` and ``wait`` are called with a few strings. So a body is read here, in a
bounded time, and its values are counted before anything is made of them.

Small bodies are bounded by the number of requests. Larger ones share a room, in which each has a
place of its full size before it is read on: whoever has one can finish. What is read stays there
until its request has been answered, because the SDK keeps it as long.

An answer goes out piece by piece, so that a client that reads slowly is told from one that does not
read, and the connection holds no second copy.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from ...surface.json_members import has_more_members

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PIECE_BYTES: Final = 64 * 1024
"""Of an answer, handed over at once."""


@dataclass(frozen=True, slots=True)
class ExchangeBounds:
    """What requests may take. Bytes are those of bodies.

    Attributes:
        requests: how many at once, streams that clients listen to included.
        body_bytes: of one; a program of the greatest length, escaped, fits.
        body_seconds: from the head of a request to the end of its body.
        members: how many values its arrays and objects may have together.
        small_bytes: a body that is no longer needs no place in the room.
        room_bytes: of all the others together; not less than ``body_bytes``.
    """

    requests: int = 256
    body_bytes: int = 8 * 1024 * 1024
    body_seconds: float = 30.0
    members: int = 1_000
    small_bytes: int = 64 * 1024
    room_bytes: int = 32 * 1024 * 1024


class Exchanges:
    """An ASGI application around another one.

    Args:
        app: gets requests whose bodies are there, and whole.
        bounds: what it need not fear.
    """

    def __init__(self, app: ASGIApp, bounds: ExchangeBounds) -> None:
        self._app = app
        self._bounds = bounds
        self._room = Room(bounds.room_bytes)
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._under_way >= self._bounds.requests:
            refusal = _Refusal(503, f"{self._bounds.requests} requests are under way; try again")
            await refusal.response(scope, receive, send)
        else:
            self._under_way += 1
            try:
                await self._serve(scope, receive, send)
            finally:
                self._under_way -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = Place(self._room)
        try:
            replay = _replay(await self._body(scope, receive, place), receive)
        except _Refusal as refusal:
            await refusal.response(scope, receive, send)
        except _GoneError:
            pass  # nobody is there to be answered
        else:
            await self._app(scope, replay, _in_pieces(send))
        finally:
            place.leave()

    async def _body(self, scope: Scope, receive: Receive, place: Place) -> bytes:
        seconds = self._bounds.body_seconds
        try:
            async with asyncio.timeout(seconds):
                body = await self._read(scope, receive, place)
        except TimeoutError:
            if place.is_wanted:
                raise _Refusal(503, "other large requests are under way; try again") from None
            raise _Refusal(408, f"the request did not come within {seconds:g} s") from None
        # Strings of these bytes are no longer than the bytes, and what JSON is made of is ASCII.
        # JSON of any other encoding has zero bytes, and would hide its quotes from the count.
        if b"\0" in body:
            raise _Refusal(400, "the request is no JSON in UTF-8")
        if has_more_members(body.decode("latin-1"), self._bounds.members):
            raise _Refusal(
                413, f"the request has more than {self._bounds.members} values; a call has a few"
            )
        return body

    async def _read(self, scope: Scope, receive: Receive, place: Place) -> bytes:
        bounds = self._bounds
        size = _declared_bytes(scope, bounds.body_bytes)
        body = bytearray()
        more = size <= bounds.body_bytes
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise _GoneError
            body += message.get("body", b"")
            more = message.get("more_body", False) and len(body) <= bounds.body_bytes
            if len(body) > bounds.small_bytes and not place.bytes:
                await place.take(size)
        if max(size, len(body)) > bounds.body_bytes:
            raise _Refusal(413, f"the request has more than {bounds.body_bytes} bytes")
        place.shrink(len(body))
        return bytes(body)


class Room:
    """So many bytes, shared in the order in which they are asked for. For one event loop."""

    def __init__(self, size: int) -> None:
        self.free = size
        self.turn = asyncio.Lock()
        self.left = asyncio.Event()


class Place:
    """What one request has of a room.

    Attributes:
        bytes: how much that is.
        is_wanted: whether it waits for it.
    """

    def __init__(self, room: Room) -> None:
        self.bytes = 0
        self.is_wanted = False
        self._room = room

    async def take(self, size: int) -> None:
        """Wait until there is as much, and have it. Once."""
        self.is_wanted = True
        async with self._room.turn:
            while self._room.free < size:
                self._room.left.clear()
                await self._room.left.wait()
            self._room.free -= size
        self.bytes = size
        self.is_wanted = False

    def shrink(self, size: int) -> None:
        """Give back what is beyond ``size``."""
        if self.bytes > size:
            self._room.free += self.bytes - size
            self._room.left.set()
            self.bytes = size

    def leave(self) -> None:
        """Give all of it back."""
        self.shrink(0)


class _Refusal(Exception):  # noqa: N818 - it is an answer, and nothing went wrong here
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        # What may still come of the body is not read: the connection is of no further use.
        self.response = PlainTextResponse(f"{text}\n", status, {"Connection": "close"})


class _GoneError(Exception):
    pass


def _declared_bytes(scope: Scope, unknown: int) -> int:
    headers = Headers(scope=scope)
    declared = headers.get("content-length", "")
    if declared.isdecimal() and "transfer-encoding" not in headers:
        return int(declared)
    return unknown


def _replay(body: bytes, receive: Receive) -> Receive:
    unread = [body]

    async def replay() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return replay


def _in_pieces(send: Send) -> Send:
    # The SDK sends signs of life from another task: none may come between two pieces of an event.
    turn = asyncio.Lock()

    async def in_pieces(message: Message) -> None:
        body = message.get("body", b"")
        at = 0
        async with turn:
            while len(body) - at > PIECE_BYTES:
                await send({**message, "body": body[at : at + PIECE_BYTES], "more_body": True})
                at += PIECE_BYTES
            await send({**message, "body": body[at:]} if at else message)

    return in_pieces
