"""An entry at the prompt: when Enter sends it, and what shows the value of an expression."""

from __future__ import annotations

import pytest

from codemode.cli.entry import does_not_compile, in_lines_of_entry, is_whole, valued


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("text(1)", True),
        ("text(1", False),
        ("for (const x of [1]) {", False),
        ("for (const x of [1]) {\n  text(x)\n}", True),
        ("`one", False),
        ("`one ${two", False),
        ("`one ${`two`} three`", True),
        ("/* from here", False),
        ("'a string ends with its line", True),
        ("text('(')", True),
        ("const re = /[(]/", True),
        ("const f = (x) =>", False),
        ("const n =", False),
        ("items\n  .map(f)", True),
        ("a ||", False),
        ("}", True),
        (")(", True),
        ("text(1\n\n", True),
    ],
)
def test_an_entry_is_whole_when_nothing_is_open(text: str, whole: bool) -> None:
    assert is_whole(text) == whole


@pytest.mark.parametrize("text", ["", "  \n", "// a comment", "/* one */ ;"])
def test_what_is_no_code_has_no_value(text: str) -> None:
    assert valued(text) is None


def test_a_value_is_that_of_the_entry_without_what_ends_a_statement() -> None:
    program = valued("1 + 1; // two\n;")

    assert program is not None
    assert program.splitlines()[:3] == ["const $value = await (", "1 + 1; // two", ");"]


@pytest.mark.parametrize(
    ("error", "begun"),
    [
        (None, True),
        ("SyntaxError: Unexpected token ';'", False),
        ("SyntaxError: Unexpected token ';'\nHint: line 1, column 3", False),
        ("SyntaxError: Unexpected end of JSON input\n    at JSON.parse (<anonymous>)", True),
        ("TypeError: x is not a function\n    at exec_main.mjs:1:1", True),
    ],
)
def test_what_does_not_compile_has_not_begun(error: str | None, begun: bool) -> None:
    assert does_not_compile(error) != begun


def test_places_in_errors_are_those_of_the_entry() -> None:
    error = "Error: at exec_main.mjs:2:5\n    at f (exec_main.mjs:12:3)\n    at exec_main.mjs:1:1"

    assert in_lines_of_entry(error) == (
        "Error: at exec_main.mjs:1:5\n    at f (exec_main.mjs:11:3)\n    at exec_main.mjs:1:1"
    )
