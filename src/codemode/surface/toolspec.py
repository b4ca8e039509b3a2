"""A tool for a model, in no interface's form and in each one's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from msgspec import Struct

from ..errors import UsageError

if TYPE_CHECKING:
    from anthropic.types import ToolParam
    from openai.types.chat import ChatCompletionCustomToolParam, ChatCompletionFunctionToolParam
    from openai.types.responses import CustomToolParam, FunctionToolParam
    from openai.types.shared_params import FunctionDefinition

    from .mcp import ListedTool


class Function(TypedDict):
    """A name, a description and JSON Schema parameters: what most interfaces want."""

    name: str
    description: str
    parameters: dict[str, Any]


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

    def openai(self) -> CustomToolParam | FunctionToolParam:
        """For the OpenAI Responses API: a custom tool if it takes raw text, else a function."""
        if self.grammar is None or self.raw_description is None:
            return self.openai_function()
        return {
            "type": "custom",
            "name": self.name,
            "description": self.raw_description,
            "format": {"type": "grammar", "syntax": "lark", "definition": self.grammar},
        }

    def openai_function(self) -> FunctionToolParam:
        """For the OpenAI Responses API and models that only know functions."""
        return {
            "type": "function",
            "strict": False,
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }

    def openai_chat(self) -> ChatCompletionFunctionToolParam:
        """For OpenAI's Chat Completions and the many interfaces that follow them."""
        function: FunctionDefinition = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        return {"type": "function", "function": function}

    def openai_chat_custom(self) -> ChatCompletionCustomToolParam:
        """For OpenAI's Chat Completions and models that take raw text there.

        Raises:
            UsageError: the tool takes no raw text.
        """
        if self.grammar is None or self.raw_description is None:
            raise UsageError(
                f"{self.name} takes no raw text\nHint: use openai_chat(), which makes a function."
            )
        return {
            "type": "custom",
            "custom": {
                "name": self.name,
                "description": self.raw_description,
                "format": {
                    "type": "grammar",
                    "grammar": {"syntax": "lark", "definition": self.grammar},
                },
            },
        }

    def function(self) -> Function:
        """A name, a description and JSON Schema parameters, as most interfaces want them."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }

    def anthropic(self) -> ToolParam:
        """For the Anthropic Messages API."""
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": self.parameters,
        }

    def mcp(self) -> ListedTool:
        """For ``tools/list`` of an MCP server."""
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": self.parameters,
        }
