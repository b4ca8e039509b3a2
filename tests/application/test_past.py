"""What is kept of cells that have ended, and for how long."""

from codemode.application.past import Past
from codemode.limits import Limits
from codemode.protocol.types import CellId, Result, TextItem
from codemode.runtime.ends import END_BYTES
from codemode.runtime.outbox import ITEM_BYTES
from codemode.surface.result import ExecResult


def ended(cell_id: str, characters: int = 0) -> ExecResult:
    """A cell that wrote so many characters."""
    items = (TextItem("x" * characters),)
    response = Result(cell_id=CellId(cell_id), items=items, error_text=None)
    return ExecResult("completed", items, CellId(cell_id), response)


def kept(past: Past, *cell_ids: str) -> list[bool]:
    return [past.result(CellId(each)) is not None for each in cell_ids]


def test_the_latest_results_are_kept_that_fit_into_the_output_of_one_cell() -> None:
    past = Past(Limits(output_bytes=2 * (END_BYTES + ITEM_BYTES + 1_000)))
    for number in "123":
        past.started(CellId(number))
        past.ended(ended(number, 1_000))

    assert kept(past, "1", "2", "3") == [False, True, True]
    assert past.fate(CellId("1")).startswith("cell 1 has ended. ")
    assert past.fate(CellId("3")).startswith("cell 3 completed 0 s ago ")


def test_the_last_result_is_kept_however_large() -> None:
    past = Past(Limits(output_bytes=1_000))
    past.ended(ended("1", 900))
    past.ended(ended("2", 900))

    assert kept(past, "1", "2") == [False, True]


def test_a_cell_that_was_started_is_told_from_one_that_never_was() -> None:
    past = Past(Limits())
    for cell_id in ("1", "2", "g2:1"):
        past.started(CellId(cell_id))
    found = [past.fate(CellId(each)).split(".")[0] for each in ("2", "3", "g2:1", "g2:2", "0", "x")]

    assert found == [
        "cell 2 has ended",
        "there never was a cell 3 in this session",
        "cell g2:1 has ended",
        "there never was a cell g2:2 in this session",
        "there never was a cell 0 in this session",
        "there never was a cell x in this session",
    ]


def test_an_end_that_two_observers_saw_counts_once() -> None:
    past = Past(Limits(output_bytes=2 * (END_BYTES + ITEM_BYTES + 1_000)))
    for _observer in range(3):
        past.ended(ended("1", 1_000))
    past.ended(ended("2", 1_000))

    assert kept(past, "1", "2") == [True, True]
