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
