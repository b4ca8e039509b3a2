"""A store of durable cells in a database that speaks SQL: a thread that writes, and leases.

Whatever has gathered while the thread wrote goes into the next transaction. In between it renews the leases of the
sessions that are open here.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from .lease import owner_here
from .store import CellForgotten, SessionHeldError, StoredSession, StoreError
from .tables import apply, read_cells, read_journal, read_records, read_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from .store import Change, StoredCell, StoredJournal
    from .tables import SqlConnection

T = TypeVar("T")

LEASE_SECONDS: Final = 15.0
"""How long a session stays with a process of which nothing is heard."""
RENEW_SECONDS: Final = LEASE_SECONDS / 3
BATCH: Final = 512
"""How many changes of one transaction are enough."""
GATHER_SECONDS: Final = 0.002
"""How long a change waits for others."""


class SqlStore:
    """Durable cells in a database; the base of the stores in SQL.

    Args:
        name: of the database, for errors.
        locking: what a query of a lease ends with, so that nobody else changes it meanwhile.
    """

    def __init__(self, name: str, *, locking: str = "") -> None:
        self._name = name
        self._locking = locking
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
        return f"<store {self._name}, {len(self._held)} sessions open>"

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

    async def _ask(self, work: Callable[[SqlConnection], T]) -> T:
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
        db: SqlConnection | None = None
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

    def _perform(self, db: SqlConnection, jobs: list[_Job]) -> None:
        """Run jobs in one transaction; one that is refused fails alone."""
        self._begin(db)
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
        _tell(jobs)

    def _renew(self, db: SqlConnection, written: set[str]) -> set[str]:
        """Prolong the leases, if it is time; the sessions of ``written`` that are another process's by now."""
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + RENEW_SECONDS
            db.executemany(
                "update sessions set expires = ? where name = ? and owner = ?",
                [(self._now(db) + LEASE_SECONDS, each, self._owner) for each in self._held],
            )
        for session in written & self._held:
            rows = db.execute(
                "select owner from sessions where name = ?" + self._locking, (session,)
            )
            if [owner for (owner,) in rows] != [self._owner]:
                self._held.discard(session)
        return written - self._held

    def _apply(self, db: SqlConnection, session: str, change: Change) -> None:
        missed = self._broken.get((session, change.cell_id))
        if isinstance(change, CellForgotten) and change.given_up:
            self._broken.pop((session, change.cell_id), None)
        elif missed is not None:
            raise StoreError(f"something of cell {change.cell_id} could not be written: {missed}")
        apply(db, session, change)

    def _read(self, db: SqlConnection, session: str, cell_id: str) -> StoredJournal:
        self._broken.pop((session, cell_id), None)  # its reader goes on from what is there
        return read_journal(db, session, cell_id)

    def _fail(self, jobs: list[_Job], error: Exception) -> None:
        """None of these was done."""
        if not isinstance(error, StoreError):
            error = StoreError(f"the store {self._name} cannot be used: {str(error).strip()}")
        for job in jobs:
            if job.session is not None:
                self._broken.setdefault((job.session, job.cell_id), str(error))
            job.error = type(error)(*error.args)  # its own: each gets a traceback
        _tell(jobs)

    # ── what databases differ in ─────────────────────────────────────────────────────────────

    def _connect(self) -> SqlConnection:
        """Open the database, with its tables in it.

        Raises:
            Exception: any: it cannot be used.
        """
        raise NotImplementedError

    def _begin(self, db: SqlConnection) -> None:
        """Begin a transaction that may write."""
        raise NotImplementedError

    def _vacuum(self, db: SqlConnection) -> int:
        """Give room back; within a transaction, and so it ends."""
        raise NotImplementedError

    def _now(self, db: SqlConnection) -> float:
        """Seconds since 1970, by the clock that leases go by."""
        raise NotImplementedError

    def _is_gone(self, owner: str) -> bool:
        """Whether the process that has a lease is certainly no more."""
        raise NotImplementedError

    # ── sessions ─────────────────────────────────────────────────────────────────────────────

    def _end(self, db: SqlConnection) -> None:
        try:
            for session in list(self._held):
                self._give_back(db, session)
        except Exception:  # noqa: BLE001 - the database is gone
            pass  # then the leases run out
        db.close()

    def _open(self, db: SqlConnection, session: str) -> StoredSession:
        self._take(db, session)
        [(last,)] = db.execute("select last_cell from sessions where name = ?", (session,))
        return StoredSession(
            values=read_values(db, session),
            last_cell=last,
            cells=read_cells(db, session),
            records=read_records(db, session),
        )

    def _take(self, db: SqlConnection, session: str) -> None:
        db.execute("insert into sessions (name) values (?) on conflict do nothing", (session,))
        [(owner, expires)] = db.execute(
            "select owner, expires from sessions where name = ?" + self._locking, (session,)
        )
        if (
            owner not in (None, self._owner)
            and expires > self._now(db)
            and not self._is_gone(owner)
        ):
            host, pid, _, _ = owner.rsplit(":", 3)
            raise SessionHeldError(
                f"session {session!r} is open in process {pid} of {host}"
                "\nHint: close it there, or wait until that process has ended."
            )
        db.execute(
            "update sessions set owner = ?, expires = ? where name = ?",
            (self._owner, self._now(db) + LEASE_SECONDS, session),
        )
        self._held.add(session)

    def _give_back(self, db: SqlConnection, session: str) -> None:
        self._held.discard(session)
        db.execute(
            "update sessions set owner = null, expires = 0 where name = ? and owner = ?",
            (session, self._owner),
        )

    def _drop(self, db: SqlConnection, session: str, cell_id: str) -> bool:
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


class _Job:
    """Something for the thread to do, and where its result goes."""

    def __init__(
        self,
        work: Callable[[SqlConnection], Any],
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
