"""What the items of a cell's output take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..protocol.types import ImageItem, TextItem

if TYPE_CHECKING:
    from ..protocol.types import Item

ITEM_BYTES: Final = 64
"""What an item takes besides its text: also empty ones fill the memory."""


def size_of(item: Item) -> int:
    """What ``item`` counts, in bytes of UTF-8."""
    text = text_of(item)
    return ITEM_BYTES + (len(text) if text.isascii() else len(text.encode("utf-8", "replace")))


def text_of(item: Item) -> str:
    """The text of ``item``, or its data URL."""
    if isinstance(item, TextItem):
        return item.text
    return item.image_url if isinstance(item, ImageItem) else item.audio_url
