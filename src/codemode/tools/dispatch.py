"""The end of a chain: finds a call's tool, has it read its arguments, and runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import ToolError
from .function import FunctionTool
from .result import converted
from .schema_tool import Tool
from .tool import INPUT, Preparing, ToolContext

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from ..protocol.session import Signal
    from ..protocol.types import JsonValue, ToolCall
    from .registry import Registry
    from .runner import Runner


class Dispatch:
    """One call on its way to its tool; a :class:`~codemode.tools.chain.End`.

    Args:
        registry: the tools.
        runner: where blocking functions run.
        cancel: set when the result is no longer wanted.
        owner: for whom it is made; None: not known.
    """

    def __init__(
        self, registry: Registry, runner: Runner, cancel: Signal, owner: Hashable = None
    ) -> None:
        self._registry = registry
        self._runner = runner
        self._cancel = cancel
        self._caller = owner

    @property
    def owner(self) -> object:
        """Whose turn a large result takes: all calls of a session have the same."""
        return self._runner

    def prepare(self, call: ToolCall) -> ToolCall:
        """The call with its arguments; one of a tool that is not there as it is.

        Raises:
            ToolError: the tool has changed since the call's program started, or the input does not fit.
        """
        call = with_input(call)
        entry = self._registry.entry(call.tool_name)
        if entry is None:
            return _plain(call)
        tool, definition = entry
        self._registry.check_digest(call)
        if not call.digest:
            call = msgspec.structs.replace(
                call,
                description=definition.description,
                annotations=definition.annotations,
                digest=definition.digest,
            )
        if isinstance(tool, Preparing):
            return tool.prepare(call, self._context(definition.name))
        return _plain(call)

    def change(self, call: ToolCall, arguments: Mapping[str, Any]) -> ToolCall:
        """The prepared ``call`` with other arguments.

        Raises:
            ToolError: they do not fit.
        """
        entry = self._registry.entry(call.tool_name)
        if entry is not None and isinstance(entry[0], Preparing):
            return entry[0].change(call, arguments, self._context(entry[1].name))
        is_object = isinstance(call.input, dict)
        said = dict(arguments) if is_object else arguments.get(INPUT, call.input)
        return _plain(msgspec.structs.replace(call, input=said))

    async def invoke(self, call: ToolCall) -> JsonValue:
        """Run the tool of the prepared ``call``; the caller owns the result.

        Raises:
            ToolError: it is not enabled, it has changed, or it failed.
        """
        entry = self._registry.entry(call.tool_name)
        if entry is None:
            raise ToolError(self._registry.unknown(call.tool_name))
        self._registry.check_digest(call)  # again: a middleware may have waited for hours
        tool, definition = entry
        result = await tool.invoke(call, self._context(definition.name))
        # What our own tools give is made for this call; another one may keep what it gives.
        if isinstance(tool, FunctionTool | Tool):
            return result
        return await converted(result, definition.name, self._runner)

    def _context(self, name: str) -> ToolContext:
        return ToolContext(name, self._cancel, self._runner, self._caller)


def with_input(call: ToolCall) -> ToolCall:
    """``call``, or the same with an empty object where the program passed no argument."""
    return msgspec.structs.replace(call, input={}) if call.input is msgspec.UNSET else call


def _plain(call: ToolCall) -> ToolCall:
    """The call of a tool that checks its input itself."""
    given = call.input if isinstance(call.input, dict) else {INPUT: call.input}
    return msgspec.structs.replace(call, arguments=given)
