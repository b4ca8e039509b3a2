"""The page, served on this machine until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from .app import inspector_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .sources import Sources

GRACE_SECONDS: Final = 1
"""How long requests have to end when the server does: some wait for news."""


async def serve_inspector(
    sources: Sources,
    *,
    port: int = 0,
    token: str | None = None,
    on_ready: Callable[[str], object],
    stop: asyncio.Event,
) -> None:
    """Serve the page until ``stop`` is set.

    Args:
        sources: what it shows.
        port: on 127.0.0.1; 0: any that is free.
        token: None: a new one.
        on_ready: gets the page's address, token and all.
        stop: ends the server.

    Raises:
        OSError: the port is taken.
    """
    secret = secrets.token_urlsafe(24) if token is None else token
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()  # from here on a browser that has the address gets in, if only later
        config = uvicorn.Config(
            inspector_app(sources, secret),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        stopping = asyncio.create_task(stop.wait())
        reading = asyncio.create_task(sources.read_newest())
        on_ready(f"http://127.0.0.1:{listening.getsockname()[1]}/#token={secret}")
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            reading.cancel()
            server.should_exit = True
            await serving
            await asyncio.gather(reading, return_exceptions=True)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals are the command's.
        yield
