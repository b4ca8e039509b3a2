"""What a program that is run to its end has written: all of it, within a bound."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeAlias

from ..limits import amount
from ..protocol.types import Item, TextItem
from ..sessions.items import size_of

OnOutput: TypeAlias = Callable[[Item], object]
"""Gets each text, image and sound; sync or async. ``print`` prints texts."""


class KeptOutput:
    """The items of one cell, as long as they take no more than ``max_bytes``; then none of them."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._items: list[Item] = []
        self._count = 0
        self._bytes = 0

    @property
    def is_too_much(self) -> bool:
        """Whether it was more than is kept."""
        return self._bytes > self._max_bytes

    def add(self, item: Item) -> None:
        """Keep an item."""
        self._count += 1
        self._bytes += size_of(item)
        if self.is_too_much:
            self._items.clear()
        else:
            self._items.append(item)

    @property
    def items(self) -> tuple[Item, ...]:
        """What was kept; a text tells of what was not."""
        if not self.is_too_much:
            return tuple(self._items)
        told = f"{self._count:,} items, {amount(self._bytes, 'bytes')}"
        bound = amount(self._max_bytes, "bytes")
        return (TextItem(f"[output left out: {told}, and {bound} are kept]"),)


async def hand_over(listener: Callable[..., object], told: object) -> None:
    """Call a listener of the application, sync or async."""
    result = listener(told)
    if inspect.isawaitable(result):
        await result
