"""The tables of a store in SQL: how changes are written to them, and what is read back.

In what SQLite and PostgreSQL have in common, with ``?`` for parameters; ``TABLES`` is SQLite's own.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, Protocol

from .store import (
    CallBegun,
    CallRequested,
    CellBegun,
    CellForgotten,
    CellRefused,
    EndReached,
    EntryWritten,
    OutputDelivered,
    OutputMark,
    RecordsKept,
    StoredCall,
    StoredCell,
    StoredJournal,
    StoredRecord,
    StoreError,
    ValuesCommitted,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .store import CallState, Change


class SqlRows(Protocol):
    """What a query has found."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """The rows that are left."""


class SqlConnection(Protocol):
    """A connection to a database; of one thread."""

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> SqlRows:
        """Run a statement."""

    def executemany(self, sql: str, rows: Iterable[Sequence[object]], /) -> object:
        """Run a statement with each of these parameters."""

    def close(self) -> None:
        """Close it; what was not committed is not done."""


SCHEMA: Final = 2
TABLES: Final = """
create table if not exists sessions (
  name text primary key, owner text, expires real not null default 0, last_cell integer not null default 0
) without rowid;
create table if not exists stored_values (
  session text not null, key blob not null, json blob not null, primary key (session, key)
) without rowid;
create table if not exists cells (
  session text not null, cell text not null, number integer not null, began real not null, request blob not null,
  tools text not null, delivered integer not null default 0, committed integer not null default 0,
  refused text not null default '', seen integer not null default 0, outputs blob not null default x'',
  primary key (session, cell)
);
create table if not exists tool_lists (digest text primary key, tools blob not null);
create table if not exists entries (
  id integer primary key, session text not null, cell text not null, entry blob not null
);
create index if not exists entries_of_cell on entries (session, cell, id);
create table if not exists calls (
  session text not null, cell text not null, number integer not null, tool text not null, state text not null,
  seen integer not null, outputs blob not null, attempts integer not null default 0,
  primary key (session, cell, number)
) without rowid;
create table if not exists records (
  session text not null, cell text not null, kind text not null, key text not null, content blob not null,
  primary key (session, cell, kind, key)
) without rowid;
"""


def apply(db: SqlConnection, session: str, change: Change) -> None:
    """Write a change of a session."""
    match change:
        case CellBegun(cell, number, request, tools, head):
            digest = hashlib.sha256(tools).hexdigest()
            db.execute(
                "insert into tool_lists values (?, ?) on conflict do nothing", (digest, tools)
            )
            db.execute(
                "insert into cells (session, cell, number, began, request, tools) values (?, ?, ?, ?, ?, ?)",
                (session, cell, number, time.time(), request, digest),
            )
            db.execute(
                "update sessions set last_cell = ? where name = ? and last_cell < ?",
                (number, session, number),
            )
            _append(db, session, cell, head)
        case EntryWritten(cell, entry, settled):
            _append(db, session, cell, entry)
            if settled:
                db.execute(
                    "delete from calls where session = ? and cell = ? and number = ?",
                    (session, cell, settled),
                )
        case CallRequested(cell, number, tool, mark):
            db.execute(
                "insert into calls values (?, ?, ?, ?, 'requested', ?, ?, 0) on conflict do nothing",
                (session, cell, number, tool, mark.count, mark.digest),
            )
        case CallBegun(cell, number, records):
            db.execute(
                "update calls set state = 'running', attempts = attempts + 1"
                " where session = ? and cell = ? and number = ?",
                (session, cell, number),
            )
            _keep(db, session, records)
        case RecordsKept(_, records):
            _keep(db, session, records)
        case ValuesCommitted(cell, values):
            db.execute(
                "update cells set committed = 1 where session = ? and cell = ?", (session, cell)
            )
            db.executemany(
                "insert into stored_values values (?, ?, ?)"
                " on conflict (session, key) do update set json = excluded.json",
                [(session, key.encode(), json) for key, json in values.items()],
            )
        case OutputDelivered(cell, items, mark):
            db.execute(
                "update cells set delivered = delivered + ? where session = ? and cell = ?",
                (items, session, cell),
            )
            if mark is not None:
                _note_mark(db, session, cell, mark)
        case EndReached(cell, mark):
            _note_mark(db, session, cell, mark)
        case CellRefused(cell, reason):
            db.execute(
                "update cells set refused = ? where session = ? and cell = ?",
                (reason.replace("\0", "\N{REPLACEMENT CHARACTER}"), session, cell),
            )
        case CellForgotten(cell):
            for table in ("cells", "entries", "calls", "records"):
                db.execute(f"delete from {table} where session = ? and cell = ?", (session, cell))


def _append(db: SqlConnection, session: str, cell: str, entry: bytes) -> None:
    db.execute(
        "insert into entries (session, cell, entry) values (?, ?, ?)", (session, cell, entry)
    )


def _keep(db: SqlConnection, session: str, records: Iterable[StoredRecord]) -> None:
    db.executemany(
        "insert into records values (?, ?, ?, ?, ?)"
        " on conflict (session, cell, kind, key) do update set content = excluded.content",
        [(session, each.cell_id, each.kind, each.key, each.content) for each in records],
    )


def read_records(db: SqlConnection, session: str) -> tuple[StoredRecord, ...]:
    """What goes with a session and its cells."""
    rows = db.execute("select kind, key, content, cell from records where session = ?", (session,))
    return tuple(StoredRecord(*each) for each in rows)


def _note_mark(db: SqlConnection, session: str, cell: str, mark: OutputMark) -> None:
    # The hash of more outputs covers those before them.
    db.execute(
        "update cells set seen = ?, outputs = ? where session = ? and cell = ? and seen < ?",
        (mark.count, mark.digest, session, cell, mark.count),
    )


def read_journal(db: SqlConnection, session: str, cell_id: str) -> StoredJournal:
    """The journal of a cell.

    Raises:
        StoreError: there is none.
    """
    rows = db.execute(
        "select entry from entries where session = ? and cell = ? order by id", (session, cell_id)
    )
    content = b"".join(row[0] for row in rows)
    if not content:
        raise StoreError(f"session {session!r} has no cell {cell_id!r} in the store")
    marks = db.execute(
        "select seen, outputs from calls where session = ? and cell = ? union"
        " select seen, outputs from cells where session = ? and cell = ? and seen > 0",
        (session, cell_id, session, cell_id),
    )
    return StoredJournal(content, tuple(OutputMark(*each) for each in marks))


def read_cells(db: SqlConnection, session: str | None) -> tuple[StoredCell, ...]:
    """The cells of a session, or of all."""
    which, name = ("", ()) if session is None else (" where session = ?", (session,))
    calls = defaultdict[tuple[str, str], list[StoredCall]](list)
    rows: Iterable[tuple[str, str, int, str, CallState, int]] = db.execute(
        f"select session, cell, number, tool, state, attempts from calls{which} order by number",
        name,
    )
    for owner, cell, number, tool, state, attempts in rows:
        calls[owner, cell].append(StoredCall(number, tool, state, attempts))
    sizes = {
        (owner, cell): size
        for owner, cell, size in db.execute(
            f"select session, cell, sum(length(entry)) from entries{which} group by session, cell",
            name,
        )
    }
    return tuple(
        StoredCell(
            session=owner,
            cell_id=cell,
            request=request,
            tools=tools,
            began_at=began,
            delivered=delivered,
            calls=tuple(calls[owner, cell]),
            journal_bytes=sizes.get((owner, cell), 0),
            committed=bool(committed),
            refused=refused,
        )
        for owner, cell, request, tools, began, delivered, committed, refused in db.execute(
            "select session, cell, request, t.tools, began, delivered, committed, refused"
            " from cells c join tool_lists t on t.digest = c.tools"
            f"{which} order by session, number",
            name,
        )
    )


def read_values(db: SqlConnection, session: str) -> dict[str, bytes]:
    """The stored values of a session."""
    rows = db.execute("select key, json from stored_values where session = ?", (session,))
    return {key.decode(): json for key, json in rows}
