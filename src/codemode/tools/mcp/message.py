"""What a server's message may be, and what of it can be read.

Three megabytes of ``[]`` become hundreds of megabytes of Python values, made by readers that hold
up the whole process meanwhile. So each message is counted as text first. Then it is mended: half a
surrogate pair, bytes that are no UTF-8, ``NaN`` and integers of any length are things that servers
write; what can be read of a message is read, and the rest of it is no reason to lose that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec
from pydantic_core import from_json

from ...json_text import has_more_members
from ...lazy_pattern import lazy_pattern
from ...limits import amount

if TYPE_CHECKING:
    from ...protocol.types import JsonValue

MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""The longest message that is read: twice what a result may be, for it may be escaped."""
ANSWER_MEMBERS: Final = 100_000
"""Members of all arrays and objects in an answer: a tool's result, a page of tools."""
NOTICE_MEMBERS: Final = 10_000
"""The same for what a server sends of its own accord, as often as it likes."""
EXACT_DIGITS: Final = 18
"""Digits of the longest integers that are read as such; longer ones stay the text of their digits."""

_BOM: Final = b"\xef\xbb\xbf"
_NO_JSON: Final = b"\0\0"
"""Stands for an escaped backslash for a moment; JSON text cannot have it."""
_HALF: Final = lazy_pattern(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


_ID: Final = rb'\s*"id"\s*:\s*([0-9]{1,18}|"[0-9A-Za-z-]{1,64}")'
_VERSION: Final = rb'\s*"jsonrpc"\s*:\s*"2\.0"'
_ANSWER: Final = lazy_pattern(
    rb"\s*\{(?:"
    + _ID
    + rb"\s*,)?(?:"
    + _VERSION
    + rb"\s*,)?(?:"
    + _ID
    + rb'\s*,)?\s*"(?:result|error)"\s*:'
)
_LAST_ID: Final = lazy_pattern(rb"," + _ID + rb"\s*(?:," + _VERSION + rb"\s*)?\}\s*\Z")
LAST_BYTES: Final = 200
"""The end of a message in which its id may stand."""


class MessageHead(msgspec.Struct):
    """As much of a message as tells what it is; ``result`` and ``error`` are not read yet."""

    id: int | str | float | None = None
    method: str | None = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_answer(self) -> bool:
        """Whether it answers a request."""
        return self.method is None and (
            self.result is not msgspec.UNSET or self.error is not msgspec.UNSET
        )


def excess(message: bytes) -> str:
    """What ``message`` has too much of, to be told; empty if it may be read.

    >>> excess(b'{"id":1}')
    ''
    """
    if len(message) > MESSAGE_BYTES:
        return f"more than {amount(MESSAGE_BYTES, 'bytes')}"
    text = message.decode("latin-1")
    if not has_more_members(text, NOTICE_MEMBERS):
        return ""
    if head(message).is_answer and not has_more_members(text, ANSWER_MEMBERS):
        return ""
    return f"more than {amount(ANSWER_MEMBERS, 'members')}"


def mended(message: bytes) -> bytes:
    r"""``message`` as UTF-8 without byte order mark and half surrogate pairs, which are U+FFFD.

    >>> mended(b'"\\ud83d cut, \\ud83d\\ude00 whole, \\\\ud83d a path"')
    b'"\\ufffd cut, \\ud83d\\ude00 whole, \\\\ud83d a path"'
    """
    message = message.removeprefix(_BOM)
    if not message.isascii():
        try:
            message.decode()
        except UnicodeDecodeError:
            message = message.decode("utf-8", "replace").encode()
    if b"\\ud" in message or b"\\uD" in message:
        # No function for each match: there may be millions.
        bare = message.replace(b"\\\\", _NO_JSON)
        message = _HALF.sub(rb"\\ufffd", bare).replace(_NO_JSON, b"\\\\")
    return message


def head(message: bytes) -> MessageHead:
    """What ``message`` is; an empty one, if it is none."""
    try:
        return msgspec.json.decode(message, type=MessageHead)
    except (ValueError, RecursionError):
        return _loose_head(message)


def parts(message: bytes) -> list[bytes]:
    """The messages of a batch, or the one message."""
    if not message.lstrip(b" \t\r\n").startswith(b"["):
        return [message]
    try:
        return [bytes(each) for each in msgspec.json.decode(message, type=list[msgspec.Raw])]
    except (ValueError, RecursionError):
        return [message]


def value(raw: msgspec.Raw) -> JsonValue:
    """The content of ``raw``; of an object, what of its members can be read.

    Raises:
        ValueError: nothing of it can.
    """
    text = bytes(raw)
    try:
        return from_json(text)
    except ValueError:
        pass
    try:
        return _loose(text)
    except (ValueError, RecursionError):
        pass
    try:
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError) as error:
        raise ValueError("it is malformed or nested too deep") from error
    found: dict[str, JsonValue] = {}
    for key, member in members.items():
        try:
            found[key] = from_json(bytes(member))
        except ValueError:  # too deep, most likely; what stands beside it can be read
            continue
    return found


def _loose_head(message: bytes) -> MessageHead:
    """The same where the text is no JSON in the strict sense: ``NaN``, a bare control character."""
    try:
        said = _loose(message)
    except (ValueError, RecursionError):
        return _answered(message)
    if not isinstance(said, dict):
        return MessageHead()
    known = {
        key: msgspec.Raw(json.dumps(said[key]).encode())
        for key in ("result", "error")
        if key in said
    }
    request, method = said.get("id"), said.get("method")
    return MessageHead(
        request if isinstance(request, int | str | float) else None,
        method if isinstance(method, str) else None,
        **known,
    )


def _answered(message: bytes) -> MessageHead:
    """The request that an answer is for which cannot be read: it is nested too deep, or cut off.

    So the one who asked hears of it, instead of waiting.
    """
    found = _ANSWER.match(message)
    if found is None:
        return MessageHead()
    named = found[1] or found[2]
    if named is None and (last := _LAST_ID.search(message[-LAST_BYTES:])):
        named = last[1]
    if named is None:
        return MessageHead()
    return MessageHead(json.loads(named), result=msgspec.Raw(message))


def _loose(text: bytes) -> Any:
    return json.loads(text, strict=False, parse_int=_integer)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= EXACT_DIGITS else digits
