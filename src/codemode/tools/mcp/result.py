"""The result of a tool as a program gets it: all that is there, in the form that is documented.

Servers leave out ``content``, put a text in its place, or answer with an object of their own. Nothing of
that is a reason to lose the rest; only what is no object is no result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...protocol.types import JsonValue

_FOR_CLIENTS: Final = frozenset({"_meta", "resultType", "ttlMs", "cacheScope"})
"""Members that are not for programs."""
_OLD: Final = "toolResult"
"""What the first version of the protocol called structured content."""


def result_of(raw: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The result that ``raw`` is.

    >>> result_of({"content": None, "structuredContent": 3, "_meta": {}})
    {'content': [], 'structuredContent': 3}
    >>> result_of({"content": "hi", "isError": "true"})
    {'content': [{'type': 'text', 'text': 'hi'}], 'isError': True}
    """
    found: dict[str, JsonValue] = {"content": _blocks(raw.get("content"))}
    if "structuredContent" in raw:
        found["structuredContent"] = raw["structuredContent"]
    elif _OLD in raw:
        found["structuredContent"] = raw[_OLD]
    elif raw.get("content") is None:  # an answer of its own
        known = {"content", "isError"} | _FOR_CLIENTS
        found |= {key: value for key, value in raw.items() if key not in known}
    if "isError" in raw:
        found["isError"] = raw["isError"] in (True, 1, "true", "True")
    return found


def _blocks(content: Any) -> list[JsonValue]:
    """Blocks as they are; a text by itself is one, and so is an object."""
    if content is None:
        return []
    given = content if isinstance(content, list) else [content]
    return [{"type": "text", "text": each} if isinstance(each, str) else each for each in given]
