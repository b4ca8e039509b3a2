"""What a store of durable cells keeps, and what it is asked for.

A store belongs to everything that outlives a process: the journals of cells, their calls, how much of their output was
handed over, and the stored values of sessions. A session is open in one process at a time: a *lease* says in which, and
is renewed while that process lives. Changes are written in the order in which they were asked for, many in one
transaction; a change is there for good when its future is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias

from msgspec import Struct

from ..errors import CodeModeError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

CallState: TypeAlias = Literal["requested", "running", "settled"]
"""``running`` from before its tool is run: after a crash nobody knows whether it was."""


class StoreError(CodeModeError):
    """The store cannot be read or written: it is full, lost, or not ours."""

    code: ClassVar[str] = "store"


class SessionHeldError(StoreError):
    """The session is open in another process."""

    code: ClassVar[str] = "session_held"


class OutputMark(Struct, frozen=True):
    """How many outputs a cell has said, and the hash of all of them: a cell that is made again must say the same."""

    count: int = 0
    digest: bytes = b""


class CellBegun(Struct, frozen=True):
    """A cell is admitted.

    Attributes:
        number: of the cell in its session.
        request: the program, encoded.
        tools: the tools that it may call, encoded; kept once for all cells that have the same.
        head: the first entry of its journal.
    """

    cell_id: str
    number: int
    request: bytes
    tools: bytes
    head: bytes


class EntryWritten(Struct, frozen=True):
    """The journal of a cell goes on; ``settled`` is the number of the call that it answers, or 0."""

    cell_id: str
    entry: bytes
    settled: int = 0


class CallRequested(Struct, frozen=True):
    """A call was made; ``mark`` stands behind it. One that is known already stays as it is."""

    cell_id: str
    number: int
    tool: str
    mark: OutputMark


class StoredRecord(Struct, frozen=True):
    """Something that goes with a session, or with one of its cells: a store keeps the last of each kind and key.

    Attributes:
        kind: what it is: a store need not know.
        key: which one of its kind.
        content: encoded.
        cell_id: the cell that it goes with, and is forgotten with; empty: the session.
    """

    kind: str
    key: str
    content: bytes
    cell_id: str = ""


class RecordsKept(Struct, frozen=True):
    """Something about a session has changed, because of this cell."""

    cell_id: str
    records: tuple[StoredRecord, ...]


class CallBegun(Struct, frozen=True):
    """The tool of a call that was requested is about to run, once more if it was before.

    ``records`` are what was counted of it, to be written with it or not at all.
    """

    cell_id: str
    number: int
    records: tuple[StoredRecord, ...] = ()


class ValuesCommitted(Struct, frozen=True):
    """A cell has ended and committed what it stored, as JSON by key; it does so once."""

    cell_id: str
    values: Mapping[str, bytes]


class OutputDelivered(Struct, frozen=True):
    """So many items more of the cell's output were handed over; ``mark`` stands behind them."""

    cell_id: str
    items: int
    mark: OutputMark | None = None


class EndReached(Struct, frozen=True):
    """The program is over; ``mark`` stands behind its last output."""

    cell_id: str
    mark: OutputMark


class CellRefused(Struct, frozen=True):
    """The cell cannot be brought back, for this reason, and stays; without a reason it can again."""

    cell_id: str
    reason: str


class CellForgotten(Struct, frozen=True):
    """The end of a cell was handed over: its journal goes.

    Where the cell was given up, it goes also if the store has failed it before.
    """

    cell_id: str
    given_up: bool = False


Change: TypeAlias = (
    CellBegun
    | EntryWritten
    | CallRequested
    | CallBegun
    | RecordsKept
    | ValuesCommitted
    | OutputDelivered
    | EndReached
    | CellRefused
    | CellForgotten
)


class StoredCall(Struct, frozen=True):
    """A call of a cell that has no answer; its tool was begun ``attempts`` times."""

    number: int
    tool: str
    state: CallState
    attempts: int = 0


class StoredCell(Struct, frozen=True, kw_only=True):
    """A cell whose end was not handed over.

    Attributes:
        session: whose it is.
        cell_id: its id there.
        request: the program, encoded.
        tools: the tools that it may call, encoded.
        began_at: seconds since 1970.
        delivered: how many items of its output were handed over.
        calls: those without an answer, in order.
        journal_bytes: the size of its journal.
        committed: whether what it stored is among the values of its session.
        refused: why it is not brought back; empty if it may be.
    """

    session: str
    cell_id: str
    request: bytes
    tools: bytes
    began_at: float
    delivered: int = 0
    calls: tuple[StoredCall, ...] = ()
    journal_bytes: int = 0
    committed: bool = False
    refused: str = ""


class StoredJournal(Struct, frozen=True):
    """The journal of a cell.

    Attributes:
        entries: as they were written, one behind the other.
        marks: of outputs that somebody has seen the effect of, in no order.
    """

    entries: bytes
    marks: tuple[OutputMark, ...] = ()


class StoredSession(Struct, frozen=True, kw_only=True):
    """A session as it was left.

    Attributes:
        values: its stored values, as JSON by key.
        last_cell: the highest number of a cell.
        cells: those whose end was not handed over, in order.
        records: what goes with it and its cells.
    """

    values: Mapping[str, bytes]
    last_cell: int
    cells: tuple[StoredCell, ...]
    records: tuple[StoredRecord, ...] = ()


class CellStore(Protocol):
    """Keeps durable cells; see the module. Its futures belong to the event loop that asks."""

    async def open_session(self, session: str) -> StoredSession:
        """Take the lease of a session, which is made if there is none, and read it.

        Raises:
            SessionHeldError: another process has it.
            StoreError: the store cannot be used.
        """

    async def close_session(self, session: str) -> None:
        """Give the lease back."""

    def write(self, session: str, change: Change, *, waits: bool = False) -> asyncio.Future[None]:
        """Write ``change`` behind all changes before it; if it ``waits``, a moment later with those behind it.

        The future raises StoreError if it could not be written. Then no change of the same cell is written before
        its journal is read again: there is no hole in what a store has of a cell. Other cells go on.
        """

    async def journal(self, session: str, cell_id: str) -> StoredJournal:
        """The journal of a cell, with everything that was asked to be written before.

        Raises:
            StoreError: there is none, or it cannot be read.
        """

    async def cells(self, session: str | None = None) -> tuple[StoredCell, ...]:
        """The cells of a session, or of all."""

    async def drop(self, session: str, cell_id: str) -> bool:
        """Forget a cell of a session that is open nowhere else; whether it was there.

        Raises:
            SessionHeldError: the session is open in another process.
        """

    async def vacuum(self) -> int:
        """Give back the room of what is gone; how many bytes were given back."""

    async def aclose(self) -> None:
        """Write what is left, give the leases back, and close."""
