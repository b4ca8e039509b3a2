"""JSON Schema as a type of TypeScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codemode.surface.typescript import TEXT_BYTES, render

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
