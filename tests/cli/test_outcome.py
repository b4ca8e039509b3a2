"""From a result to a status and an exit code."""

import pytest

from codemode.cli.outcome import EXIT_CODES, ProgramOutcome, out_of_time, outcome_of
from codemode.protocol.types import CellId, Result
from codemode.surface.result import ExecResult

LIMIT = "Limit reached (heap_bytes): the cell used more than 1 MiB of JavaScript heap."
LOST = "The worker process of this session was lost (killed by SIGSEGV)."


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (Result(cell_id=CellId("1"), items=()), ProgramOutcome("completed")),
        (
            Result(cell_id=CellId("1"), items=(), error_text="Error: x"),
            ProgramOutcome("failed", "Error: x"),
        ),
        (
            Result(cell_id=CellId("1"), items=(), error_text=LIMIT, limit="heap_bytes"),
            ProgramOutcome("limit", LIMIT, "heap_bytes"),
        ),
        (
            Result(cell_id=CellId("1"), items=(), error_text=LOST, worker_lost=True),
            ProgramOutcome("lost", LOST),
        ),
        # What a program could have thrown itself proves nothing.
        (Result(cell_id=CellId("1"), items=(), error_text=LIMIT), ProgramOutcome("failed", LIMIT)),
        (Result(cell_id=CellId("1"), items=(), error_text=LOST), ProgramOutcome("failed", LOST)),
    ],
)
def test_an_end_is_told_by_the_result_and_not_by_its_text(
    result: Result, outcome: ProgramOutcome
) -> None:
    told = ExecResult(
        "failed" if result.error_text else "completed",
        (),
        result.cell_id,
        result,
        limit=result.limit,
        worker_lost=result.worker_lost,
    )
    assert outcome_of(told) == outcome


def test_exit_codes_are_those_of_the_documentation() -> None:
    assert EXIT_CODES == {"completed": 0, "failed": 1, "lost": 3, "limit": 4, "interrupted": 130}


def test_the_bound_on_the_run_is_a_limit_like_others() -> None:
    late = out_of_time(2)

    assert (late.limit, late.exit_code) == ("max_seconds", 4)
