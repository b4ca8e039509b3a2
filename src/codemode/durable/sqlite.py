"""A store of durable cells in one SQLite file, for any number of processes of one machine.

A transaction is on the disk when it is over (WAL, ``synchronous=FULL``). A lease names its process: one that has died
on this machine gives way at once, another after ``LEASE_SECONDS``.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from .lease import has_died
from .sql_store import SqlStore
from .store import StoreError
from .tables import SCHEMA, TABLES

if TYPE_CHECKING:
    import os

    from .tables import SqlConnection

BUSY_MS: Final = 10_000
"""How long to wait for another process's transaction, which takes milliseconds."""


class SqliteStore(SqlStore):
    """Durable cells in the file ``path``, which is made when it is first used.

    Args:
        path: of the file.
        synchronous: ``"full"`` has each commit on the disk, so that cells outlive a loss of power. With ``"normal"``
            they outlive every end of a process, and the system decides when its disk is written: calls do not wait for
            it, and after a loss of power the last changes may be missing.

    Raises:
        StoreError: at first use: the file cannot be opened, or is no store of this version.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: Literal["full", "normal"] = "full",
    ) -> None:
        super().__init__(str(Path(path)))
        self._path = Path(path)
        self._synchronous = synchronous

    def _connect(self) -> SqlConnection:
        db = sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_MS / 1000)
        try:
            db.execute("pragma journal_mode = wal")
            db.execute(f"pragma synchronous = {self._synchronous}")
            self._check_version(db.execute("pragma user_version").fetchone()[0])
            db.executescript(TABLES + f"pragma user_version = {SCHEMA};")
        except BaseException:
            db.close()
            raise
        return db

    def _check_version(self, version: int) -> None:
        if version not in (0, SCHEMA):
            raise StoreError(
                f"the store {self._path} is of version {version}, and this is version {SCHEMA}"
            )

    def _begin(self, db: SqlConnection) -> None:
        db.execute("begin immediate")

    def _now(self, db: SqlConnection) -> float:
        return time.time()

    def _is_gone(self, owner: str) -> bool:
        return has_died(owner)

    def _vacuum(self, db: SqlConnection) -> int:
        before = self._path.stat().st_size
        db.execute("delete from tool_lists where digest not in (select tools from cells)")
        db.execute("commit")  # a vacuum stands outside of transactions
        db.execute("vacuum")
        db.execute("pragma wal_checkpoint(truncate)")
        self._begin(db)
        return max(0, before - self._path.stat().st_size)
