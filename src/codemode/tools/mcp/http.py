"""A server behind a URL: the SDK's streamable HTTP, with bounds on what it may send."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx2
from mcp.client.streamable_http import streamable_http_client

from .stdio import MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .config import HttpServer

CONNECT_SECONDS: Final = 30.0
"""How long connecting and sending may take; answers are bounded by the call that waits."""

BAD_REQUEST: Final = 400
"""The first of the statuses that say no."""


@asynccontextmanager
async def http_streams(config: HttpServer, tell: Callable[[str], None]) -> AsyncIterator[Any]:
    """The streams of messages from and to the server; ``tell`` gets why it refuses requests."""

    async def check(response: httpx2.Response) -> None:
        if response.status_code >= BAD_REQUEST and response.request.method == "POST":
            tell(f"HTTP {response.status_code} {response.reason_phrase}")
        _bound(response)

    headers = {**config.headers, "Accept-Encoding": "identity"}
    async with (
        httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(CONNECT_SECONDS, read=None),
            event_hooks={"response": [check]},
        ) as client,
        streamable_http_client(
            config.url, http_client=client, max_sse_event_size=MESSAGE_BYTES
        ) as streams,
    ):
        yield streams


def _bound(response: httpx2.Response) -> None:
    """Let a body that is read whole be no longer than a message, packed or not."""
    if "content-encoding" in response.headers:
        raise httpx2.DecodingError("the server packed its answer without being asked to")
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > MESSAGE_BYTES:
                raise httpx2.ReadError(f"the answer is longer than {MESSAGE_BYTES // 2**20} MiB")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
