"""The one chain that every nested call passes on its way to its tool.

A middleware sees the call and decides: it hands it on (as it is, or changed), answers by
itself, or raises a ToolError, whose text the program catches. It is the place to allow, ask
for, refuse, time, trace and cache.

What it sees is what the tool gets. Before the chain a Python tool's input is checked, and
``call.arguments`` has what the function is called with: by the names of its parameters, converted,
aliases resolved, defaults filled in. Beside it ``call.input`` is the JSON that the program wrote, with
``{}`` where it passed no argument, and with integers where it passed the digits of big ones. A call whose
arguments do not fit is refused before the chain, with a text that tells the model what is expected:
an approver is not asked about a call that cannot happen. An MCP server checks against its schemas by itself:
its tools have to be given an object, and ``arguments`` are that object.

Nothing is shared along the chain. Each middleware gets copies of input and arguments, and what it hands
on is compared with what it was given: a changed input is checked like a program's, changed
arguments are checked where they differ, and the next one sees what came of it. Results are copied on
their way back. So whatever a middleware keeps is its own, and nothing that it does to it later reaches
the rest of the chain.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from ..errors import UsageError
from ..fair_executor import FAIR_EXECUTOR
from ..large_values import is_large
from ..protocol.types import JsonValue, ToolCall, UnreadArguments
from .copies import copied, same
from .result import converted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

Next: TypeAlias = Callable[[ToolCall], Awaitable[JsonValue]]
"""Hands a call on to the rest of the chain and gives its result, as JSON."""
Middleware: TypeAlias = Callable[[ToolCall, Next], Awaitable[JsonValue] | JsonValue]
"""``async def middleware(call, call_next)``; see the module for what it is given.

``call.tool_name`` is the tool's own name: compare the whole of it, ``ToolName("delete")`` or
``ToolName("send", "mail")``, because another namespace may have a ``delete``, too. A middleware
may be a plain function, which then runs in the event loop: one that returns ``call_next(call)``
hands the call on, one that returns something else answers.
"""


class CallGate(Protocol):
    """Stands between the last middleware and the tool."""

    async def pass_on(self, call: ToolCall, name: str, end: End) -> JsonValue:
        """Run the tool of a prepared call, known to programs by ``name``.

        Raises:
            ToolError: it is refused, or failed.
        """


class End(Protocol):
    """What a chain needs of whatever runs the tools."""

    @property
    def owner(self) -> object:
        """Whose turn the conversion of a large result takes."""

    def prepare(self, call: ToolCall) -> ToolCall:
        """The call with its arguments, read of its input; of the tool that it names now.

        Raises:
            ToolError: the input does not fit.
        """

    def change(self, call: ToolCall, arguments: Mapping[str, Any]) -> ToolCall:
        """The prepared ``call`` with other arguments.

        Raises:
            ToolError: they do not fit.
        """

    async def invoke(self, call: ToolCall) -> JsonValue:
        """Run the tool of the prepared ``call``.

        Raises:
            ToolError: it failed.
        """


class Chain:
    """Some middleware, and the end behind it.

    Args:
        middleware: in order.
        gate: decides about the call that the last one hands on; nothing behind it changes that.
        end: runs the tools.
        name: the tool's public name, for errors.
    """

    def __init__(
        self, middleware: Sequence[Middleware], gate: CallGate | None, end: End, name: str
    ) -> None:
        self._middleware = middleware
        self._gate = gate
        self._end = end
        self._name = name

    async def pass_on(self, call: ToolCall, at: int = 0) -> JsonValue:
        """Pass a prepared call to the middleware number ``at``, and from there to the tool.

        Raises:
            ToolError: it was refused, or failed.
            Exception: any, from a middleware.
        """
        if at == len(self._middleware):
            if self._gate is None:
                return await self._end.invoke(call)
            return await self._gate.pass_on(call, self._name, self._end)

        async def call_next(handed: ToolCall) -> JsonValue:
            return await self.pass_on(self._handed_on(call, handed), at + 1)

        if is_large(call.input):
            copy = await FAIR_EXECUTOR.run(self._end.owner, lambda _: shown(call))
        else:
            copy = shown(call)
        result = self._middleware[at](copy, call_next)
        if inspect.isawaitable(result):
            result = await result
        return await converted(result, self._name, self._end.owner)

    def _handed_on(self, call: ToolCall, handed: object) -> ToolCall:
        """The prepared call that a middleware hands on, which was given a copy of ``call``."""
        if not isinstance(handed, ToolCall):
            raise UsageError(
                f"call_next was given a {type(handed).__name__} instead of a call"
                "\nHint: await call_next(call)"
            )
        is_read_again = isinstance(handed.arguments, UnreadArguments) or same(
            handed.arguments, call.arguments
        )
        if handed.tool_name != call.tool_name:
            return self._redirected(call, handed, is_read_again=is_read_again)
        if is_read_again and same(handed.input, call.input):
            return call
        if is_read_again:
            return self._end.prepare(msgspec.structs.replace(call, input=copied(handed.input)))
        if not same(handed.input, call.input):
            raise UsageError(
                f"a middleware changed both input and arguments of a call of `{self._name}`"
                "\nHint: change one of them; the other follows."
            )
        return self._end.change(call, copied(handed.arguments))

    def _redirected(self, call: ToolCall, handed: ToolCall, *, is_read_again: bool) -> ToolCall:
        """The call of another tool, which takes the input and has arguments of its own."""
        if not is_read_again:
            raise UsageError(
                f"a middleware changed both the tool and the arguments of a call of `{self._name}`"
                "\nHint: give another tool its input: it has other parameters."
            )
        other = msgspec.structs.replace(
            call,
            tool_name=handed.tool_name,
            tool_kind=handed.tool_kind,
            input=copied(handed.input),
            digest="",
        )
        return self._end.prepare(other)


def shown(call: ToolCall) -> ToolCall:
    """``call`` for a middleware, which may keep and change it."""
    return msgspec.structs.replace(call, input=copied(call.input), arguments=copied(call.arguments))
