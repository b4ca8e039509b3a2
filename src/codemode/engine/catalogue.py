"""The tools that a cell sees, encoded."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Catalogue:
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
    number: int = field(default_factory=lambda: next(_numbers), compare=False)

    @classmethod
    def of(cls, tools: Iterable[tuple[str, str]]) -> Catalogue:
        """From pairs of global name and description, in order."""
        entries = [{"name": name, "description": text} for name, text in tools]
        names = json.dumps([entry["name"] for entry in entries]).encode()
        return cls(names, json.dumps(entries).encode(), len(entries))

    def pack(self) -> bytes:
        """For the wire; JSON has no raw newline."""
        return b"%d\n%b\n%b" % (self.count, self.names, self.descriptions)
