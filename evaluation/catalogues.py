"""What tools cost before anything is done: as JSON Schema, and in the text of exec."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from codemode import Toolset
from codemode.protocol.types import ToolDefinition
from codemode.surface.description import wait_tool
from codemode.surface.tool_catalogue import ToolCatalogue
from codemode.surface.toolspec import ToolSpec

from .tokens import tokens
from .worlds import bound

_RESULT = re.compile(r"Promise<[\s\S]*?>; \};\n```")
_TYPES = re.compile(r"\n\nShared types:\n```ts\n[\s\S]*?\n```")


def direct_json(suite: Any) -> str:
    """A suite's functions as JSON definitions, as providers take them."""
    return "\n".join(
        json.dumps(
            {
                "type": "function",
                "name": each.name,
                "description": each.description,
                "parameters": each.parameters.model_json_schema(),
            }
        )
        for each in suite.tools
    )


def exec_tokens(spec: ToolSpec, text: str | None = None) -> int:
    """``exec`` and ``wait`` as a model gets them: the text as it is, the rest as JSON."""
    raw = spec.raw_description or spec.description
    frame = {**spec.openai(), "description": ""}
    return (
        tokens(raw if text is None else text)
        + tokens(json.dumps(frame))
        + tokens(json.dumps(wait_tool().openai()))
    )


def suite_sizes(suite: Any) -> dict[str, int]:
    """The fixed tokens of a suite in each form."""
    definitions = Toolset(bound(suite)).definitions
    published = ToolCatalogue(definitions, form="published").exec_tool()
    shared = ToolCatalogue(definitions).exec_tool()
    text = shared.raw_description or ""
    untyped = _RESULT.sub("Promise<unknown>; };\n```", _TYPES.sub("", text))
    deferred = Toolset(bound(suite), catalogue_tokens=0).catalogue.exec_tool()
    return {
        "direct": tokens(direct_json(suite)),
        "published": exec_tokens(published),
        "shared": exec_tokens(shared),
        "untyped": exec_tokens(shared, untyped),
        "deferred": exec_tokens(deferred),
    }


def server_sizes(definitions: Sequence[ToolDefinition]) -> dict[str, int]:
    """The same for tools of MCP servers, whose schemas are JSON already."""
    direct = "\n".join(
        json.dumps(
            {
                "type": "function",
                "name": d.name,
                "description": d.description,
                "parameters": d.input_schema,
            }
        )
        for d in definitions
    )
    return {
        "direct": tokens(direct),
        "published": exec_tokens(ToolCatalogue(definitions, form="published").exec_tool()),
        "shared": exec_tokens(ToolCatalogue(definitions).exec_tool()),
        "budget": exec_tokens(ToolCatalogue(definitions, max_tokens=20_000).exec_tool()),
        "deferred": exec_tokens(ToolCatalogue(definitions, max_tokens=0).exec_tool()),
    }
