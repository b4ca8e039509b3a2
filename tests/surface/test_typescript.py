"""JSON Schema as a type of TypeScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codemode.surface.schema_reader import ELEMENTS, TEXT_BYTES
from codemode.surface.typescript import render

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
        ({"$ref": "#/" + "a" * 4_096, "a" * 4_096: True}, "unknown"),
    ],
)
def test_schemas_that_the_published_client_cannot_be_given(schema: Any, expected: str) -> None:
    assert render(schema) == expected


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\u2029"])
def test_a_description_is_cut_at_each_line_end_of_javascript(end: str) -> None:
    schema = {"properties": {"a": {"description": f" one{end}{end} evil: never;"}}}
    assert render(schema) == "{\n  // one\n  // evil: never;\n  a?: unknown;\n}"


STRING = {"type": "string"}
NUMBER = {"type": "number"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"properties": {"a": STRING}, "anyOf": [STRING, {}]}, "{ a?: string; }"),
        ({"type": "object", "anyOf": [{"properties": {"a": STRING}}, {"type": "null"}]}, "{ a?: string; } | null"),
        ({"type": ["object", "null"], "properties": {"a": STRING}, "oneOf": [{"required": ["a"]}]}, "({ a?: string; } | null) & { a: unknown; }"),
        ({"type": "array", "items": STRING, "anyOf": [{"minItems": 1}, {"maxItems": 9}]}, "Array<string>"),
        ({"properties": {"a": STRING}, "allOf": [{"properties": {"b": STRING}, "anyOf": [{"required": ["b"]}, {"required": ["c"]}]}]}, "{ a?: string; } & ({ b?: string; } & ({ b: unknown; } | { c: unknown; }))"),
        ({"enum": ["a", "b"], "anyOf": [{"const": "a"}]}, '"a" | "b"'),
        ({"anyOf": [{}, {"pattern": "x"}]}, "unknown"),
    ],
    ids="nothing-known kind-only or-null items nested enum all-unknown".split(),
)  # fmt: skip
def test_what_stands_beside_a_union_holds_as_well(schema: Any, expected: str) -> None:
    assert render(schema) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"prefixItems": [STRING, NUMBER]}, "[string, number]"),
        ({"prefixItems": [STRING, NUMBER], "items": False}, "[string, number]"),
        ({"prefixItems": [STRING], "items": True}, "[string, ...Array<unknown>]"),
        ({"prefixItems": [STRING], "items": NUMBER, "maxItems": 1}, "[string]"),
        ({"prefixItems": [STRING, {"enum": [1, 2]}], "minItems": 0}, "[string?, (1 | 2)?]"),
        ({"items": [STRING, NUMBER]}, "[string, number]"),
        ({"items": [STRING], "additionalItems": NUMBER}, "[string, ...Array<number>]"),
        ({"items": []}, "Array<unknown>"),
        ({"type": "array", "prefixItems": []}, "unknown[]"),
    ],
)
def test_tuples_of_2020_and_of_draft_7(schema: Any, expected: str) -> None:
    assert render(schema) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"patternProperties": {"^x": NUMBER}}, "{ [key: string]: number; }"),
        ({"patternProperties": {"^x": NUMBER, "^y": NUMBER}, "additionalProperties": STRING}, "{ [key: string]: number | string; }"),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, "{ [key: string]: unknown; }"),
        ({"patternProperties": {"^x": False}, "properties": {"a": NUMBER}}, "{ a?: number; }"),
        ({"patternProperties": {"^x": NUMBER}, "properties": {"a": STRING}, "required": ["a"]}, "{ a: string; [key: string]: number | string; }"),
    ],
)  # fmt: skip
def test_pattern_properties_are_an_index_signature(schema: Any, expected: str) -> None:
    assert render(schema) == expected


@pytest.mark.parametrize(
    ("members", "rest", "signature"),
    [
        ({"a": STRING}, STRING, "string | undefined"),
        ({"a": {"enum": ["x", 1]}}, STRING, "string | number | undefined"),
        ({"a": {"type": "array", "items": STRING}}, NUMBER, "number | object | undefined"),
        ({"a": {"properties": {"b": NUMBER}}}, {"properties": {"b": NUMBER}}, "{ b?: number; } | undefined"),
        ({"a": {"anyOf": [NUMBER, {"type": "null"}]}}, {"const": "x"}, '"x" | number | null | undefined'),
        ({"a": {}}, STRING, "unknown"),
        ({"a": {"$ref": "#/$defs/A"}}, {"$ref": "#/$defs/A"}, "{ c?: number; } | undefined"),
        ({"a": {"allOf": [STRING, {"properties": {"b": NUMBER}}]}}, NUMBER, "number | string | object | undefined"),
    ],
)  # fmt: skip
def test_an_index_signature_is_as_wide_as_the_members_beside_it(
    members: Any, rest: Any, signature: str
) -> None:
    schema = {
        "properties": members,
        "additionalProperties": rest,
        "$defs": {"A": {"properties": {"c": NUMBER}}},
    }
    assert render(schema).endswith(f"; [key: string]: {signature}; }}")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "nullable": True}, "string | null"),
        ({"type": "string", "nullable": False}, "string"),
        ({"type": ["string", "null"], "nullable": True}, "string | null"),
        ({"enum": ["a"], "nullable": True}, '"a" | null'),
        ({"nullable": True}, "unknown"),
        ({"allOf": [STRING, NUMBER], "nullable": True}, "string & number | null"),
    ],
)
def test_nullable_allows_null(schema: Any, expected: str) -> None:
    assert render(schema) == expected


def nested(levels: int) -> Any:
    """A schema that is too much: each level has two members of the next."""
    return (
        {"properties": {"left": nested(levels - 1), "right": nested(levels - 1)}}
        if levels
        else STRING
    )


@pytest.mark.parametrize(
    "large",
    [
        nested(12),
        {"enum": [f"value {at}" for at in range(5_000)]},
        {"const": "x" * 20_000},
        {"properties": {f"k{at}": STRING for at in range(4_000)}},
        {"type": "array", "items": {"anyOf": [{"const": at} for at in range(9_000)]}},
        {"required": ["x"] * ELEMENTS, "properties": {"x": STRING}},
        {"$ref": "#/$defs/large"},
    ],
    ids="nested enum const members operands required reference".split(),
)
def test_only_the_part_that_is_too_much_is_unknown(large: Any) -> None:
    schema = {
        "properties": {
            "a": STRING,
            "large": large,
            "z": {"items": {"properties": {"b": NUMBER, "c": large}}},
        },
        "required": ["a"],
        "$defs": {"large": {"const": "x" * 20_000}},
    }
    text = render(schema)
    inner = r"Array<\{ b\?: number; c\?: [^$]*; \}>"
    assert re.fullmatch(rf"\{{ a: string; large\?: [^$]*; z\?: {inner}; \}}", text), text[:300]
    assert "unknown" in text and len(text.encode()) <= TEXT_BYTES


def test_an_enum_that_does_not_fit_is_unknown_and_never_a_part_of_it() -> None:
    values = [f"value {at}" for at in range(2_000)]
    assert render({"properties": {"a": STRING, "e": {"enum": values}}}) == (
        "{ a?: string; e?: unknown; }"
    )


def test_long_descriptions_are_cut_before_any_type_is() -> None:
    members = {f"m{at}": {"type": "string", "description": "word " * 40} for at in range(150)}
    text = render({"properties": members})
    assert text.count("?: string;") == 150
    assert len(re.findall("// word word[ word]*…\n", text)) == 150


def test_an_index_signature_beside_members_that_were_cut_takes_anything() -> None:
    values = {"enum": [f"value {at}" for at in range(2_000)]}
    assert render({"properties": {"e": values}, "additionalProperties": STRING}) == (
        "{ e?: unknown; [key: string]: unknown; }"
    )


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
        {"const": "a" * 1_000_000},
        {"const": [0] * 500_000},
        {"const": {str(at): [{"a": ["b"]}] for at in range(50_000)}},
        {"anyOf": [{"$ref": f"#/{at}/{'%41' * 1_300}"} for at in range(250)]},
    ],
    ids="enum type required properties const array object references".split(),
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
