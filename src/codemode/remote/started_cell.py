"""A cell at a host that was admitted, for whoever started it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.types import CellId, RuntimeResponse
    from .cells import RemoteCell
    from .observations import Start


class RemoteStartedCell:
    """A cell that was admitted; implements ``protocol.session.StartedCell``."""

    def __init__(
        self, start: Start, cell: RemoteCell, end_unwanted: Callable[[RemoteCell], None]
    ) -> None:
        self._start: Start | None = start
        self._cell = cell
        self._end_unwanted = end_unwanted

    def __repr__(self) -> str:
        return f"<started cell {self.cell_id}>"

    @property
    def cell_id(self) -> CellId:
        return self._cell.cell_id

    async def initial_response(self) -> RuntimeResponse:
        """The first observation; see ``protocol.session.StartedCell``."""
        start, self._start = self._start, None
        if start is None:
            raise UsageError("the initial response of a cell can be asked for once")
        try:
            # The answer may be here already, and what the program called before it not begun.
            await asyncio.sleep(0)
            outcome = await start.initial
        except asyncio.CancelledError:
            start.initial.cancel()
            self._end_unwanted(self._cell)
            raise
        return outcome.response  # type: ignore[return-value]  # a host gives no frontier
