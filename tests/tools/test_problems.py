from typing import Any

import pytest

from codemode.tools.problems import MAX_GIVEN, crowd_text, expected, problem_text, shorten

SCHEMA = {
    "$defs": {
        "Color": {"enum": ["red", 1]},
        "Point": {"type": "object"},
        "Loop": {"$ref": "#/$defs/Loop"},
    },
    "additionalProperties": False,
    "properties": {
        "a": {"type": "integer"},
        "b": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "c": {"$ref": "#/$defs/Color"},
        "d": {"items": {"$ref": "#/$defs/Point"}, "type": "array"},
        "e": {"const": "x"},
        "f": {"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "type": "array"},
        "g": {},
        "h": {"$ref": "#/$defs/Loop"},
    },
    "required": ["a"],
}


def test_the_expected_call_names_every_parameter() -> None:
    assert expected("t", SCHEMA) == (
        'tools.t({ a: integer, b?: string (date) | null, c?: "red" | 1, d?: Point[], e?: "x",'
        " f?: (string | null)[], g?: any, h?: any })"
    )


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"properties": {}, "additionalProperties": False}, "tools.t({})"),
        ({"properties": {}}, "tools.t({ … })"),
        ({"properties": {"a": {"type": "string"}}}, "tools.t({ a?: string, … })"),
    ],
)
def test_open_and_empty_signatures(schema: object, text: str) -> None:
    assert expected("t", schema) == text


def test_one_line_a_problem_and_the_rest_counted() -> None:
    errors = [{"type": "missing", "loc": (f"k{n}",)} for n in range(12)]
    lines = problem_text("t", errors, {}, SCHEMA).split("\n")
    assert lines[0] == "tool `t` cannot take these arguments:"
    assert lines[1:9] == [f"- `k{n}`: is missing" for n in range(8)]
    assert lines[9] == "- and 4 more"
    assert lines[10].startswith("Hint: expected tools.t(")


def test_long_places_messages_and_values_are_shortened() -> None:
    errors: list[dict[str, Any]] = [
        {"type": "x", "loc": ("k" * 10_000,), "msg": "m" * 10_000, "input": ["i" * 10_000]},
        {"type": "x", "loc": ("l",), "msg": "Input should be a", "input": "i" * 10_000},
        {"type": "x", "loc": ("n",), "msg": "Input should be a", "input": [1] * 10_000},
    ]
    value = {"k" * 10_000: 1, "l": 1, "n": 1}
    assert problem_text("t", errors, value, {}).split("\n")[1:4] == [
        f'- `{"k" * 199}…`: {"m" * 599}…, got ["{"i" * 57}…',
        f'- `l`: should be a, got "{"i" * 58}…',
        f"- `n`: should be a, got [{'1, ' * 19}1…",
    ]


def test_a_crowd_of_problems_is_only_counted() -> None:
    assert crowd_text("t", 123_456, {"properties": {"a": {"type": "string"}}}).split("\n") == [
        "tool `t` cannot take these arguments:",
        "- 123,456 problems, too many to name",
        "Hint: expected tools.t({ a?: string, … })",
    ]


def test_a_long_value_is_shortened() -> None:
    assert len(shorten("x" * 500, MAX_GIVEN)) == MAX_GIVEN
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"
