"""Values of JSON: as types, for ``const`` and ``enum``, and how much there is of one."""

from __future__ import annotations

import json
from itertools import islice
from typing import Final

from ..protocol.types import JsonValue
from .text import utf8_length
from .type_tree import OBJECT, SCALARS, UNKNOWN, Kinds, Leaf

CHARACTERS_OF_AN_ELEMENT: Final = 8
"""So many characters count like an element."""
WEIGHED: Final = 50_000
"""Elements that are counted; a part of a document beyond them is too much in any case."""
WEIGHED_LEVELS: Final = 200


def literal(value: JsonValue) -> Leaf:
    """``value`` as a type, in compact JSON; ``unknown`` for what JSON cannot say.

    >>> literal({"a": [1]}).text
    '{"a":[1]}'
    """
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        return UNKNOWN
    return Leaf(text, _kinds(value), whole=value is None)


def least_json_bytes(value: JsonValue, most: int) -> int:
    """What ``value`` takes as JSON at least, counted until it is more than ``most``."""
    size, left = 0, [value]
    while left and size <= most:
        each = left.pop()
        if isinstance(each, str):
            size += utf8_length(each) + len('""')
        elif isinstance(each, list):
            size += len(each) + len("]")
            left += each[:most]
        elif isinstance(each, dict):
            size += sum(map(len, map(str, each))) + len(each) * len('"":,') + len("}")
            left += islice(each.values(), most)
        else:
            size += len("0")
    return size


class Weights:
    """How many elements there are in the values of a document, at all levels.

    A value is looked at once, however often it is asked for. What is deeper or more than is ever read
    counts as more than there can be.
    """

    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        self._left = WEIGHED

    def of(self, value: JsonValue, levels: int = WEIGHED_LEVELS) -> int:
        """The weight of ``value``, a part of the one document; a long text weighs more than one."""
        if isinstance(value, str):
            return 1 + len(value) // CHARACTERS_OF_AN_ELEMENT
        if not isinstance(value, dict | list):
            return 1
        known = self._known.get(id(value))
        if known is None:
            self._left -= 1 + len(value)
            if self._left < 0 or not levels:
                return WEIGHED
            inner = value.values() if isinstance(value, dict) else value
            known = self._known[id(value)] = 1 + sum(self.of(each, levels - 1) for each in inner)
        return known


def _kinds(value: JsonValue) -> Kinds:
    if value is None:
        return SCALARS["null"].kinds
    if isinstance(value, bool):
        return SCALARS["boolean"].kinds
    if isinstance(value, int | float):
        return SCALARS["number"].kinds
    return SCALARS["string"].kinds if isinstance(value, str) else OBJECT.kinds
