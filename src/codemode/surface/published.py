"""JSON Schema as TypeScript in the very form of the published client, for applications that compare with it.

Its rules were checked against 0.169.0 and 0.171.0, and differ from those of
:mod:`codemode.surface.typescript` where ``docs/compatibility.md`` lists it. It is total, too, but what is
beyond a bound makes the whole schema ``unknown``: 16,000 bytes of text, 64,000 bytes of work (everything
rendered on the way), 64,000 elements looked at (the characters of references count too), 32 expanded
references, one pointer twice on one path, references of 4,096 characters, 128 levels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final, TypeVar

from ..lazy_pattern import lazy_pattern
from ..protocol.types import JsonValue
from .identifiers import member_key
from .json_pointer import resolve, steps_of
from .literal import least_json_bytes, literal
from .schema_reader import (
    LEVELS,
    REFERENCE_CHARACTERS,
    TEXT_BYTES,
    description_of,
)
from .text import trim, utf8_length
from .type_text import INDENT
from .typescript import EXPANSIONS, EXPANSIONS_ON_PATH

WORK_BYTES: Final = 64_000
ELEMENTS: Final = 64_000
ESCAPED_BYTES: Final = 6
"""The most that JSON needs for one byte of a string (``\\u0000``), reserved beforehand."""
LEAST_PROPERTY_BYTES: Final = len("0") + 2 * len("a: 0;")
"""What a property costs at least: its type, itself, and its part of the whole."""
LEAST_OPERAND_BYTES: Final = len("0") + len("0 | ")
"""What an operand of a union costs at least, by itself and as a part of the whole."""

UNKNOWN: Final = "unknown"
_LINE = lazy_pattern("[^\n\r\u2028\u2029]+")

_KEYWORDS: Final = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
}
_UNIONS: Final = frozenset(("enum", "anyOf", "oneOf", "allOf"))
_OBJECT_KEYS: Final = ("properties", "additionalProperties", "required")
_ARRAY_KEYS: Final = ("items", "prefixItems")
_RENDERABLE: Final = frozenset(
    ("const", "enum", "anyOf", "oneOf", "allOf", "type", *_OBJECT_KEYS, *_ARRAY_KEYS)
)

_Sized = TypeVar("_Sized", bound=Collection[object])


def render_published(schema: JsonValue) -> str:
    """A JSON Schema as a TypeScript type. Never raises; what is beyond a bound is ``unknown``.

    >>> render_published({"type": "object", "properties": {"a": {"enum": [1, "x"]}}, "required": ["a"]})
    '{ a: 1 | "x"; }'
    """
    try:
        text = _Renderer(schema).schema(schema)
    except (_BudgetError, RecursionError):  # the caller may stand deep already
        return UNKNOWN
    encoded = text.encode(errors="replace")
    return encoded.decode() if len(encoded) <= TEXT_BYTES else UNKNOWN


class _BudgetError(Exception):
    """A bound of the whole schema is reached."""


class _Renderer:
    """One rendering of one document, with what is left of its budgets."""

    def __init__(self, root: JsonValue) -> None:
        self._root = root
        self._work = WORK_BYTES
        self._elements = ELEMENTS
        self._expansions = EXPANSIONS
        self._active: Counter[tuple[str, ...]] = Counter()
        self._pointers: dict[str, tuple[str, ...] | None] = {}
        self._level = 0
        self._elsewhere = False
        """Below an ``$id``: references there are relative to a document that we do not have."""

    def schema(self, schema: JsonValue) -> str:
        if not isinstance(schema, dict) or self._level == LEVELS:
            return self._charged("never" if schema is False else UNKNOWN)
        elsewhere = self._elsewhere
        self._elsewhere = elsewhere or ("$id" in schema and schema is not self._root)
        self._level += 1
        text = self._reference(schema) if "$ref" in schema else self._plain(schema)
        self._level -= 1
        self._elsewhere = elsewhere
        return self._charged(text)

    def _plain(self, schema: dict[str, JsonValue]) -> str:
        """The first rule that fits."""
        if "const" in schema:
            return self._literal(schema["const"])
        if not _UNIONS.isdisjoint(schema) and (text := self._union(schema)):
            return text
        types = schema.get("type")
        if isinstance(types, str):
            return self._keyword(types, schema)
        if keywords := [name for name in self._filled(schema, "type") if isinstance(name, str)]:
            return " | ".join(self._keyword(keyword, schema) for keyword in keywords)
        if any(key in schema for key in _OBJECT_KEYS):
            return self._object(schema)
        if any(key in schema for key in _ARRAY_KEYS):
            return self._array(schema)
        return UNKNOWN

    def _union(self, schema: dict[str, JsonValue]) -> str:
        """Values, variants or parts, whichever there are first; nothing if there are none."""
        if values := self._filled(schema, "enum"):
            self._reserve_operands(values)
            return " | ".join(self._charged(self._literal(value)) for value in values)
        if variants := self._filled(schema, "anyOf") or self._filled(schema, "oneOf"):
            self._reserve_operands(variants)
            return " | ".join(map(self.schema, variants))
        if parts := self._filled(schema, "allOf"):
            self._reserve_operands(parts)
            return " & ".join(map(self._operand, parts))
        return ""

    def _keyword(self, keyword: str, schema: dict[str, JsonValue]) -> str:
        if keyword == "array":
            return self._array(schema)
        if keyword == "object":
            return self._object(schema)
        return _KEYWORDS.get(keyword, UNKNOWN)

    def _operand(self, schema: JsonValue) -> str:
        text = self.schema(schema)
        return f"({text})" if " | " in text else text

    def _array(self, schema: dict[str, JsonValue]) -> str:
        if "items" in schema:
            return f"Array<{self.schema(schema['items'])}>"
        if prefix := self._filled(schema, "prefixItems"):
            return f"[{', '.join(map(self.schema, prefix))}]"
        return f"{UNKNOWN}[]"

    def _object(self, schema: dict[str, JsonValue]) -> str:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            properties = {}
        required = frozenset(
            name for name in self._filled(schema, "required") if isinstance(name, str)
        )
        self._reserve(LEAST_PROPERTY_BYTES * len(properties))
        described = any(description_of(value) for value in self._counted(properties).values())
        members: list[str] = []
        for name in sorted(properties):
            if described:
                members += self._comment(description_of(properties[name]))
            members.append(self._property(name, properties[name], optional=name not in required))
        members += self._index_signature(schema, alone=not properties)
        if described:
            return "\n".join(("{", *(f"{INDENT}{member}" for member in members), "}"))
        return f"{{ {' '.join(members)} }}" if members else "{}"

    def _property(self, name: str, schema: JsonValue, *, optional: bool) -> str:
        return self._charged(f"{member_key(name)}{'?' if optional else ''}: {self.schema(schema)};")

    def _index_signature(self, schema: dict[str, JsonValue], *, alone: bool) -> Iterator[str]:
        rest = schema.get("additionalProperties", alone)
        if rest is not False:
            yield self._charged(f"[key: string]: {self.schema(rest)};")

    def _comment(self, description: str) -> Iterator[str]:
        self._reserve(len(description))
        for line in map(trim, self._counted(_LINE.findall(description))):
            if line:
                self._charged(f"{INDENT}// {line}")
                yield f"// {line}"

    def _literal(self, value: JsonValue) -> str:
        if isinstance(value, str):
            self._reserve(ESCAPED_BYTES * utf8_length(value) + len('""'))
        elif isinstance(value, list | dict):
            self._reserve(least_json_bytes(value, self._work))
        return literal(value).text

    def _reference(self, schema: dict[str, JsonValue]) -> str:
        """The target, intersected with what stands beside the ``$ref``."""
        target = self._target(schema["$ref"])
        if _RENDERABLE.isdisjoint(schema):
            return target
        beside = self._plain(schema)
        if UNKNOWN in (target, beside):
            return beside if target == UNKNOWN else target
        return f"({target}) & ({beside})"

    def _target(self, reference: JsonValue) -> str:
        if not isinstance(reference, str) or self._elsewhere:
            return UNKNOWN
        if reference not in self._pointers:
            self._pointers[reference] = self._pointer(reference)
        pointer = self._pointers[reference]
        if pointer is None or self._active[pointer] == EXPANSIONS_ON_PATH or not self._expansions:
            return UNKNOWN
        try:
            target = resolve(self._root, pointer)
        except LookupError:
            return UNKNOWN
        self._expansions -= 1
        self._active[pointer] += 1
        text = self.schema(target)
        self._active[pointer] -= 1
        return text

    def _pointer(self, reference: str) -> tuple[str, ...] | None:
        if len(reference) > REFERENCE_CHARACTERS:
            return None
        return steps_of(self._counted(reference))

    def _filled(self, schema: dict[str, JsonValue], key: str) -> list[JsonValue]:
        value = schema.get(key)
        return self._counted(value) if isinstance(value, list) else []

    def _counted(self, elements: _Sized) -> _Sized:
        self._elements -= len(elements)
        if self._elements < 0:
            raise _BudgetError
        return elements

    def _charged(self, text: str) -> str:
        self._work -= utf8_length(text)
        if self._work < 0:
            raise _BudgetError
        return text

    def _reserve_operands(self, operands: Collection[object]) -> None:
        """Fail now where the least that they can take is too much: a byte each, charged by
        itself and in the whole, and what stands between them."""
        self._reserve(LEAST_OPERAND_BYTES * len(operands) - len(" | "))

    def _reserve(self, size: int) -> None:
        if size > self._work:
            raise _BudgetError
