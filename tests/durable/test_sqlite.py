"""A store in an SQLite file: order, leases, and files that are no store."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codemode.durable import sqlite
from codemode.durable.sqlite import SqliteStore
from codemode.durable.store import (
    CellBegun,
    EntryWritten,
    SessionHeldError,
    StoreError,
)

BEGUN = CellBegun("1", 1, b"request", b"tools", b"head ")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "cells.db")
    yield made
    await made.aclose()


def other(store: SqliteStore) -> SqliteStore:
    """The same file as another process has it."""
    return SqliteStore(store._path)


async def test_the_lease_of_a_process_that_has_died_passes_on_at_once(store: SqliteStore) -> None:
    await store.open_session("s")
    await store.aclose()
    db = sqlite3.connect(store._path)
    owner = f"{socket.gethostname()}:{2**22 + 1}:1:abc"
    db.execute("update sessions set owner = ?, expires = 9e12 where name = 's'", (owner,))
    db.commit()
    db.close()

    assert (await store.open_session("s")).cells == ()


async def test_a_lease_of_another_machine_is_waited_for(store: SqliteStore) -> None:
    await store.open_session("s")
    await store.aclose()
    db = sqlite3.connect(store._path)
    db.execute("update sessions set owner = 'far:1:1:abc', expires = 9e12 where name = 's'")
    db.commit()
    db.close()
    with pytest.raises(SessionHeldError, match=r"^session 's' is open in process 1 of far"):
        await store.open_session("s")


async def test_a_process_that_has_lost_its_lease_writes_nothing_more(store: SqliteStore) -> None:
    await store.open_session("s")
    await store.write("s", BEGUN)
    db = sqlite3.connect(store._path)
    db.execute("update sessions set owner = 'far:1:1:abc', expires = 9e12 where name = 's'")
    db.commit()
    with pytest.raises(
        StoreError, match=r"^session 's' is not open here: another process may have it$"
    ):
        await store.write("s", EntryWritten("1", b"answer"))
    rows = db.execute("select entry from entries").fetchall()
    db.close()

    assert rows == [(b"head ",)]


async def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cells.db"
    db = sqlite3.connect(path)
    db.execute("pragma user_version = 7")
    db.close()
    store = SqliteStore(path)
    with pytest.raises(StoreError, match=r"is of version 7, and this is version 2$"):
        await store.open_session("s")
    await store.aclose()


async def test_a_store_without_room_fails_the_cell_whose_change_is_lost_and_goes_on(
    store: SqliteStore,
) -> None:
    await store.open_session("s")
    await store.write("s", BEGUN)
    await store._ask(lambda db: db.execute("pragma max_page_count = 20").fetchone())
    with pytest.raises(StoreError, match=r"cannot be used: database or disk is full$"):
        await store.write("s", EntryWritten("1", b"x" * 200_000))
    with pytest.raises(
        StoreError, match=r"^something of cell 1 could not be written: .* disk is full$"
    ):
        await store.write("s", EntryWritten("1", b"behind it"))
    await store.write("s", CellBegun("2", 2, b"request", b"tools", b"other"))
    journal = await store.journal("s", "1")
    await store.write("s", EntryWritten("1", b"from there"))
    after = await store.journal("s", "1")

    assert (journal.entries, after.entries) == (b"head ", b"head from there")


async def test_a_file_that_is_locked_for_long_fails_what_waits_and_nothing_after_it(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 10)
    await store.open_session("s")
    await store.write("s", BEGUN)
    db = sqlite3.connect(store._path, isolation_level=None)
    db.execute("begin immediate")
    with pytest.raises(StoreError, match=r"cannot be used: database is locked$"):
        await store.write("s", EntryWritten("1", b"answer"))
    db.execute("rollback")
    db.close()
    journal = await store.journal("s", "1")
    await store.write("s", EntryWritten("1", b"answer"))

    assert journal.entries == b"head "


async def test_a_lost_lease_fails_its_own_session_only(store: SqliteStore) -> None:
    await store.open_session("s")
    await store.open_session("t")
    db = sqlite3.connect(store._path)
    db.execute("update sessions set owner = 'far:1:1:abc', expires = 9e12 where name = 's'")
    db.commit()
    db.close()
    lost, kept = store.write("s", BEGUN), store.write("t", BEGUN)
    await asyncio.wait({lost, kept})

    assert str(lost.exception()) == "session 's' is not open here: another process may have it"
    assert kept.exception() is None
