"""Calling a tool's function: where it runs, its result as JSON, and what it raises as a ToolError."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ..errors import ToolError
from ..large_values import is_large
from ..signals import EitherSignal
from .failure import raise_tool_error
from .result import converted, to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..protocol.types import JsonValue
    from .threads import CallOutcome
    from .tool import ToolContext


async def called(
    bind: Callable[[ToolContext], Callable[[], object]],
    context: ToolContext,
    *,
    thread: bool,
    seconds: float | None = None,
) -> JsonValue:
    """What a function returns, as JSON.

    Args:
        bind: gives the function with its arguments, the cancel signal of a context among them.
        context: of the call.
        thread: run it in a thread of its own.
        seconds: how long it may take; then it is cancelled. None: no bound.

    Raises:
        ToolError: it failed, took too long, or its result has no JSON form.
    """
    if seconds is None:
        outcome = await _run(bind(context), context, thread=thread)
    else:
        expired = asyncio.Event()  # all that a thread sees of it
        within = replace(context, cancel=EitherSignal(context.cancel, expired))
        try:
            # The tool against its own timeout; a cancelled exec cancels it as well, and is not taken for a timeout.
            async with asyncio.timeout(seconds):
                outcome = await _run(bind(within), within, thread=thread)
        except TimeoutError:  # ours: what the function raises is in its outcome
            expired.set()
            raise ToolError(
                f"tool `{context.name}` has not answered within {seconds:g} s, and was cancelled"
                "\nHint: find out whether it had its effect before you call it again."
            ) from None
    if outcome.error is not None:
        raise_tool_error(outcome.error, context.name)
    if isinstance(outcome.value, _Large):
        return await converted(outcome.value.value, context.name, context.runner)
    found: JsonValue = outcome.value
    return found


async def _run(
    function: Callable[[], object], context: ToolContext, *, thread: bool
) -> CallOutcome:
    returned = partial(_returned, function, context.name)
    return await context.runner.call(returned, thread=thread, owner=context.owner)


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
