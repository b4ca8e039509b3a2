"""Equal types as one, whatever documents they come from.

A type in the pool is *flat*: its parts are leaves, or references to other types of the pool. So two types
are equal if their flat forms are, and comparing them costs what one level of them costs. A type that
contains itself has no flat form until it has a place in the pool; it is known by the flat forms of all
types on its way back to itself, in which these are the pointers of their document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from .type_text import type_size
from .type_tree import (
    UNKNOWN,
    ArrayType,
    Definition,
    IntersectionType,
    Leaf,
    ObjectType,
    Reference,
    TupleType,
    Type,
    UnionType,
    with_parts,
)

Targets: TypeAlias = Callable[[Definition], Type]


class Pooled(NamedTuple):
    """A tree in the pool: a leaf, or a reference; and what its document calls the types in it.

    A type may have several names in as many documents, so these are not the type's own.
    """

    tree: Type
    called: Mapping[Definition, str]
    titled: Mapping[Definition, str]


class TypePool:
    """The types of some trees, each there once.

    Attributes:
        shapes: all of them; the parts of each stand before it, but for those that are loops.
        loops: those that contain themselves.
        sizes: the bytes that each takes with everything in it written out, but for the loops.
    """

    def __init__(self) -> None:
        self.shapes: list[Definition] = []
        self.loops: set[Definition] = set()
        self.sizes: dict[Definition, int] = {}
        self._trees: dict[int, tuple[Type, Pooled]] = {}
        self._called: dict[Definition, str] = {}
        self._titled: dict[Definition, str] = {}
        self._inside: dict[Definition, tuple[Definition, ...]] = {}
        self._known: dict[Type, Definition] = {}
        self._known_loops: dict[object, Definition] = {}

    def put(self, tree: Type) -> Pooled:
        """A tree of one document."""
        if id(tree) not in self._trees:  # trees stay here, and so their ids stay theirs
            self._called, self._titled = {}, {}
            pooled = Pooled(self._whole(tree), self._called, self._titled)
            self._trees[id(tree)] = (tree, pooled)
        return self._trees[id(tree)][1]

    def inside(self, shape: Definition) -> tuple[Definition, ...]:
        """A type and all that it refers to, in order."""
        if shape not in self._inside:
            found: dict[Definition, None] = {}
            pending = [shape]
            while pending:
                each = pending.pop()
                if each not in found:
                    found[each] = None
                    pending += (
                        p.definition for p in parts_of(each.type) if isinstance(p, Reference)
                    )
            self._inside[shape] = tuple(found)
        return self._inside[shape]

    def _whole(self, tree: Type) -> Type:
        order, circle = _in_order(tree)
        found: dict[Definition, Type] = {}
        for each in order:
            found[each] = self._put(each.type, found.__getitem__)
            _call(self._called, found[each], each.name)
        if circle:
            self._put_loops(circle, found)
        return self._put(tree, found.__getitem__)

    def _put(self, tree: Type, targets: Targets) -> Type:
        if isinstance(tree, Leaf):
            return tree
        if isinstance(tree, Reference):
            return targets(tree.definition)
        flat = with_parts(tree, lambda part: self._put(part, targets))
        if isinstance(flat, Leaf | Reference):
            return flat
        title = ""
        if isinstance(flat, ObjectType):
            title = flat.title
            flat = ObjectType(flat.members, flat.rest, flat.broken)
        if flat not in self._known:
            self._known[flat] = self._new(flat)
        found = Reference(self._known[flat])
        _call(self._titled, found, title)
        return found

    def _put_loops(self, circle: dict[Definition, None], found: dict[Definition, Type]) -> None:
        """Types that contain themselves; afterwards they stand in ``found``."""

        def pointer(definition: Definition) -> Type:
            return found.get(definition) or Leaf("/".join(("#", *definition.steps)), frozenset())

        forms = {each: (each.steps, self._put(each.type, pointer)) for each in circle}
        made: list[Definition] = []
        for each in circle:
            key = (each.steps, frozenset(forms[other] for other in _reached(each, circle)))
            if key not in self._known_loops:
                loop = self._known_loops[key] = self._new(UNKNOWN)
                self.loops.add(loop)
                made.append(each)
            found[each] = Reference(self._known_loops[key])
            _call(self._called, found[each], each.name)
        for each in made:
            body = self._put(_unwound(each, circle), found.__getitem__)
            target = found[each]
            if not isinstance(target, Reference):
                continue
            loop = target.definition
            if isinstance(body, Reference):
                loop.type = body.definition.type
                self._known[loop.type] = loop  # from now on it is this one
                _call(self._titled, target, self._titled.get(body.definition, ""))
            else:
                loop.type = body

    def _new(self, flat: Type) -> Definition:
        made = Definition((), "", flat)
        self.shapes.append(made)
        inner = [part.definition for part in parts_of(flat) if isinstance(part, Reference)]
        self.sizes[made] = type_size(flat) + sum(self.sizes[each] for each in inner)
        return made


def _call(names: dict[Definition, str], found: Type, name: str) -> None:
    if name and isinstance(found, Reference):
        names.setdefault(found.definition, name)


def parts_of(tree: Type) -> Iterator[Type]:
    """What a tree is made of, in the order in which it is written."""
    if isinstance(tree, ArrayType):
        yield tree.item
    elif isinstance(tree, ObjectType):
        yield from (member.type for member in tree.members)
    elif isinstance(tree, TupleType):
        yield from tree.items
    elif isinstance(tree, UnionType | IntersectionType):
        yield from tree.parts
    if isinstance(tree, ObjectType | TupleType) and tree.rest is not None:
        yield tree.rest


def _references(tree: Type) -> Iterator[Definition]:
    pending = [tree]
    while pending:
        each = pending.pop()
        if isinstance(each, Reference):
            yield each.definition
        else:
            pending += parts_of(each)


def _in_order(tree: Type) -> tuple[list[Definition], dict[Definition, None]]:
    """What a tree refers to, what is referred to first; and those that no such order is for."""
    edges: dict[Definition, dict[Definition, None]] = {}
    pending = list(dict.fromkeys(_references(tree)))
    while pending:
        each = pending.pop()
        if each not in edges:
            edges[each] = dict.fromkeys(_references(each.type))
            pending += edges[each]
    back: dict[Definition, list[Definition]] = {each: [] for each in edges}
    for each, targets in edges.items():
        for target in targets:
            back[target].append(each)
    waiting = {each: len(targets) for each, targets in edges.items()}
    order = [each for each, count in waiting.items() if not count]
    for each in order:  # it grows meanwhile
        for source in back[each]:
            waiting[source] -= 1
            if not waiting[source]:
                order.append(source)
    return order, {each: None for each, count in waiting.items() if count}


def _reached(start: Definition, circle: Mapping[Definition, None]) -> dict[Definition, None]:
    """``start`` and those of the circle that it refers to, directly or not."""
    found: dict[Definition, None] = {}
    pending = [start]
    while pending:
        each = pending.pop()
        if each in circle and each not in found:
            found[each] = None
            pending += _references(each.type)
    return found


def _unwound(definition: Definition, circle: Mapping[Definition, None]) -> Type:
    """The type of a definition, without a way back to itself that leads through no member or item.

    TypeScript takes ``type A = { next: A; }``, and refuses ``type A = A | string;``.
    """

    def bare(tree: Type, seen: frozenset[Definition]) -> Type:
        if isinstance(tree, Reference):
            target = tree.definition
            if target not in circle:
                return tree
            if target is definition or target in seen:
                return UNKNOWN
            below = bare(target.type, seen | {target})
            return tree if below is target.type else below
        if isinstance(tree, UnionType | IntersectionType):
            changed = with_parts(tree, lambda part: bare(part, seen))
            return tree if changed == tree else changed
        return tree

    return bare(definition.type, frozenset())
