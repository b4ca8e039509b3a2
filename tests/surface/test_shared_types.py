"""Types named once for many tools: which get a name, which name, and where it stands."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.surface.schema_reader import read_schema
from codemode.surface.shared_types import Root, SharedTypes

from .test_typescript import JSON

TEXT = {"type": "string"}
FILE = {"properties": {"name": TEXT, "owner": TEXT, "path": TEXT, "size": {"type": "integer"}}}
FILE_TEXT = "{ name?: string; owner?: string; path?: string; size?: number; }"


def shared(*schemas: Any, names: str = "One Two Three Four") -> SharedTypes:
    roots = zip(schemas, names.split(), strict=False)
    return SharedTypes(Root(read_schema(schema), name) for schema, name in roots)


def texts(types: SharedTypes, count: int) -> list[str]:
    """What is declared, and then what the roots are."""
    written = [types.written(at) for at in range(count)]
    names = dict.fromkeys(name for each in written for name in each.needs)
    return [*(types.declared(name).text for name in names), *(each.text for each in written)]


def test_a_type_that_recurs_in_whatever_documents_is_declared_once() -> None:
    types = shared(
        {"items": {"$ref": "#/$defs/File"}, "$defs": {"File": FILE}},
        {"anyOf": [FILE, {"type": "null"}]},
        {"properties": {"found": {"items": FILE}}},
    )
    assert texts(types, 3) == [
        f"type File = {FILE_TEXT};",
        "Array<File>",
        "File | null",
        "{ found?: Array<File>; }",
    ]


def test_a_type_that_stands_once_or_is_short_has_no_name() -> None:
    short = {"properties": {"a": TEXT}}
    assert texts(shared(FILE, {"items": short}, short), 3) == [
        FILE_TEXT,
        "Array<{ a?: string; }>",
        "{ a?: string; }",
    ]


def test_a_type_inside_a_named_one_is_no_second_occurrence() -> None:
    folder = {"properties": {"first": FILE, "path": TEXT}}
    assert texts(shared(folder, folder), 2) == [
        f"type One = {{ first?: {FILE_TEXT}; path?: string; }};",
        "One",
        "One",
    ]


@pytest.mark.parametrize(
    ("schemas", "name"),
    [
        ([{"$ref": "#/$defs/a-file", "$defs": {"a-file": FILE}}, FILE], "AFile"),
        ([FILE, {"$ref": "#/definitions/Doc", "definitions": {"Doc": FILE}}], "Doc"),
        ([{**FILE, "title": "Stored file"}, FILE], "StoredFile"),
        ([{"properties": {"best_match": FILE}}, FILE], "BestMatch"),
        ([{"properties": {"entries": {"items": FILE}}}, FILE], "Entry"),
        ([{"additionalProperties": FILE}, FILE], "OneItem"),
        ([FILE, FILE], "One"),
        ([{"properties": {"": FILE}}, FILE], "One"),
        ([{**FILE, "title": "promise"}, FILE], "Promise2"),
        ([{**FILE, "title": "TextContent"}, FILE], "TextContent2"),
        ([{**FILE, "title": "3D"}, FILE], "T3D"),
        ([{**FILE, "title": "a title that is " + "much too long " * 9}, FILE], "One"),
        ([{**FILE, "title": "Файл"}, FILE], "One"),
    ],
)
def test_a_name_is_the_authors_or_that_of_the_place(schemas: list[Any], name: str) -> None:
    types = shared(*schemas, FILE)
    assert types.written(0).needs == (name,)
    assert types.declared(name).text == f"type {name} = {FILE_TEXT};"


def test_two_types_of_one_name_are_told_apart() -> None:
    other = {"properties": {**FILE["properties"], "mode": TEXT}}
    documents = [{"items": {"$ref": "#/$defs/File"}, "$defs": {"File": f}} for f in (FILE, other)]
    assert texts(shared(*documents, *documents), 4)[2:] == [
        "Array<File>",
        "Array<File2>",
        "Array<File>",
        "Array<File2>",
    ]


def test_an_enum_that_recurs_has_a_name_and_an_array_has_none() -> None:
    kinds = {"enum": ["document", "spreadsheet", "presentation"]}
    types = shared({"properties": {"kind": kinds}}, {"items": kinds}, {"items": kinds}, kinds)
    assert texts(types, 4) == [
        'type Kind = "document" | "spreadsheet" | "presentation";',
        "{ kind?: Kind; }",
        "Array<Kind>",
        "Array<Kind>",
        "Kind",
    ]


def node(name: str = "Node") -> Any:
    below = {"items": {"$ref": f"#/$defs/{name}"}}
    return {
        "$ref": f"#/$defs/{name}",
        "$defs": {name: {"properties": {"below": below, "label": TEXT}}},
    }


def test_a_type_that_contains_itself_has_a_name_and_an_end() -> None:
    assert texts(shared(node(), {"items": node()["$ref"]}, node()), 3) == [
        "type Node = { below?: Array<Node>; label?: string; };",
        "Node",
        "Array<unknown>",
        "Node",
    ]


def test_types_that_contain_each_other() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/B"}},
        "$defs": {
            "A": {"properties": {"b": {"$ref": "#/$defs/B"}}},
            "B": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]},
        },
    }
    assert texts(shared(schema), 1) == [
        "type A = { b?: B; };",
        "type B = A | null;",
        "{ a?: A; b?: B; }",
    ]


def test_a_root_that_contains_itself_is_written_once() -> None:
    schema = {"properties": {"label": TEXT, "below": {"$ref": "#"}}}
    assert texts(shared(schema), 1) == [
        "type One = { below?: One; label?: string; };",
        "One",
    ]


@pytest.mark.parametrize(
    ("definitions", "expected"),
    [
        ({"A": {"$ref": "#/$defs/A"}}, ["type A = unknown;", "A"]),
        (
            {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "string"}]}},
            ["type A = unknown | string;", "A"],
        ),
        (
            {
                "A": {"anyOf": [{"$ref": "#/$defs/B"}, {"type": "null"}]},
                "B": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "string"}]},
            },
            ["type A = unknown | string | null;", "A"],
        ),
    ],
    ids="itself union two".split(),
)
def test_a_definition_that_is_nothing_but_itself_is_unknown(
    definitions: Any, expected: list[str]
) -> None:
    types = shared({"$ref": "#/$defs/A", "$defs": definitions})
    assert [re.sub(r"\(?(unknown \| string)\)?", r"\1", each) for each in texts(types, 1)] == (
        expected
    )


def test_what_was_written_before_is_written_in_the_same_way_with_less() -> None:
    roots = [Root(read_schema(schema), "Root") for schema in (FILE, node(), {"items": FILE})]
    before = SharedTypes(roots)
    all_before = [before.written(at) for at in range(3)]
    again, less = SharedTypes(roots, before=before), SharedTypes(roots[:2], before=before)
    assert [again.written(at) for at in range(3)] == all_before
    assert [less.written(at).text for at in range(2)] == [FILE_TEXT, "Node"]


@given(st.lists(JSON, max_size=4))
def test_any_schemas_are_written_with_names_that_are_declared(schemas: list[Any]) -> None:
    types = shared(*schemas)
    for at in range(len(schemas)):
        written = types.written(at)
        assert types.needed(written.needs) == written.needs
        for name in written.needs:
            assert types.declared(name).text.startswith(f"type {name} = ")


@given(st.lists(JSON, max_size=4))
def test_the_same_schemas_give_the_same_text(schemas: list[Any]) -> None:
    count = len(schemas)
    assert texts(shared(*schemas), count) == texts(shared(*schemas), count)
