"""What is known of a cell, in whichever order its start and its end are told."""

from __future__ import annotations

from codemode import CellId
from codemode.application.activity import Activity
from codemode.application.identity import SessionIdentity
from codemode.tools.policy.approvals import Approvals
from codemode.tools.toolset import Toolset


def activity() -> Activity:
    return Activity(Toolset(), SessionIdentity(None, None), Approvals(None))


async def test_a_cell_that_was_closed_before_it_was_known_is_closed_when_it_is() -> None:
    cells = activity()
    cells.cell_closed(CellId("1"))
    early = cells.started(CellId("1"), "call")
    later = cells.started(CellId("2"), "call")

    assert (early.is_closed, later.is_closed) == (True, False)


async def test_a_cell_whose_end_was_handed_over_is_forgotten_whenever_it_closes() -> None:
    cells = activity()
    cells.started(CellId("1"), "call")
    cells.forget(CellId("1"))
    cells.cell_closed(CellId("1"))

    assert cells.cells == ()
