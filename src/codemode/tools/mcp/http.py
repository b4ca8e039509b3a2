"""A server behind a URL: the SDK's streamable HTTP, with bounds on what it may send."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx2
from mcp.client.streamable_http import streamable_http_client

from ...limits import amount
from .message import MESSAGE_BYTES, NOTICE_MEMBERS, admitted, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .config import HttpServer

CONNECT_SECONDS: Final = 30.0
"""How long connecting and sending may take; answers are bounded by the call that waits."""

BAD_REQUEST: Final = 400
"""The first of the statuses that say no."""
EVENT_LINES: Final = 10_000
"""A message is one line of its event, or as many as its writer indented it to."""

_BLANK_LINE: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")


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
    """Let nothing be read that is larger than a message may be, packed or not."""
    packings = response.headers.get_list("content-encoding", split_commas=True)
    if any(each.strip().lower() not in ("", "identity") for each in packings):
        raise httpx2.DecodingError("the server packed its answer without being asked to")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        response.encoding = "utf-8"  # as we read it, whatever the server says
        response.stream = _Events(response.stream)
    else:
        response.stream = _Whole(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Whole(_Bounded):
    """A body that is one message."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = bytearray()
        async for part in self._stream:
            body += part
            if len(body) > MESSAGE_BYTES:
                raise httpx2.ReadError(f"the answer is longer than {MESSAGE_BYTES // 2**20} MiB")
        yield admitted(bytes(body))


class _Events(_Bounded):
    """Server-sent events, each handed on when it is complete and may be read."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        event = bytearray()
        async for part in self._stream:
            ready = []
            start = max(0, len(event) - 3)  # where the end of an event may have begun
            event += part
            while end := _BLANK_LINE.search(event, start):
                ready.append(_admitted_event(bytes(event[: end.end()])))
                del event[: end.end()]
                start = 0
            if len(event) > MESSAGE_BYTES:
                most = f"more than {amount(MESSAGE_BYTES, 'bytes')}"
                yield b"".join([*ready, _as_event(refusal(None, most))])
                return
            if event == b"\n":  # the other half of the blank line before
                ready.append(b"\n")
                event.clear()
            if ready:
                yield b"".join(ready)


def _admitted_event(event: bytes) -> bytes:
    """``event`` if its message may be read, or what stands in its place."""
    if len(event) <= NOTICE_MEMBERS:
        return event
    if event.count(b"\n") + event.count(b"\r") > EVENT_LINES:
        return _as_event(refusal(None, f"more than {EVENT_LINES:,} lines"))
    lines = [line[5:] for line in event.splitlines() if line.startswith(b"data:")]
    message = b"\n".join(lines)
    found = admitted(message)
    if found is message:
        return event
    return _as_event(found) if found else b""


def _as_event(message: bytes) -> bytes:
    return b"data: " + message + b"\n\n"
