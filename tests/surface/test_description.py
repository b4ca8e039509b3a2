"""The exec and wait tools as models get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codemode.protocol.types import ToolDefinition, ToolName
from codemode.surface.declaration import augmented_description, described
from codemode.surface.description import (
    EXEC_GRAMMAR,
    NamespaceDescription,
    exec_tool,
    tool_section,
    wait_tool,
    with_headings,
)
from codemode.surface.mcp_result import MCP_TYPES
from codemode.surface.tool_catalogue import ToolCatalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codemode.surface.toolspec import ToolSpec

MCP = {
    "properties": {
        "content": {"type": "array", "items": {"type": "object"}},
        "isError": {"type": "boolean"},
        "_meta": {"type": "object"},
    }
}


def tool(name: str, namespace: str | None = None, **fields: Any) -> ToolDefinition:
    known: dict[str, Any] = {
        "name": name,
        "tool_name": ToolName(name, namespace),
        "description": f"{name}!",
    }
    return ToolDefinition(**(known | fields))


def sections(
    *tools: ToolDefinition, namespaces: Mapping[str, NamespaceDescription] | None = None
) -> str:
    """What a description has beyond its introduction."""
    listed = ((each, tool_section(each)) for each in described(tools))
    return beyond_introduction(exec_tool(with_headings(listed, namespaces or {})))


def beyond_introduction(spec: ToolSpec) -> str:
    base = exec_tool().description
    assert spec.description.startswith(base)
    return spec.description.removeprefix(base)


def test_without_tools_the_introduction_stands_alone() -> None:
    assert sections() == ""


def test_each_tool_has_a_heading_and_its_declaration_in_order() -> None:
    a, b = tool("b"), tool("a-x")
    assert sections(a, b) == (
        f"\n\n### `b`\n{augmented_description(a)}\n\n### `a_x` (`a-x`)\n{augmented_description(b)}"
    )


def test_consecutive_tools_of_a_namespace_share_a_heading_and_a_blank_text_gives_none() -> None:
    tools = (tool("a", "m"), tool("b", "m"), tool("c", "n"), tool("d", "m"), tool("e", "other"))
    text = sections(
        *tools,
        namespaces={
            "m": NamespaceDescription("Mail\n# evil", " Post. "),
            "n": NamespaceDescription("Blank", " \n"),
        },
    )
    body = [f"### `{t.name}`\n{augmented_description(t)}" for t in tools]
    head = "## Mail_# evil\nPost."
    assert text == "\n\n" + "\n\n".join([head, body[0], body[1], body[2], head, body[3], body[4]])


def test_shared_mcp_types_appear_once_also_for_deferred_tools() -> None:
    mcp = [tool("a", output_schema=MCP), tool("b", output_schema=MCP)]
    for tools, budget, count in ((mcp, None, 1), (mcp, 0, 1), ([tool("c")], None, 0)):
        text = beyond_introduction(ToolCatalogue(tools, max_tokens=budget).exec_tool())
        assert text.count(MCP_TYPES) == count


def test_deferred_tools_are_pointed_to_and_not_listed() -> None:
    text = beyond_introduction(ToolCatalogue([tool("hidden")], max_tokens=0).exec_tool())
    assert ("ALL_TOOLS.filter" in text, "hidden" in text) == (True, False)


@pytest.mark.parametrize(
    "helper",
    "tools ALL_TOOLS text image audio generatedImage content store load notify yield_control exit"
    " setTimeout clearTimeout as_settled stream_settled".split(),
)
def test_every_global_of_a_cell_is_described(helper: str) -> None:
    assert f"`{helper}" in exec_tool().description


def test_exec_is_a_custom_tool_with_a_grammar_or_a_function_of_code() -> None:
    spec = exec_tool()
    parameters = {
        "type": "object",
        "properties": {"code": {"type": "string", "description": "JavaScript source text."}},
        "required": ["code"],
        "additionalProperties": False,
    }
    assert spec.openai() == {
        "type": "custom",
        "name": "exec",
        "description": spec.raw_description,
        "format": {"type": "grammar", "syntax": "lark", "definition": EXEC_GRAMMAR},
    }
    plain = {"name": "exec", "description": spec.description, "parameters": parameters}
    assert spec.function() == plain
    assert spec.openai_function() == {"type": "function", "strict": False, **plain}
    assert spec.anthropic() == {
        "name": "exec",
        "description": spec.description,
        "input_schema": parameters,
    }


def test_only_the_sentence_about_the_input_differs_between_raw_text_and_json() -> None:
    spec = ToolCatalogue([tool("a")]).exec_tool()
    raw = (spec.raw_description or "").splitlines()
    differing = [
        pair for pair in zip(raw, spec.description.splitlines(), strict=True) if len({*pair}) > 1
    ]
    assert differing == [
        (
            "- The input is the program itself: raw JavaScript, no JSON, no quotes around it, no"
            " Markdown fence.",
            "- The argument `code` is the program itself: raw JavaScript, no Markdown fence.",
        )
    ]


def test_wait_takes_a_cell_id_and_three_options() -> None:
    parameters = wait_tool().parameters
    types = {name: schema["type"] for name, schema in parameters["properties"].items()}
    assert types == {
        "cell_id": "string",
        "max_tokens": "number",
        "terminate": "boolean",
        "yield_time_ms": "number",
    }
    assert (parameters["required"], parameters["additionalProperties"]) == (["cell_id"], False)
    assert wait_tool().openai() == wait_tool().openai_function()
