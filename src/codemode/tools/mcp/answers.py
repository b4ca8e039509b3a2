"""The answers of a server, noted before the SDK reads them.

The SDK checks what it reads: a block of content that it does not know, a number that is too long or half
a surrogate pair costs the whole answer, and errors of servers, of HTTP and of its own come to one
exception. Here each answer is read by us, beside the request that waits for it; the SDK gets a token
answer in its place, which wakes the one who waits. What answers nothing is dropped.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from mcp_types import INTERNAL_ERROR

from ...surface.text import on_one_line
from .faults import AnswerError, PeerError
from .message import MessageHead, excess, head, mended, parts, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp import MCPError

RequestId: TypeAlias = int | str
MOST_DIGITS: Final = 18
"""Digits of an id that may be one of ours."""
_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Answer:
    """What has come for a request.

    Attributes:
        result: the result as the server sent it; None until it is there.
        fault: why there is none.
    """

    result: dict[str, Any] | None = None
    fault: MCPError | None = None


class AnswerTable:
    """What waits for an answer, on one connection."""

    def __init__(self) -> None:
        self._waiting: dict[RequestId, Answer] = {}

    @contextmanager
    def awaited(self, request: RequestId) -> Iterator[Answer]:
        """A place for the answer to ``request``, while the block runs."""
        answer = self._waiting[_key(request)] = Answer()
        try:
            yield answer
        finally:
            del self._waiting[_key(request)]

    def read(self, message: bytes, request: RequestId | None = None) -> list[bytes] | None:
        """What the SDK should read in place of ``message``; None, if that is no message.

        Args:
            message: one message, or a batch of them.
            request: what it answers, where the transport knows that better than the message.
        """
        if too_much := excess(message):
            return self._refuse(message, request, too_much)
        messages = parts(mended(message))
        if len(messages) > 1:
            request = None
        found = [self._read_one(each, request) for each in messages]
        return None if None in found else [each for each in found if each]

    def fail(self, request: RequestId, fault: MCPError) -> bytes:
        """Note why there is no answer to ``request``; what the SDK should read."""
        answer = self._waiting.get(_key(request))
        if answer is None:
            _log.debug("an answer to nothing: %s", on_one_line(str(request)))
            return b""
        answer.fault = fault
        return _token(request, {"error": {"code": INTERNAL_ERROR, "message": ""}})

    def error_in(self, message: bytes) -> tuple[RequestId | None, PeerError] | None:
        """The error that a message is, and what it answers; None if it is no error."""
        if excess(message):
            return None
        said = head(mended(message))
        if said.method is not None or isinstance(said.error, msgspec.UnsetType):
            return None
        return _request(said), _peer_error(said.error)

    def _read_one(self, message: bytes, request: RequestId | None) -> bytes | None:
        said = head(message)
        if said.method is not None:
            return message
        if request is None:
            request = _request(said)
        is_awaited = request is not None and _key(request) in self._waiting
        if not said.is_answer and not (is_awaited and said.id is not None):
            return None
        if request is None:
            return b""
        answer = self._waiting.get(_key(request))
        if answer is None:
            _log.debug("an answer to nothing: %s", on_one_line(str(request)))
            return b""
        if not isinstance(said.error, msgspec.UnsetType) and bytes(said.error) != b"null":
            return self.fail(request, _peer_error(said.error))
        if isinstance(said.result, msgspec.UnsetType):
            return self.fail(request, AnswerError("its answer has neither result nor error"))
        try:
            result = value(said.result)
        except ValueError as error:
            return self.fail(request, AnswerError(f"its answer cannot be read: {error}"))
        if not isinstance(result, dict):
            return self.fail(request, AnswerError("its answer is no object"))
        answer.result = result
        return _token(request, {"result": {}})

    def _refuse(self, message: bytes, request: RequestId | None, too_much: str) -> list[bytes]:
        """Skip an answer that is too large; the call that waits for it gets an error."""
        said = head(message)
        request = request if request is not None else _request(said)
        if said.method is not None or request is None:
            return []
        fault = AnswerError(f"its answer has {too_much}", is_too_large=True)
        return [each for each in [self.fail(request, fault)] if each]


def _request(said: MessageHead) -> RequestId | None:
    """What an answer answers; some servers write ``1.0`` for ``1``."""
    given = said.id
    if isinstance(given, float):
        return int(given) if given.is_integer() else None
    return given


def _key(request: RequestId) -> RequestId:
    """The same for ``"7"`` and ``7``: some servers make texts of ids."""
    if isinstance(request, str) and request.isascii() and request.isdigit():
        return int(request[:MOST_DIGITS])
    return request


def _peer_error(raw: msgspec.Raw) -> PeerError:
    try:
        said = value(raw)
    except ValueError:
        said = "its error cannot be read"
    if not isinstance(said, dict):
        is_text = isinstance(said, str)
        return PeerError(INTERNAL_ERROR, said if is_text else "", None if is_text else said)
    code, message = said.get("code"), said.get("message")
    return PeerError(
        code if isinstance(code, int) else INTERNAL_ERROR,
        message if isinstance(message, str) else "",
        said.get("data"),
    )


def _token(request: RequestId, rest: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request, **rest})
