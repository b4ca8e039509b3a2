"""JSON as text: how deep it is and how many members it has, told before it is decoded; to and from values."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import msgspec

from .lazy_pattern import lazy_pattern

BEGINNING: Final = 1024 * 1024
"""Characters of a long text that are counted first: where there is much too much, it ends there."""


def has_more_members(text: str, most: int) -> bool:
    """Whether arrays and objects in the JSON ``text`` have more than ``most`` members together.

    A few bytes of text make hundreds of bytes of Python values, so this is asked first; it takes
    time and memory in proportion to ``text``, whatever its content. A text of bytes may be given as
    ``latin-1``: what counts here is ASCII.

    >>> has_more_members('[[],{"a":"1,2,3"}]', 3), has_more_members('[[],{"a":1}]', 2)
    (False, True)
    """
    # One more, for a container that is cut off may be empty.
    if len(text) > 2 * BEGINNING and _has_more(text[:BEGINNING], most + 1):
        return True
    return _has_more(text, most)


LEVELS: Final = 1_000
"""How deep a value may be: what a parser takes differs between releases of Python."""

_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_OTHERS: Final = bytes(set(range(256)) - set(b'[]{}"'))


def is_deeper(json: bytes, levels: int = LEVELS) -> bool:
    """Whether arrays and objects in a JSON text in UTF-8 stand in more than so many others.

    Takes time in proportion to the text for what is flat, and to ``levels`` times its brackets at most.

    >>> is_deeper(b'[[],{"a":"[[["}]', 2), is_deeper(b'[[],{"a":[]}]', 2)
    (False, True)
    """
    if json.count(b"[") + json.count(b"{") <= levels:
        return False  # nearly every text
    if b"\\" in json:
        json = json.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = json.translate(_BRACKETS, _OTHERS).replace(b'""', b"")
    if b'"' in left:  # strings with brackets in them
        left = b"".join(left.split(b'"')[::2])
    for _ in range(levels):
        before, left = len(left), left.replace(b"[]", b"")
        if len(left) == before:  # nothing is left, or no pair
            return False
    return b"[]" in left


def _has_more(text: str, most: int) -> bool:
    if text.count(",") + text.count("[") + text.count("{") <= most:
        return False  # nearly every text; those in strings are included
    if _members(text) <= most:
        return False
    if '"' not in text:
        return True
    bare = text.replace("\\\\", "").replace('\\"', "")
    # A member has two strings at most, with two quotes each; more would only cost memory here.
    if bare.count('"') > 4 * (most + 1):
        return True
    return _members('"'.join(bare.split('"')[::2])) > most


def _members(text: str) -> int:
    """One for each comma, and the first of each container that is not empty."""
    first = text.count("[") - text.count("[]") + text.count("{") - text.count("{}")
    return first + text.count(",")


# ── values ───────────────────────────────────────────────────────────────────────────────────────

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


def memory_of(text: str) -> int:
    """The bytes that ``text`` takes: up to four for each character, if one of them needs four."""
    return len(text) if text.isascii() else sys.getsizeof(text)
