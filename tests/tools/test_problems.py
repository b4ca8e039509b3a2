import pytest

from codemode.tools.problems import MAX_GIVEN, expected, problem_text, shorten

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


def test_a_long_value_is_shortened() -> None:
    assert len(shorten("x" * 500, MAX_GIVEN)) == MAX_GIVEN
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"
