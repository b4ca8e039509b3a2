"""What became of cells, so that a model that asks again is told, and stops asking."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from .runtime.outbox import size_of

if TYPE_CHECKING:
    from .limits import Limits
    from .protocol.types import CellId
    from .surface.result import ExecResult


END_BYTES: Final = 1024
"""What an end takes besides its output."""


class Past:
    """The cells of a session, and the last results of those that have ended.

    Results are kept for ``result_kept_ms``, as many of the latest as fit into ``output_bytes``,
    but always the last.
    """

    def __init__(self, limits: Limits) -> None:
        self._kept_seconds = limits.result_kept_ms / 1000
        self._max_bytes = limits.output_bytes
        self._started: dict[str, int] = {}  # highest number, by what stands before it
        self._ended: dict[CellId, _End] = {}  # in order of ending
        self._bytes = 0

    def started(self, cell_id: CellId) -> None:
        """A cell was admitted."""
        generation, number = _numbered(cell_id)
        if number is not None:
            self._started[generation] = max(self._started.get(generation, 0), number)

    def ended(self, result: ExecResult) -> None:
        """A cell is over, and this is its last result."""
        assert result.cell_id is not None
        items = () if result.response is None else result.response.items
        size = END_BYTES + sum(map(size_of, items))
        self._ended[result.cell_id] = _End(result, time.monotonic(), size)
        self._bytes += size
        self._forget()

    def result(self, cell_id: CellId) -> ExecResult | None:
        """The last result of a cell that has ended, while it is kept."""
        self._forget()
        end = self._ended.get(cell_id)
        return None if end is None else end.result

    def fate(self, cell_id: CellId) -> str:
        """One sentence on a cell that is not there, and what to do."""
        self._forget()
        end = self._ended.get(cell_id)
        if end is not None:
            ago = round(time.monotonic() - end.at)
            return (
                f"cell {cell_id} {_PAST_TENSE[end.result.status]} {ago} s ago and its result was"
                " returned then. Do not wait for it again."
            )
        generation, number = _numbered(cell_id)
        if number is not None and 1 <= number <= self._started.get(generation, 0):
            return f"cell {cell_id} has ended. Do not wait for it again; start a new exec."
        return f"there never was a cell {cell_id} in this session. Start a new exec."

    def _forget(self) -> None:
        horizon = time.monotonic() - self._kept_seconds
        while self._ended:
            cell_id, oldest = next(iter(self._ended.items()))
            fits = self._bytes <= self._max_bytes or len(self._ended) == 1
            if oldest.at > horizon and fits:
                break
            del self._ended[cell_id]
            self._bytes -= oldest.size


class _End(NamedTuple):
    """How a cell ended, when, and what keeping that takes."""

    result: ExecResult
    at: float
    size: int


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
