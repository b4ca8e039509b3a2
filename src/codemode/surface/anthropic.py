"""The forms of the Anthropic Messages API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, TypeAlias, TypedDict

from ..protocol.types import AudioItem, ImageItem, Item, TextItem
from .data_url import media, omission
from .text import trim


class Tool(TypedDict):
    """A tool that the model may use."""

    name: str
    description: str
    input_schema: dict[str, Any]


class TextBlock(TypedDict):
    """Text; the interface refuses blank ones."""

    type: Literal["text"]
    text: str


class ImageSource(TypedDict):
    """The data of an image."""

    type: Literal["base64"]
    media_type: str
    data: str


class ImageBlock(TypedDict):
    """An image."""

    type: Literal["image"]
    source: ImageSource


Block: TypeAlias = TextBlock | ImageBlock


class ToolResult(TypedDict):
    """The block of a user message that answers a ``tool_use`` block."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: list[Block]
    is_error: bool


IMAGE_TYPES: Final = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))


def tool_result(tool_use_id: str, items: Iterable[Item], *, is_error: bool) -> ToolResult:
    """The block that answers a use; a text tells of what has no form here.

    >>> tool_result("t1", [TextItem("hi")], is_error=False)["content"]
    [{'type': 'text', 'text': 'hi'}]
    """
    return {
        "type": "tool_result",
        "tool_use_id": tool_use_id,
        "content": list(_blocks(items)),
        "is_error": is_error,
    }


def _blocks(items: Iterable[Item]) -> Iterator[Block]:
    for item in items:
        if isinstance(item, TextItem):
            if trim(item.text):
                yield {"type": "text", "text": item.text}
        else:
            yield _media_block(item)


def _media_block(item: ImageItem | AudioItem) -> Block:
    found = media(item.image_url if isinstance(item, ImageItem) else item.audio_url)
    if isinstance(item, AudioItem):
        return {"type": "text", "text": omission(item, found, "sounds cannot be passed on here")}
    if found is None or found.mime_type not in IMAGE_TYPES:
        reason = "only JPEG, PNG, GIF and WebP can be passed on here"
        return {"type": "text", "text": omission(item, found, reason)}
    source: ImageSource = {"type": "base64", "media_type": found.mime_type, "data": found.data}
    return {"type": "image", "source": source}
