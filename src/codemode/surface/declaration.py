"""A tool as a model reads it: its description, and its declaration in TypeScript behind that.

Descriptions come from strangers. Nothing in one may pass for a heading of ours or for a
declaration, or take in what stands below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from ..protocol.types import JsonValue, ToolDefinition
from .identifiers import normalize
from .mcp_result import MCP_RESULT, is_mcp_result
from .type_tree import UNKNOWN
from .typescript import render

EXEC_TOOL_NAME: Final = "exec"

_IMITATION = re.compile(
    r"^(?= {0,3}(?:### `|exec tool declaration:|Shared MCP Types:|declare const tools\b))",
    re.MULTILINE,
)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)


def declaration(definition: ToolDefinition) -> str:
    """One tool as TypeScript, in the form in which a model reads it.

    >>> from codemode import ToolDefinition, ToolName
    >>> print(declaration(ToolDefinition(
    ...     name="weather", tool_name=ToolName("weather"), description="",
    ...     input_schema={"type": "object", "properties": {"city": {"type": "string"}}},
    ...     output_schema={"type": "number"})))
    declare const tools: { weather(args: { city?: string; }): Promise<number>; };
    """
    if definition.kind == "freeform":
        parameter = "input: string"
    else:
        parameter = f"args: {_or_unknown(definition.input_schema)}"
    result = _result_type(definition.output_schema)
    name = normalize(definition.name)
    return f"declare const tools: {{ {name}({parameter}): Promise<{result}>; }};"


def augmented_description(definition: ToolDefinition) -> str:
    """A tool's description with its declaration: what ``ALL_TOOLS`` and the exec text show.

    Lines of the description that look like the library's own headings are quoted with ``>``, and a
    fence left open is closed, so that the declaration below stays the only one in force.

    >>> from codemode import ToolDefinition, ToolName
    >>> print(augmented_description(ToolDefinition(
    ...     name="now", tool_name=ToolName("now"), description="Current time.")))
    Current time.
    <BLANKLINE>
    exec tool declaration:
    ```ts
    declare const tools: { now(args: unknown): Promise<unknown>; };
    ```
    """
    if definition.name == EXEC_TOOL_NAME:  # its text is about the declarations themselves
        return definition.description
    description = contained(definition.description)
    return f"{description}\n\nexec tool declaration:\n{fenced(declaration(definition))}"


def described(definitions: Iterable[ToolDefinition]) -> tuple[ToolDefinition, ...]:
    """The definitions as a session gets them: each description with its declaration behind it."""
    return tuple(
        msgspec.structs.replace(
            tool, description=augmented_description(tool), given=tool.given or tool
        )
        for tool in definitions
    )


def contained(description: str) -> str:
    """``description`` so that it can neither imitate a heading of ours nor swallow what follows."""
    text = _IMITATION.sub("> ", description)
    fence = _open_fence(text)
    return f"{text}\n{fence}" if fence else text


def fenced(code: str) -> str:
    """``code`` as a Markdown block. Rendered TypeScript has no line that starts with a backtick."""
    return f"```ts\n{code}\n```"


def _or_unknown(schema: JsonValue) -> str:
    return UNKNOWN.text if schema is None else render(schema)


def _result_type(schema: JsonValue) -> str:
    if not is_mcp_result(schema):
        return _or_unknown(schema)
    structured = render(schema["properties"].get("structuredContent", True))
    return MCP_RESULT if structured == UNKNOWN.text else f"{MCP_RESULT}<{structured}>"


def _open_fence(text: str) -> str:
    """The Markdown fence that ``text`` leaves open, or nothing (CommonMark 4.5)."""
    opened = ""
    for fence, info in _FENCE.findall(text):
        if not opened:
            opened = "" if fence[0] == "`" and "`" in info else fence
        elif fence.startswith(opened) and not info.strip():
            opened = ""
    return opened
