"""The text given to exec. Recorded answers are those of the published 0.169.0 client."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.errors import SourceError
from codemode.limits import GREATEST
from codemode.surface.source import (
    PRAGMA,
    PRAGMA_CHARACTERS,
    ExecSource,
    parse_exec_source,
)

PUBLISHED = json.loads((Path(__file__).parent / "published" / "pragma.json").read_text())


def refusal(text: str) -> str | None:
    try:
        parse_exec_source(text)
    except SourceError as error:
        return str(error)
    return None


@pytest.mark.parametrize("case", PUBLISHED, ids=map(str, range(len(PUBLISHED))))
def test_a_source_is_taken_or_refused_in_the_words_of_the_published_client(
    case: dict[str, str | None],
) -> None:
    assert refusal(case["text"] or "") == case["error"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text(1)", ExecSource("text(1)")),
        ("\n\r\ntext(1)\r\n", ExecSource("\n\r\ntext(1)\r\n")),
        (
            '// @exec: {"yield_time_ms": 5, "max_output_tokens": 7}\na\nb\n',
            ExecSource("a\nb\n", 5, 7),
        ),
        ('\t // @exec:{"yield_time_ms": 0}\r\n  a', ExecSource("  a", 0)),
        ("// @exec: {}\na", ExecSource("a")),
        ('// @exec: {"yield_time_ms": null}\na', ExecSource("a")),
        ('\n// @exec: {"x": 1}\na', ExecSource('\n// @exec: {"x": 1}\na')),
        ("//@exec: []\na", ExecSource("//@exec: []\na")),
        ("// @EXEC: []\na", ExecSource("// @EXEC: []\na")),
        (
            f'// @exec: {{"max_output_tokens": {GREATEST}}}\na',
            ExecSource("a", None, GREATEST),
        ),
    ],
)
def test_options_are_read_and_the_code_is_kept_as_it_is(text: str, expected: ExecSource) -> None:
    assert parse_exec_source(text) == expected


@pytest.mark.parametrize(("length", "refused"), [(PRAGMA_CHARACTERS, False), (1_000_000, True)])
def test_a_pragma_is_read_up_to_a_bound(length: int, refused: bool) -> None:
    directive = "{" + " " * (length - 2) + "}"
    text = (
        "exec pragma must be valid JSON with supported fields `yield_time_ms` and"
        " `max_output_tokens`: it is longer than 65,536 characters"
    )
    assert refusal(f"{PRAGMA}{directive}\na") == (text if refused else None)


@given(st.text())
def test_a_source_without_a_pragma_is_kept_or_refused_as_blank(text: str) -> None:
    if refusal(text) is None and not text.lstrip().startswith(PRAGMA):
        assert parse_exec_source(text) == ExecSource(text)


@given(st.text(max_size=40), st.text(min_size=1))
def test_any_pragma_gives_options_or_a_source_error(directive: str, code: str) -> None:
    refusal(f"{PRAGMA}{directive}\n{code}")
