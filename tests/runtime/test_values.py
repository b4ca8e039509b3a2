"""Stored values, output and ends that nobody has read: kept within their bounds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.limits import Limits
from codemode.protocol.types import AudioItem, CellId, ImageItem, LiveCell, Result, TextItem
from codemode.runtime.output_buffer import OutputBuffer
from codemode.runtime.values import ENTRY_BYTES, StoredValues, Writes
from codemode.sessions.ends import Ends
from codemode.sessions.items import ITEM_BYTES, size_of


def test_a_cell_reads_what_was_committed_before_it_started() -> None:
    values = StoredValues()
    first = values.begin()
    first.put("k", "1", None)
    second = values.begin()
    first.commit()

    assert (second.get("k"), values.begin().get("k")) == (None, b"1")


def test_the_last_cell_to_commit_a_key_wins_and_other_keys_stay() -> None:
    values = StoredValues()
    one, two = values.begin(), values.begin()
    one.put("a", "1", None)
    one.put("k", '"one"', None)
    two.put("k", '"two"', None)
    two.commit()
    one.commit()

    seen = values.begin()
    assert (seen.get("a"), seen.get("k")) == (b"1", b'"one"')


def test_what_is_discarded_is_never_seen_and_counts_no_more() -> None:
    values = StoredValues()
    writes = values.begin()
    writes.put("k", "1", None)
    writes.discard()
    writes.commit()

    assert (values.begin().get("k"), values.size, values.growth, values.uncommitted) == (
        None,
        0,
        0,
        0,
    )


def test_a_value_replaced_is_counted_once_wherever_it_was() -> None:
    values = StoredValues()
    for json in ("1", "22", "333"):
        writes = values.begin()
        writes.put("k", "0", None)
        writes.put("k", json, None)
        writes.commit()

    assert (values.size, values.growth, values.uncommitted) == (ENTRY_BYTES + 4, 0, 0)


def test_bytes_are_counted_not_characters() -> None:
    values = StoredValues()
    writes = values.begin()
    writes.put("é", '"😀"', None)
    writes.commit()

    assert values.size == ENTRY_BYTES + 2 + 6


def test_a_write_that_is_too_much_is_refused_and_the_one_before_stays() -> None:
    values = StoredValues()
    writes = values.begin()
    room = ENTRY_BYTES + 3

    assert writes.put("k", "11", room) is None
    assert writes.put("k", "333", room) == room + 1
    writes.commit()
    assert values.begin().get("k") == b"11"


def test_cells_side_by_side_hold_no_more_than_one_alone() -> None:
    values = StoredValues()
    room = ENTRY_BYTES + 3

    assert values.begin().put("a", "11", room) is None
    assert values.begin().put("b", "11", room) == 2 * room


def _store(values: StoredValues, json: str, key: str = "k") -> None:
    writes = values.begin()
    assert writes.put(key, json, None) is None
    writes.commit()


def test_a_replaced_value_counts_while_a_live_cell_sees_it() -> None:
    values = StoredValues()
    _store(values, "1")
    old = values.begin()
    _store(values, "22")
    new = values.begin()
    _store(values, "333")
    _store(values, "4444")  # which nobody sees but the next cell
    sizes = [values.size]
    refused = values.begin().put("l", "1", values.size)
    for cell in (old, new):
        cell.discard()
        sizes.append(values.size)

    entry = ENTRY_BYTES + 1
    assert sizes == [3 * entry + 1 + 2 + 4, 2 * entry + 2 + 4, entry + 4]
    assert refused == sizes[0] + entry + 1


@given(
    st.lists(
        st.one_of(
            st.just(("begin",)),
            st.tuples(st.just("end"), st.integers(0, 5)),
            st.tuples(st.just("store"), st.sampled_from("abc"), st.text("1", min_size=1)),
        )
    )
)
def test_every_cell_sees_what_was_there_and_all_that_is_seen_is_counted(
    steps: list[tuple[Any, ...]],
) -> None:
    values = StoredValues()
    current: dict[str, tuple[int, bytes]] = {}
    cells: list[tuple[Writes, dict[str, tuple[int, bytes]]]] = []
    for number, step in enumerate(steps):
        match step:
            case ("begin",):
                cells.append((values.begin(), current))
            case ("end", which) if cells:
                cells.pop(which % len(cells))[0].discard()
            case ("store", key, json):
                _store(values, json, key)
                current = {**current, key: (number, json.encode())}

        for writes, seen in cells:
            assert {key: writes.get(key) for key in seen} == {k: e[1] for k, e in seen.items()}
        kept = {
            entry for seen in (current, *(each[1] for each in cells)) for entry in seen.values()
        }
        assert values.size == sum(ENTRY_BYTES + 1 + len(json) for _, json in kept)


def test_empty_values_are_bounded_too() -> None:
    writes = StoredValues().begin()
    kept = 0
    while writes.put(str(kept), "1", 1024 * ENTRY_BYTES) is None:
        kept += 1

    assert kept < 1024


@pytest.mark.parametrize(
    ("item", "size"),
    [
        (TextItem("ab"), 2),
        (TextItem("é"), 2),
        (TextItem("\ud800"), 1),
        (ImageItem("data:"), 5),
        (AudioItem("data:x"), 6),
    ],
)
def test_an_item_counts_its_bytes_and_itself(item: TextItem, size: int) -> None:
    assert size_of(item) == ITEM_BYTES + size


def test_items_are_taken_once_and_in_order() -> None:
    outbox = OutputBuffer(1_000)
    outbox.add(TextItem("a"))
    outbox.add(TextItem("b"))

    assert (outbox.take(), outbox.take()) == ((TextItem("a"), TextItem("b")), ())


def test_items_that_reached_nobody_come_first_and_count_again() -> None:
    outbox = OutputBuffer(2 * ITEM_BYTES + 2)
    outbox.add(TextItem("a"))
    taken = outbox.take()
    outbox.add(TextItem("b"))
    outbox.put_back(taken)

    assert outbox.add(TextItem("")) is False
    assert outbox.take() == (TextItem("a"), TextItem("b"))


def test_after_too_much_output_nothing_later_slips_in() -> None:
    outbox = OutputBuffer(ITEM_BYTES + 4)

    assert [outbox.add(TextItem(text)) for text in ("ok", "x" * 100, "")] == [True, False, False]
    assert outbox.take() == (TextItem("ok"),)
    assert outbox.add(TextItem("")) is False


def _end(cell_id: str, text: str = "") -> LiveCell:
    return LiveCell(Result(cell_id=CellId(cell_id), items=(TextItem(text),)))


def keep(ends: Ends[LiveCell], end: LiveCell) -> None:
    ends.keep(end.response.cell_id, end, end.response.items)


async def test_an_end_that_nobody_read_is_read_once() -> None:
    unread = Ends[LiveCell](Limits())
    keep(unread, _end("1"))

    assert unread.take(CellId("2")) is None
    assert unread.take(CellId("1")) == _end("1")
    assert unread.take(CellId("1")) is None


async def test_old_ends_make_room_for_new_ones() -> None:
    unread = Ends[LiveCell](Limits(output_bytes=10_000))
    for number in range(10):
        keep(unread, _end(str(number), "x" * 3_000))

    assert len(unread) == 2
    assert unread.take(CellId("9")) == _end("9", "x" * 3_000)


async def test_an_end_is_not_kept_longer_than_it_may() -> None:
    unread = Ends[LiveCell](Limits(result_kept_ms=0))
    keep(unread, _end("1"))
    await asyncio.sleep(0)

    assert unread.take(CellId("1")) is None
