"""Stores by what an application calls them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from .sqlite import SqliteStore

if TYPE_CHECKING:
    from .sql_store import SqlStore

_POSTGRES: Final = ("postgresql://", "postgres://")


def is_postgres(where: object) -> bool:
    """Whether this is the address of a PostgreSQL database."""
    return isinstance(where, str) and where.startswith(_POSTGRES)


def store_at(where: str | os.PathLike[str]) -> SqlStore:
    """The store in a PostgreSQL database, if this is the address of one, or else in an SQLite file.

    Raises:
        UsageError: the extra that it needs is not installed.
    """
    if is_postgres(where):
        from .postgres import PostgresStore  # noqa: PLC0415 - only with the extra

        return PostgresStore(str(where))
    return SqliteStore(where)
