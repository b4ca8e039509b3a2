"""What a cell has written and nobody has been given yet, within a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..json_text import memory_of
from ..protocol.types import TextItem
from ..sessions.items import ITEM_BYTES, size_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..protocol.types import Item


class OutputBuffer:
    """Items in the order in which they were written."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._items: list[Item] = []
        self._bytes = 0
        self._full = False
        self.memory = 0
        """What the items take, in bytes; of UTF-8 they may be fewer."""

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Item) -> bool:
        """Keep ``item``; False if it is too much, and then nothing later is kept either."""
        text = item.text if type(item) is TextItem else text_of(item)
        if text.isascii():  # most are, and there may be ten thousand: both sizes at once
            size = memory = ITEM_BYTES + len(text)
        else:
            size, memory = size_of(item), ITEM_BYTES + memory_of(text)
        self._bytes += size
        if self._full or self._bytes > self._max_bytes:
            self._full = True
            return False
        self._items.append(item)
        self.memory += memory
        return True

    def extend(self, texts: list[TextItem]) -> bool:
        """Keep a run of texts, all or one by one; False as soon as there is too much."""
        said = "".join([item.text for item in texts])
        size = ITEM_BYTES * len(texts) + len(said)
        if said.isascii() and not self._full and self._bytes + size <= self._max_bytes:
            self._items += texts
            self._bytes += size
            self.memory += size
            return True
        return all(map(self.add, texts))

    def take(self) -> tuple[Item, ...]:
        """Everything; it is not here any more."""
        items, self._items = tuple(self._items), []
        self._bytes = self.memory = 0
        return items

    def put_back(self, items: Iterable[Item]) -> None:
        """Items that were taken and reached nobody go in front again."""
        self._items[:0] = items
        self._bytes = sum(map(size_of, self._items))
        self.memory = sum(ITEM_BYTES + memory_of(text_of(item)) for item in self._items)
