"""The fields of a message as they stand on the wire, counted before a parser makes objects of them.

Two bytes can say a field, and the parser makes a hundred bytes or more of it, at once and for as long as it
takes. Only the fields of the message itself are counted: those of the messages inside cannot repeat, so that
however many come there is one object.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError

FIELD_BYTES: Final = 2
"""A field has no less: what it is, and its value or the length of that."""

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_MORE: Final = 0x80
_VARINT_BYTES: Final = 10


def has_more_fields(message: bytes, most: int) -> bool:
    """Whether ``message`` has more than ``most`` fields; takes time in proportion to ``most``, whatever it says.

    >>> has_more_fields(b"\\x0a\\x01x\\x10\\x05", 1), has_more_fields(b"\\x0a\\x01x\\x10\\x05", 2)
    (True, False)

    Raises:
        DecodeError: among the first of them is one that is none.
    """
    if len(message) <= FIELD_BYTES * most:
        return False
    at = 0
    for _ in range(most):
        if at == len(message):
            return False
        at = _after_field(message, at)
    return at < len(message)


def _after_field(message: bytes, at: int) -> int:
    tag, at = _varint(message, at)
    kind = tag & 7
    if kind == _VARINT:
        _, at = _varint(message, at)
    elif kind == _LENGTH:
        length, at = _varint(message, at)
        at += length
    elif kind == _FIXED_64:
        at += 8
    elif kind == _FIXED_32:
        at += 4
    else:  # a group, which nobody makes any more
        raise DecodeError(f"a field of wire type {kind}")
    if at > len(message):
        raise DecodeError("a field goes beyond the end of the message")
    return at


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number, and where the next thing begins."""
    number = 0
    for index, byte in enumerate(message[at : at + _VARINT_BYTES]):
        number |= (byte & ~_MORE) << (7 * index)
        if byte < _MORE:
            return number, at + index + 1
    raise DecodeError("a number has no end")
