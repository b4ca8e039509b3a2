"""The Claude Agent SDK: exec and wait as an MCP server in this process.

    options = ClaudeAgentOptions(**server(cm))

The SDK's hooks and ``can_use_tool`` see ``exec`` and ``wait``. What a program calls passes the chain of ``cm``: put a
``policy`` there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from claude_agent_sdk import SdkMcpTool, create_sdk_mcp_server
from mcp.types import ToolAnnotations

if TYPE_CHECKING:
    from ..code_mode import CodeMode
    from ..surface.toolspec import ToolSpec

NAME: Final = "codemode"

RESULT_CHARACTERS: Final = 500_000
"""Up to which a result stays in the conversation, instead of going into a file that Claude has to read."""


def tools(cm: CodeMode) -> list[SdkMcpTool[Any]]:
    """``exec`` and ``wait`` for ``create_sdk_mcp_server``; ``cm`` is the conversation's."""
    return [_tool(cm, spec) for spec in (cm.exec_tool, cm.wait_tool)]


def server(cm: CodeMode, *, name: str = NAME) -> dict[str, Any]:
    """Options of ``ClaudeAgentOptions`` with which Claude has both tools, and may use them."""
    made = tools(cm)
    return {
        "mcp_servers": {name: create_sdk_mcp_server(name, tools=made)},
        "allowed_tools": [f"mcp__{name}__{each.name}" for each in made],
    }


def _tool(cm: CodeMode, spec: ToolSpec) -> SdkMcpTool[Any]:
    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        result = (await cm.call(spec.name, arguments)).mcp_result()
        return {"content": list(result["content"]), "is_error": result.get("isError", False)}

    annotations = ToolAnnotations.model_validate({"maxResultSizeChars": RESULT_CHARACTERS})
    return SdkMcpTool(spec.name, spec.description, spec.parameters, call, annotations)
