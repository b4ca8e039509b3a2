"""What a server's message may be, before anything is made of it.

Three megabytes of ``[]`` become hundreds of megabytes of Python values, made by readers that hold
up the whole process meanwhile. So each message is counted as text first. One that is too large is
not read; where it answers a request, a refusal takes its place, and the connection lives on.
"""

from __future__ import annotations

from typing import Final

import msgspec
from mcp_types import ErrorData, JSONRPCError

from ...limits import amount
from ...surface.json_members import has_more_members

MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""The longest message that is read: twice what a result may be, for it may be escaped."""
ANSWER_MEMBERS: Final = 100_000
"""Members of all arrays and objects in an answer: a tool's result, a page of tools."""
NOTICE_MEMBERS: Final = 10_000
"""The same for what a server sends of its own accord, as often as it likes."""
TOO_LARGE: Final = -32099
"""The code of the refusal; no server's, but one of those that servers may choose."""


class _Head(msgspec.Struct):
    """As much of a message as tells what it is; the rest is passed over and makes no values."""

    id: int | str | None = None
    method: str | None = None


def admitted(message: bytes) -> bytes:
    """``message`` if it may be read, or the refusal in its place, or nothing.

    Nothing stands for a message that is too large and is not known to answer a request.

    >>> admitted(b'{"id":1}')
    b'{"id":1}'
    """
    if len(message) <= MESSAGE_BYTES:
        text = message.decode("latin-1")
        if not has_more_members(text, NOTICE_MEMBERS):
            return message
        head = _head(message)
        if head.method is None and not has_more_members(text, ANSWER_MEMBERS):
            return message
        most = f"more than {amount(ANSWER_MEMBERS, 'members')}"
    else:
        head = _head(message)
        most = f"more than {amount(MESSAGE_BYTES, 'bytes')}"
    if head.id is None or head.method is not None:
        return b""
    return refusal(head.id, most)


def refusal(request: int | str | None, most: str) -> bytes:
    """An answer to ``request`` that says how large it must not be."""
    error = ErrorData(code=TOO_LARGE, message=f"its answer has {most}")
    answer = JSONRPCError(jsonrpc="2.0", id=request, error=error)
    return answer.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _head(message: bytes) -> _Head:
    try:
        return msgspec.json.decode(message, type=_Head)
    except (ValueError, RecursionError):
        return _Head()
