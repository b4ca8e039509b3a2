"""Trees of types as the text that a model reads, in no more than so many bytes.

What does not fit is cut where it is large. The parts of a type share its bytes so that the small ones
get all that they need and the large ones alike of what is left; a part that cannot even say its members
in its share is ``unknown``. So three plain parameters beside one without end stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .identifiers import member_key
from .shares import fair_shares
from .text import utf8_length
from .type_tree import (
    UNKNOWN,
    ArrayType,
    IntersectionType,
    Leaf,
    Member,
    ObjectType,
    TupleType,
    Type,
    UnionType,
    widened,
)

INDENT: Final = "  "
CUT_COMMENT: Final = 160
"""Bytes of a member's description where all of them do not fit."""
LEAST_COMMENT: Final = 24
ELLIPSIS: Final = "…"
_UNKNOWN_BYTES: Final = len(UNKNOWN.text)


def type_text(tree: Type, most: int) -> str:
    """``tree`` as TypeScript, in ``most`` bytes of UTF-8. It has no reference in it.

    >>> type_text(ArrayType(UNKNOWN), 100), type_text(ArrayType(UNKNOWN), 10)
    ('Array<unknown>', 'unknown')
    """
    text = _Layout().text(tree, most).encode(errors="replace")
    return text.decode() if len(text) <= most else UNKNOWN.text


def type_size(tree: Type) -> int:
    """The most bytes that ``tree`` takes as text; a reference in it takes none."""
    return _Layout().size(tree)


class _Layout:
    """One writing of one tree; knows the size of each of its parts."""

    def __init__(self) -> None:
        self._sizes: dict[int, tuple[Type, int]] = {}
        self._rests: dict[int, Type] = {}

    def size(self, tree: Type) -> int:
        """The most bytes that ``tree`` takes when it is whole."""
        if isinstance(tree, Leaf):
            return utf8_length(tree.text)
        known = self._sizes.get(id(tree))
        if known is None:
            known = (tree, self._measured(tree))  # the tree is kept, so that its id stays its own
            self._sizes[id(tree)] = known
        return known[1]

    def text(self, tree: Type, most: int) -> str:
        """``tree``, cut where it is larger than ``most`` bytes."""
        if isinstance(tree, Leaf):
            return tree.text if self.size(tree) <= most else UNKNOWN.text
        if isinstance(tree, ArrayType):
            most -= len("Array<>")
            if most < min(_UNKNOWN_BYTES, self.size(tree.item)):
                return UNKNOWN.text
            return f"Array<{self.text(tree.item, most)}>"
        if isinstance(tree, ObjectType):
            return self._object(tree, most)
        if isinstance(tree, TupleType):
            return self._tuple(tree, most)
        if isinstance(tree, UnionType):
            return self._union(tree, most)
        if isinstance(tree, IntersectionType):
            return self._joined(tree, most, " & ")
        return UNKNOWN.text

    def _measured(self, tree: Type) -> int:
        if isinstance(tree, ArrayType):
            return len("Array<>") + self.size(tree.item)
        if isinstance(tree, ObjectType):
            return (
                self._frame(tree)
                + sum(map(self.size, self._types(tree)))
                + sum(_comment_size(member.comment) for member in tree.members)
            )
        if isinstance(tree, TupleType):
            rest = () if tree.rest is None else (tree.rest,)
            return sum(len("(), ?...Array<>") + self.size(each) for each in (*tree.items, *rest))
        if isinstance(tree, UnionType | IntersectionType):
            return sum(len("() | ") + self.size(each) for each in tree.parts)
        return 0

    def _shares(self, parts: Sequence[Type], spare: int) -> list[int]:
        """Bytes for each part: ``unknown`` at least, and its share of what is left."""
        least = [min(_UNKNOWN_BYTES, self.size(each)) for each in parts]
        claims = [self.size(each) - low for each, low in zip(parts, least, strict=True)]
        given = fair_shares(claims, spare - sum(least))
        return [low + more for low, more in zip(least, given, strict=True)]

    def _object(self, tree: ObjectType, most: int) -> str:
        types = self._types(tree)
        comments: Sequence[tuple[str, ...]] = [member.comment for member in tree.members]
        rooms = [self.size(each) for each in types]
        whole = self.size(tree) <= most
        if not whole:
            spare = most - self._frame(tree) - sum(min(_UNKNOWN_BYTES, size) for size in rooms)
            if spare < 0:
                return UNKNOWN.text
            rooms, comments = self._cut(types, comments, spare)
        lines: list[str] = []
        texts = list(map(self.text, types, rooms))
        for member, text, comment in zip(tree.members, texts, comments, strict=False):
            lines += [f"// {line}" for line in comment]
            lines.append(f"{_key(member)}: {text};")
        if tree.rest is not None:
            # What was cut may not fit the signature any more.
            rest = texts[-1] if whole else UNKNOWN.text
            lines.append(f"[key: string]: {rest};")
        if tree.broken:
            return "\n".join(("{", *(f"{INDENT}{line}" for line in lines), "}"))
        return f"{{ {' '.join(lines)} }}" if lines else "{}"

    def _cut(
        self, types: Sequence[Type], comments: Sequence[tuple[str, ...]], spare: int
    ) -> tuple[list[int], list[tuple[str, ...]]]:
        """Bytes for each type, and what is left of each comment, where not all fit."""
        sizes = [self.size(each) for each in types]
        first = [_first_line(lines, CUT_COMMENT) for lines in comments]
        claims = [max(0, size - _UNKNOWN_BYTES) for size in sizes]
        given = fair_shares([*claims, *map(_comment_size, first)], spare)
        rooms = [min(_UNKNOWN_BYTES, size) + more for size, more in zip(sizes, given, strict=False)]
        kept = given[len(claims) :]
        around = _comment_size((ELLIPSIS,))
        return rooms, [
            lines if room >= _comment_size(lines) else _first_line(lines, room - around)
            for lines, room in zip(first, kept, strict=True)
        ]

    def _types(self, tree: ObjectType) -> tuple[Type, ...]:
        """The types of the members, and then of the index signature."""
        types = tuple(member.type for member in tree.members)
        if tree.rest is None:
            return types
        if id(tree) not in self._rests:
            self._rests[id(tree)] = widened(tree.rest, tree.members)
        return (*types, self._rests[id(tree)])

    def _frame(self, tree: ObjectType) -> int:
        """The bytes of all that is neither a type nor a comment."""
        each = len(f"\n{INDENT}: ;")
        names = sum(utf8_length(_key(member)) + each for member in tree.members)
        rest = 0 if tree.rest is None else len("[key: string]") + each
        return names + rest + len("{\n}")

    def _tuple(self, tree: TupleType, most: int) -> str:
        parts = tree.items if tree.rest is None else (*tree.items, tree.rest)
        spare = most - len("(), ?...Array<>") * len(parts)
        if spare < _UNKNOWN_BYTES * len(parts) and self.size(tree) > most:
            return UNKNOWN.text
        texts = list(map(self.text, parts, self._shares(parts, spare)))
        for at in range(tree.least, len(tree.items)):
            simple = isinstance(parts[at], Leaf | ObjectType | ArrayType | TupleType)
            texts[at] = f"{texts[at]}?" if simple else f"({texts[at]})?"
        if tree.rest is not None:
            texts[-1] = f"...Array<{texts[-1]}>"
        return f"[{', '.join(texts)}]"

    def _union(self, tree: UnionType, most: int) -> str:
        if self.size(tree) > most and all(isinstance(each, Leaf) for each in tree.parts):
            return UNKNOWN.text  # some of the values would read as all of them
        return self._joined(tree, most, " | ")

    def _joined(self, tree: UnionType | IntersectionType, most: int, between: str) -> str:
        parts = tree.parts
        spare = most - len("() | ") * len(parts)
        if self.size(tree) > most and spare < sum(min(_UNKNOWN_BYTES, self.size(e)) for e in parts):
            return UNKNOWN.text
        texts = list(map(self.text, parts, self._shares(parts, spare)))
        if isinstance(tree, IntersectionType):
            always = tree.source == "$ref"
            texts = [f"({text})" if always or " | " in text else text for text in texts]
        return between.join(texts)


def _key(member: Member) -> str:
    return f"{member_key(member.name)}{'?' if member.optional else ''}"


def _comment_size(lines: Sequence[str]) -> int:
    return sum(utf8_length(line) + len(f"\n{INDENT}// ") for line in lines)


def _first_line(lines: tuple[str, ...], most: int) -> tuple[str, ...]:
    """What is left of a comment in ``most`` bytes; nothing where too little is left."""
    if not lines or (len(lines) == 1 and utf8_length(lines[0]) <= most):
        return lines
    if most < LEAST_COMMENT:
        return ()
    cut = lines[0].encode(errors="replace")[:most].decode(errors="ignore")
    return (f"{cut.rstrip()}{ELLIPSIS}",)
