"""Types of TypeScript as values, between a schema and the text that a model reads.

A tree is made by :mod:`codemode.surface.schema_reader` and written by
:mod:`codemode.surface.type_text`. What a schema refers to is a :class:`Definition` of its own, so that
a type that is used twice is there once, and one that contains itself has an end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from msgspec import Struct

Kinds: TypeAlias = frozenset[str]
"""Which values a type may have: names of TypeScript's keywords, with ``object`` for all containers."""


class Leaf(Struct, frozen=True, gc=False):
    """A keyword, a literal, or the name of a type that is declared elsewhere.

    Attributes:
        text: as TypeScript writes it.
        kinds: which values it may have.
        whole: it takes all values of its kinds, as ``string`` does and ``"a"`` does not.
    """

    text: str
    kinds: Kinds
    whole: bool = False


class ArrayType(Struct, frozen=True):
    """Any number of items of one type."""

    item: Type


class TupleType(Struct, frozen=True):
    """Items of different types in order; those from ``least`` on may be missing.

    Attributes:
        rest: the type of what may follow; None if nothing may.
    """

    items: tuple[Type, ...]
    least: int
    rest: Type | None = None


class Member(Struct, frozen=True):
    """A member of an object.

    Attributes:
        comment: its description, in lines without a line end in them.
    """

    name: str
    type: Type
    optional: bool = False
    comment: tuple[str, ...] = ()


class ObjectType(Struct, frozen=True):
    """An object.

    Attributes:
        members: sorted by name.
        rest: the type of members with other names; None if there are none.
        broken: it is written with a line for each member, as comments need it.
        title: what its author calls it.
    """

    members: tuple[Member, ...] = ()
    rest: Type | None = None
    broken: bool = False
    title: str = ""


class UnionType(Struct, frozen=True):
    """One of several types: two or more."""

    parts: tuple[Type, ...]


class IntersectionType(Struct, frozen=True):
    """Several types at once; a single one where ``allOf`` has no more.

    Attributes:
        source: where they were found, which decides how they are written. ``allOf`` stands alone;
            ``$ref`` has members beside it; ``beside`` is members beside unions or parts.
    """

    parts: tuple[Type, ...]
    source: Literal["allOf", "$ref", "beside"]


class Reference(Struct, frozen=True):
    """What another place of the document describes."""

    definition: Definition


@dataclass(slots=True, eq=False)
class Definition:
    """A place of a document that others refer to.

    Attributes:
        steps: the JSON Pointer to it.
        name: what the document calls it; empty where a reference leads to no definition.
        type: unknown until it is read.
    """

    steps: tuple[str, ...]
    name: str
    type: Type


Composite: TypeAlias = ArrayType | TupleType | ObjectType | UnionType | IntersectionType
Type: TypeAlias = Leaf | Composite | Reference

UNKNOWN: Final = Leaf("unknown", frozenset({"unknown"}), whole=True)
NEVER: Final = Leaf("never", frozenset())
UNDEFINED: Final = Leaf("undefined", frozenset({"undefined"}), whole=True)
OBJECT: Final = Leaf("object", frozenset({"object"}), whole=True)
SCALARS: Final = {
    name: Leaf(name, frozenset({name}), whole=True)
    for name in ("string", "number", "boolean", "null")
}

_KEYWORDS: Final = (*SCALARS.values(), OBJECT, UNDEFINED)


def union(parts: tuple[Type, ...]) -> Type:
    """One of ``parts``, of which there is at least one."""
    return parts[0] if len(parts) == 1 else UnionType(parts)


def alternatives(tree: Type) -> tuple[Type, ...]:
    """What ``tree`` is one of."""
    return tree.parts if isinstance(tree, UnionType) else (tree,)


def kinds_of(tree: Type) -> Kinds:
    """Which values a type may have; ``unknown`` where that is not seen at once."""
    if isinstance(tree, Leaf):
        return tree.kinds
    if isinstance(tree, UnionType):
        return frozenset().union(*map(kinds_of, tree.parts))
    if isinstance(tree, IntersectionType):  # of all parts, as `string & { … }` is both
        known = [found for found in map(kinds_of, tree.parts) if "unknown" not in found]
        return frozenset().union(*known) if known else UNKNOWN.kinds
    if isinstance(tree, Reference):
        return UNKNOWN.kinds
    return OBJECT.kinds


def widened(rest: Type, members: tuple[Member, ...]) -> Type:
    """The type of an index signature that stands beside ``members``: each of them must fit it.

    TypeScript refuses the declaration otherwise, though JSON Schema means the other members only.
    """
    parts = alternatives(rest)
    found: set[str] = set()
    for member in members:
        missing = [part for part in alternatives(member.type) if part not in parts]
        found.update(*map(kinds_of, missing), UNDEFINED.kinds if member.optional else ())
    covered = {
        kind for part in parts if isinstance(part, Leaf) and part.whole for kind in part.kinds
    }
    found -= covered
    if UNKNOWN in parts or "unknown" in found:
        return UNKNOWN
    return union((*parts, *(each for each in _KEYWORDS if each.kinds <= found)))


def with_parts(tree: Composite, change: Callable[[Type], Type]) -> Type:
    """``tree`` with each of its parts changed, in the order in which they are written.

    Beside something known, what became unknown takes no part in an intersection; of what stands in
    ``allOf`` alone, all is written.
    """
    if isinstance(tree, ArrayType):
        return ArrayType(change(tree.item))
    if isinstance(tree, ObjectType):
        members = tuple(
            Member(each.name, change(each.type), each.optional, each.comment)
            for each in tree.members
        )
        rest = None if tree.rest is None else change(tree.rest)
        return ObjectType(members, rest, tree.broken, tree.title)
    if isinstance(tree, TupleType):
        items = tuple(map(change, tree.items))
        return TupleType(items, tree.least, None if tree.rest is None else change(tree.rest))
    parts = tuple(map(change, tree.parts))
    if isinstance(tree, UnionType):
        return UnionType(parts)
    if tree.source == "allOf":
        return IntersectionType(parts, tree.source)
    parts = tuple(each for each in parts if each != UNKNOWN) or (UNKNOWN,)
    return parts[0] if len(parts) == 1 else IntersectionType(parts, tree.source)
