"""Who may talk to the server over HTTP: checked before anything of a request is read or kept.

A web page can make a browser send requests to this machine, and with a name that changes its address
even read the answers. So the names that we are called by and the pages that may call us are listed;
the SDK compares. The SDK itself does so only after it has made a session, hence this door in front.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from .sessions import SESSION_HEADER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    Goodbye = Callable[[str], Awaitable[None]]

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")


def security_settings(hosts: Iterable[str], origins: Iterable[str]) -> TransportSecuritySettings:
    """What ``Host`` and ``Origin`` may say: this machine's own names, and those that are given.

    Args:
        hosts: names or addresses, each with a port (``mcp.example.com:443``) or for any port.
        origins: as browsers write them, ``https://app.example.com``.
    """
    named = [form for host in (*LOOPBACK_HOSTS, *hosts) for form in (host, f"{host}:*")]
    pages = [f"http://{host}:*" for host in LOOPBACK_HOSTS]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=named,
        allowed_origins=[*pages, *origins],
    )


class Guard:
    """An ASGI application around another one.

    Args:
        app: gets what is let in.
        token: what clients have to bring as bearer token; None lets everybody in.
        security: names and origins.
        goodbye: told the session ID of a client that has ended its session.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str | None,
        security: TransportSecuritySettings,
        goodbye: Goodbye,
    ) -> None:
        self._app = app
        self._digest = None if token is None else _digest(token.encode())
        self._security = TransportSecurityMiddleware(security)
        self._goodbye = goodbye

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        rejection = self._unauthorized(request) or await self._security.validate_request(request)
        if rejection is not None:
            await rejection(scope, receive, send)
        elif request.method == "DELETE":
            await self._delete(request, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _unauthorized(self, request: Request) -> PlainTextResponse | None:
        if self._digest is None:
            return None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        # Digests are of one length, so that the comparison tells nothing of the token's.
        given = _digest(token.strip().encode("latin-1", "replace"))
        if hmac.compare_digest(given, self._digest) and scheme.lower() == "bearer":
            return None
        return PlainTextResponse(
            "a valid bearer token is needed\n", 401, {"WWW-Authenticate": "Bearer"}
        )

    async def _delete(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, watched)
        if status == 200:
            await self._goodbye(request.headers.get(SESSION_HEADER, ""))


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
