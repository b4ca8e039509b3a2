"""The forms of the Model Context Protocol, for a server that offers ``exec`` and ``wait``.

The types are those of the protocol's schema; the official SDK reads them as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, NotRequired, TypeAlias, TypedDict

from ..protocol.types import ImageItem, Item, TextItem
from .data_url import media_of, omission

ASSUMED_DETAIL: Final = "high"
"""The defaults of a reader of the metadata; also what a cell gives by itself."""


class ListedTool(TypedDict):
    """An entry of ``tools/list``."""

    name: str
    description: str
    inputSchema: dict[str, Any]


class TextContent(TypedDict):
    """A text block."""

    type: Literal["text"]
    text: str


class MediaContent(TypedDict):
    """An image or audio block. ``_meta`` carries how closely a model should look at an image."""

    type: Literal["image", "audio"]
    data: str
    mimeType: str
    _meta: NotRequired[dict[str, Any]]


ContentBlock: TypeAlias = TextContent | MediaContent


class CallToolResult(TypedDict):
    """The result of ``tools/call``."""

    content: list[ContentBlock]
    isError: bool


def call_tool_result(items: Iterable[Item], *, is_error: bool) -> CallToolResult:
    """The result of a call; a text tells of what cannot be read.

    >>> call_tool_result([ImageItem("data:image/png;base64,aGk=")], is_error=False)["content"]
    [{'type': 'image', 'data': 'aGk=', 'mimeType': 'image/png'}]
    """
    return {"content": [_block(item) for item in items], "isError": is_error}


def _block(item: Item) -> ContentBlock:
    if isinstance(item, TextItem):
        return {"type": "text", "text": item.text}
    found = media_of(item)
    if found is None:
        return {"type": "text", "text": omission(item, None, "")}
    block: MediaContent = {
        "type": "image" if isinstance(item, ImageItem) else "audio",
        "data": found.data,
        "mimeType": found.mime_type,
    }
    if isinstance(item, ImageItem) and item.detail not in (None, ASSUMED_DETAIL):
        block["_meta"] = {"codex/imageDetail": item.detail}
    return block
