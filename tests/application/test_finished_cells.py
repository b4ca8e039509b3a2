"""What is kept of cells that have ended, and for how long."""

from codemode.application.finished_cells import FinishedCells
from codemode.limits import Limits
from codemode.protocol.types import CellId, Result, TextItem
from codemode.sessions.ends import END_BYTES
from codemode.sessions.items import ITEM_BYTES
from codemode.surface.result import ExecResult


def ended(cell_id: str, characters: int = 0) -> ExecResult:
    """A cell that wrote so many characters."""
    items = (TextItem("x" * characters),)
    response = Result(cell_id=CellId(cell_id), items=items, error_text=None)
    return ExecResult("completed", items, CellId(cell_id), response)


def kept(finished: FinishedCells, *cell_ids: str) -> list[bool]:
    return [finished.result(CellId(each)) is not None for each in cell_ids]


def test_the_latest_results_are_kept_that_fit_into_the_output_of_one_cell() -> None:
    finished = FinishedCells(Limits(output_bytes=2 * (END_BYTES + ITEM_BYTES + 1_000)))
    for number in "123":
        finished.started(CellId(number))
        finished.ended(ended(number, 1_000))

    assert kept(finished, "1", "2", "3") == [False, True, True]
    assert finished.describe(CellId("1")).startswith("cell 1 has ended. ")
    assert finished.describe(CellId("3")).startswith("cell 3 completed 0 s ago ")


def test_the_last_result_is_kept_however_large() -> None:
    finished = FinishedCells(Limits(output_bytes=1_000))
    finished.ended(ended("1", 900))
    finished.ended(ended("2", 900))

    assert kept(finished, "1", "2") == [False, True]


def test_a_cell_that_was_started_is_told_from_one_that_never_was() -> None:
    finished = FinishedCells(Limits())
    for cell_id in ("1", "2", "g2:1"):
        finished.started(CellId(cell_id))
    found = [
        finished.describe(CellId(each)).split(".")[0]
        for each in ("2", "3", "g2:1", "g2:2", "0", "x")
    ]

    assert found == [
        "cell 2 has ended",
        "there never was a cell 3 in this session",
        "cell g2:1 has ended",
        "there never was a cell g2:2 in this session",
        "there never was a cell 0 in this session",
        "there never was a cell x in this session",
    ]


def test_an_end_that_two_observers_saw_counts_once() -> None:
    finished = FinishedCells(Limits(output_bytes=2 * (END_BYTES + ITEM_BYTES + 1_000)))
    for _observer in range(3):
        finished.ended(ended("1", 1_000))
    finished.ended(ended("2", 1_000))

    assert kept(finished, "1", "2") == [True, True]
