"""What a toolset is given besides tools: a mistake is told at once, with what to do."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from codemode.errors import UsageError
from codemode.protocol.types import JsonValue, ToolCall
from codemode.tools.chain import Next
from codemode.tools.toolset import Toolset


async def passes(call: ToolCall, call_next: Next) -> JsonValue:
    return await call_next(call)


class Passes:
    async def __call__(self, call: ToolCall, call_next: Next) -> JsonValue:
        return await call_next(call)

    def plain(self, call: ToolCall, call_next: Next) -> Awaitable[JsonValue]:
        return call_next(call)


async def yields(call: ToolCall, call_next: Next) -> AsyncIterator[JsonValue]:
    yield await call_next(call)


@pytest.mark.parametrize(
    "middleware",
    [passes, Passes(), Passes().plain, functools.partial(passes), print, lambda *_: None],
    ids=["function", "object", "method", "partial", "builtin", "lambda"],
)
def test_whatever_can_be_called_is_a_middleware(middleware: Any) -> None:
    Toolset(middleware=[middleware])


MIDDLEWARE_HINT = "\nHint: async def f(call, call_next): …"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "tools": ({"tools": 5}, "tools must be a list, got 5\nHint: one is a list, too: tools=[…]."),
    "one tool": (
        {"tools": passes},
        "tools must be a list, got a function\nHint: one is a list, too: tools=[…].",
    ),
    "text": ({"tools": "t"}, "tools must be a list, got 't'\nHint: one is a list, too: tools=[…]."),
    "one middleware": (
        {"middleware": passes},
        "middleware must be a list, got a function\nHint: one is a list, too: middleware=[…].",
    ),
    "middleware": (
        {"middleware": [5]},
        f"middleware must be callable, got 5{MIDDLEWARE_HINT}",
    ),
    "class": (
        {"middleware": [Passes]},
        "middleware is the class Passes, not an object of it\nHint: pass Passes(…).",
    ),
    "generator": (
        {"middleware": [yields]},
        f"middleware {yields!r} is a generator function{MIDDLEWARE_HINT}",
    ),
    "parameters": (
        {"middleware": [refusing := lambda call: None]},
        f"middleware {refusing!r} cannot be called with (call, call_next):"
        f" too many positional arguments{MIDDLEWARE_HINT}",
    ),
    "on_notify": (
        {"on_notify": 5},
        "on_notify must be callable, got 5\nHint: async def f(call_id, cell_id, text): …",
    ),
    "namespaces": (
        {"namespaces": {"x": 5}},
        "namespaces must be texts, got 'x': 5"
        '\nHint: namespaces={"mail": "The mailbox of the user."}',
    ),
    "list of namespaces": (
        {"namespaces": ["x"]},
        "namespaces must be a mapping of texts, got a list"
        '\nHint: namespaces={"mail": "The mailbox of the user."}',
    ),
    "tokens": (
        {"catalogue_tokens": "5"},
        "catalogue_tokens must be a non-negative integer or None, got '5'",
    ),
}


@pytest.mark.parametrize(("options", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_an_option_cannot_be_is_refused_with_what_to_do(
    options: dict[str, Any], text: str
) -> None:
    with pytest.raises(UsageError) as caught:
        Toolset(**options)
    assert str(caught.value) == text


def test_a_namespace_that_is_described_later_is_checked_too() -> None:
    described: Any = 5
    with pytest.raises(UsageError, match="namespaces must be texts, got 'x': 5"):
        Toolset().describe("x", described)
