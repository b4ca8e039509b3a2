"""Calling a tool's function: where it runs, its result as JSON, and what it raises as a ToolError."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING

from .failure import as_tool_error
from .result import to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..protocol.types import JsonValue
    from .tool import ToolContext


async def called(
    function: Callable[[], object], context: ToolContext, *, thread: bool
) -> JsonValue:
    """What ``function`` returns, as JSON; ``thread`` runs it in one of its own.

    Raises:
        ToolError: it failed, or its result has no JSON form.
    """
    outcome = await context.runner.call(partial(_returned, function, context.name), thread=thread)
    if outcome.error is not None:
        failure = as_tool_error(outcome.error, context.name)
        raise failure from failure.__cause__
    found: JsonValue = outcome.value
    return found


def _returned(function: Callable[[], object], name: str) -> JsonValue | Awaitable[JsonValue]:
    """What ``function`` returns, as JSON, which a thread makes itself and not the event loop."""
    value = function()
    return _awaited(value, name) if inspect.isawaitable(value) else to_json(value, name)


async def _awaited(value: Awaitable[object], name: str) -> JsonValue:
    return to_json(await value, name)
