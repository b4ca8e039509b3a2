"""What a session should give, whatever happens to it.

Each text once and in order, up to the end or the fault. A cell that ends with an error says why,
and only where something happened. Stored are the values of cells that ended by themselves; of one
that was lost, those that were stored before what it said last.
"""

from __future__ import annotations

from typing import Final

from codemode.protocol.types import Result, Terminated

from .cell import Cell, WrongError

LETHAL: Final = frozenset(
    {"kill worker", "stop worker", "pause worker", "kill zygote", "no descriptors"}
)
"""Faults that may cost a cell of the session in which they happen."""

KEPT: Final = "\nHint: stored values are kept; run the program again"
LOST: Final = "The worker process of this session was "


def check_cell(cell: Cell, faults: frozenset[str]) -> None:
    """Compare a cell that is over with its program and with what has happened."""
    program, expected = cell.program, cell.program.texts()
    if cell.texts != expected[: len(cell.texts)]:
        raise WrongError(f"program {program.number} said {cell.texts}, not {expected}")
    shut = "shut down" in faults
    if cell.refused is not None:
        if not (shut or faults & {*LETHAL, "stop zygote", "pause zygote"}):
            raise WrongError(f"program {program.number} was refused: {cell.refused!r}")
    elif isinstance(cell.end, Terminated):
        if not (shut or cell.terminations):
            raise WrongError(f"program {program.number} was terminated by nobody")
    elif isinstance(cell.end, Result):
        _check_result(cell, cell.end, expected, faults)
    elif not (shut or cell.left or cell.terminations):
        raise WrongError(f"program {program.number} was never over")


def _check_result(cell: Cell, end: Result, expected: list[str], faults: frozenset[str]) -> None:
    number, error = cell.program.number, end.error_text
    if error is None:
        if not cell.program.ends or cell.texts != expected:
            raise WrongError(f"program {number} completed with {cell.texts}, not {expected}")
        return
    if not error.startswith((LOST, "Limit reached (termination_ms)")):
        raise WrongError(f"program {number} failed: {error}")
    if KEPT not in error:
        raise WrongError(f"program {number} was lost without a hint: {error}")
    if not faults & {*LETHAL, "terminate", "cancel"}:
        raise WrongError(f"program {number} was lost for nothing: {error}")


def possible_values(cell: Cell) -> set[int | None]:
    """What may be stored under the cell's key when it is over."""
    stored = cell.program.stored()
    last = stored[-1] if stored else None
    if isinstance(cell.end, Result) and cell.end.error_text is None:
        return {last}
    if isinstance(cell.end, Result):
        said = [int(text.partition(":")[2].partition(".")[0]) for text in cell.texts]
        reached = [at for at in stored if said and at <= said[-1]]
        least = len(reached)
        return {reached[-1] if reached else None, *stored[least:]}
    if isinstance(cell.end, Terminated):
        return {None}
    return {None, *stored}  # nobody was told how it ended
