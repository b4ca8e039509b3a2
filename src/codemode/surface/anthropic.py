"""The forms of the Anthropic Messages API.

The types are those of the ``anthropic`` package, which only a type checker needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..protocol.types import AudioItem, ImageItem, Item, TextItem
from .data_url import media_of, omission
from .model_call import call_id_of, call_kind
from .text import trim

if TYPE_CHECKING:
    from anthropic.types import (
        Base64ImageSourceParam,
        ImageBlockParam,
        TextBlockParam,
        ToolResultBlockParam,
        ToolUseBlock,
    )
    from anthropic.types.beta import BetaToolUseBlock

    ToolUse: TypeAlias = ToolUseBlock | BetaToolUseBlock
    Block: TypeAlias = TextBlockParam | ImageBlockParam

IMAGE_TYPES: Final = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))


def tool_result(
    call: ToolUse | Mapping[str, Any] | str, items: Iterable[Item], *, is_error: bool
) -> ToolResultBlockParam:
    """The block that answers a ``tool_use`` block, or its id; a text tells of what has no form here.

    Raises:
        UsageError: ``call`` is neither, or has no ``id``.

    >>> tool_result("t1", [TextItem("hi")], is_error=False)["content"]
    [{'type': 'text', 'text': 'hi'}]
    """
    return {
        "type": "tool_result",
        "tool_use_id": _use_id(call),
        "content": list(_blocks(items)),
        "is_error": is_error,
    }


def _use_id(call: object) -> str:
    if isinstance(call, str):
        return call
    return call_id_of(call, call_kind(call, ("tool_use",)))


def _blocks(items: Iterable[Item]) -> Iterator[Block]:
    for item in items:
        if isinstance(item, TextItem):
            if trim(item.text):
                yield {"type": "text", "text": item.text}
        else:
            yield _media_block(item)


def _media_block(item: ImageItem | AudioItem) -> Block:
    found = media_of(item)
    if isinstance(item, AudioItem):
        return {"type": "text", "text": omission(item, found, "sounds cannot be passed on here")}
    if found is None or found.mime_type not in IMAGE_TYPES:
        reason = "only JPEG, PNG, GIF and WebP can be passed on here"
        return {"type": "text", "text": omission(item, found, reason)}
    mime_type: Any = found.mime_type  # one of those that the package lists
    source: Base64ImageSourceParam = {"type": "base64", "media_type": mime_type, "data": found.data}
    return {"type": "image", "source": source}
