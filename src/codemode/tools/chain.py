"""The one chain that every nested call passes on its way to its tool.

A middleware sees the call and decides: it hands it on (as it is, or changed), answers by
itself, or raises a ToolError, whose text the script catches. It is the place to allow, ask
for, refuse, time, trace and cache.

What it sees is what the tool would take. A call without an argument has the input ``{}``. One
whose arguments do not fit a Python tool is refused before the chain, with a text that tells the
model what is expected: nobody is asked about a call that cannot happen. The input is JSON as the
script wrote it, not yet the objects that the function gets; what a middleware hands on is
checked again. An MCP server checks against its schemas by itself: here its tools only have to be
given an object. Calls of tools that are not there pass as they are.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from ..protocol.types import JsonValue, ToolCall

if TYPE_CHECKING:
    from collections.abc import Sequence

Next: TypeAlias = Callable[[ToolCall], Awaitable[JsonValue]]
"""Hands a call on to the rest of the chain and gives its result, as JSON."""
Middleware: TypeAlias = Callable[[ToolCall, Next], Awaitable[JsonValue] | JsonValue]
"""``async def middleware(call, following)``; see the module for what ``call.input`` is.

``call.tool_name`` is the tool's own name: compare the whole of it, ``ToolName("delete")`` or
``ToolName("send", "mail")``, because another namespace may have a ``delete``, too. A middleware
may be a plain function, which then runs in the event loop: one that returns ``following(call)``
hands the call on, one that returns something else answers.
"""


def linked(middleware: Sequence[Middleware], last: Next) -> Next:
    """One callable that passes a call through ``middleware`` in order and then to ``last``."""
    found = last
    for each in reversed(middleware):
        found = functools.partial(_pass, each, found)
    return found


async def _pass(middleware: Middleware, following: Next, call: ToolCall) -> JsonValue:
    result = middleware(call, following)
    return await result if inspect.isawaitable(result) else result
