"""The page about compatibility says what the data says."""

from __future__ import annotations

from .compatibility import PAGE, page


def test_the_table_of_differences_is_fresh() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert text == page(text), "run: python -m tests.conformance.compatibility"
