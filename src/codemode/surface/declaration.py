"""A tool as a model reads it: its description, and its declaration in TypeScript behind that.

Descriptions come from strangers. Nothing in one may pass for a heading of ours or for a
declaration, or take in what stands below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from ..lazy_pattern import lazy_pattern
from ..protocol.types import JsonValue, ToolDefinition
from .identifiers import normalize
from .mcp_result import MCP_RESULT, is_mcp_result
from .published import render_published
from .schema_reader import read_schema
from .type_tree import UNKNOWN, Type
from .typescript import render

EXEC_TOOL_NAME: Final = "exec"

DeclarationForm: TypeAlias = Literal["shared", "published"]
"""How the tools of a catalogue are declared: with the types that they share declared once, or each by
itself, in the very form of the published client."""
FORMS: Final[tuple[DeclarationForm, ...]] = ("shared", "published")

_IMITATION = lazy_pattern(
    r"^(?= {0,3}(?:### `|exec tool declaration:|Shared (?:MCP Types|types):|declare const tools\b))",
    re.MULTILINE,
)
_FENCE = lazy_pattern(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)


class Signature(msgspec.Struct, frozen=True, eq=False):
    """What a tool takes and gives, read and not yet written.

    Attributes:
        name: what a program calls.
        arguments: None for a tool that takes one string.
        result: what a call gives; the structured part of it for a tool of an MCP server.
    """

    name: str
    arguments: Type | None
    result: Type
    is_mcp: bool

    def declared(self, arguments: str, result: str) -> str:
        """The declaration, with these texts of its types."""
        parameter = "input: string" if self.arguments is None else f"args: {arguments}"
        return _declared(self.name, parameter, _mcp_result(result) if self.is_mcp else result)


def signature_of(definition: ToolDefinition) -> Signature:
    """Read the schemas of a tool."""
    is_free = definition.kind == "freeform"
    return Signature(
        normalize(definition.name),
        None if is_free else _read(definition.input_schema),
        _read(_result_schema(definition.output_schema)),
        is_mcp_result(definition.output_schema),
    )


def declaration(definition: ToolDefinition, *, form: DeclarationForm = "shared") -> str:
    """One tool as TypeScript, in the form in which a model reads it, with all its types in it.

    Args:
        definition: the tool.
        form: ``"shared"``, or ``"published"`` for the very form of the published client.

    >>> from codemode import ToolDefinition, ToolName
    >>> print(declaration(ToolDefinition(
    ...     name="weather", tool_name=ToolName("weather"), description="",
    ...     input_schema={"type": "object", "properties": {"city": {"type": "string"}}},
    ...     output_schema={"type": "number"})))
    declare const tools: { weather(args: { city?: string; }): Promise<number>; };
    """
    rendered = render if form == "shared" else render_published

    def text(schema: JsonValue) -> str:
        return UNKNOWN.text if schema is None else rendered(schema)

    free = definition.kind == "freeform"
    parameter = "input: string" if free else f"args: {text(definition.input_schema)}"
    result = text(_result_schema(definition.output_schema))
    if is_mcp_result(definition.output_schema):
        result = _mcp_result(result)
    return _declared(normalize(definition.name), parameter, result)


def augmented_description(definition: ToolDefinition, declared: str | None = None) -> str:
    """A tool's description with its declaration: what ``ALL_TOOLS`` and the exec text show.

    Lines of the description that look like the library's own headings are quoted with ``>``, and a
    fence left open is closed, so that the declaration below stays the only one in force.

    Args:
        declared: the declaration; without one, that of the tool alone.

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
    text = declaration(definition) if declared is None else declared
    return f"{description}\n\nexec tool declaration:\n{fenced(text)}"


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


def _read(schema: JsonValue) -> Type:
    return UNKNOWN if schema is None else read_schema(schema)


def _result_schema(schema: JsonValue) -> JsonValue:
    if is_mcp_result(schema):
        return schema["properties"].get("structuredContent", True)
    return schema


def _mcp_result(structured: str) -> str:
    return MCP_RESULT if structured == UNKNOWN.text else f"{MCP_RESULT}<{structured}>"


def _declared(name: str, parameter: str, result: str) -> str:
    return f"declare const tools: {{ {name}({parameter}): Promise<{result}>; }};"


def _open_fence(text: str) -> str:
    """The Markdown fence that ``text`` leaves open, or nothing (CommonMark 4.5)."""
    opened = ""
    for fence, info in _FENCE.findall(text):
        if not opened:
            opened = "" if fence[0] == "`" and "`" in info else fence
        elif fence.startswith(opened) and not info.strip():
            opened = ""
    return opened
