"""What is code in a text: strings, comments, templates and regular expressions are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.surface.code_text import code_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a 'b c' d", "a '   ' d"),
        (r"'it\'s' + 1", "'     ' + 1"),
        ("'ends with its line\nx", "'                  \nx"),
        ('"two" + `three ${four("five")} six`', '"   " + `      ${four("    ")}    `'),
        ("`a ${`b ${c} d`} e`", "`  ${`  ${c}  `}  `"),
        ("x // y\nz /* & \n */ w", "x     \nz      \n    w"),
        ("/* a * / b **/ c", "               c"),
        ("s.replace(/[/'\"]/g, t)", "s.replace(/       , t)"),
        ("a / b / c", "a / b / c"),
        ("return /'/", "return / /"),
        ("f(x) / 2; g['/'] / 3", "f(x) / 2; g[' '] / 3"),
        ("x = y\n/ 'z' / 2", "x = y\n/ ' ' / 2"),
        ("`a` / `b`", "` ` / ` `"),
        ("1 + '\u2028'", "1 + '\u2028'"),
    ],
)
def test_what_is_no_code_is_blank_and_the_rest_stays_where_it_was(text: str, code: str) -> None:
    assert code_of(text).code == code


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("", True),
        ("f({a: [1]})", True),
        ("f({a: [1]}", False),
        ("`${", False),
        ("`${a}", False),
        ("/* a", False),
        ("a &&", False),
        ("a ? b :", False),
        ("i++", True),
        ("'+'", True),
        ("/+/", True),
        ("`+`", True),
        ("}", True),
        ("(]", True),
    ],
)
def test_a_text_has_ended_when_nothing_is_open_and_no_operator_waits(
    text: str, ended: bool
) -> None:
    assert code_of(text).ended == ended


@given(st.text(alphabet="ab'\"`/*\\${}()[]\n \u2028+=.,;é😀", max_size=60))
def test_any_text_keeps_its_length_and_its_lines(text: str) -> None:
    found = code_of(text).code

    assert len(found) == len(text)
    assert [at for at, each in enumerate(found) if each == "\n"] == [
        at for at, each in enumerate(text) if each == "\n"
    ]


@pytest.mark.parametrize("part", ["/[", "a/", "`${", "'", "/*", "\\", "(", "/a[", "${"])
def test_the_time_is_linear_in_the_length(part: str) -> None:
    """A quadratic pattern would need minutes for the second text."""
    code_of(part * 100)
    code_of(part * 30_000)
