"""The journals of one session: where its cells write, and what they are brought back from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..engine.events import Sink
from .identity import engine_identity
from .journal import Head, JournalError, read_journal
from .replay import Replay
from .store import CellRefused

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ..engine.events import ToolCalled
    from ..protocol.types import CellId, ExecuteRequest
    from .journal import JournalEntry
    from .outputs import Outputs
    from .store import CellStore, Change, OutputMark, StoredCell


class CellOwner(Sink, Protocol):
    """The sink of a cell that has a name in its session."""

    @property
    def cell_id(self) -> CellId:
        """Its id in the session."""

    @property
    def request(self) -> ExecuteRequest:
        """What it was started with."""

    def forget_stored(self) -> None:
        """Commit nothing of what the cell has stored."""


class Journals:
    """The journals of one session in a store, and which of its cells are to be resumed.

    Args:
        store: open for ``session``.
        session: its name.
        on_settled: called with a call of a resumed cell that is not made again, in order.
        on_left: called with the id of a cell that is over here, and stays in the store.

    Attributes:
        resuming: cells to resume when they are started, by id.
        outputs: what cells have said so far, by id.
        limits: those that programs can notice, of cells that begin here.
    """

    def __init__(
        self,
        store: CellStore,
        session: str,
        *,
        on_settled: Callable[[CellOwner, ToolCalled], None],
        on_left: Callable[[CellId], None],
    ) -> None:
        self.store = store
        self.session = session
        self.on_settled = on_settled
        self.on_left = on_left
        self.resuming: dict[str, StoredCell] = {}
        self.outputs: dict[str, Outputs] = {}
        self.limits: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<journals of {self.session!r} in {self.store!r}>"

    def write(self, change: Change) -> asyncio.Future[None]:
        """Write a change of this session."""
        return self.store.write(self.session, change)

    def quietly(self, change: Change) -> asyncio.Future[None]:
        """Write what nothing waits for: a failure here is that of the next change of the same cell."""
        future = self.store.write(self.session, change, waits=True)
        future.add_done_callback(_retrieved)
        return future

    def other_limits(self, head: Head) -> str:
        """A sentence on the limits that the cell had and does not have here; empty if there is none."""
        here = self.limits
        others = [
            f"{name}={value}, and here is {here[name]}"
            for name, value in head.limits.items()
            if here.get(name, value) != value
        ]
        return f" The cell was started with other limits: {'; '.join(others)}." if others else ""

    async def read(self, cell_id: str, heard: OutputMark | None = None) -> Replay:
        """The journal of a cell, ready to be replayed; the cell is marked where it is damaged.

        ``heard`` is what its owner has heard of it.

        Raises:
            JournalError: it is damaged, or of another engine.
            StoreError: it cannot be read.
        """
        stored = await self.store.journal(self.session, cell_id)
        try:
            entries = read_journal(stored.entries)
        except JournalError as error:
            self.quietly(CellRefused(cell_id, str(error)))
            raise
        check_engine(entries)
        return Replay(entries, stored.marks if heard is None else (*stored.marks, heard))


def check_engine(entries: list[JournalEntry]) -> None:
    """Raise JournalError unless this engine does what that of the journal did."""
    head, here = entries[0], engine_identity()
    assert isinstance(head, Head), "a journal that was read begins with its head"
    if head.engine != here:
        raise JournalError(
            f"the cell was started by another engine, and this one may not do the same: it was"
            f" {head.engine}, and here is {here}"
            "\nHint: resume it where that engine is, or drop it (`codemode cells drop`)."
        )


def _retrieved(done: asyncio.Future[None]) -> None:
    if not done.cancelled():
        done.exception()
