"""The tools that a cell sees, encoded."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_numbers = itertools.count(1)


class Catalogue(Struct, frozen=True, weakref=True):
    """The tools that a cell sees. Encoded once, however many cells share it.

    Attributes:
        names: JSON array of the members of ``tools``, by index.
        descriptions: JSON array of ``{name, description}``: ``ALL_TOOLS``.
        count: how many there are.
        number: tells catalogues apart without comparing them.
    """

    names: bytes
    descriptions: bytes
    count: int
    number: int = field(default_factory=lambda: next(_numbers))

    @classmethod
    def of(
        cls, tools: Iterable[tuple[str, str]], pause: Callable[[], None] | None = None
    ) -> Catalogue:
        """From pairs of global name and description, in order; ``pause`` is called between them."""
        names: list[str] = []
        entries: list[str] = []
        for name, text in tools:
            names.append(json.dumps(name))
            entries.append(f'{{"name": {names[-1]}, "description": {json.dumps(text)}}}')
            if pause is not None:
                pause()
        return cls(_array(names), _array(entries), len(entries))

    def pack(self) -> bytes:
        """For the wire; JSON has no raw newline."""
        return b"%d\n%b\n%b" % (self.count, self.names, self.descriptions)


def _array(members: list[str]) -> bytes:
    return f"[{', '.join(members)}]".encode()
