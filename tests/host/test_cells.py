"""The order of what is told of cells, where it is easier to see without a connection around it."""

from __future__ import annotations

from codemode.host.cells import CellCount, ResponseOrder
from codemode.protocol.types import CellId

ONE = CellId("1")


def test_an_end_that_came_for_a_start_that_failed_is_forgotten() -> None:
    told: list[CellId] = []
    cells = ResponseOrder("s", CellCount(), told.append)
    cells.begin()
    cells.closed(ONE)
    cells.failed()
    cells.begin()
    cells.started(ONE)
    cells.answered(ONE)
    before = list(told)
    cells.closed(ONE)

    assert (before, told) == ([], [ONE])


def test_a_yield_that_the_client_does_not_know_keeps_calls_back_until_its_answer_is_sent() -> None:
    cells = ResponseOrder("s", CellCount(), lambda _: None)
    cells.begin()
    cells.yielded(ONE)
    cells.started(ONE)
    told = [cells.is_announced(ONE)]
    cells.answered(ONE)
    told.append(cells.is_announced(ONE))
    cells.asked(ONE, to_end=False)
    told.append(cells.is_announced(ONE))
    cells.yielded(ONE)
    told.append(cells.is_announced(ONE))
    cells.answered(ONE)
    told.append(cells.is_announced(ONE))

    assert told == [False, True, True, False, True]


def test_a_yield_whose_observer_was_refused_does_not_keep_calls_back_for_ever() -> None:
    cells = ResponseOrder("s", CellCount(), lambda _: None)
    cells.begin()
    cells.started(ONE)
    cells.yielded(ONE)
    cells.yielded(ONE)
    cells.answered(ONE)

    assert cells.is_announced(ONE)
