"""What a model reads of a cell that runs on: what it waits for and since when, and of cells that ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .nested_call import NestedCall

CALLS_NAMED: Final = 8
"""How many calls are named; of more there is the number."""

CELLS_NAMED: Final = 8


def waiting_text(running: Sequence[NestedCall]) -> str:
    """One line on the nested calls of a cell that has yielded.

    >>> waiting_text([])
    'No tool call is under way: the program computes or waits for a timer.'
    """
    if not running:
        return "No tool call is under way: the program computes or waits for a timer."
    named = ", ".join(
        f"{call.id} ({call.tool}, for {_duration(call.milliseconds)})"
        for call in running[:CALLS_NAMED]
    )
    more = len(running) - CALLS_NAMED
    return f"Waiting for {named}{f' and {more:,} calls more' if more > 0 else ''}."


def ended_text(cell_ids: Sequence[str]) -> str:
    """One line on cells that ended without an observer.

    >>> ended_text(["3"])
    'Cell 3 has ended while nobody waited for it; wait gives its last output.'
    """
    if len(cell_ids) == 1:
        return (
            f"Cell {cell_ids[0]} has ended while nobody waited for it; wait gives its last output."
        )
    named = ", ".join(cell_ids[:CELLS_NAMED])
    more = len(cell_ids) - CELLS_NAMED
    which = f"{named}{f' and {more:,} more' if more > 0 else ''}"
    return f"Cells {which} have ended while nobody waited for them; wait gives their last output."


def _duration(milliseconds: float) -> str:
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
