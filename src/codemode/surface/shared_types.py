"""Types named once for many tools: what recurs is declared once, and referred to by its name.

The trees of all tools are *interned*: equal types become one number, whatever tools and documents they
come from, so that occurrences can be counted. A type is named where that makes the whole text shorter,
and one that contains itself always. Names are those of the authors (a definition's, a title), else they
come from the place where the type first stands; two types of one name get a number each. All of
this is a function of the tools in their order: the same tools give the same bytes.

A number is given to a type after its parts have theirs, and so is larger than they are. That is the
order in which occurrences are counted: a type that is named is written once, and its parts then occur
once for it; one that is not occurs, with all its parts, wherever it is referred to.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ..lazy_pattern import lazy_pattern
from .mcp_result import MCP_TYPES
from .schema_reader import TEXT_BYTES
from .type_pool import Pooled, TypePool, parts_of
from .type_text import type_text
from .type_tree import (
    ArrayType,
    Definition,
    Leaf,
    ObjectType,
    Reference,
    Type,
    UnionType,
    kinds_of,
    with_parts,
)

CROWDED: Final = 4
"""How many types may be kept for each that is in use, before all are read anew."""
LEAST_SAVING: Final = 32
"""Bytes that naming a type must save; a name costs the reader a look as well."""
NAME_CHARACTERS: Final = 40
USUAL_NAME: Final = 14
"""Characters of a name that is not known yet."""
_AROUND: Final = len("type  = ;\n")
_RESERVED: Final = frozenset(
    (
        *re.findall(r"^type (\w+)", MCP_TYPES, re.MULTILINE),
        *"Array BigInt Boolean Date Detail Error Function Infinity Iterator JSON Map Math NaN Number"
        " Object Promise Proxy Reflect RegExp Set String Symbol TypeError WeakMap WeakSet".split(),
        *"Awaited Capitalize Exclude Extract Lowercase NonNullable Omit Parameters Partial Pick"
        " Readonly ReadonlyArray Record Required ReturnType ThisType Uppercase".split(),
    )
)
"""Names that already mean something where declarations stand."""
_WORD = lazy_pattern(r"[A-Za-z0-9]+")


class Root(NamedTuple):
    """A tree that is written, and what it would be called."""

    tree: Type
    name: str


class Written(NamedTuple):
    """A type as text, and the named types that it refers to, in order."""

    text: str
    needs: tuple[str, ...]


class SharedTypes:
    """The types of some tools, of which those that recur have names.

    Args:
        roots: all that is written, in order.
        before: what is known already is not counted and written again.

    Example:
        >>> from codemode.surface.schema_reader import read_schema
        >>> names = ["folder", "name", "owner", "path", "size", "type", "version"]
        >>> item = read_schema({"properties": {name: {"type": "string"} for name in names}})
        >>> types = SharedTypes([Root(ArrayType(item), "Files"), Root(item, "Found")])
        >>> types.written(0)
        Written(text='Array<File>', needs=('File',))
        >>> types.declared("File").text.partition(" folder")[0]
        'type File = {'
    """

    def __init__(self, roots: Iterable[Root], *, before: SharedTypes | None = None) -> None:
        given = list(roots)
        if before is not None and len(before._pool.shapes) > CROWDED * (1 + len(before._reached)):
            before = None
        self._pool: TypePool = TypePool() if before is None else before._pool
        pooled = [self._pool.put(root.tree) for root in given]
        self._roots = [each.tree for each in pooled]
        self._reached: set[Definition] = _reached(self._roots)
        called = _called(pooled)
        wanted = _wanted(self._pool, self._roots, self._reached, called)
        self._names = _named(self._roots, [each.name for each in given], wanted, called)
        self._shapes = {name: shape for shape, name in self._names.items()}
        self._trees: dict[Definition, Type] = {}
        self._direct: dict[Definition, tuple[str, ...]] = {}
        self._declared: dict[str, Written] = {}
        self._written: dict[Definition, tuple[tuple[str | None, ...], Written]] = {}
        self._last = {} if before is None else before._written

    def written(self, root: int) -> Written:
        """One of the roots."""
        tree = self._roots[root]
        if not isinstance(tree, Reference):
            return Written(type_text(tree, TEXT_BYTES), ())
        shape = tree.definition
        # A text is still good if everything that it could refer to has the name that it had.
        names = tuple(map(self._names.get, self._pool.inside(shape)))
        last = self._last.get(shape)
        if last is None or last[0] != names:
            text = type_text(self._placed(tree), TEXT_BYTES)
            last = (names, Written(text, self.needed(self._near(tree))))
        self._written[shape] = last
        return last[1]

    def declared(self, name: str) -> Written:
        """The declaration of a named type, and the names that stand in it."""
        if name not in self._declared:
            shape = self._shapes[name]
            text = type_text(self._inside(shape), TEXT_BYTES)
            self._declared[name] = Written(f"type {name} = {text};", self._within(shape))
        return self._declared[name]

    def needed(self, names: Iterable[str]) -> tuple[str, ...]:
        """``names`` and all that their types refer to, each before what it needs."""
        found: dict[str, None] = {}
        pending = list(names)[::-1]
        while pending:
            name = pending.pop()
            if name not in found:
                found[name] = None
                pending += self._within(self._shapes[name])[::-1]
        return tuple(found)

    def _placed(self, tree: Type) -> Type:
        """``tree`` with names, and with what has none written out."""
        if not isinstance(tree, Reference):
            return tree
        name = self._names.get(tree.definition)
        if name is None:
            return self._inside(tree.definition)
        return Leaf(name, kinds_of(tree.definition.type))

    def _inside(self, shape: Definition) -> Type:
        if shape not in self._trees:
            self._trees[shape] = _changed(shape.type, self._placed)
        return self._trees[shape]

    def _near(self, tree: Type) -> tuple[str, ...]:
        """The names that stand in ``tree`` itself."""
        if not isinstance(tree, Reference):
            return ()
        name = self._names.get(tree.definition)
        return self._within(tree.definition) if name is None else (name,)

    def _within(self, shape: Definition) -> tuple[str, ...]:
        if shape not in self._direct:
            found = [name for part in parts_of(shape.type) for name in self._near(part)]
            self._direct[shape] = tuple(dict.fromkeys(found))
        return self._direct[shape]


def _changed(tree: Type, change: Callable[[Type], Type]) -> Type:
    return change(tree) if isinstance(tree, Leaf | Reference) else with_parts(tree, change)


def _called(pooled: Sequence[Pooled]) -> dict[Definition, str]:
    """What authors call types, as names of types: the first definition's, else the first title."""
    given = [each.called for each in pooled] + [each.titled for each in pooled]
    found: dict[Definition, str] = {}
    for names in given:
        for shape, name in names.items():
            if shape not in found and (made := identifier_of(name)):
                found[shape] = made
    return found


def _named(
    roots: Sequence[Type],
    contexts: Sequence[str],
    wanted: Collection[Definition],
    called: Mapping[Definition, str],
) -> dict[Definition, str]:
    """The types that get a name, in the order in which they first stand in the roots."""
    names: dict[Definition, str] = {}
    taken = set(_RESERVED)
    seen: set[Definition] = set()
    pending = list(zip(roots, contexts, strict=True))[::-1] if wanted else []
    while pending:
        tree, context = pending.pop()
        if isinstance(tree, Reference):
            shape = tree.definition
            if shape in seen:
                continue
            seen.add(shape)
            if shape in wanted:
                names[shape] = _free(called.get(shape, context), taken)
            tree = shape.type
        pending += list(_named_parts(tree, context))[::-1]
    return names


def _wanted(
    pool: TypePool,
    roots: Sequence[Type],
    reached: set[Definition],
    called: Mapping[Definition, str],
) -> set[Definition]:
    """The types that are shorter with a name, and those that cannot do without."""
    times: Counter[Definition] = Counter()
    wanted = reached & pool.loops
    for tree in roots:
        _count(times, tree, 1)
    for loop in wanted:
        for part in parts_of(loop.type):
            _count(times, part, 1)
    for shape in reversed(pool.shapes):
        if shape in pool.loops or shape not in reached:
            continue
        occurs = times[shape]
        length = len(called[shape]) if shape in called else USUAL_NAME
        saved = (occurs - 1) * pool.sizes[shape] - occurs * length - _AROUND - length
        if saved >= LEAST_SAVING and _has_a_name(shape.type):
            wanted.add(shape)
            occurs = 1
        for part in parts_of(shape.type):
            _count(times, part, occurs)
    return wanted


def _count(times: Counter[Definition], part: Type, occurs: int) -> None:
    if isinstance(part, Reference):
        times[part.definition] += occurs


def _has_a_name(tree: Type) -> bool:
    """Whether a name for the type carries information beyond its parts."""
    if isinstance(tree, ArrayType):
        return False
    if isinstance(tree, UnionType):
        return all(isinstance(part, Leaf) for part in tree.parts)
    return not isinstance(tree, ObjectType) or bool(tree.members)


def _reached(roots: Sequence[Type]) -> set[Definition]:
    found: set[Definition] = set()
    pending = list(roots)
    while pending:
        tree = pending.pop()
        if isinstance(tree, Reference):
            if tree.definition in found:
                continue
            found.add(tree.definition)
            tree = tree.definition.type
        pending += parts_of(tree)
    return found


def _named_parts(tree: Type, context: str) -> Iterator[tuple[Type, str]]:
    """The parts of a type, with what each would be called."""
    if isinstance(tree, ObjectType):
        for member in tree.members:
            yield member.type, identifier_of(member.name) or context
        if tree.rest is not None:
            yield tree.rest, _one_of(context)
    elif isinstance(tree, ArrayType):
        yield tree.item, _one_of(context)
    else:
        yield from ((part, context) for part in parts_of(tree))


def identifier_of(name: str) -> str:
    """``name`` as the name of a type; nothing if there is none in it.

    >>> identifier_of("calendar-event"), identifier_of("Page[Item]"), identifier_of("2nd")
    ('CalendarEvent', 'PageItem', 'T2nd')
    """
    words = _WORD.findall(name)
    made = "".join(word[0].upper() + word[1:] for word in words)
    if len(made) > NAME_CHARACTERS:
        return ""
    return f"T{made}" if made[:1].isdigit() else made


def _one_of(name: str) -> str:
    """What an item of a list is called.

    >>> [_one_of(name) for name in ("Files", "Entries", "Address", "Data")]
    ['File', 'Entry', 'AddressItem', 'DataItem']
    """
    if name.endswith("ies") and len(name) > len("Dies"):
        return f"{name[:-3]}y"
    if name.endswith("s") and not name.endswith(("ss", "us", "is")):
        return name[:-1]
    return f"{name}Item"


def _free(name: str, taken: set[str]) -> str:
    """``name``, with a number where it is taken; it is taken afterwards."""
    made, number = name, 1
    while made in taken:
        number += 1
        made = f"{name}{number}"
    taken.add(made)
    return made
