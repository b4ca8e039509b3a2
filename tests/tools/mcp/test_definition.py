"""A tool as a server describes it: what is used of it, and what is left out."""

from typing import Any

import msgspec
import pytest

from codemode.protocol.types import ToolDefinition
from codemode.surface.declaration import declaration
from codemode.tools.mcp.definition import (
    UnfitError,
    definition,
    described,
    without_control_texts,
)
from codemode.tools.mcp.naming import Naming

OBJECT = {"type": "object"}


def made(said: dict[str, Any]) -> ToolDefinition:
    """The definition of the tool ``said`` of a server ``s``."""
    tool = described(without_control_texts(said, msgspec.json.encode(said)))
    return definition("s", tool, Naming("s", ["s"]).named([tool.name])[tool.name])


@pytest.mark.parametrize(
    ("schema", "used", "odd"),
    [
        ({"type": "object", "properties": {"a": {}}}, None, []),
        ({"properties": {"a": {}}}, {"properties": {"a": {}}, "type": "object"}, []),
        ({}, OBJECT, []),
        ({"type": None}, OBJECT, []),
        ({"type": ["object", "null"]}, OBJECT, []),
        ({"type": "OBJECT"}, OBJECT, []),
        ({"$ref": "#/$defs/A", "$defs": {"A": OBJECT}}, None, []),
        ({"anyOf": [OBJECT]}, None, []),
        ({"type": "object", "required": "a", "properties": 3}, None, []),
        (None, OBJECT, ["inputSchema"]),
        (True, OBJECT, ["inputSchema"]),
    ],
)
def test_a_schema_of_an_object_is_used_however_it_is_written(
    schema: Any, used: Any, odd: list[str]
) -> None:
    found = described({"name": "t", "inputSchema": schema})

    assert (found.input_schema, found.odd) == (schema if used is None else used, odd)
    assert declaration(made({"name": "t", "inputSchema": schema})).startswith("declare const tools")


def test_a_tool_without_a_schema_takes_an_object() -> None:
    assert described({"name": "t"}).input_schema == OBJECT
    assert described({"name": "t", "input_schema": {"properties": {}}}).odd == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("t", "is no object"),
        ({}, "has no name"),
        ({"name": 7}, "has no name"),
        ({"name": " "}, "has no name"),
        ({"name": "n" * 257}, "has a name of more than 256 characters"),
        ({"name": "t", "inputSchema": {"type": "string"}}, "takes something else than an object"),
        ({"name": "t", "inputSchema": {"type": ["array"]}}, "takes something else than an object"),
        ({"name": "t", "inputSchema": "object"}, "has a malformed schema"),
        ({"name": "t", "inputSchema": False}, "has a malformed schema"),
    ],
)
def test_what_is_no_tool_is_refused(said: Any, reason: str) -> None:
    with pytest.raises(UnfitError) as caught:
        described(said)

    assert str(caught.value) == reason


def test_what_is_odd_beside_a_schema_is_left_out_and_named() -> None:
    said = {
        "name": "t",
        "description": ["a"],
        "title": "The title",
        "inputSchema": OBJECT,
        "outputSchema": [],
        "annotations": {"readOnlyHint": True, "title": 3, "destructiveHint": "no"},
        "icons": "none",
        "_meta": 3,
    }

    found = described(said)

    assert found.odd == ["description", "outputSchema"]
    assert (found.description, found.output_schema) == ("The title", None)
    assert found.annotations == {"readOnlyHint": True}


def test_a_definition_says_what_stands_behind_it() -> None:
    found = made({"name": "t", "inputSchema": OBJECT, "annotations": {"readOnlyHint": True}})

    assert (found.source, found.annotations) == ("mcp s", {"readOnlyHint": True})
    assert found.digest == made({"name": "t", "annotations": {"readOnlyHint": True}}).digest
    assert found.digest != made({"name": "t"}).digest


def test_a_name_in_other_letters_is_read_in_the_description() -> None:
    assert made({"name": "查询", "description": "Look up."}).description == "查询: Look up."
    assert made({"name": "查询"}).description == "查询"


def test_no_control_character_reaches_a_model() -> None:
    evil = "a\x1b[31mb\x00\u202ec\r\nd\x9b"
    said: dict[str, Any] = {
        "name": f"t\n{evil}",
        "description": evil,
        "inputSchema": {
            "type": "object",
            "properties": {
                "description": {"description": evil, "enum": [evil]},
                evil: {"items": [{"title": evil}]},
            },
        },
    }

    found = made(said)
    assert isinstance(found.input_schema, dict)
    shown = declaration(found)

    assert found.description == "abc\nd"
    assert not [each for each in shown if not each.isprintable() and each != "\n"]
    assert found.input_schema["properties"]["description"] == {
        "description": "abc\nd",
        "enum": ["a\x1b[31mb\x00c\r\nd"],
    }
    assert said["inputSchema"]["properties"]["description"]["description"] == evil
