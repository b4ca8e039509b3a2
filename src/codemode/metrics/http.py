"""A small HTTP server for pages that machines ask for: no token, no body, one request a connection.

It runs in the event loop that runs the cells, so that an answer proves that the loop turns.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import h11

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_log = logging.getLogger(__name__)

HEAD_BYTES: Final = 8 * 1024
"""Longest request."""

CONNECTIONS: Final = 64
"""At once; one more is closed unread."""

REQUEST_SECONDS: Final = 10.0
"""How long a request may take to come, to be answered and to be read."""

TEXT: Final = "text/plain; charset=utf-8"


class HttpPage(NamedTuple):
    """An answer."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT


Answer: TypeAlias = "Callable[[], Awaitable[HttpPage]]"


class MetricsServer:
    """Answers GET and HEAD for some paths.

    Args:
        pages: what makes the answer, by path.
    """

    def __init__(self, pages: Mapping[str, Answer]) -> None:
        self._pages = pages
        self._server: asyncio.Server
        self._open: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> int:
        """Listen there; the port, which the system chooses for port 0.

        Raises:
            OSError: the address cannot be used.
        """
        self._server = await asyncio.start_server(self._connected, host, port, limit=HEAD_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def aclose(self) -> None:
        """Stop listening and close every connection."""
        self._server.close()
        for task in self._open:
            task.cancel()
        if self._open:
            # Cancelled connections only close their sockets, so no bound.
            await asyncio.wait(self._open)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        writer.transport.set_write_buffer_limits(0)  # `drain` returns when all is written
        try:
            if len(self._open) <= CONNECTIONS:
                # The whole exchange against its bound: a slow client must not keep its place.
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._serve(reader, writer)
        except (TimeoutError, OSError):
            pass  # the client is slow, or gone
        except asyncio.CancelledError:
            pass  # the server is closed; asyncio's streams log a task that ends cancelled
        except Exception:  # noqa: BLE001 - the next request must find a server
            _log.exception("a request failed")
        finally:
            if writer.transport.get_write_buffer_size():
                writer.transport.abort()  # the client does not read: do not wait for it
            else:
                writer.close()
            self._open.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        try:
            request = await _request(connection, reader)
        except h11.RemoteProtocolError as error:
            status = HTTPStatus(error.error_status_hint)
            await _write(connection, writer, HttpPage(status, f"{error}\n".encode()))
            return
        if request is not None:
            await _write(connection, writer, await self._page(request))

    async def _page(self, request: h11.Request) -> HttpPage:
        if request.method not in (b"GET", b"HEAD"):
            return HttpPage(HTTPStatus.METHOD_NOT_ALLOWED, b"only GET is served here\n")
        answer = self._pages.get(request.target.partition(b"?")[0].decode("ascii", "replace"))
        if answer is None:
            paths = "\n".join(sorted(self._pages))
            return HttpPage(HTTPStatus.NOT_FOUND, f"there are\n{paths}\n".encode())
        return await answer()


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """The head of a request; None if the client has left before it was whole."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        connection.receive_data(await reader.read(HEAD_BYTES))


async def _write(connection: h11.Connection, writer: asyncio.StreamWriter, page: HttpPage) -> None:
    headers = [
        ("content-type", page.content_type),
        ("content-length", str(len(page.body))),
        ("connection", "close"),
    ]
    reason = page.status.phrase
    head = connection.send(
        h11.Response(status_code=page.status, headers=headers, reason=reason.encode())
    )
    writer.write(head or b"")
    writer.write(connection.send(h11.Data(data=page.body)) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    await writer.drain()
