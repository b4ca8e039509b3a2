"""Who may talk to the server over HTTP: checked before anything of a request is read or kept.

A web page can make a browser send requests to this machine, and with a name that changes its address
even read the answers. So the names that we are called by and the pages that may call us are listed;
they are compared here. The SDK compares only after it has made a session, and takes whatever follows
a colon for a port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from .principal import as_principal, principal_of
from .sessions import SESSION_HEADER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ...tokens import Source

    Goodbye = Callable[[str, str], Awaitable[None]]

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")


class AllowedNames:
    """The accepted values of ``Host`` and ``Origin``: this machine's own names, and those that are given.

    Args:
        hosts: names or addresses, each with a port (``mcp.example.com:443``) or for any port.
        origins: as browsers write them, ``https://app.example.com``.
    """

    def __init__(self, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self._hosts = {host.lower() for host in (*LOOPBACK_HOSTS, *hosts)}
        self._own_pages = {f"http://{host}" for host in LOOPBACK_HOSTS}
        self._origins = set(origins)

    def rejection(self, request: Request) -> PlainTextResponse | None:
        """The answer to a request that comes by another name or from another page, or None."""
        host = request.headers.get("host", "").lower()
        if not {host, _without_port(host)} & self._hosts:
            return PlainTextResponse(
                "unknown Host header: start codemode serve with --allow-host for this name\n", 421
            )
        origin = request.headers.get("origin")
        if origin is None or origin in self._origins or _without_port(origin) in self._own_pages:
            return None
        return PlainTextResponse(
            "this page may not call the server: start codemode serve with --allow-origin for its origin\n",
            403,
        )


class HttpAccess:
    """An ASGI application around all others: lets requests in by name and page.

    Args:
        app: gets what is let in.
        names: under which clients reach it.
    """

    def __init__(self, app: ASGIApp, names: AllowedNames) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rejection = self._rejection(Request(scope)) if scope["type"] == "http" else None
        await (rejection or self._app)(scope, receive, send)

    def _rejection(self, request: Request) -> PlainTextResponse | None:
        # A proxy in front may believe the one, and we the other: then a body hides a second request.
        if "content-length" in request.headers and "transfer-encoding" in request.headers:
            return PlainTextResponse(
                "a request has a Content-Length or a Transfer-Encoding, not both\n",
                400,
                {"Connection": "close"},
            )
        return self._names.rejection(request)


class HttpGuard:
    """An ASGI application around another one.

    Args:
        app: gets what is let in, as a request of the principal whose token it brings.
        tokens: one of them has to be brought as bearer token; None lets everybody in.
        goodbye: told the principal and the session ID of a client that has ended its session.
    """

    def __init__(self, app: ASGIApp, *, tokens: Source | None, goodbye: Goodbye) -> None:
        self._app = AuthContextMiddleware(app)
        self._tokens = tokens
        self._goodbye = goodbye

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if self._tokens is not None:
            name = self._tokens.current().name_of(_brought(request))
            if name is None:
                await _UNAUTHORIZED(scope, receive, send)
                return
            scope = as_principal(scope, name)
        if request.method == "DELETE":
            await self._delete(request, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _delete(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, watched)
        if status == 200:
            await self._goodbye(principal_of(scope), request.headers.get(SESSION_HEADER, ""))


_UNAUTHORIZED: Final = PlainTextResponse(
    "a valid bearer token is needed\n", 401, {"WWW-Authenticate": "Bearer"}
)


def _brought(request: Request) -> bytes:
    """The bearer token of a request; empty if it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip().encode("latin-1", "replace") if scheme.lower() == "bearer" else b""


def _without_port(name: str) -> str:
    """
    >>> [_without_port(name) for name in ("[::1]:80", "[::1]", "localhost:8000.evil.example")]
    ['[::1]', '[::1]', 'localhost:8000.evil.example']
    """
    before, colon, port = name.rpartition(":")
    return before if colon and port.isdecimal() else name
