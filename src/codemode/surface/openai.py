"""The forms of OpenAI's interfaces: the Responses API, and Chat Completions and what follows them.

The types are those of the ``openai`` package, which only a type checker needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, assert_never, cast

from ..protocol.types import AudioItem, ImageItem, Item, TextItem
from .data_url import media_of, omission
from .model_call import call_id_of, call_kind
from .output import joined

if TYPE_CHECKING:
    from openai.types.chat import (
        ChatCompletionMessageCustomToolCall,
        ChatCompletionMessageFunctionToolCall,
        ChatCompletionToolMessageParam,
    )
    from openai.types.responses import (
        ResponseCustomToolCall,
        ResponseCustomToolCallOutputParam,
        ResponseFunctionToolCall,
        ResponseInputImageContentParam,
        ResponseInputTextContentParam,
    )
    from openai.types.responses.response_input_item_param import FunctionCallOutput

    ResponsesCall: TypeAlias = ResponseCustomToolCall | ResponseFunctionToolCall
    ChatCall: TypeAlias = (
        ChatCompletionMessageFunctionToolCall | ChatCompletionMessageCustomToolCall
    )
    CallOutput: TypeAlias = ResponseCustomToolCallOutputParam | FunctionCallOutput
    Content: TypeAlias = ResponseInputTextContentParam | ResponseInputImageContentParam

_NO_SOUND: Final = "sounds cannot be passed on here"
_TEXT_ONLY: Final = "only text can be passed on here"


def call_output(
    call: ResponsesCall | Mapping[str, Any], items: Iterable[Item], *, audio: bool
) -> CallOutput:
    """The output item for a ``custom_tool_call`` or ``function_call``.

    Raises:
        UsageError: ``call`` is neither, or has no ``call_id``.

    >>> call = {"type": "function_call", "call_id": "c1", "name": "wait", "arguments": "{}"}
    >>> call_output(call, [TextItem("hi")], audio=False)["output"]
    [{'type': 'input_text', 'text': 'hi'}]
    """
    kind = call_kind(call, ("custom_tool_call", "function_call"))
    output = list(contents(items, audio=audio))
    if kind == "custom_tool_call":
        # The type of a custom tool's content has a member more, which is not needed.
        custom = {"type": f"{kind}_output", "call_id": call_id_of(call, kind), "output": output}
        return cast("ResponseCustomToolCallOutputParam", custom)
    return {
        "type": "function_call_output",
        "call_id": call_id_of(call, kind),
        "output": [*output],
    }


def contents(items: Iterable[Item], *, audio: bool) -> Iterator[Content]:
    """The items as the content of a call's output; without ``audio`` a text tells of sounds."""
    for item in items:
        match item:
            case TextItem(text=text):
                yield {"type": "input_text", "text": text}
            case ImageItem(image_url=url, detail=detail):
                image: ResponseInputImageContentParam = {"type": "input_image", "image_url": url}
                yield image if detail is None else {**image, "detail": detail}
            case AudioItem(audio_url=url) if audio:
                # Of some services: the package has no type for it.
                yield cast("Content", {"type": "input_audio", "audio_url": url})
            case AudioItem():
                yield {"type": "input_text", "text": omission(item, media_of(item), _NO_SOUND)}
            case _:
                assert_never(item)


def tool_message(
    call: ChatCall | Mapping[str, Any] | str, items: Iterable[Item]
) -> ChatCompletionToolMessageParam:
    """The message for a tool call of Chat Completions, or its id; a text tells of images and sounds.

    Raises:
        UsageError: ``call`` is neither, or has no ``id``.

    >>> tool_message("c1", [TextItem("a"), ImageItem("data:image/png;base64,aGk=")])["content"]
    'a\\n[image left out (image/png, 2 bytes): only text can be passed on here]'
    """
    return {"role": "tool", "tool_call_id": _chat_id(call), "content": joined(_texts(items))}


def _chat_id(call: object) -> str:
    if isinstance(call, str):
        return call
    return call_id_of(call, call_kind(call, ("function", "custom")))


def _texts(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        match item:
            case TextItem(text=text):
                yield text
            case ImageItem() | AudioItem():
                yield omission(item, media_of(item), _TEXT_ONLY)
            case _:
                assert_never(item)
