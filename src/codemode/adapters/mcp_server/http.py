"""The server over streamable HTTP: an ASGI application, and a process's way to run it."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Final

import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from ...tokens import parse_tokens
from .envelopes import Envelopes
from .floods import bounded_log
from .handshakes import Handshakes
from .http_auth import AllowedNames, HttpAccess, HttpGuard
from .log_filter import unlogged_disconnects
from .request_limits import RequestBounds, RequestLimiter
from .slow_clients import BoundedConnection, ConnectionBounds

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator

    from starlette.types import ASGIApp

    from ...tokens import Source
    from .server import McpServer

PATH: Final = "/mcp"

METHODS: Final = ("GET", "POST", "DELETE")
EXPOSED_HEADERS: Final = ("Mcp-Session-Id", "Mcp-Protocol-Version", "WWW-Authenticate")
"""What a page may read of an answer besides its body."""

REQUESTS_PER_SESSION: Final = 8
"""What is beyond gets status 503."""

GRACE_SECONDS: Final = 1
"""How long requests have to end when the server does."""


def http_app(
    server: McpServer,
    *,
    token: str | Source | None = None,
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
) -> ASGIApp:
    """An ASGI application that serves ``/mcp`` and ``/mcp/``; it needs its lifespan to be run.

    Args:
        server: stays the caller's to close, after the application.
        token: what clients have to bring as bearer token: one, or several with names, each of
            which has an equal share of the server; None lets everybody in that reaches it.
        hosts: names besides this machine's own under which clients reach it.
        origins: web pages that may call it and read its answers.
    """
    tokens = parse_tokens(token) if isinstance(token, str) else token

    def principals() -> int:
        return 1 if tokens is None else len(tokens.current().principals)

    server.sessions.principals = principals
    bounds = RequestBounds(requests=server.max_sessions * REQUESTS_PER_SESSION)
    manager = StreamableHTTPSessionManager(
        server.protocol,
        max_request_body_size=bounds.bodies.body_bytes,
        session_idle_timeout=server.idle_seconds,
        max_sessions=None,  # see Handshakes
    )
    handshakes = Handshakes(
        StreamableHTTPASGIApp(manager),
        most=server.max_handshakes,
        principals=principals,
        has_run=server.sessions.has,
    )
    app = Starlette(
        # Some clients add the slash; a redirect would lose the body of their request.
        routes=[Route(each, endpoint=handshakes) for each in (PATH, f"{PATH}/")],
        lifespan=lambda _: manager.run(),
    )
    limited = RequestLimiter(Envelopes(app), bounds, principals)
    guarded = HttpGuard(limited, tokens=tokens, goodbye=server.end_session)
    return HttpAccess(_across_origins(guarded, tuple(origins)), AllowedNames(hosts, origins))


def _across_origins(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """Tell browsers that pages of these origins may call the application and read its answers."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=[
            "*"
        ],  # those that the page asks for: their content is checked where it is read
        allow_private_network=True,
        expose_headers=EXPOSED_HEADERS,
    )


async def serve_http(
    server: McpServer,
    listening: socket.socket,
    *,
    token: str | Source | None = None,
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
    stop: asyncio.Event | None = None,
) -> None:
    """Serve clients at a listening socket, until ``stop`` is set.

    Signals are left alone; they are the caller's. For the rest see :func:`http_app`.
    """
    config = uvicorn.Config(
        http_app(server, token=token, hosts=hosts, origins=origins),
        # uvicorn calls it as it would the class.
        http=partial(BoundedConnection, ConnectionBounds()),  # type: ignore[arg-type] # see above
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    running = _Uvicorn(config)
    serving = asyncio.create_task(running.serve(sockets=[listening]))
    stopping = asyncio.create_task((stop or asyncio.Event()).wait())
    with bounded_log(), unlogged_disconnects():
        try:
            # uvicorn ends by a signal of its own, or ``stop`` ends it.
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            running.should_exit = True
            await serving


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
