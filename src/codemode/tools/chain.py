"""The one chain that every nested call passes on its way to its tool.

A middleware sees the call and decides: it hands it on (as it is, or changed), answers by
itself, or raises a ToolError, whose text the script catches. It is the place to allow, ask
for, refuse, time, trace and cache.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from ..protocol.types import JsonValue, ToolCall

if TYPE_CHECKING:
    from collections.abc import Sequence

Next: TypeAlias = Callable[[ToolCall], Awaitable[JsonValue]]
"""Hands a call on to the rest of the chain and gives its result."""
Middleware: TypeAlias = Callable[[ToolCall, Next], Awaitable[JsonValue]]
"""``async def middleware(call, next)``: see the module."""


def linked(middleware: Sequence[Middleware], last: Next) -> Next:
    """One callable that passes a call through ``middleware`` in order and then to ``last``."""
    found = last
    for each in reversed(middleware):
        found = functools.partial(_pass, each, found)
    return found


async def _pass(middleware: Middleware, following: Next, call: ToolCall) -> JsonValue:
    return await middleware(call, following)
