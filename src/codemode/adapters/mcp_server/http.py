"""The server over streamable HTTP: an ASGI application, and a process's way to run it."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Final

import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.routing import Route

from .connections import Connection, ConnectionBounds
from .departures import unlogged_departures
from .exchanges import ExchangeBounds, Exchanges
from .guard import Guard, Names

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator

    from starlette.types import ASGIApp

    from .server import McpServer

PATH: Final = "/mcp"

REQUESTS_PER_SESSION: Final = 8
"""What is beyond gets status 503."""

GRACE_SECONDS: Final = 1
"""How long requests have to end when the server does."""


def http_app(
    server: McpServer,
    *,
    token: str | None = None,
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
) -> ASGIApp:
    """An ASGI application that serves ``/mcp``; it needs its lifespan to be run.

    Args:
        server: stays the caller's to close, after the application.
        token: what clients have to bring as bearer token; None lets everybody in that reaches it.
        hosts: names besides this machine's own under which clients reach it.
        origins: web pages besides this machine's own that may call it.
    """
    bounds = ExchangeBounds(requests=server.max_sessions * REQUESTS_PER_SESSION)
    manager = StreamableHTTPSessionManager(
        server.protocol,
        max_request_body_size=bounds.body_bytes,
        session_idle_timeout=server.idle_seconds,
        max_sessions=server.max_sessions,
    )
    app = Starlette(
        routes=[Route(PATH, endpoint=StreamableHTTPASGIApp(manager))],
        lifespan=lambda _: manager.run(),
    )
    bounded = Exchanges(app, bounds)
    return Guard(bounded, token=token, names=Names(hosts, origins), goodbye=server.end_session)


async def serve_http(
    server: McpServer,
    listening: socket.socket,
    *,
    token: str | None = None,
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
        http=partial(Connection, ConnectionBounds()),  # type: ignore[arg-type] # see above
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
    with unlogged_departures():
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            running.should_exit = True
            await serving


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
