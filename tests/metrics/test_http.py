"""The small HTTP server, and whoever talks to it badly."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from codemode.metrics.http import CONNECTIONS, HEAD_BYTES, HttpPage, MetricsServer

from .pages import SECONDS, page, said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def server() -> AsyncIterator[int]:
    async def hello() -> HttpPage:
        return HttpPage(HTTPStatus.OK, b"hello\n")

    async def broken() -> HttpPage:
        raise RuntimeError

    made = MetricsServer({"/hello": hello, "/broken": broken})
    port = await made.listen("127.0.0.1", 0)
    try:
        yield port
    finally:
        await made.aclose()


async def test_a_page_is_answered_whatever_its_query_and_others_are_named() -> None:
    async with server() as port:
        assert await page(port, "/hello") == (200, "hello\n")
        assert await page(port, "/hello?x=1") == (200, "hello\n")
        assert await page(port, "/") == (404, "there are\n/broken\n/hello\n")


async def test_a_head_is_answered_without_a_body() -> None:
    async with server() as port:
        answer = await said(port, b"HEAD /hello HTTP/1.1\r\nHost: here\r\n\r\n")

    assert answer == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 6\r\n"
        b"connection: close\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /hello HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n", b"405"),
        (b"GET /hello HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 2 * HEAD_BYTES + b" HTTP/1.1\r\nHost: here\r\n\r\n", b"431"),
        (b"GET /\xff HTTP/1.1\r\nHost: here\r\n\r\n", b"400"),
    ],
)
async def test_what_is_no_request_for_a_page_is_refused_and_the_next_one_answered(
    request_bytes: bytes, status: bytes
) -> None:
    async with server() as port:
        answer = await said(port, request_bytes)
        after = await page(port, "/hello")

    assert answer.split()[1] == status
    assert after == (200, "hello\n")


async def test_a_page_that_fails_closes_its_connection_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with server() as port:
        assert await said(port, b"GET /broken HTTP/1.1\r\nHost: here\r\n\r\n") == b""
        assert await page(port, "/hello") == (200, "hello\n")

    assert [record.message for record in caplog.records] == ["a request failed"]


async def test_connections_that_say_nothing_take_so_many_places_and_no_more() -> None:
    async with server() as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            refused = await reader.read()
            writer.close()
            silent.pop()[1].close()
            while True:  # its place is free when the server has seen its end
                try:
                    assert await page(port, "/hello") == (200, "hello\n")
                    break
                except (ConnectionResetError, IndexError):
                    await asyncio.sleep(0)
        for _, each in silent:
            each.close()

    assert refused == b""


async def test_a_server_that_closes_lets_nobody_wait() -> None:
    async with server() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /hello HTTP/1.1\r\n")
        await writer.drain()
        await page(port, "/hello")  # by now the first connection was taken, too
    async with asyncio.timeout(SECONDS):
        assert await reader.read() == b""
    writer.close()
