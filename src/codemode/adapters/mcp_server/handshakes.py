"""MCP sessions over HTTP that have been opened, whether or not anything was run in them.

The SDK keeps each until it is idle for long or its client takes its leave, and knows nothing of
code mode. A handshake takes no place among the sessions that run programs, so there may be many; when
there are too many of one principal, that one of its own ends which has been without a request longest
among those that never ran anything. Its client gets the error for an unknown session, and shakes
hands again.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from .principal import NOBODY, as_principal, principal_of
from .sessions import SESSION_HEADER, Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log: Final = logging.getLogger(__name__)


class Handshakes:
    """An ASGI application around the SDK's.

    Args:
        app: opens, serves and ends MCP sessions.
        most: how many there may be of all principals together.
        principals: gives how many share the server.
        has_run: whether a program was run in a session.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        most: int,
        principals: Callable[[], int],
        has_run: Callable[[Key], bool],
    ) -> None:
        self._app = app
        self._most = most
        self._principals = principals
        self._has_run = has_run
        self._known: dict[Key, None] = {}  # the one that had a request last is last
        self._of: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        principal = principal_of(scope)
        used = Headers(scope=scope).get(SESSION_HEADER)
        if used is not None:
            key = Key("http", used, principal)
            self._touch(key)
            await self._app(scope, receive, send)
            if scope["method"] == "DELETE":
                self._forget(key)
            return
        opened: list[str] = []

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                opened.extend(filter(None, [Headers(raw=message["headers"]).get(SESSION_HEADER)]))
                for each in opened:
                    self._add(Key("http", each, principal))
            await send(message)

        await self._app(scope, receive, watched)
        if opened:
            await self._make_room(principal)

    def _touch(self, key: Key) -> None:
        if key in self._known:
            self._known[key] = self._known.pop(key)

    def _add(self, key: Key) -> None:
        if key not in self._known:
            self._known[key] = None
            self._of[key.principal] += 1

    def _forget(self, key: Key) -> None:
        if key in self._known:
            del self._known[key]
            self._of[key.principal] -= 1

    async def _make_room(self, principal: str) -> None:
        share = max(1, self._most // self._principals())
        while self._of[principal] > share:
            idle = (
                each
                for each in self._known
                if each.principal == principal and not self._has_run(each)
            )
            oldest = next(idle, None)
            if oldest is None:
                return
            self._forget(oldest)
            log.info("an MCP session that never ran anything makes room")
            await self._end(oldest)

    async def _end(self, key: Key) -> None:
        """Take leave in the name of its client: the SDK has no other way to end a session."""
        headers = [(SESSION_HEADER.encode(), key.id.encode()), (b"accept", b"application/json")]
        scope: Scope = {"type": "http", "method": "DELETE", "path": "/mcp", "raw_path": b"/mcp",
                        "query_string": b"", "headers": headers, "http_version": "1.1",
                        "scheme": "http", "root_path": ""}  # fmt: skip
        if key.principal != NOBODY:
            scope = as_principal(scope, key.principal)
        await self._app(scope, _nothing, _unread)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unread(_: Message) -> None:
    pass
