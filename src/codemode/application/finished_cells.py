"""How cells ended, so that a model that waits for one again gets an answer, and stops asking."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from ..sessions.ends import Ends

if TYPE_CHECKING:
    from ..limits import Limits
    from ..protocol.types import CellId
    from ..surface.result import ExecResult


class FinishedCells:
    """The cells of a session, and the last results of those that have ended (``Ends``)."""

    def __init__(self, limits: Limits) -> None:
        self._started: dict[str, int] = {}  # highest number, by what stands before it
        self._ended = Ends["ExecResult"](limits)

    def started(self, cell_id: CellId) -> None:
        """A cell was admitted."""
        generation, number = _numbered(cell_id)
        if number is not None:
            self._started[generation] = max(self._started.get(generation, 0), number)

    def ended(self, result: ExecResult) -> None:
        """A cell is over, and this is its last result."""
        assert result.cell_id is not None
        items = () if result.response is None else result.response.items
        self._ended.keep(result.cell_id, result, items)

    def result(self, cell_id: CellId) -> ExecResult | None:
        """The last result of a cell that has ended, while it is kept."""
        kept = self._ended.get(cell_id)
        return None if kept is None else kept.end

    def describe(self, cell_id: CellId) -> str:
        """One sentence on a cell that is not there, and what to do."""
        kept = self._ended.get(cell_id)
        if kept is not None:
            ago = round(time.monotonic() - kept.at)
            return (
                f"cell {cell_id} {_PAST_TENSE[kept.end.status]} {ago} s ago and its result was"
                " returned then. Do not wait for it again."
            )
        generation, number = _numbered(cell_id)
        if number is not None and 1 <= number <= self._started.get(generation, 0):
            return f"cell {cell_id} has ended. Do not wait for it again; start a new exec."
        return f"there never was a cell {cell_id} in this session. Start a new exec."


def _numbered(cell_id: CellId) -> tuple[str, int | None]:
    """A cell id's generation (``"g2"``, or nothing) and number, if it has one."""
    generation, _, number = cell_id.rpartition(":")
    decimal = number.isascii() and number.isdecimal() and len(number) < 20
    return generation, int(number) if decimal else None


_PAST_TENSE: Final[dict[str, str]] = {
    "completed": "completed",
    "failed": "failed",
    "terminated": "was terminated",
}
