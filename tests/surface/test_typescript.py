"""JSON Schema as TypeScript. Recorded types are those of the published 0.169.0 client."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codemode.protocol.types import ToolDefinition, ToolName
from codemode.surface.typescript import (
    MCP_TYPES,
    TEXT_BYTES,
    augmented_description,
    contained,
    declaration,
    flattened,
    is_mcp_result,
    normalize,
    render,
)

PUBLISHED = Path(__file__).parent / "published"
DECLARATIONS = json.loads((PUBLISHED / "declarations.json").read_text())
OUTPUT_TYPES = [
    *json.loads((PUBLISHED / "output_types.json").read_text()),
    *json.loads((PUBLISHED / "generated_types.json").read_text()),  # of schemas made at random
]

KEYS = (
    "type properties items prefixItems anyOf oneOf allOf additionalProperties required $ref"
    " description enum const $id $defs definitions"
).split()
NASTY = st.text() | st.sampled_from(
    ["*/", "```", "\n```\n", "\u2028evil", "a\rb", "x'; }", '"', "//", "\\", "#", "#/properties/a"]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | NASTY
    | st.sampled_from(["object", "array", "string", "number"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | NASTY, inner, max_size=5)
    ),
    max_leaves=40,
)


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
        flattened(ToolName(case["name"], "mcp__probe")),
        input_schema=case["input_schema"],
        output_schema=mcp_result(case["output_schema"]),
    )
    assert declaration(definition) == case["declaration"]


@pytest.mark.parametrize("case", OUTPUT_TYPES, ids=map(str, range(len(OUTPUT_TYPES))))
def test_a_schema_is_rendered_as_the_published_client_renders_it(case: dict[str, Any]) -> None:
    result = declaration(tool(output_schema=mcp_result(case["schema"])))
    assert result == (f"declare const tools: {{ go(args: unknown): Promise<{case['type']}>; }};")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, "unknown"),
        (False, "never"),
        (5, "unknown"),
        (None, "unknown"),
        ({"const": float("nan")}, "unknown"),
        ({"type": "object", "properties": {"\ud800": True}}, '{ "?"?: unknown; }'),
        ({"$id": "here", "$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, "null"),
        ({"$ref": "#/" + "a" * 4_096, "a" * 4_096: True}, "unknown"),
    ],
)
def test_schemas_that_the_published_client_cannot_be_given(schema: Any, expected: str) -> None:
    assert render(schema) == expected


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\u2029"])
def test_a_description_is_cut_at_each_line_end_of_javascript(end: str) -> None:
    schema = {"properties": {"a": {"description": f" one{end}{end} evil: never;"}}}
    assert render(schema) == "{\n  // one\n  // evil: never;\n  a?: unknown;\n}"


def nested_items(schema: Any, levels: int) -> Any:
    for _ in range(levels):
        schema = {"items": schema}
    return {"properties": {"p": schema}}


def nested_properties(schema: Any, levels: int) -> Any:
    for _ in range(levels):
        schema = {"properties": {"q": schema}}
    return schema


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda n: {"properties": {"p": {"enum": ["ab"] * n}}}, 2284),
        (lambda n: {"properties": {"p": {"const": "a" * n}}}, 10666),
        (lambda n: {"properties": {"p": {"const": "é" * n}}}, 5333),
        (lambda n: nested_items({"const": "a" * n}, 4), 9120),
        (lambda n: nested_items({"const": "a" * n}, 10), 4879),
        (lambda n: nested_items({"enum": ["a" * n, "b"]}, 6), 6367),
        (
            lambda n: {
                **nested_items({"$ref": "#/$defs/A"}, 4),
                "$defs": {"A": {"const": "a" * n}},
            },
            7980,
        ),
        (lambda n: nested_properties({"description": "a\n" * n}, 4), 1159),
        (lambda n: nested_properties({"const": "a" * n}, 5), 5793),
    ],
)
def test_a_budget_ends_where_that_of_the_published_client_ends(make: Any, most: int) -> None:
    assert (render(make(most)) == "unknown", render(make(most + 1))) == (False, "unknown")


@pytest.mark.parametrize(("levels", "inner"), [(127, "string"), (5_000, "Array<unknown>")])
def test_levels_beyond_the_bound_are_unknown(levels: int, inner: str) -> None:
    schema: Any = {"type": "string"}
    for _ in range(levels):
        schema = {"items": schema}
    assert render(schema) == "Array<" * 127 + inner + ">" * 127


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [None] * 200_000},
        {"type": [1] * 200_000},
        {"required": ["a"] * 200_000},
        {"properties": {f"k{i}": True for i in range(100_000)}},
        {"properties": {"a": {"description": "a\n" * 500_000}}},
        {"const": "a" * 1_000_000},
        {"const": [0] * 500_000},
        {"const": {str(at): [{"a": ["b"]}] for at in range(50_000)}},
        {"anyOf": [{"$ref": f"#/{at}/{'%41' * 1_300}"} for at in range(250)]},
    ],
    ids="enum type required properties description const array object references".split(),
)
def test_a_schema_of_a_megabyte_is_unknown(schema: Any) -> None:
    assert render(schema) == "unknown"


@given(JSON)
@example({"properties": {"a": {"description": "x\u2028y"}, "*/": {"const": "```"}}})
def test_any_json_gives_one_bounded_type_that_stays_in_its_place(schema: Any) -> None:
    text = render(schema)
    assert len(text.encode()) <= TEXT_BYTES
    assert not re.search("[\r\u2028\u2029]", re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text))
    for line in text.split("\n"):
        if not line.startswith("  //"):
            code = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
            assert re.fullmatch(r"[\w$\[\]{}()<>|&?:;, .+\-]*", code, re.ASCII), line


@given(JSON)
def test_rendering_does_not_depend_on_the_order_of_keys(schema: Any) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict) and not {"const", "enum"} & value.keys():
            return {key: turned(value[key]) for key in reversed(list(value))}
        return value

    assert render(turned(schema)) == render(schema)


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("a-b.c", "a_b_c"),
        ("9x", "_x"),
        ("$9", "$9"),
        ("", "_"),
        ("é", "_"),
        ("mcp__ologs__get_profile", "mcp__ologs__get_profile"),
    ],
)
def test_a_name_becomes_an_identifier(name: str, identifier: str) -> None:
    assert normalize(name) == identifier


@given(st.text())
def test_any_name_becomes_an_identifier_and_then_stays(name: str) -> None:
    identifier = normalize(name)
    assert re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", identifier)
    assert normalize(identifier) == identifier


@pytest.mark.parametrize(
    ("tool_name", "identifier"),
    [
        (ToolName("go"), "go"),
        (ToolName("go", "mcp__probe"), "mcp__probe__go"),
        (ToolName("hidden-tool", "codex_app"), "codex_app__hidden_tool"),
        (ToolName("go", ""), "go"),
    ],
)
def test_a_namespace_and_a_name_become_one_identifier(tool_name: ToolName, identifier: str) -> None:
    assert flattened(tool_name) == identifier


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
