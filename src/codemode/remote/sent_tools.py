"""The tools that a session has told its host, so that an execute names them by a number instead of sending them again.

A host may take two executes in another order than they were sent (over gRPC each is a stream of its own). So the
tools go with every execute until one that brought them has begun its cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..protocol.messages import RevisedExecuteRequest, with_revision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol.types import ExecuteRequest, ToolDefinition, ToolName


class SentTools:
    """The last list of tools that a host was told, by its revision, which grows from 1."""

    def __init__(self) -> None:
        self._revision = 0
        self._tools: tuple[ToolDefinition, ...] = ()
        self._is_known = False

    def request(self, request: ExecuteRequest) -> ExecuteRequest:
        """``request`` with the revision of its tools, and without them where the host knows them."""
        if not request.enabled_tools:
            return request
        if request.enabled_tools != self._tools:
            self._revision += 1
            self._tools, self._is_known = request.enabled_tools, False
        if self._is_known:
            request = msgspec.structs.replace(request, enabled_tools=())
        return with_revision(request, self._revision)

    def begun(self, request: ExecuteRequest) -> None:
        """A cell has begun that ``request`` asked for: its revision is known to the host."""
        if isinstance(request, RevisedExecuteRequest):
            self._is_known = self._is_known or request.catalog_revision == self._revision

    def forgotten(self) -> None:
        """The host does not know the revision: the tools are sent again."""
        self._is_known = False


class EnabledByName:
    """Remembers the last tools by their own names: what a cell at a host was given."""

    def __init__(self) -> None:
        self._last: tuple[tuple[ToolDefinition, ...], Mapping[ToolName, ToolDefinition]] = ((), {})

    def of(self, tools: tuple[ToolDefinition, ...]) -> Mapping[ToolName, ToolDefinition]:
        """``tools`` by name; of two with the same one the first."""
        if self._last[0] is not tools:
            self._last = (tools, {tool.tool_name: tool for tool in reversed(tools)})
        return self._last[1]
