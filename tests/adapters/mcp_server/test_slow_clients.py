"""Connections of uvicorn that keep it waiting, with an application behind that answers when it may."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeAlias

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from codemode.adapters.mcp_server.slow_clients import BoundedConnection, ConnectionBounds

NEVER = 60.0
"""Seconds; nothing here takes so long."""

AT_ONCE = 0.05
"""Seconds; for what can only end by being given up."""

GET = b"GET /%s HTTP/1.1\r\nHost: here\r\n\r\n"
OK = b"HTTP/1.1 200 OK"

Connect: TypeAlias = Callable[
    [], AbstractAsyncContextManager[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
]


class Behind:
    """The application: ``/later`` is answered when it may, ``/much`` never ends."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.gone = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/later":
            self.came.set()
            await self.may_answer.wait()
        headers = [(b"content-length", b"0")] if scope["path"] != "/much" else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["path"] == "/much":
            await receive()
            sending = asyncio.create_task(_without_end(send))
            assert (await receive())["type"] == "http.disconnect"
            self.gone.set()
            sending.cancel()
        await send({"type": "http.response.body", "body": b""})


async def _without_end(send: Send) -> None:
    while True:
        await send({"type": "http.response.body", "body": b" " * 65_536, "more_body": True})
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def serving(behind: Behind, bounds: ConnectionBounds) -> AsyncIterator[Connect]:
    """Run the application; connections to it."""
    config = uvicorn.Config(
        behind,
        http=partial(BoundedConnection, bounds),  # type: ignore[arg-type] # called as the class would be
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        running = asyncio.create_task(server._serve([listening]))

        @contextlib.asynccontextmanager
        async def connect() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
            reader, writer = await asyncio.open_connection(*address)
            try:
                yield reader, writer
            finally:
                writer.transport.abort()

        try:
            async with asyncio.timeout(NEVER):
                yield connect
        finally:
            server.should_exit = True
            await running


async def ended(reader: asyncio.StreamReader) -> bool:
    """Wait until the server closes, whatever it still says."""
    with contextlib.suppress(ConnectionResetError):
        while await reader.read(65_536):
            pass
    return True


async def answered(reader: asyncio.StreamReader) -> bytes:
    """The first line of the next answer."""
    return (await reader.readuntil(b"\r\n\r\n")).splitlines()[0]


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: here\r\n"])
async def test_a_connection_whose_head_does_not_come_is_closed(said: bytes) -> None:
    async with serving(Behind(), ConnectionBounds(head_seconds=AT_ONCE)) as connect:
        async with connect() as (reader, writer):
            writer.write(said)
            assert await ended(reader)


async def test_a_request_may_take_longer_than_a_head_and_the_next_head_may_not() -> None:
    behind = Behind()
    async with serving(behind, ConnectionBounds(head_seconds=AT_ONCE)) as connect:
        async with connect() as (reader, writer), connect() as (silent, _):
            writer.write(GET % b"later")
            await behind.came.wait()
            # The other one is younger: when it is given up the first would have been, too.
            assert await ended(silent)
            behind.may_answer.set()
            assert await answered(reader) == OK
            writer.write(b"GET / HTTP/1.1\r\n")
            assert await ended(reader)


async def test_of_too_many_that_wait_the_one_that_does_so_longest_is_closed() -> None:
    bounds = ConnectionBounds(waiting=2, head_seconds=NEVER)
    behind = Behind()
    async with serving(behind, bounds) as connect, contextlib.AsyncExitStack() as stack:
        first, asking = await stack.enter_async_context(connect())
        asking.write(GET % b"later")
        await behind.came.wait()
        second, _ = await stack.enter_async_context(connect())
        third, writer = await stack.enter_async_context(connect())
        fourth, last = await stack.enter_async_context(connect())
        assert await ended(second)
        for each in (writer, last):
            each.write(GET % b"")
        assert [await answered(third), await answered(fourth)] == [OK, OK]
        behind.may_answer.set()
        assert await answered(first) == OK


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    behind = Behind()
    async with serving(behind, ConnectionBounds(stall_seconds=AT_ONCE)) as connect:
        # Nothing reads from this one, so that little is taken of what comes.
        async with connect() as (_, writer):
            writer.write(GET % b"much")
            await behind.gone.wait()
