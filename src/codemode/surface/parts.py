"""A result's items as texts and bytes, for interfaces that take media as bytes."""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from ..protocol.types import ImageDetail, ImageItem, Item, TextItem
from .data_url import media_of, omission


class TextPart(Struct, frozen=True):
    """A text.

    Attributes:
        text: as the program wrote it.
    """

    text: str


class MediaPart(Struct, frozen=True):
    """An image or a sound.

    Attributes:
        data: its bytes.
        mime_type: ``image/png``, ``audio/wav`` and so on, in lower case.
        detail: how closely a model should look at an image, if the program said it.
    """

    data: bytes
    mime_type: str
    detail: ImageDetail | None = None


Part: TypeAlias = TextPart | MediaPart
"""One item of a result, with media as bytes."""


def parts_of(items: Iterable[Item]) -> tuple[Part, ...]:
    """The items in order; a text tells of what holds no data.

    >>> parts_of([TextItem("a"), ImageItem("data:image/png;base64,aGk=", "low")])
    (TextPart(text='a'), MediaPart(data=b'hi', mime_type='image/png', detail='low'))
    """
    return tuple(map(_part, items))


def _part(item: Item) -> Part:
    if isinstance(item, TextItem):
        return TextPart(item.text)
    found = media_of(item)
    if found is None:
        return TextPart(omission(item, None, ""))
    detail = item.detail if isinstance(item, ImageItem) else None
    return MediaPart(binascii.a2b_base64(found.data), found.mime_type, detail)
