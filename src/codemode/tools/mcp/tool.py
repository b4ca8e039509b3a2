"""A tool of a server, as toolsets take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ...errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...protocol.types import JsonValue, ToolCall, ToolDefinition
    from ..tool import ToolContext


class Calling(Protocol):
    """What a tool needs of its server."""

    async def call(self, tool: str, call: ToolCall) -> JsonValue:
        """The result of ``tool``; raises ToolError if there is none."""


class McpTool:
    """A tool of a server; a :class:`~codemode.tools.tool.ToolInterface`.

    Args:
        server: calls it.
        name: the server's own name of it.
        definition: what it is.
    """

    __slots__ = ("_name", "_server", "definition")

    def __init__(self, server: Calling, name: str, definition: ToolDefinition) -> None:
        self._server = server
        self._name = name
        self.definition = definition

    def __repr__(self) -> str:
        return f"<McpTool {self.definition.name}>"

    def is_like(self, other: McpTool) -> bool:
        """Whether the two are the same tool of the same server."""
        return (
            self._server is other._server
            and self._name == other._name
            and self.definition == other.definition
        )

    def prepare(self, call: ToolCall, context: ToolContext) -> ToolCall:
        """The call; its arguments are its input, which the server checks.

        Raises:
            ToolError: the input is no object.
        """
        if not isinstance(call.input, dict):
            raise ToolError(f"tool `{context.name}` expects a JSON object for arguments")
        return msgspec.structs.replace(call, arguments=call.input)

    def change(
        self, call: ToolCall, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolCall:
        """The call with another input."""
        return self.prepare(msgspec.structs.replace(call, input=dict(arguments)), context)

    async def invoke(self, call: ToolCall, context: ToolContext) -> JsonValue:
        """Have the server run it; the whole result, ``isError`` ones too.

        Raises:
            ToolError: there is no result.
        """
        return await self._server.call(self._name, self.prepare(call, context))
