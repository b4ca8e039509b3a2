"""A tool for a model, in no interface's form and in each one's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from .anthropic import Tool as AnthropicTool
    from .mcp import Tool as McpTool
    from .openai import ChatTool, CustomTool, Function, FunctionTool


class ToolSpec(Struct, frozen=True, kw_only=True):
    """A tool for a model, in no interface's form.

    Attributes:
        name: what the model calls.
        description: what the model reads when it calls with JSON arguments.
        parameters: JSON Schema of these arguments.
        raw_description: the same for raw text as input, where the tool takes that.
        grammar: a Lark grammar of that text.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    raw_description: str | None = None
    grammar: str | None = None

    def openai(self) -> CustomTool | FunctionTool:
        """For the OpenAI Responses API: a custom tool if it takes raw text, else a function."""
        if self.grammar is None or self.raw_description is None:
            return self.openai_function()
        return {
            "type": "custom",
            "name": self.name,
            "description": self.raw_description,
            "format": {"type": "grammar", "syntax": "lark", "definition": self.grammar},
        }

    def openai_function(self) -> FunctionTool:
        """For the OpenAI Responses API and models that only know functions."""
        return {"type": "function", "strict": False, **self.function()}

    def openai_chat(self) -> ChatTool:
        """For OpenAI's Chat Completions and the many interfaces that follow them."""
        return {"type": "function", "function": self.function()}

    def function(self) -> Function:
        """A name, a description and JSON Schema parameters, as most interfaces want them."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }

    def anthropic(self) -> AnthropicTool:
        """For the Anthropic Messages API."""
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": self.parameters,
        }

    def mcp(self) -> McpTool:
        """For ``tools/list`` of an MCP server."""
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": self.parameters,
        }
