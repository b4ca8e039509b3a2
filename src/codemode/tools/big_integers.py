"""Integers beyond JavaScript's: digits that a program passes back become the integer that a tool's result held.

Only values that pydantic has refused as integers are looked at, so arguments that fit cost nothing.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from ..lazy_pattern import lazy_pattern
from .problems import leads_on
from .result import SAFE_INTEGER
from .schema import REST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import ValidationError

    from ..protocol.types import JsonValue

MAX_BIG_INTEGERS: Final = 10_000
"""More values of another type than this are not looked at for digits of big integers."""

DIGITS_IN_JSON: Final = lazy_pattern(r'"-?[0-9]{16,40}"')
"""A JSON text without a match holds no such digits."""

_UNSAFE_DIGITS: Final = lazy_pattern(r"-?[0-9]{16,40}")


def with_big_integers(value: JsonValue, error: ValidationError) -> JsonValue:
    """``value`` with integers where the script passed back the digits of a big one.

    JavaScript cannot hold integers beyond 2**53, so results carry them as strings
    (:mod:`codemode.tools.result`); an ``int`` parameter takes such a string.
    """
    if error.error_count() > MAX_BIG_INTEGERS:
        return value
    found = [
        (entry["loc"], entry["input"])
        for entry in map(unshaped, error.errors(include_url=False, include_context=False))
        if entry["type"] == "int_type" and _is_big(entry["input"])
    ]
    return _replaced(value, found) if found else value


def unshaped(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """``error`` with the place that it has in the program's arguments: without the model's field for the rest."""
    return {**error, "loc": error["loc"][1:]} if error["loc"][:1] == (REST,) else error


def _is_big(given: object) -> bool:
    if not isinstance(given, str) or not _UNSAFE_DIGITS.fullmatch(given):
        return False
    return abs(int(given)) > SAFE_INTEGER


def _replaced(value: JsonValue, found: Sequence[tuple[tuple[int | str, ...], str]]) -> JsonValue:
    """``value`` with the integers in place of their digits; what contains them is copied once."""
    top = [value]
    copies: dict[int, JsonValue] = {id(top): top}
    for loc, digits in found:
        holder: JsonValue = top
        key: int | str = 0
        for part in loc:
            inner = holder[key]
            if not leads_on(inner, part):
                continue  # the name of a union's branch
            if id(inner) not in copies:
                inner = holder[key] = copy.copy(inner)
                copies[id(inner)] = inner
            holder, key = inner, part
        if holder[key] == digits:
            holder[key] = int(digits)
    return top[0]
