"""JSON with the reference's words for what is wrong. More of them: `published/pragma.json`."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.surface.strict_json import JsonError, loads

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_what_was_written_as_json_is_read_back(value: object) -> None:
    assert loads(json.dumps(value)) == value


def complaint(text: str) -> str | None:
    try:
        loads(text)
    except JsonError as error:
        return str(error)
    return None


@given(st.text(alphabet='{}[]",:truefalsn0123456789.-+eE\\u dDbB\t\x01é', max_size=30))
def test_what_is_taken_is_what_python_takes_too(text: str) -> None:
    if complaint(text) is None:
        assert loads(text) == json.loads(text)


def test_an_integer_that_python_would_not_read_is_read_as_infinity() -> None:
    assert loads("9" * 5_000) == float("inf")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"\udc00"', "lone leading surrogate in hex escape at line 1 column 7"),
        (r'"\ud800\u0041"', "unexpected end of hex escape at line 1 column 8"),
        (r'"\u00', "EOF while parsing a string at line 1 column 5"),
        ("[" * 127 + "]" * 127, None),
        ("[" * 128 + "]" * 128, "recursion limit exceeded at line 1 column 128"),
    ],
)
def test_halves_of_characters_and_deep_nesting_are_refused(text: str, expected: str | None) -> None:
    assert complaint(text) == expected
