"""JSON as the reference reads it, with its words for what is wrong.

Python's reader takes more (``NaN``, lone surrogates) and words its complaints by version. The texts
and columns here were compared with the published client; columns count UTF-8 bytes from 1.
"""

from __future__ import annotations

import json
from typing import Final

from ..lazy_pattern import lazy_pattern
from ..protocol.types import JsonValue
from .text import utf8_length

DEPTH: Final = 128
"""Containers in each other at which the reference gives up."""

READABLE_DIGITS: Final = 4_000
"""Python refuses to read integers much longer than that: they are read as infinity."""

_SPACE = lazy_pattern(r"[ \t\n\r]*")
_WORD = {"t": "true", "f": "false", "n": "null"}
_NUMBER = lazy_pattern(r"-?(?:0(?![0-9])|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![.eE])")
_NUMBER_PREFIX = lazy_pattern(r"-?(?:0|[1-9][0-9]*|)(?:\.[0-9]*)?(?:(?<=[0-9])[eE][+-]?)?")
_STRING_BODY = lazy_pattern(
    r'(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}'
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*"
)
_HEX = lazy_pattern(r"[0-9a-fA-F]{4}")


class JsonError(ValueError):
    """The text is not JSON; the error tells what is wrong and where."""


def loads(text: str) -> JsonValue:
    """The value of a JSON text of one line.

    Raises:
        JsonError: it is not JSON, or nests 128 deep.

    >>> loads('{"a": [1, 2,]}')
    Traceback (most recent call last):
    codemode.surface.strict_json.JsonError: trailing comma at line 1 column 13
    """
    _JsonWalk(text).check()
    return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= READABLE_DIGITS else float("inf")


class _JsonWalk:
    """One walk over a text; keeps the open containers instead of recursing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[str] = []

    def check(self) -> None:
        """Walk over the whole text.

        Raises:
            JsonError: at the first thing that is wrong.
        """
        self._value()
        while self._open:
            self._after_value()
        if self._peek():
            raise self._error("trailing characters")

    def _value(self) -> None:
        """Pass one value, or open the container that it is."""
        first = self._peek()
        if not first:
            raise self._ended("a value")
        if first in "[{":
            self._open_container(first)
        elif first == '"':
            self._string()
        elif first in "-0123456789":
            self._number()
        elif first in _WORD:
            self._word(_WORD[first])
        else:
            raise self._error("expected value")

    def _open_container(self, bracket: str) -> None:
        self._open.append(bracket)
        if len(self._open) == DEPTH:
            raise self._error("recursion limit exceeded")
        self._at += 1
        following = self._peek()
        if not following:
            raise self._ended(self._container())
        if following == self._closing():
            self._close()
        else:
            self._element()

    def _after_value(self) -> None:
        following = self._peek()
        if not following:
            raise self._ended(self._container())
        if following == self._closing():
            self._close()
        elif following == ",":
            self._at += 1
            following = self._peek()
            if not following:
                raise self._ended("a value")
            if following == self._closing():
                raise self._error("trailing comma")
            self._element()
        else:
            raise self._error(f"expected `,` or `{self._closing()}`")

    def _element(self) -> None:
        if self._open[-1] == "{":
            self._key()
        self._value()

    def _key(self) -> None:
        if self._peek() != '"':
            raise self._error("key must be a string")
        self._string()
        following = self._peek()
        if not following:
            raise self._ended("an object")
        if following != ":":
            raise self._error("expected `:`")
        self._at += 1

    def _word(self, word: str) -> None:
        for place, letter in enumerate(word, self._at):
            if place == len(self._text):
                raise self._ended("a value")
            if self._text[place] != letter:
                raise self._error("expected ident", place)
        self._at += len(word)

    def _number(self) -> None:
        whole = _NUMBER.match(self._text, self._at)
        if whole is None:
            prefix = _NUMBER_PREFIX.match(self._text, self._at)
            place = prefix.end() if prefix else self._at
            if place == len(self._text):
                raise self._ended("a value")
            raise self._error("invalid number", place)
        self._at = whole.end()

    def _string(self) -> None:
        body = _STRING_BODY.match(self._text, self._at + 1)
        place = body.end() if body else self._at
        bad = self._text[place : place + 2]
        if bad.startswith('"'):
            self._at = place + 1
        elif len(bad) < 2 and bad in ("", "\\"):
            raise self._ended("a string")
        elif bad == "\\u":
            raise self._bad_hex(place)
        elif bad.startswith("\\"):
            raise self._error("invalid escape", place + 1)
        else:
            what = "control character (\\u0000-\\u001F) found while parsing a string"
            raise self._error(what, place)

    def _bad_hex(self, place: int) -> JsonError:
        """The ``\\u`` at ``place`` has too few digits, or is half of a surrogate pair."""
        last = place + 5
        if last >= len(self._text):
            return self._ended("a string")
        if not _HEX.match(self._text, place + 2):
            return self._error("invalid escape", last)
        if self._text[place + 3] in "89abAB":
            return self._error("unexpected end of hex escape", last + 1)
        return self._error("lone leading surrogate in hex escape", last)

    def _peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _close(self) -> None:
        self._open.pop()
        self._at += 1

    def _closing(self) -> str:
        return "}" if self._open[-1] == "{" else "]"

    def _container(self) -> str:
        return "an object" if self._open[-1] == "{" else "a list"

    def _ended(self, what: str) -> JsonError:
        return JsonError(f"EOF while parsing {what} at line 1 column {utf8_length(self._text)}")

    def _error(self, what: str, place: int | None = None) -> JsonError:
        before = self._text[: self._at if place is None else place]
        return JsonError(f"{what} at line 1 column {utf8_length(before) + 1}")
