"""The server over streamable HTTP: an ASGI application, and a process's way to run it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.routing import Route

from .guard import Guard, security_settings

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator

    from starlette.types import ASGIApp

    from .server import McpServer

PATH: Final = "/mcp"

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""A program of the greatest length, escaped, fits."""

CONNECTIONS_PER_SESSION: Final = 8
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
    manager = StreamableHTTPSessionManager(
        server.protocol,
        max_request_body_size=MAX_BODY_BYTES,
        session_idle_timeout=server.idle_seconds,
        max_sessions=server.max_sessions,
    )
    app = Starlette(
        routes=[Route(PATH, endpoint=StreamableHTTPASGIApp(manager))],
        lifespan=lambda _: manager.run(),
    )
    security = security_settings(hosts, origins)
    return Guard(app, token=token, security=security, goodbye=server.end_session)


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
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=server.max_sessions * CONNECTIONS_PER_SESSION,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    running = _Uvicorn(config)
    serving = asyncio.create_task(running.serve(sockets=[listening]))
    stopping = asyncio.create_task((stop or asyncio.Event()).wait())
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
