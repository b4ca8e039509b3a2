"""Counting and trimming as the reference does it."""

from __future__ import annotations

import pytest

from codemode.surface.text import on_one_line, trim, utf8_length, without_controls


@pytest.mark.parametrize(
    ("text", "length"), [("", 0), ("abc", 3), ("é", 2), ("日", 3), ("😀", 4), ("\ud800", 3)]
)
def test_length_is_counted_in_bytes_of_utf8(text: str, length: int) -> None:
    assert utf8_length(text) == length


def test_what_unicode_calls_white_space_is_trimmed_and_nothing_else() -> None:
    assert trim("\x85\u3000\t a\u2028\n") == "a"
    assert trim("\x1ca\x1f") == "\x1ca\x1f"


@pytest.mark.parametrize(
    ("text", "read", "logged"),
    [
        ("plain\ttext\n", "plain\ttext\n", r"plain\ttext\n"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", r"a\r\nb\rc\u2028d"),
        ("\x1b[31mred\x1b[0m", "red", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07\x1b]8;;http://x\x1b\\link", "link", None),
        ("nul\x00 bell\x07 c1\x9b2J", "nul bell c12J", r"nul\x00 bell\x07 c1\x9b2J"),
        ("over\u202eride", "override", r"over\u202eride"),
        ("tag\U000e0041s", "tags", r"tag\U000e0041s"),
        ("half \ud83d", "half \ufffd", r"half \ud83d"),
        ("größe 日本 😀", "größe 日本 😀", "größe 日本 😀"),
    ],
)
def test_controls_do_not_reach_a_model_and_are_escapes_in_a_log(
    text: str, read: str, logged: str | None
) -> None:
    assert without_controls(text) == read
    assert logged is None or on_one_line(text) == logged
