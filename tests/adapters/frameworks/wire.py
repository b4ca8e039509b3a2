"""What a scripted model was answered, read from the requests of each interface."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a model got for one call.

    Attributes:
        text: all texts, a line each, without the header.
        images: how many images.
        failed: whether the interface says that the call failed; None where it cannot say it.
    """

    text: str
    images: int = 0
    failed: bool | None = None


def answers(body: Any) -> list[Answer]:
    """The answers to calls in one request, in order."""
    if "contents" in body:
        return [
            _gemini(part["functionResponse"])
            for content in body["contents"]
            for part in content["parts"]
            if "functionResponse" in part
        ]
    if "input" in body:
        items = body["input"]
        outputs = [item["output"] for item in items if item.get("type", "").endswith("_output")]
        return [_blocks(output) for output in outputs]
    found = []
    for message in body["messages"]:
        if message["role"] == "tool":
            found.append(_blocks(message["content"]))
        elif isinstance(message.get("content"), list):
            results = [block for block in message["content"] if block["type"] == "tool_result"]
            found += [_blocks(each["content"], each.get("is_error", False)) for each in results]
    return found


def tool_names(body: Any) -> list[str]:
    """The tools that a request offers."""
    found = []
    for tool in body.get("tools", ()):
        for each in tool.get("functionDeclarations", [tool]):
            found.append(each["name"] if "name" in each else each["function"]["name"])
    return sorted(found)


def _blocks(content: Any, failed: bool | None = None) -> Answer:
    if isinstance(content, str):
        if content.startswith('{"error":'):  # pydantic-ai makes an object of a failure
            content = json.loads(content)["error"]
        return Answer(_without_header(content), 0, failed)
    texts = [block["text"] for block in content if "text" in block]
    images = [block for block in content if "image" in block["type"]]
    return Answer(_without_header("\n".join(texts)), len(images), failed)


def _gemini(response: Any) -> Answer:
    [(kind, value)] = response["response"].items()
    lines = value if isinstance(value, list) else [value]
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    return Answer(
        _without_header("\n".join(texts)), len(response.get("parts", ())), kind == "error"
    )


def _without_header(text: str) -> str:
    """The text behind the header, whose times vary."""
    head, found, rest = text.partition("Output:\n")
    return rest.lstrip("\n") if found and "Script " in head else text
