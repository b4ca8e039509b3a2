"""FastMCP: a server whose tools are called by programs.

    server = FastMCP("desk")
    server.add_transform(CodeModeTransform())

A client then sees ``exec`` and ``wait``. A nested call is a call of the server's own tool, with its middleware, in the
request that runs the program. A session belongs to the one client of a server on standard streams or in this process; over
HTTP to the user that the access token names, else to the client's MCP session. In MCP's stateless protocol that is a single
request: there a program without a user must end within its first observation, since no later request finds its cell.
Sessions end with the transform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastmcp.exceptions import FastMCPError
from fastmcp.server.dependencies import get_access_token, get_context
from fastmcp.server.transforms.catalog import CatalogTransform
from fastmcp.tools import Tool as ServerTool
from fastmcp.tools import ToolResult
from mcp.types import ContentBlock
from pydantic import TypeAdapter

from ..code_mode import CodeMode
from ..errors import ToolError
from ..tools.schema_tool import Tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..protocol.types import JsonValue
    from ..surface.toolspec import ToolSpec

_BLOCKS = TypeAdapter(list[ContentBlock])


def tools(cm: CodeMode) -> list[ServerTool]:
    """``exec`` and ``wait`` as tools of a FastMCP server; all its clients share the session of ``cm``."""

    async def same() -> CodeMode:
        return cm

    return [_tool(spec, same) for spec in (cm.exec_tool, cm.wait_tool)]


class CodeModeTransform(CatalogTransform):
    """Shows a server's clients ``exec`` and ``wait`` in place of its tools, which programs call.

    Args:
        options: of the ``CodeMode`` of each client's session, such as ``limits``, ``policy``, ``provider``, ``trace``.

    Close it with ``aclose`` when the server ends.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._options = options
        self._sessions: dict[str, CodeMode] = {}

    async def aclose(self) -> None:
        """End every session."""
        sessions, self._sessions = self._sessions, {}
        for cm in sessions.values():
            await cm.aclose()

    async def transform_tools(self, tools: Sequence[ServerTool]) -> Sequence[ServerTool]:
        """``exec``, with the server's tools in its text, and ``wait``."""
        cm = CodeMode(tools=list(map(self._nested, tools)), **self._options)
        return [_tool(spec, self._session) for spec in (cm.exec_tool, cm.wait_tool)]

    async def get_tool(
        self, name: str, call_next: Any, *, version: Any = None
    ) -> ServerTool | None:
        """The tool of this name: one of ours, or the server's own for nested calls."""
        found = await call_next(name, version=version)
        if found is not None or name not in ("exec", "wait"):
            return found
        ours = await self.transform_tools(())
        return next(tool for tool in ours if tool.name == name)

    async def _session(self) -> CodeMode:
        context = get_context()
        name = _owner(context)
        cm = self._sessions.get(name)
        if cm is None:
            catalog = await self.get_tool_catalog(context)
            cm = CodeMode(tools=list(map(self._nested, catalog)), **self._options)
            self._sessions[name] = cm
        return cm

    def _nested(self, tool: ServerTool) -> Tool:
        async def invoke(arguments: dict[str, JsonValue]) -> JsonValue:
            try:
                result = await get_context().fastmcp.call_tool(tool.name, dict(arguments))
            except FastMCPError as error:
                raise ToolError(str(error)) from error
            return _plain(result)

        return Tool(
            tool.name,
            invoke,
            description=tool.description or "",
            input_schema=tool.parameters,
            output_schema=tool.output_schema,
        )


def _owner(context: Any) -> str:
    """Whose session this is."""
    if context.transport in (None, "stdio"):
        return "the one client"
    token = get_access_token()
    return f"user {token.client_id}" if token is not None else f"session {context.session_id}"


def _tool(spec: ToolSpec, session: Any) -> ServerTool:
    return _ExecTool(
        name=spec.name, description=spec.description, parameters=spec.parameters
    ).using(session)


class _ExecTool(ServerTool):
    """One of the two tools, as a FastMCP server calls it."""

    def using(self, session: Any) -> _ExecTool:
        self._session = session
        return self

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        cm: CodeMode = await self._session()
        result = (await cm.call(self.name, arguments)).mcp_result()
        content = _BLOCKS.validate_python(result["content"])
        return ToolResult(content=content, is_error=result.get("isError", False))


def _plain(result: Any) -> JsonValue:
    structured = getattr(result, "structured_content", None)
    if structured is not None:
        only = structured.get("result") if structured.keys() == {"result"} else structured
        plain: JsonValue = only
        return plain
    texts = [block.text for block in result.content if block.type == "text"]
    return texts[0] if len(texts) == 1 else list(texts)
