"""JSON text from and for a cell as Python values."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from ..lazy_pattern import lazy_pattern
from ..surface.json_members import LEVELS, is_deeper
from .held import memory_of

_LONE: Final = lazy_pattern(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

NO_JSON: Final = "\0"
"""A character that JSON text cannot have: it stands for an escaped backslash for a moment."""


MEMBER_BYTES: Final = 96
OBJECT_BYTES: Final = 184
"""What CPython takes for a small value and its place in a list, and for a small dict besides."""


def decode_json(text: str) -> Any:
    """Lone surrogates become U+FFFD, integers stay exact.

    Raises:
        ValueError, RecursionError: this is no JSON, or nested too deep.
    """
    if "\\u" in text:
        # No function for each match: there may be millions.
        unpaired = text.replace("\\\\", NO_JSON)
        text = _LONE.sub("\ufffd", unpaired).replace(NO_JSON, "\\\\")
    return json.loads(text)


def decoded_bytes(text: str) -> int:
    """About what the Python values take that the JSON ``text`` becomes, and rather too much.

    Up to thirty times the text: an empty list is two characters and 56 bytes.

    >>> decoded_bytes('[[],[]]')
    391
    """
    members = text.count(",") + text.count("[") + text.count(":")
    return memory_of(text) + MEMBER_BYTES * members + OBJECT_BYTES * text.count("{")


def encode_json(value: Any) -> str:
    """Python values as JSON.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot say this.
    """
    try:
        json_bytes = msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, integers beyond 64 bits
        json_bytes = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    if is_deeper(json_bytes):
        raise RecursionError(f"a value is nested more than {LEVELS} levels deep")
    return json_bytes.decode()
