"""A journal as bytes: read as it was written, cut anywhere, spoiled anywhere."""

from __future__ import annotations

import pytest

from codemode.durable.journal import (
    FORMAT,
    ClockReadings,
    Head,
    JournalEntry,
    JournalError,
    Settled,
    TimerFired,
    ValueLoaded,
    read_journal,
    written,
)

ENTRIES: list[JournalEntry] = [
    Head(FORMAT, "v8", "text(1)", ("echo",), 2**63),
    ClockReadings(b"\x01\x02"),
    Settled(3, b"12345678", 1, json='{"a":1}'),
    Settled(4, b"12345678", 2, error="no"),
    TimerFired(4, b"12345678", 1),
    ValueLoaded(5, b"12345678", None),
    ValueLoaded(5, b"12345678", b"[1]"),
]
CONTENT = b"".join(map(written, ENTRIES))


def test_entries_come_back_as_they_were_written() -> None:
    assert read_journal(CONTENT) == ENTRIES


def test_a_journal_that_ends_anywhere_has_its_whole_entries() -> None:
    head = len(written(ENTRIES[0]))
    for end in range(head, len(CONTENT) + 1):
        found = read_journal(CONTENT[:end])
        assert found == ENTRIES[: len(found)]
        assert len(b"".join(map(written, found))) <= end


@pytest.mark.parametrize("end", [0, 5, 20])
def test_a_journal_without_its_head_is_none(end: int) -> None:
    with pytest.raises(JournalError) as refused:
        read_journal(CONTENT[:end])
    assert str(refused.value) == "a journal has one head, and begins with it"


def test_a_byte_that_is_another_one_is_found_before_the_last_entry() -> None:
    last = len(CONTENT) - len(written(ENTRIES[-1]))
    for at in range(last):
        spoiled = bytearray(CONTENT)
        spoiled[at] ^= 0x40
        try:
            found = read_journal(bytes(spoiled))
        except JournalError:
            continue
        assert found == ENTRIES[: len(found)], at  # a length that goes beyond the end looks torn


def test_another_format_is_refused() -> None:
    other = written(Head(FORMAT + 1, "v8", "", (), 1))
    with pytest.raises(JournalError) as refused:
        read_journal(other)
    assert str(refused.value) == "the journal has format 2, and this is format 1"


def test_inputs_out_of_order_are_refused() -> None:
    swapped = [ENTRIES[0], ENTRIES[3], ENTRIES[2]]
    with pytest.raises(JournalError) as refused:
        read_journal(b"".join(map(written, swapped)))
    assert str(refused.value) == "the inputs of the journal are not in the order of their delivery"


def test_an_entry_takes_few_bytes_above_what_it_carries() -> None:
    answer = '"' + "x" * 80 + '"'
    assert len(written(Settled(10_000, b"12345678", 5_000, json=answer))) - len(answer) < 40
