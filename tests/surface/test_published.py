"""The published client's types: the old form gives them all, and ours differ where it is meant.

``output_types.json`` and ``generated_types.json`` (schemas made at random) were recorded with 0.169.0,
``departures.json`` with 0.171.0. ``improved.json`` has our type for each of the former that differs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codemode.protocol.types import ToolDefinition, ToolName
from codemode.surface.mcp_result import MCP_RESULT
from codemode.surface.published import render_published
from codemode.surface.tool_catalogue import ToolCatalogue
from codemode.surface.typescript import render
from codemode_conformance.compare import load_improvements

PUBLISHED = Path(__file__).parent / "published"
RECORDED = [
    (f"{name}/{at}", case["schema"], case["type"])
    for name in ("output_types", "generated_types")
    for at, case in enumerate(json.loads((PUBLISHED / f"{name}.json").read_text()))
]
IMPROVED = {each["case"]: each for each in json.loads((PUBLISHED / "improved.json").read_text())}
DEPARTURES = json.loads((PUBLISHED / "departures.json").read_text())


def in_a_result(text: str) -> str:
    return MCP_RESULT if text == "unknown" else f"{MCP_RESULT}<{text}>"


@pytest.mark.parametrize(("name", "schema", "recorded"), RECORDED, ids=lambda each: str(each)[:30])
def test_the_old_form_is_that_of_the_published_client(
    name: str, schema: Any, recorded: str
) -> None:
    assert in_a_result(render_published(schema)) == recorded


def test_a_catalogue_in_the_published_form_has_the_recorded_types_at_each_tool() -> None:
    tools = [
        ToolDefinition(
            name=f"t{at}", tool_name=ToolName(f"t{at}"), description="", output_schema=schema
        )
        for at, (_, schema, _) in enumerate(RECORDED)
    ]
    catalogue = ToolCatalogue(tools, form="published")
    types = [
        entry.declaration.removesuffix(">; };").partition("Promise<")[2]
        for entry in catalogue.entries
    ]
    assert [in_a_result(each) for each in types] == [recorded for _, _, recorded in RECORDED]
    assert catalogue.declared_types == ()


@pytest.mark.parametrize(("name", "schema", "recorded"), RECORDED, ids=lambda each: str(each)[:30])
def test_a_type_differs_from_the_published_one_only_where_that_is_meant(
    name: str, schema: Any, recorded: str
) -> None:
    expected = IMPROVED[name]["type"] if name in IMPROVED else recorded
    assert in_a_result(render(schema)) == expected


def test_each_difference_has_a_reason_of_the_table_of_improvements() -> None:
    recorded = {name: text for name, _, text in RECORDED}
    reasons = set(load_improvements().values())
    assert [name for name, each in IMPROVED.items() if each["type"] == recorded[name]] == []
    assert [name for name, each in IMPROVED.items() if each["because"] not in reasons] == []


@pytest.mark.parametrize("case", DEPARTURES, ids=lambda case: case["name"])
def test_a_departure_stands_in_the_table_of_improvements(case: dict[str, Any]) -> None:
    assert f"declarations/{case['name']}" in load_improvements()
    assert case["published"] != case["ours"]
    assert render_published(case["schema"]) == case["published"]
    assert render(case["schema"]) == case["ours"]


def test_an_id_makes_a_document_of_its_own_in_the_old_form() -> None:
    inner = {"$id": "x", "$ref": "#/$defs/a"}
    definitions = {"$defs": {"a": {"type": "null"}}}
    assert render_published({"properties": {"p": inner}, **definitions}) == "{ p?: unknown; }"
    assert render_published({**inner, **definitions}) == "null"


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
    assert (render_published(make(most)) == "unknown", render_published(make(most + 1))) == (
        False,
        "unknown",
    )
