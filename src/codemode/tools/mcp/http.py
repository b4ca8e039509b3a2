"""A server behind a URL: the SDK's streamable HTTP, with what comes bounded and noted.

The SDK reads statuses and bodies and reports them in words and numbers that a server could
have chosen as well. So each response is looked at before: what answers a request, and what refuses one,
is noted with its status (:mod:`codemode.tools.mcp.answers`), and the SDK gets a token of it.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import httpx2
from mcp.client.streamable_http import streamable_http_client

from ...surface.text import on_one_line
from .bodies import EventBody, MessageBody, OtherBody, RefusalBody, ResponseBody, UnpackedBody
from .faults import HttpStatus
from .message import MESSAGE_BYTES, head

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .answers import AnswerTable, RequestId
    from .config import HttpServer

CONNECT_SECONDS: Final = 30.0
"""How long connecting and sending may take; answers are bounded by the call that waits."""
SESSION: Final = "mcp-session-id"
"""The header with the session of a request."""

_OK: Final = 200
_ACCEPTED: Final = range(201, 300)
"""Statuses of success that answer no request: the SDK would wait, or read an empty body."""
_REDIRECTION: Final = range(300, 400)
_HEADER_CHARACTERS: Final = 100
_PACKINGS: Final = ("gzip", "x-gzip", "deflate")


@asynccontextmanager
async def http_streams(config: HttpServer, answers: AnswerTable) -> AsyncIterator[Any]:
    """The streams of messages from and to the server; what answers a request is noted."""

    async def look(response: httpx2.Response) -> None:
        await response.request.aread()  # a redirected request has its body as a stream
        _take(response, answers)

    headers = {**config.headers, "Accept-Encoding": "identity"}
    async with (
        httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(CONNECT_SECONDS, read=None),
            event_hooks={"response": [look]},
        ) as client,
        streamable_http_client(
            config.url, http_client=client, max_sse_event_size=MESSAGE_BYTES
        ) as streams,
    ):
        yield streams


def _take(response: httpx2.Response, answers: AnswerTable) -> None:
    """Put a bounded body in the place of the response's own."""
    stream = _unpacked(response)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    request = _request(response)
    if kind == "text/event-stream" and response.status_code == _OK:
        response.encoding = "utf-8"  # as we read it, whatever charset the server names
        response.stream = EventBody(stream, answers, request)
    elif request is None or response.status_code in _REDIRECTION:
        response.stream = OtherBody(stream)
        if response.request.method == "DELETE":
            response.status_code = _OK  # a session that cannot be ended is over for us all the same
    else:
        response.stream = _answer(response, stream, answers, request)
        # Whatever it was, it is a message now, so that the SDK reads it as one.
        if response.status_code != _OK:
            response.status_code = _OK
            response.headers.pop(SESSION, None)  # who is refused has begun no session
        response.headers["content-type"] = "application/json"


def _answer(
    response: httpx2.Response,
    stream: httpx2.AsyncByteStream,
    answers: AnswerTable,
    request: RequestId,
) -> ResponseBody:
    status = response.status_code
    refusal = HttpStatus(
        status,
        on_one_line(response.reason_phrase)[:_HEADER_CHARACTERS],
        retry_after=on_one_line(response.headers.get("retry-after", ""))[:_HEADER_CHARACTERS],
        has_session=SESSION in response.request.headers,
    )
    if status == _OK:
        return MessageBody(stream, answers, request, refusal)
    if status in _ACCEPTED:
        refusal = replace(refusal, said="it sends no answer")
    return RefusalBody(stream, answers, request, refusal)


def _request(response: httpx2.Response) -> RequestId | None:
    """The request of MCP that a response answers; None, if it answers none."""
    if response.request.method != "POST":
        return None
    said = head(response.request.content)
    is_request = said.method is not None and isinstance(said.id, int | str)
    return said.id if is_request and not isinstance(said.id, float) else None


def _unpacked(response: httpx2.Response) -> httpx2.AsyncByteStream:
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    packings = response.headers.get_list("content-encoding", split_commas=True)
    packed = [each.strip().lower() for each in packings]
    packed = [each for each in packed if each not in ("", "identity")]
    if not packed:
        return response.stream
    if len(packed) > 1 or packed[0] not in _PACKINGS:
        raise httpx2.DecodingError("the server packed its answer in a way that nobody asked for")
    del response.headers["content-encoding"]
    return UnpackedBody(response.stream)
