"""Names as JavaScript can write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.surface.identifiers import is_identifier, normalize


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
    assert is_identifier(identifier)
    assert is_identifier(name) is (identifier == name)
