"""Bodies of HTTP responses, bounded, and given to the SDK as what it can read.

Each is one message, a stream of events with a message each, or no message at all. What answers a
request is noted in :class:`~codemode.tools.mcp.answers.AnswerTable`, and a token of it is handed on.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import httpx2

from ...lazy_pattern import lazy_pattern
from ...limits import amount
from ...surface.text import on_one_line, without_controls
from .faults import AnswerError, HttpError, HttpStatus
from .message import MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from .answers import AnswerTable, RequestId

REFUSAL_BYTES: Final = 64 * 1024
"""How much of the body of a refusal is read; of all bodies that are no messages, the most."""
SAID_CHARACTERS: Final = 300
"""Characters of such a body that an error quotes."""
EVENT_LINES: Final = 10_000
"""A message is one line of its event, or as many as its writer indented it to."""

_BLANK_LINE: Final = lazy_pattern(rb"(?:\r\n|\n|\r(?!\n)){2}")
_LINE_END: Final = lazy_pattern(rb"\r\n|\n|\r")
_TAG: Final = lazy_pattern(r"(?is)<(script|style|head)\b.*?</\1\s*>|<[^<>]*>")


class ResponseBody(httpx2.AsyncByteStream):
    """A body as it comes; subclasses choose what is handed on."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def aclose(self) -> None:
        """Close the connection's end of it."""
        await self._stream.aclose()


class UnpackedBody(ResponseBody):
    """A body that a server packed without being asked to; no piece of it is large."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        super().__init__(stream)
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by its first bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            for piece in self._pieces(part):
                yield piece

    def _pieces(self, part: bytes) -> Iterator[bytes]:
        while part:
            try:
                yield self._unpacker.decompress(part, REFUSAL_BYTES)
            except zlib.error as error:
                raise httpx2.DecodingError(
                    f"the server's answer is packed wrongly: {error}"
                ) from error
            part = self._unpacker.unconsumed_tail


class OtherBody(ResponseBody):
    """A body in which there is no message: a bounded beginning of it."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > REFUSAL_BYTES:
                raise httpx2.ReadError(f"a body is longer than {amount(REFUSAL_BYTES, 'bytes')}")
            yield part


class AnsweringBody(ResponseBody):
    """A body that ends in an answer to ``request``; ``refusal`` is the status that it came with."""

    def __init__(
        self,
        stream: httpx2.AsyncByteStream,
        answers: AnswerTable,
        request: RequestId,
        refusal: HttpStatus,
    ) -> None:
        super().__init__(stream)
        self._answers = answers
        self._request = request
        self._refusal = refusal


class MessageBody(AnsweringBody):
    """A body that is one message, the answer to ``request``."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = bytearray()
        async for part in self._stream:
            body += part
            if len(body) > MESSAGE_BYTES:
                most = f"its answer has more than {amount(MESSAGE_BYTES, 'bytes')}"
                yield self._answers.fail(self._request, AnswerError(most, is_too_large=True))
                return
        found = self._answers.read(bytes(body), self._request)
        yield (
            found[-1] if found else self._answers.fail(self._request, self._no_message(bytes(body)))
        )

    def _no_message(self, body: bytes) -> HttpError:
        said = said_in(body[:REFUSAL_BYTES])
        told = f"no message of MCP but: {said}" if said else "an empty body"
        return HttpError(replace(self._refusal, said=told))


class RefusalBody(AnsweringBody):
    """The body of a status that refuses ``request``: the reason, noted."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = bytearray()
        async for part in self._stream:
            body += part[:REFUSAL_BYTES]
            if len(body) > REFUSAL_BYTES:
                break
        yield self._answers.fail(self._request, self._fault(bytes(body[:REFUSAL_BYTES])))

    def _fault(self, body: bytes) -> HttpError:
        error = self._answers.error_in(body)
        if error is None:
            return HttpError(replace(self._refusal, said=said_in(body) or self._refusal.said))
        answered, told = error
        said = told.message[:SAID_CHARACTERS] or said_in(body)
        is_answer = answered is not None and str(answered) == str(self._request)
        refusal = replace(self._refusal, said=said, is_answer=is_answer)
        return HttpError(refusal, told.error.code, told.error.data)


class EventBody(ResponseBody):
    """Server-sent events, each handed on when it is complete and may be read.

    Args:
        request: what the stream was opened to answer; None, if it was opened by nothing.
    """

    def __init__(
        self, stream: httpx2.AsyncByteStream, answers: AnswerTable, request: RequestId | None
    ) -> None:
        super().__init__(stream)
        self._answers = answers
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        event = bytearray()
        is_first = True
        async for part in self._stream:
            ready = []
            start = max(0, len(event) - 3)  # where the end of an event may have begun
            event += part
            if is_first and len(event) >= 3:
                is_first = False
                event = event.removeprefix(b"\xef\xbb\xbf")
                start = 0
            while end := _BLANK_LINE.search(event, start):
                ready.append(self._taken(bytes(event[: end.end()])))
                del event[: end.end()]
                start = 0
            if len(event) > MESSAGE_BYTES:
                yield b"".join([*ready, self._too_large(f"{amount(MESSAGE_BYTES, 'bytes')}")])
                return
            if event == b"\n":  # the other half of the blank line before
                event.clear()
            if any(ready):
                yield b"".join(ready)
        if event.strip():  # some servers end with the answer and no blank line
            yield self._taken(bytes(event))

    def _taken(self, event: bytes) -> bytes:
        """``event`` as the SDK can read it: a message on one line, under the one name it knows."""
        if event.count(b"\n") + event.count(b"\r") > EVENT_LINES:
            return self._too_large(f"{EVENT_LINES:,} lines")
        fields = [line.partition(b":")[::2] for line in _LINE_END.split(event)]
        data = b"\n".join(value.removeprefix(b" ") for name, value in fields if name == b"data")
        about = b"".join(
            name + b":" + value + b"\n" for name, value in fields if name in (b"id", b"retry")
        )
        found = self._answers.read(data, self._request) if data else None
        lines = [b"data: " + _LINE_END.sub(b" ", each) + b"\n\n" for each in found or ()]
        if not lines:
            return about + b"data:\n\n" if about else b""
        return about + b"".join(lines)

    def _too_large(self, most: str) -> bytes:
        if self._request is None:
            return b""
        fault = AnswerError(f"its answer has more than {most}", is_too_large=True)
        return b"data: " + self._answers.fail(self._request, fault) + b"\n\n"


def said_in(body: bytes) -> str:
    """The text of a body that is no message: one line of plain text.

    >>> said_in(b'<html><body><h1>502 Bad Gateway</h1></body></html>')
    '502 Bad Gateway'
    >>> said_in(b'{"error": {"message": "slow down"}}')
    'slow down'
    """
    text = body.decode("utf-8", "replace")
    try:
        found = _told(json.loads(text))
    except (ValueError, RecursionError):
        found = _TAG.sub(" ", text) if text.lstrip()[:1] == "<" else text
    words = " ".join(without_controls(found[: 8 * SAID_CHARACTERS]).split())
    return on_one_line(words)[:SAID_CHARACTERS]


def _told(said: Any) -> str:
    """The cause in a JSON text, wherever its writer puts it."""
    if isinstance(said, dict):
        for key in ("error_description", "message", "detail", "error", "title", "reason"):
            if told := said.get(key):
                return _told(told)
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
