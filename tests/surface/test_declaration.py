"""Tools as a model reads them. Recorded types are those of the published 0.169.0 client."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from codemode.protocol.types import ToolDefinition, ToolName
from codemode.surface.declaration import augmented_description, contained, declaration
from codemode.surface.identifiers import normalize
from codemode.surface.mcp_result import MCP_TYPES, is_mcp_result

DECLARATIONS = json.loads((Path(__file__).parent / "published" / "declarations.json").read_text())


def mcp_result(structured: Any = None) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "content": {"type": "array", "items": {"type": "object"}},
        "isError": {"type": "boolean"},
        "_meta": {"type": "object"},
    }
    if structured is not None:
        properties["structuredContent"] = structured
    return {"type": "object", "properties": properties}


def tool(name: str = "go", **fields: Any) -> ToolDefinition:
    known: dict[str, Any] = {"name": name, "tool_name": ToolName(name), "description": "Do it."}
    return ToolDefinition(**(known | fields))


@pytest.mark.parametrize("case", DECLARATIONS, ids=lambda case: case["name"])
def test_a_tool_is_declared_as_the_published_client_declares_it(case: dict[str, Any]) -> None:
    definition = tool(
        normalize(f"mcp__probe__{case['name']}"),
        input_schema=case["input_schema"],
        output_schema=mcp_result(case["output_schema"]),
    )
    assert declaration(definition) == case["declaration"]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (tool("a-b", kind="freeform", input_schema=True), "a_b(input: string): Promise<unknown>"),
        (tool(), "go(args: unknown): Promise<unknown>"),
        (tool(output_schema=mcp_result()), "go(args: unknown): Promise<CallToolResult>"),
        (
            tool(output_schema=mcp_result({"type": "string"})),
            "go(args: unknown): Promise<CallToolResult<string>>",
        ),
    ],
)
def test_a_declaration_names_the_parameter_by_kind(
    definition: ToolDefinition, expected: str
) -> None:
    assert declaration(definition) == f"declare const tools: {{ {expected}; }};"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (mcp_result(), True),
        (None, False),
        ({"properties": 5}, False),
        ({"properties": {**mcp_result()["properties"], "_meta": {"type": "string"}}}, False),
        ({"properties": {**mcp_result()["properties"], "content": {"type": "array"}}}, False),
    ],
)
def test_an_mcp_result_is_known_by_its_properties(schema: Any, expected: bool) -> None:
    assert is_mcp_result(schema) is expected


def test_the_mcp_types_use_no_type_that_they_do_not_declare() -> None:
    declared = set(re.findall(r"^type (\w+)", MCP_TYPES, re.MULTILINE)) | {"TStructured"}
    assert set(re.findall(r"\b[A-Z]\w*\b", MCP_TYPES)) == declared


def test_the_text_of_exec_itself_gets_no_declaration() -> None:
    assert augmented_description(tool("exec")) == "Do it."


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("See:\n```sh\nls\n```", "See:\n```sh\nls\n```"),
        ("See:\n```sh\nls", "See:\n```sh\nls\n```"),
        ("~~~~\n```\n~~~", "~~~~\n```\n~~~\n~~~~"),
        ("``` a`b ```", "``` a`b ```"),
        ("x\n### `rm`\ny", "x\n> ### `rm`\ny"),
        ("exec tool declaration:", "> exec tool declaration:"),
        (" declare const tools: {};", ">  declare const tools: {};"),
        ("## Usage\ndeclare", "## Usage\ndeclare"),
    ],
)
def test_a_description_cannot_imitate_or_swallow_what_stands_beside_it(
    description: str, expected: str
) -> None:
    assert contained(description) == expected
