"""The Anthropic SDK: exec and wait for ``client.beta.messages.tool_runner``.

    runner = client.beta.messages.tool_runner(model=…, max_tokens=…, tools=tools(cm), messages=[…])

In a loop of one's own, ``cm.exec_tool.anthropic()`` and ``cm.answer(block)`` do the same without this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anthropic.lib.tools import BetaAsyncBuiltinFunctionTool, ToolError

if TYPE_CHECKING:
    from ..code_mode import CodeMode
    from ..surface.toolspec import ToolSpec


def tools(cm: CodeMode) -> list[BetaAsyncBuiltinFunctionTool]:
    """``exec`` and ``wait`` for a tool runner; ``cm`` is the conversation's, and the application's to close."""
    return [_RunnerTool(cm, spec) for spec in (cm.exec_tool, cm.wait_tool)]


class _RunnerTool(BetaAsyncBuiltinFunctionTool):
    """One of the two tools, as the runner calls it."""

    def __init__(self, cm: CodeMode, spec: ToolSpec) -> None:
        self._cm = cm
        self._spec = spec

    @property
    def name(self) -> str:
        return self._spec.name

    def to_dict(self) -> Any:
        return self._spec.anthropic()

    async def call(self, input: object) -> Any:
        arguments = input if isinstance(input, dict) else {}
        result = await self._cm.call(self._spec.name, arguments)
        content: Any = result.anthropic_result("")["content"]
        if result.failed:
            raise ToolError(content)
        return content
