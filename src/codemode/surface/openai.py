"""The forms of OpenAI's interfaces: the Responses API, and Chat Completions with functions.

The types are those of the documented interface, as far as ``exec`` and ``wait`` use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NotRequired, TypeAlias, TypedDict, assert_never

from ..errors import UsageError
from ..protocol.types import AudioItem, ImageDetail, ImageItem, Item, TextItem
from .data_url import media, omission
from .output import joined

JsonSchema: TypeAlias = dict[str, Any]


class Grammar(TypedDict):
    """The format of a custom tool's input."""

    type: Literal["grammar"]
    syntax: Literal["lark"]
    definition: str


class CustomTool(TypedDict):
    """A tool that takes raw text."""

    type: Literal["custom"]
    name: str
    description: str
    format: Grammar


class Function(TypedDict):
    """A name, a description and JSON Schema parameters: what most interfaces want."""

    name: str
    description: str
    parameters: JsonSchema


class FunctionTool(Function):
    """A function of the Responses API."""

    type: Literal["function"]
    strict: bool


class ChatTool(TypedDict):
    """A function of Chat Completions."""

    type: Literal["function"]
    function: Function


class TextContent(TypedDict):
    """Text in a call's output."""

    type: Literal["input_text"]
    text: str


class ImageContent(TypedDict):
    """An image in a call's output, as a data URL."""

    type: Literal["input_image"]
    image_url: str
    detail: NotRequired[ImageDetail]


class AudioContent(TypedDict):
    """A sound in a call's output, as a data URL."""

    type: Literal["input_audio"]
    audio_url: str


Content: TypeAlias = TextContent | ImageContent | AudioContent


class CallOutput(TypedDict):
    """The item that answers a call."""

    type: Literal["custom_tool_call_output", "function_call_output"]
    call_id: str
    output: list[Content]


class ToolMessage(TypedDict):
    """The message that answers a call of Chat Completions; it carries text only."""

    role: Literal["tool"]
    tool_call_id: str
    content: str


_OUTPUTS: Final[dict[str, Literal["custom_tool_call_output", "function_call_output"]]] = {
    "custom_tool_call": "custom_tool_call_output",
    "function_call": "function_call_output",
}
_NO_SOUND: Final = "sounds cannot be passed on here"
_TEXT_ONLY: Final = "only text can be passed on here"


def call_output(call: Mapping[str, Any], items: Iterable[Item], *, audio: bool) -> CallOutput:
    """The output item for a ``custom_tool_call`` or ``function_call`` item.

    Raises:
        UsageError: ``call`` is neither, or has no ``call_id``.

    >>> call = {"type": "function_call", "call_id": "c1", "name": "wait", "arguments": "{}"}
    >>> call_output(call, [TextItem("hi")], audio=False)["output"]
    [{'type': 'input_text', 'text': 'hi'}]
    """
    said, call_id = call.get("type"), call.get("call_id")
    kind = _OUTPUTS.get(said) if isinstance(said, str) else None
    if kind is None or not isinstance(call_id, str):
        raise UsageError(
            "expected the model's own item of type custom_tool_call or function_call, with its"
            f" call_id, got type {said!r} and call_id {call_id!r}"
        )
    return {"type": kind, "call_id": call_id, "output": list(contents(items, audio=audio))}


def contents(items: Iterable[Item], *, audio: bool) -> Iterator[Content]:
    """The items as the content of a call's output; without ``audio`` a text tells of sounds."""
    for item in items:
        match item:
            case TextItem(text=text):
                yield {"type": "input_text", "text": text}
            case ImageItem(image_url=url, detail=detail):
                image: ImageContent = {"type": "input_image", "image_url": url}
                yield image if detail is None else {**image, "detail": detail}
            case AudioItem(audio_url=url) if audio:
                yield {"type": "input_audio", "audio_url": url}
            case AudioItem(audio_url=url):
                yield {"type": "input_text", "text": omission(item, media(url), _NO_SOUND)}
            case _:
                assert_never(item)


def tool_message(tool_call_id: str, items: Iterable[Item]) -> ToolMessage:
    """The message for a tool call of Chat Completions; a text tells of images and sounds.

    >>> tool_message("c1", [TextItem("a"), ImageItem("data:image/png;base64,aGk=")])["content"]
    'a\\n[image left out (image/png, 2 bytes): only text can be passed on here]'
    """
    return {"role": "tool", "tool_call_id": tool_call_id, "content": joined(_texts(items))}


def _texts(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        match item:
            case TextItem(text=text):
                yield text
            case ImageItem(image_url=url) | AudioItem(audio_url=url):
                yield omission(item, media(url), _TEXT_ONLY)
            case _:
                assert_never(item)
