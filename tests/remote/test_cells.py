"""What is kept of cells that have not been announced."""

from __future__ import annotations

from codemode.protocol import messages as m
from codemode.protocol.types import CellId
from codemode.remote.cells import EARLY_MESSAGES, EarlyMessages


def test_ends_that_come_too_early_are_bounded_together_with_callbacks() -> None:
    early = EarlyMessages()
    note = m.NotificationSend("call", CellId("a"), "text")
    taken = [early.add(CellId("a"), number, note) for number in range(2)]
    for number in range(EARLY_MESSAGES):
        early.close(CellId(str(number)))

    assert (taken, len(early)) == ([True, True], EARLY_MESSAGES)
    assert early.add(CellId("b"), 9, note) is False
    assert early.take(CellId(str(EARLY_MESSAGES - 3))) == ({}, True)
    assert early.take(CellId(str(EARLY_MESSAGES - 2))) == ({}, False)
