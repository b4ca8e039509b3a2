"""A store of durable cells in PostgreSQL, for any number of processes of any number of machines; the extra ``postgres``.

A lease runs out by the server's clock, ``LEASE_SECONDS`` after its process was last heard of, whatever became of that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ..errors import UsageError
from .sql_store import SqlStore
from .store import StoreError
from .tables import SCHEMA, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from .tables import SqlConnection, SqlRows

CONNECT_SECONDS: Final = 10
"""How long the server may take to answer."""
STATEMENT_MS: Final = 30_000
"""How long a statement may take; another process holds a row for milliseconds."""

_OURS: Final = 0x636F6465
"""Names the advisory lock under which the tables are made."""
_DIALECT: Final = (
    (r"integer primary key", "bigint generated always as identity primary key"),
    (r"\binteger\b", "bigint"),
    (r"\breal\b", "double precision"),
    (r"\bblob\b", "bytea"),
    (r" without rowid", ""),
    (r"x''", "''"),
)
_SIZE: Final = (
    "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class c"
    " join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'codemode' and c.relkind = 'r'"
)


class PostgresStore(SqlStore):
    """Durable cells in the schema ``codemode`` of a database, which is made when it is first used.

    Args:
        conninfo: where it is: ``"postgresql://user@host/database"``, or what else libpq reads.

    Raises:
        UsageError: the extra ``postgres`` is not installed.
        StoreError: at first use: the database cannot be reached, or has a store of another version.
    """

    def __init__(self, conninfo: str) -> None:
        try:
            import psycopg  # noqa: PLC0415 - only with the extra
        except ImportError as error:
            raise UsageError(
                "a store in PostgreSQL needs psycopg\nHint: pip install 'codemode[postgres]'"
            ) from error
        super().__init__(_without_password(conninfo), locking=" for update")
        self._conninfo = conninfo
        self._psycopg = psycopg

    def _connect(self) -> SqlConnection:
        connection = self._psycopg.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            options=f"-c search_path=codemode -c statement_timeout={STATEMENT_MS}",
            application_name="codemode",
        )
        db = _Connection(connection)
        try:
            self._make_tables(db)
        except BaseException:
            db.close()
            raise
        return db

    def _make_tables(self, db: SqlConnection) -> None:
        tables = TABLES
        for pattern, replacement in _DIALECT:
            tables = re.sub(pattern, replacement, tables)
        db.execute("begin")
        # Two processes that make the same table at the same time are an error of one of them.
        db.execute("select pg_advisory_xact_lock(?)", (_OURS,))
        db.execute("create schema if not exists codemode")
        db.execute("create table if not exists store_version (version bigint not null)")
        versions = [version for (version,) in db.execute("select version from store_version")]
        if versions not in ([], [SCHEMA]):
            raise StoreError(
                f"the store {self._name} is of version {versions[0]}, and this is version {SCHEMA}"
            )
        if not versions:
            for statement in filter(str.strip, tables.split(";")):
                db.execute(statement)
            db.execute("insert into store_version values (?)", (SCHEMA,))
        db.execute("commit")

    def _begin(self, db: SqlConnection) -> None:
        db.execute("begin")

    def _now(self, db: SqlConnection) -> float:
        [(now,)] = db.execute("select extract(epoch from clock_timestamp())::double precision")
        found: float = now
        return found

    def _is_gone(self, owner: str) -> bool:
        return False  # it may be on another machine, whatever its name says

    def _vacuum(self, db: SqlConnection) -> int:
        [(before,)] = db.execute(_SIZE)
        db.execute("delete from tool_lists where digest not in (select tools from cells)")
        db.execute("commit")  # a vacuum stands outside of transactions
        for table in ("entries", "calls", "cells", "records", "tool_lists", "stored_values"):
            db.execute(f"vacuum {table}")
        self._begin(db)
        [(after,)] = db.execute(_SIZE)
        return max(0, int(before) - int(after))


class _Connection:
    """A ``SqlConnection`` over psycopg, which writes parameters in its own way."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> SqlRows:
        return self._connection.execute(sql.replace("?", "%s"), parameters)

    def executemany(self, sql: str, rows: Iterable[Sequence[object]], /) -> object:
        with self._connection.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s"), rows)
        return None

    def close(self) -> None:
        self._connection.close()


def _without_password(conninfo: str) -> str:
    """What may stand in an error."""
    said = re.sub(r"(://[^/@]*?):[^@/]*@", r"\1@", conninfo)
    return re.sub(r"password=('[^']*'|\S+)", "password=…", said)
