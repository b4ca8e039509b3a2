"""Counting and trimming as the reference does it."""

from __future__ import annotations

import pytest

from codemode.surface.text import trim, utf8_length


@pytest.mark.parametrize(
    ("text", "length"), [("", 0), ("abc", 3), ("é", 2), ("日", 3), ("😀", 4), ("\ud800", 3)]
)
def test_length_is_counted_in_bytes_of_utf8(text: str, length: int) -> None:
    assert utf8_length(text) == length


def test_what_unicode_calls_white_space_is_trimmed_and_nothing_else() -> None:
    assert trim("\x85\u3000\t a\u2028\n") == "a"
    assert trim("\x1ca\x1f") == "\x1ca\x1f"
