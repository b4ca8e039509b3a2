"""A store of durable cells in one SQLite file, for any number of processes of one machine.

A thread of its own writes: whatever has gathered while it wrote goes into the next transaction, which is on the disk
when it is over (WAL, ``synchronous=FULL``). In between it renews the leases of the sessions that are open here. A lease
names its process: one that has died on this machine gives way at once, another after ``LEASE_SECONDS``.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast

from .lease import has_died, owner_here
from .sqlite_tables import SCHEMA, TABLES, apply, read_cells, read_journal, read_records
from .store import CellForgotten, SessionHeldError, StoredSession, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .store import Change, StoredCell, StoredJournal

T = TypeVar("T")

LEASE_SECONDS: Final = 15.0
"""How long a session stays with a process of which nothing is heard."""
RENEW_SECONDS: Final = LEASE_SECONDS / 3
BUSY_MS: Final = 10_000
"""How long to wait for another process's transaction, which takes milliseconds."""
BATCH: Final = 512
"""How many changes of one transaction are enough."""
GATHER_SECONDS: Final = 0.002
"""How long a change waits for others."""


class SqliteStore:
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
        self._path = Path(path)
        self._synchronous = synchronous
        self._owner = owner_here()
        self._jobs: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._gathered: list[_Job] = []
        self._sending: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None
        self._held: set[str] = set()
        self._renew_at = 0.0
        # Cells that miss a change: were later ones written, their journals would have a hole.
        self._broken: dict[tuple[str, str], str] = {}

    def __repr__(self) -> str:
        return f"<store {self._path}, {len(self._held)} sessions open>"

    async def open_session(self, session: str) -> StoredSession:
        """See :class:`~codemode.durable.store.CellStore`."""
        return await self._ask(lambda db: self._open(db, session))

    async def close_session(self, session: str) -> None:
        """See :class:`~codemode.durable.store.CellStore`."""
        await self._ask(lambda db: self._give_back(db, session))

    def write(self, session: str, change: Change, *, waits: bool = False) -> asyncio.Future[None]:
        """See :class:`~codemode.durable.store.CellStore`."""
        job = _Job(lambda db: self._apply(db, session, change), session, change.cell_id)
        return self._put(job, waits=waits)

    async def journal(self, session: str, cell_id: str) -> StoredJournal:
        """See :class:`~codemode.durable.store.CellStore`."""
        return await self._ask(lambda db: self._read(db, session, cell_id))

    async def cells(self, session: str | None = None) -> tuple[StoredCell, ...]:
        """See :class:`~codemode.durable.store.CellStore`."""
        return await self._ask(lambda db: read_cells(db, session))

    async def drop(self, session: str, cell_id: str) -> bool:
        """See :class:`~codemode.durable.store.CellStore`."""
        return await self._ask(lambda db: self._drop(db, session, cell_id))

    async def vacuum(self) -> int:
        """See :class:`~codemode.durable.store.CellStore`."""
        return await self._ask(self._vacuum)

    async def aclose(self) -> None:
        """See :class:`~codemode.durable.store.CellStore`."""
        self._send()
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(thread.join)

    # ── the application's side ───────────────────────────────────────────────────────────────

    async def _ask(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return cast("T", await self._put(_Job(work)))

    def _put(self, job: _Job, *, waits: bool = False) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        job.bind(loop)
        self._gathered.append(job)
        if not waits:
            self._send()
        elif self._sending is None:
            self._sending = loop.call_later(GATHER_SECONDS, self._send)
        return job.future

    def _send(self) -> None:
        """Have the thread do what has gathered, in one transaction."""
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        jobs, self._gathered = self._gathered, []
        if not jobs:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="cell store", daemon=True)
            self._thread.start()
        self._jobs.put(jobs)

    # ── the thread's side ────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        db: sqlite3.Connection | None = None
        going = True
        while going:
            jobs, going = self._next_jobs()
            try:
                if db is None:
                    db = self._connect()
                self._perform(db, jobs)
            except Exception as error:  # noqa: BLE001 - whoever waits is told; the thread goes on
                self._fail(jobs, error)
                if db is not None:
                    db.close()
                    db = None  # the next one may find the file in order
        if db is not None:
            self._end(db)

    def _next_jobs(self) -> tuple[list[_Job], bool]:
        """What has gathered, and whether more may come; nothing, when it is time to renew the leases."""
        jobs: list[_Job] = []
        try:
            some = self._jobs.get(timeout=RENEW_SECONDS if self._held else None)
            while some is not None:
                jobs += some
                if len(jobs) >= BATCH:
                    return jobs, True
                some = self._jobs.get_nowait()
        except queue.Empty:
            return jobs, True
        return jobs, False

    def _perform(self, db: sqlite3.Connection, jobs: list[_Job]) -> None:
        """Run jobs in one transaction; one that is refused fails alone."""
        db.execute("begin immediate")
        try:
            lost = self._renew(db, {job.session for job in jobs if job.session is not None})
            for job in jobs:
                if job.session in lost:
                    taken = f"session {job.session!r} is not open here: another process may have it"
                    job.error = StoreError(taken)
                    continue
                try:
                    job.result = job.work(db)
                except StoreError as error:
                    job.error = error
            db.execute("commit")
        except BaseException:
            if db.in_transaction:
                db.execute("rollback")
            raise
        _tell(jobs)

    def _renew(self, db: sqlite3.Connection, written: set[str]) -> set[str]:
        """Prolong the leases, if it is time; the sessions of ``written`` that are another process's by now."""
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + RENEW_SECONDS
            db.executemany(
                "update sessions set expires = ? where name = ? and owner = ?",
                [(time.time() + LEASE_SECONDS, each, self._owner) for each in self._held],
            )
        for session in written & self._held:
            row = db.execute("select owner from sessions where name = ?", (session,)).fetchone()
            if row is None or row[0] != self._owner:
                self._held.discard(session)
        return written - self._held

    def _apply(self, db: sqlite3.Connection, session: str, change: Change) -> None:
        missed = self._broken.get((session, change.cell_id))
        if isinstance(change, CellForgotten) and change.given_up:
            self._broken.pop((session, change.cell_id), None)
        elif missed is not None:
            raise StoreError(f"something of cell {change.cell_id} could not be written: {missed}")
        apply(db, session, change)

    def _read(self, db: sqlite3.Connection, session: str, cell_id: str) -> StoredJournal:
        self._broken.pop((session, cell_id), None)  # its reader goes on from what is there
        return read_journal(db, session, cell_id)

    def _fail(self, jobs: list[_Job], error: Exception) -> None:
        """None of these was done."""
        if not isinstance(error, StoreError):
            error = StoreError(f"the store {self._path} cannot be used: {error}")
        for job in jobs:
            if job.session is not None:
                self._broken.setdefault((job.session, job.cell_id), str(error))
            job.error = type(error)(*error.args)  # its own: each gets a traceback
        _tell(jobs)

    def _connect(self) -> sqlite3.Connection:
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

    def _end(self, db: sqlite3.Connection) -> None:
        try:
            for session in list(self._held):
                self._give_back(db, session)
        except sqlite3.Error:
            pass  # then the leases run out
        db.close()

    def _open(self, db: sqlite3.Connection, session: str) -> StoredSession:
        self._take(db, session)
        (last,) = db.execute("select last_cell from sessions where name = ?", (session,)).fetchone()
        values = db.execute("select key, json from stored_values where session = ?", (session,))
        cells = read_cells(db, session)
        return StoredSession(
            values=dict(values), last_cell=last, cells=cells, records=read_records(db, session)
        )

    def _take(self, db: sqlite3.Connection, session: str) -> None:
        db.execute("insert or ignore into sessions (name) values (?)", (session,))
        row = db.execute("select owner, expires from sessions where name = ?", (session,))
        owner, expires = row.fetchone()
        if owner not in (None, self._owner) and expires > time.time() and not has_died(owner):
            host, pid, _, _ = owner.rsplit(":", 3)
            raise SessionHeldError(
                f"session {session!r} is open in process {pid} of {host}"
                "\nHint: close it there, or wait until that process has ended."
            )
        db.execute(
            "update sessions set owner = ?, expires = ? where name = ?",
            (self._owner, time.time() + LEASE_SECONDS, session),
        )
        self._held.add(session)

    def _give_back(self, db: sqlite3.Connection, session: str) -> None:
        self._held.discard(session)
        db.execute(
            "update sessions set owner = null, expires = 0 where name = ? and owner = ?",
            (session, self._owner),
        )

    def _drop(self, db: sqlite3.Connection, session: str, cell_id: str) -> bool:
        found = db.execute(
            "select 1 from cells where session = ? and cell = ?", (session, cell_id)
        ).fetchone()
        if found is None:
            return False
        held = session in self._held
        self._take(db, session)
        apply(db, session, CellForgotten(cell_id))
        if not held:
            self._give_back(db, session)
        return True

    def _vacuum(self, db: sqlite3.Connection) -> int:
        before = self._path.stat().st_size
        db.execute("delete from tool_lists where digest not in (select tools from cells)")
        db.execute("commit")  # a vacuum stands outside of transactions
        db.execute("vacuum")
        db.execute("pragma wal_checkpoint(truncate)")
        db.execute("begin immediate")
        return max(0, before - self._path.stat().st_size)


class _Job:
    """Something for the thread to do, and where its result goes."""

    def __init__(
        self,
        work: Callable[[sqlite3.Connection], Any],
        session: str | None = None,
        cell_id: str = "",
    ) -> None:
        self.work = work
        self.session = session  # whose cell it writes
        self.cell_id = cell_id
        self.future: asyncio.Future[Any]
        self.result: object = None
        self.error: StoreError | None = None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        self.future = loop.create_future()

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


def _tell(jobs: list[_Job]) -> None:
    """Settle the futures of these jobs in their event loops, in order; waking a loop costs as much as a job."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, settled)
        except RuntimeError:  # the loop is closed: nothing of it waits
            pass


def _settle(jobs: list[_Job]) -> None:
    for job in jobs:
        job.settle()
