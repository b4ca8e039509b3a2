"""JSON Schema as a type of TypeScript: how a model reads what a tool takes and gives.

The renderer is total: any JSON value gives a type, and what it does not know, cannot resolve or cannot
afford is ``unknown``. Schemas come from strangers, so that nothing in one may leave its comment or
string: every line of a description is a ``//`` comment of its own, and names and values are JSON
literals.

A type that stands alone has all that it refers to written out. Bounds, beyond which a part of it is
``unknown``: 16,000 bytes of text, 8,000 elements looked at, 32 expanded references, one pointer twice
on one path, references of 4,096 characters, 128 levels.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from ..protocol.types import JsonValue
from .schema_reader import ELEMENTS, LEVELS, TEXT_BYTES, read_schema
from .type_text import type_text
from .type_tree import UNKNOWN, Definition, Leaf, Reference, Type, with_parts

EXPANSIONS: Final = 32
EXPANSIONS_ON_PATH: Final = 2


def render(schema: JsonValue) -> str:
    """A JSON Schema as a TypeScript type. Never raises; what is beyond a bound is ``unknown``.

    >>> render({"type": "object", "properties": {"a": {"enum": [1, "x"]}}, "required": ["a"]})
    '{ a: 1 | "x"; }'
    """
    try:
        return type_text(_Expansion().of(read_schema(schema)), TEXT_BYTES)
    except RecursionError:  # the caller may stand deep already
        return UNKNOWN.text


class _Expansion:
    """One writing out of the references of one tree, in order."""

    def __init__(self) -> None:
        self._left = EXPANSIONS
        self._nodes = ELEMENTS
        self._active: Counter[tuple[str, ...]] = Counter()
        self._level = 0

    def of(self, tree: Type) -> Type:
        """``tree`` with the targets of its references in their places."""
        self._nodes -= 1
        if isinstance(tree, Leaf):
            return tree
        if self._level == LEVELS or self._nodes < 0:
            return UNKNOWN
        self._level += 1
        if isinstance(tree, Reference):
            found = self._target(tree.definition)
        else:
            found = with_parts(tree, self.of)
        self._level -= 1
        return found

    def _target(self, definition: Definition) -> Type:
        steps = definition.steps
        if self._active[steps] == EXPANSIONS_ON_PATH or not self._left:
            return UNKNOWN
        self._left -= 1
        self._active[steps] += 1
        found = self.of(definition.type)
        self._active[steps] -= 1
        return found
