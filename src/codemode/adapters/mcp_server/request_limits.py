"""What a request and its answer may take of the server, before and after the SDK has them.

The SDK takes a body as it comes, for as long as it takes to come, and parses it in the event loop:
eight megabytes of empty lists become three hundred of Python values and a second in which no one
else is served. ``exec`` and ``wait`` are called with a few strings. So a body is read before, see
:mod:`.bodies`, and its values are counted before anything is made of them. What counts as under way is
a request whose body has come; a client that sends slowly blocks no other. Where several principals share the
server, each has an equal share of the requests.

An answer goes out piece by piece, so that a client that reads slowly is distinguished from one that does not
read, and the connection holds no second copy.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse

from ...json_text import has_more_members
from .bodies import Bodies, BodyBounds, BodyRefusedError, GoneError
from .principal import principal_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PIECE_BYTES: Final = 64 * 1024
"""Of an answer, handed over at once."""


@dataclass(frozen=True, slots=True)
class RequestBounds:
    """What requests may take.

    Attributes:
        requests: how many at once, streams that clients listen to included.
        members: how many values the arrays and objects of a body may have together.
        bodies: what bodies may take while they come.
    """

    requests: int = 256
    members: int = 1_000
    bodies: BodyBounds = field(default_factory=BodyBounds)


class RequestLimiter:
    """An ASGI application around another one.

    Args:
        app: gets requests whose bodies are there, and whole.
        bounds: what it need not fear.
        principals: gives how many share the server.
    """

    def __init__(
        self, app: ASGIApp, bounds: RequestBounds, principals: Callable[[], int] = lambda: 1
    ) -> None:
        self._app = app
        self._bounds = bounds
        self._principals = principals
        self._bodies: Bodies | None = None
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._bodies = self._bodies or Bodies(self._bounds.bodies)
        try:
            data, body = await self._bodies.read(scope, receive)
        except BodyRefusedError as refusal:
            await _refused(refusal)(scope, receive, send)
            return
        except GoneError:
            return
        try:
            await self._serve(data, scope, receive, send)
        except BodyRefusedError as refusal:
            await _refused(refusal)(scope, receive, send)
        finally:
            self._bodies.leave(body)

    async def _serve(self, data: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        self._check(data)
        principal, share = principal_of(scope), self._bounds.requests // self._principals()
        if self._under_way[principal] >= max(1, share):
            raise BodyRefusedError(503, f"{share} requests are under way; try again")
        self._under_way[principal] += 1
        try:
            await self._app(scope, _replay(data, receive), _in_pieces(send))
        finally:
            self._under_way[principal] -= 1

    def _check(self, data: bytes) -> None:
        # Strings of these bytes are no longer than the bytes, and what JSON is made of is ASCII.
        # JSON of any other encoding has zero bytes, and would hide its quotes from the count.
        if b"\0" in data:
            raise BodyRefusedError(400, "the request is no JSON in UTF-8")
        if has_more_members(data.decode("latin-1"), self._bounds.members):
            raise BodyRefusedError(
                413, f"the request has more than {self._bounds.members} values; a call has a few"
            )


def _refused(refusal: BodyRefusedError) -> PlainTextResponse:
    # What may still come of the body is not read: the connection is of no further use.
    return PlainTextResponse(f"{refusal}\n", refusal.status, {"Connection": "close"})


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
