"""Calling a tool's function: where it runs, its result as JSON, and what it raises as a ToolError."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..large_values import is_large
from .failure import as_tool_error
from .result import converted, to_json

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
    if isinstance(outcome.value, _Large):
        return await converted(outcome.value.value, context.name, context.runner)
    found: JsonValue = outcome.value
    return found


@dataclass(frozen=True, slots=True)
class _Large:
    """A result that takes long to become JSON."""

    value: object


def _returned(
    function: Callable[[], object], name: str
) -> JsonValue | _Large | Awaitable[JsonValue | _Large]:
    """What ``function`` returns, as JSON unless that takes long."""
    value = function()
    return _awaited(value, name) if inspect.isawaitable(value) else _json_or_large(value, name)


async def _awaited(value: Awaitable[object], name: str) -> JsonValue | _Large:
    return _json_or_large(await value, name)


def _json_or_large(value: object, name: str) -> JsonValue | _Large:
    return _Large(value) if is_large(value) else to_json(value, name)
