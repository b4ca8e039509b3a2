"""JSON Schema as a tree of types: read from the keywords that describe a value.

Reading is total: any JSON value gives a tree, and what is not known, cannot be resolved or is too
much is ``unknown``. Too much is a matter of the place where it stands: each schema has an allowance of
elements, and the schemas inside share what is left of it, each getting what it needs or as much as the
others that need more. So a parameter that is
nested without end costs the ones beside it nothing.

All that stands in one schema holds at once. Members beside ``anyOf``, ``oneOf`` and ``allOf`` are an
intersection with these, and an operand without a type (conditions, lengths, patterns) takes no part
in it. A nested ``$id`` changes nothing: ``#/$defs/X`` is X of the document that we have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Final, TypeVar

from ..lazy_pattern import lazy_pattern
from ..protocol.types import JsonValue
from .json_pointer import resolve, steps_of
from .literal import CHARACTERS_OF_AN_ELEMENT, Weights, least_json_bytes, literal
from .shares import fair_shares
from .text import trim
from .type_tree import (
    NEVER,
    OBJECT,
    SCALARS,
    UNKNOWN,
    ArrayType,
    Definition,
    IntersectionType,
    Leaf,
    Member,
    ObjectType,
    Reference,
    TupleType,
    Type,
    UnionType,
    alternatives,
    union,
)

TEXT_BYTES: Final = 16_000
"""What a type may take as text; what cannot be shorter than this is not read."""
ELEMENTS: Final = 8_000
"""Elements of a document that are looked at; the characters of references count in part."""
LEVELS: Final = 128
"""The depth of schemas in each other: that of JSON which the published client reads."""
REFERENCE_CHARACTERS: Final = 4_096
SMALL: Final = 200
"""Elements that a definition may take as long as there are any, whatever waits behind it."""
LEAST_MEMBER_BYTES: Final = len("a: 0;")
LEAST_OPERAND_BYTES: Final = len("0 | ")

UNIONS: Final = ("anyOf", "oneOf")
_OBJECT: Final = frozenset(("properties", "additionalProperties", "required", "patternProperties"))
_ARRAY: Final = frozenset(("items", "prefixItems"))
_COMPOSED: Final = frozenset(("const", "enum", *UNIONS, "allOf"))
RENDERABLE: Final = frozenset((*_COMPOSED, "type", *_OBJECT, *_ARRAY))
_LEAF: Final = {**SCALARS, "integer": SCALARS["number"]}
_ANY_ARRAY: Final = Leaf("unknown[]", OBJECT.kinds)
_LINE = lazy_pattern("[^\n\r\u2028\u2029]+")
_DEFINITIONS: Final = ("$defs", "definitions", "schemas")

_Sized = TypeVar("_Sized", bound=Collection[object])


class _TooMuchError(Exception):
    """A schema is more than it may be where it stands."""


def read_schema(document: JsonValue) -> Type:
    """The type that a JSON Schema describes. Never raises.

    >>> read_schema({"type": ["string", "null"]}).parts[0].text
    'string'
    """
    try:
        return _SchemaReading(document).document()
    except RecursionError:  # the caller may stand deep already
        return UNKNOWN


class _SchemaReading:
    """One reading of one document, with what is left of its allowance."""

    def __init__(self, root: JsonValue) -> None:
        self._root = root
        self._left = ELEMENTS
        self._level = 0
        self._weights = Weights()
        self._definitions: dict[tuple[str, ...], Definition] = {}
        self._references: dict[str, Type] = {}
        self._pending: deque[tuple[Definition, JsonValue]] = deque()

    def document(self) -> Type:
        """The type of the root; then those of all that it refers to, with as much again."""
        tree = self._schema(self._root)
        self._left = ELEMENTS
        while self._pending:
            definition, schema = self._pending.popleft()
            allowance = max(self._left // (1 + len(self._pending)), min(self._left, SMALL))
            definition.type = self._within(allowance, schema)
        return tree

    def _schema(self, schema: JsonValue, *, operand: bool = False) -> Type:
        if not isinstance(schema, dict) or self._level == LEVELS:
            return NEVER if schema is False else UNKNOWN
        self._level += 1
        try:
            tree = self._typed(schema, operand=operand)
        except _TooMuchError:
            tree = UNKNOWN
        self._level -= 1
        return _or_null(tree) if schema.get("nullable") is True else tree

    def _schemas(
        self, schemas: Collection[JsonValue], *, operand: bool = False
    ) -> tuple[Type, ...]:
        """All of them. The plain ones cost one element each, the others share the rest."""
        self._take(len(schemas))
        found: list[Type | None] = [_plain_leaf(each) for each in schemas]
        waiting = [(at, each) for at, each in enumerate(schemas) if found[at] is None]
        if len(waiting) == 1:
            (at, each) = waiting[0]
            found[at] = self._schema(each, operand=operand)
            return tuple(found)  # type: ignore[arg-type]  # no place is empty any more
        weights = [self._weights.of(each) for _, each in waiting]
        kept = fair_shares(weights, self._left)
        reserved = sum(kept)
        for (at, each), share in zip(waiting, kept, strict=True):
            reserved -= share
            found[at] = self._within(self._left - reserved, each, operand=operand)
        return tuple(found)  # type: ignore[arg-type]  # no place is empty any more

    def _within(self, allowance: int, schema: JsonValue, *, operand: bool = False) -> Type:
        """``schema``, read with a part of what is left."""
        others = self._left - allowance
        self._left = allowance
        tree = self._schema(schema, operand=operand)
        self._left += others
        return tree

    def _typed(self, schema: dict[str, JsonValue], *, operand: bool) -> Type:
        if "$ref" not in schema:
            return self._beside(schema, operand=operand)
        target = self._reference(schema["$ref"])
        if RENDERABLE.isdisjoint(schema):
            return target
        beside = self._beside(schema, operand=operand)
        if UNKNOWN in (target, beside):
            return beside if target == UNKNOWN else target
        return IntersectionType((target, beside), "$ref")

    def _beside(self, schema: dict[str, JsonValue], *, operand: bool) -> Type:
        """Everything that stands in a schema itself, at once."""
        if _COMPOSED.isdisjoint(schema):
            return self._own(schema, operand=operand)
        if "const" in schema:
            return self._literal(schema["const"])
        if values := self._filled(schema, "enum"):
            self._need(LEAST_OPERAND_BYTES * len(values))
            return union(tuple(map(self._literal, values)))
        variants = [each for key in UNIONS if (each := self._filled(schema, key))]
        parts = self._filled(schema, "allOf")
        if not variants and not parts:
            return self._own(schema, operand=operand)
        own = self._own(schema, operand=True)
        unions = [union(self._operands(each)) for each in variants]
        all_of = self._operands(parts)
        if not _says_more(own) and len(unions) + bool(all_of) == 1:
            return _alone(own, unions, all_of)
        known = [each for each in (own, *unions, *all_of) if UNKNOWN not in alternatives(each)]
        if len(known) > 1 and not _says_more(own):
            known = [each for each in known if each is not own]
        if not known:
            return UNKNOWN
        return known[0] if len(known) == 1 else IntersectionType(tuple(known), "beside")

    def _operands(self, schemas: list[JsonValue]) -> tuple[Type, ...]:
        """The types of all operands; one ``unknown`` where nothing is known of any of several."""
        self._need(LEAST_OPERAND_BYTES * len(schemas))
        found = self._schemas(schemas, operand=True)
        return found if any(each != UNKNOWN for each in found) else found[:1]

    def _own(self, schema: dict[str, JsonValue], *, operand: bool) -> Type:
        """What is said by ``type``, and by members and items."""
        types = schema.get("type")
        if isinstance(types, str):
            return self._keyword(types, schema, operand=operand)
        if keywords := [name for name in self._filled(schema, "type") if isinstance(name, str)]:
            self._take(len(keywords))
            return union(tuple(self._keyword(name, schema, operand=operand) for name in keywords))
        if not _OBJECT.isdisjoint(schema):
            return self._object(schema, operand=operand)
        if not _ARRAY.isdisjoint(schema):
            return self._array(schema)
        return UNKNOWN

    def _keyword(self, keyword: str, schema: dict[str, JsonValue], *, operand: bool) -> Type:
        if keyword == "array":
            return self._array(schema)
        if keyword == "object":
            return self._object(schema, operand=operand)
        return _LEAF.get(keyword, UNKNOWN)

    def _array(self, schema: dict[str, JsonValue]) -> Type:
        items = schema.get("items")
        if prefix := self._filled(schema, "prefixItems"):
            return self._tuple(prefix, schema, "items")
        if isinstance(items, list) and items:
            return self._tuple(items, schema, "additionalItems")
        if "items" not in schema:
            return _ANY_ARRAY
        return ArrayType(self._schemas((items,))[0])

    def _tuple(self, items: list[JsonValue], schema: dict[str, JsonValue], rest: str) -> Type:
        """The items of a tuple; what follows them stands under the key ``rest``.

        Where the schema does not say whether they may be missing, or whether more may follow,
        its author means the tuple: so many, and no more.
        """
        self._need(LEAST_OPERAND_BYTES * len(items))
        given = schema.get(rest, False)
        closed = given is False or schema.get("maxItems") == len(items)
        *found, after = self._schemas([*items, False if closed else given])
        least = schema.get("minItems", len(items))
        if isinstance(least, bool) or not isinstance(least, int):
            least = len(items)
        return TupleType(tuple(found), min(max(least, 0), len(items)), None if closed else after)

    def _object(self, schema: dict[str, JsonValue], *, operand: bool) -> Type:
        """An object. As an operand it names required members that another operand describes."""
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            properties = {}
        required = frozenset(
            name for name in self._filled(schema, "required") if isinstance(name, str)
        )
        named = required.difference(properties) if operand else frozenset()
        self._need(LEAST_MEMBER_BYTES * (len(properties) + len(named)))
        names = sorted(properties)
        types = self._schemas([properties[name] for name in names])
        comments = [description_of(properties[name]) for name in names]
        members = [
            Member(name, each, name not in required, self._lines(comment))
            for name, each, comment in zip(names, types, comments, strict=True)
        ]
        members += [Member(name, UNKNOWN) for name in named]
        title = schema.get("title")
        return ObjectType(
            tuple(sorted(members, key=attrgetter("name"))),
            self._rest(schema, alone=not members),
            any(comments),
            title if isinstance(title, str) else "",
        )

    def _rest(self, schema: dict[str, JsonValue], *, alone: bool) -> Type | None:
        """What members that are not named may be."""
        patterns = schema.get("patternProperties")
        found = list(patterns.values()) if isinstance(patterns, dict) else []
        if "additionalProperties" in schema:
            found.append(schema["additionalProperties"])
        elif alone and not found:
            return UNKNOWN
        self._need(LEAST_OPERAND_BYTES * len(found))
        distinct = tuple(dict.fromkeys(each for each in self._schemas(found) if each != NEVER))
        if UNKNOWN in distinct:
            return UNKNOWN
        return union(distinct) if distinct else None

    def _lines(self, description: str) -> tuple[str, ...]:
        """A description as comments: a line for each that JavaScript sees in it.

        The published client cuts at line feeds only. A comment must not end before its line does.
        """
        lines = _LINE.findall(description[:TEXT_BYTES])
        return tuple(line for line in map(trim, lines) if line)

    def _literal(self, value: JsonValue) -> Type:
        size = least_json_bytes(value, TEXT_BYTES)
        self._take(1 + size // CHARACTERS_OF_AN_ELEMENT if isinstance(value, list | dict) else 1)
        return UNKNOWN if size > TEXT_BYTES else literal(value)

    def _reference(self, reference: JsonValue) -> Type:
        if not isinstance(reference, str) or len(reference) > REFERENCE_CHARACTERS:
            return UNKNOWN
        if reference not in self._references:
            self._take(1 + len(reference) // CHARACTERS_OF_AN_ELEMENT)
            self._references[reference] = self._target(reference)
        return self._references[reference]

    def _target(self, reference: str) -> Type:
        steps = steps_of(reference)
        if steps is None:
            return UNKNOWN
        if steps not in self._definitions:
            try:
                schema = resolve(self._root, steps)
            except LookupError:
                return UNKNOWN
            made = Definition(steps, _name_of_definition(steps), UNKNOWN)
            self._definitions[steps] = made
            self._pending.append((made, schema))
        return Reference(self._definitions[steps])

    def _filled(self, schema: dict[str, JsonValue], key: str) -> list[JsonValue]:
        value = schema.get(key)
        if not isinstance(value, list):
            return []
        if len(value) > self._left:
            raise _TooMuchError
        return value

    def _take(self, elements: int) -> None:
        if elements > self._left:
            raise _TooMuchError
        self._left -= elements

    def _need(self, size: int) -> None:
        """Fail now where the least that something takes as text is too much."""
        if size > TEXT_BYTES:
            raise _TooMuchError


def _alone(own: Type, unions: Sequence[Type], all_of: tuple[Type, ...]) -> Type:
    """A union or parts beside which nothing more stands, or nothing more than the kind of value."""
    if unions:
        return own if UNKNOWN in alternatives(unions[0]) and own != UNKNOWN else unions[0]
    if own != UNKNOWN and all(each == UNKNOWN for each in all_of):
        return own
    several = len(all_of) > 1 or isinstance(all_of[0], UnionType)
    return IntersectionType(all_of, "allOf") if several else all_of[0]


def _says_more(own: Type) -> bool:
    """Whether a type tells of members or items, and not only what kind of value it is."""
    if isinstance(own, ObjectType):
        return bool(own.members) or own.rest not in (None, UNKNOWN)
    if isinstance(own, ArrayType):
        return own.item != UNKNOWN
    if isinstance(own, UnionType):
        return any(map(_says_more, own.parts))
    return isinstance(own, TupleType)


def _or_null(tree: Type) -> Type:
    """``tree`` in the way of OpenAPI 3.0, which has no type ``null``."""
    parts = alternatives(tree)
    return (
        tree
        if SCALARS["null"] in parts or UNKNOWN in parts
        else UnionType((*parts, SCALARS["null"]))
    )


def _plain_leaf(schema: JsonValue) -> Leaf | None:
    """The type of a schema with a single keyword; None for the others."""
    if not isinstance(schema, dict):
        return NEVER if schema is False else UNKNOWN
    if schema.get("nullable") is True or "$ref" in schema:
        return None
    words = RENDERABLE.intersection(schema)
    kind = schema.get("type")
    if words == {"type"} and isinstance(kind, str) and kind not in ("array", "object"):
        return _LEAF.get(kind, UNKNOWN)
    return None if words else UNKNOWN


def _name_of_definition(steps: tuple[str, ...]) -> str:
    return steps[-1] if len(steps) > 1 and steps[-2] in _DEFINITIONS else ""


def description_of(schema: JsonValue) -> str:
    """The description of a schema; empty where that is no text."""
    text = schema.get("description") if isinstance(schema, dict) else None
    return text if isinstance(text, str) else ""
