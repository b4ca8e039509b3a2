"""What a model gets. Recorded truncations are those of the published 0.169.0 host."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.protocol.types import (
    AudioItem,
    CellId,
    ImageItem,
    Item,
    Pending,
    Result,
    RuntimeResponse,
    Terminated,
    TextItem,
    Yielded,
)
from codemode.surface.output import header, model_items, token_count, truncate

PUBLISHED = json.loads((Path(__file__).parent / "published" / "truncation.json").read_text())
IMAGE = ImageItem("data:image/png;base64,AAAA", "high")
TEXTS = st.lists(st.text().map(TextItem), max_size=5)
ITEMS = st.lists(
    st.text().map(TextItem) | st.just(IMAGE) | st.just(AudioItem("data:,x")), max_size=6
)
BUDGETS = st.integers(0, 60)


@pytest.mark.parametrize("case", PUBLISHED, ids=map(str, range(len(PUBLISHED))))
def test_output_is_cut_byte_for_byte_as_the_published_host_does(case: dict[str, object]) -> None:
    items = msgspec.convert(case["items"], tuple[TextItem | ImageItem | AudioItem, ...])
    expected = msgspec.convert(case["published"], tuple[TextItem | ImageItem | AudioItem, ...])
    budget = msgspec.convert(case["max_tokens"], int | None)
    error = msgspec.convert(case["error_text"], str | None)
    assert truncate(items, error, budget) == expected


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("abcd", 1), ("abcde", 2), ("日日", 2)])
def test_a_token_is_four_bytes_rounded_up(text: str, tokens: int) -> None:
    assert token_count(text) == tokens


@given(TEXTS, BUDGETS)
def test_text_within_the_budget_is_untouched(texts: list[TextItem], budget: int) -> None:
    if token_count("\n".join(item.text for item in texts)) <= budget:
        assert truncate(texts, None, budget) == tuple(texts)


@given(st.text().filter(lambda text: "…" not in text), BUDGETS)
def test_what_is_kept_of_a_text_is_its_two_ends(text: str, budget: int) -> None:
    (item,) = truncate([TextItem(text)], None, budget)
    assert isinstance(item, TextItem)
    if item.text != text:
        head, mark, tail = item.text.split("\n\n", 1)[1].split("…")
        assert text.startswith(head) and text.endswith(tail)
        assert mark.endswith(" tokens truncated")
        assert len((head + tail).encode()) <= 4 * budget


@given(ITEMS, BUDGETS)
def test_images_are_kept_in_number_whatever_the_budget(items: list[Item], budget: int) -> None:
    assert truncate(items, None, budget).count(IMAGE) == items.count(IMAGE)


@given(ITEMS, st.none() | st.text())
def test_a_large_budget_keeps_everything_and_adds_the_error_last(
    items: list[Item], error_text: str | None
) -> None:
    kept = truncate(items, error_text, 1_000_000)
    without_blanks = tuple(item for item in items if item != TextItem(""))
    expected = without_blanks if any(not isinstance(i, TextItem) for i in items) else tuple(items)
    error = () if error_text is None else (TextItem(f"Script error:\n{error_text}"),)
    assert kept == expected + error


def test_sixteen_mebibytes_are_cut_without_looking_at_each_character() -> None:
    (item,) = truncate([TextItem("é" * 2**23)], None, 10_000)
    assert isinstance(item, TextItem)
    assert len(item.text.encode()) < 41_000


def test_half_a_character_pair_is_cut_without_an_exception() -> None:
    assert truncate([TextItem("\ud800" * 8)], None, 2) == (
        TextItem(
            "Warning: truncated output (original token count: 6)\nTotal output lines: 1\n\n"
            "\ud800…4 tokens truncated…\ud800"
        ),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            header("running", 10.04, cell_id="7"),
            "Script running with cell ID 7\nWall time 10.0 seconds\nOutput:\n",
        ),
        (header("terminated", 0), "Script terminated\nWall time 0.0 seconds\nOutput:\n"),
        (header("failed", 1.26), "Script failed\nWall time 1.3 seconds\nOutput:\n"),
        (
            header("completed", 1.5, host_seconds=1.5004),
            "Script completed\n"
            "Wall time 1.500 seconds (code-mode 1.500 seconds; overhead -0.000 seconds)\nOutput:\n",
        ),
    ],
)
def test_the_header_says_how_it_ended_and_how_long_it_took(text: str, expected: str) -> None:
    assert text == expected


CELL = CellId("3")
OUT = (TextItem("out"),)
TAIL = "\nWall time 0.5 seconds\nOutput:\n"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            Yielded(cell_id=CELL, items=OUT),
            (TextItem(f"Script running with cell ID 3{TAIL}"), *OUT),
        ),
        (
            Pending(cell_id=CELL, items=()),
            (TextItem(f"Script running with cell ID 3{TAIL}"),),
        ),
        (Terminated(cell_id=CELL, items=OUT), (TextItem(f"Script terminated{TAIL}"), *OUT)),
        (Result(cell_id=CELL, items=()), (TextItem(f"Script completed{TAIL}"),)),
        (
            Result(cell_id=CELL, items=OUT, error_text="exec cell 3 not found"),
            (
                TextItem(f"Script failed{TAIL}"),
                *OUT,
                TextItem("Script error:\nexec cell 3 not found"),
            ),
        ),
    ],
    ids=["yielded", "pending", "terminated", "completed", "failed"],
)
def test_a_model_gets_the_header_then_the_items(
    response: RuntimeResponse | Pending, expected: tuple[Item, ...]
) -> None:
    assert model_items(response, 0.5) == expected


def test_the_header_is_never_cut() -> None:
    assert model_items(Result(cell_id=CELL, items=OUT), 0.5, max_tokens=0) == (
        TextItem(f"Script completed{TAIL}"),
        TextItem(
            "Warning: truncated output (original token count: 1)\nTotal output lines: 1\n\n"
            "…1 tokens truncated…"
        ),
    )


def test_the_overhead_is_what_the_host_did_not_use() -> None:
    response = Result(cell_id=CELL, items=(), host_duration_ns=400_000_000)
    assert model_items(response, 0.5, show_overhead=True) == (
        TextItem(header("completed", 0.5, host_seconds=0.4)),
    )
