"""An engine session whose cells are journalled."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..errors import EngineError
from .journal import JournalError
from .journalled import JournalledCell
from .store import StoreError

if TYPE_CHECKING:
    from ..engine.catalogue import Catalogue
    from ..engine.events import Sink
    from ..engine.interfaces import EngineSession, Repeatable
    from .journals import CellOwner, Journals


class JournalledSession:
    """An engine session that journals; implements ``engine.interfaces.EngineSession``."""

    def __init__(self, engine: EngineSession, journals: Journals) -> None:
        self._engine = engine
        self._journals = journals
        self._cells: set[JournalledCell] = set()

    async def start(
        self,
        source: str,
        catalogue: Catalogue,
        sink: Sink,
        repeatable: Repeatable | None = None,
    ) -> JournalledCell:
        """Start a program, or resume the cell that the store knows by the id of ``sink``.

        Raises:
            EngineError: it cannot run, its journal cannot be written or read, or is of another engine.
        """
        del repeatable  # the journal has a seed of its own
        owner = cast("CellOwner", sink)
        cell = JournalledCell(self._engine, self._journals, source, catalogue, owner)
        stored = self._journals.resuming.pop(cell.cell_id, None)
        try:
            if stored is None:
                await cell.begin()
            else:
                await cell.bring_back(stored)
        except (StoreError, JournalError) as error:
            raise EngineError(str(error)) from error
        self._cells.add(cell)
        return cell

    async def aclose(self) -> None:
        """Close the engine session; the cells stay in the store."""
        for cell in self._cells:
            cell.let_go()
        await self._engine.aclose()
