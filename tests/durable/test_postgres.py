"""The same store in PostgreSQL: the real server, as Debian has it, in a folder of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from codemode import CodeMode
from codemode.durable.store import EntryWritten, SessionHeldError, StoreError

from .conftest import Bank
from .store_suite import BEGUN, Places, StoreSuite
from .test_stores import given

psycopg = pytest.importorskip("psycopg", reason="the extra postgres is not installed")

from codemode.durable.postgres import PostgresStore  # noqa: E402 - as above

SECONDS = 60
USER = "postgres"
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
pytestmark = [
    pytest.mark.skipif(not BINARIES, reason="no PostgreSQL server is installed"),
    pytest.mark.skipif(
        os.geteuid() == 0 and shutil.which("runuser") is None,
        reason="a PostgreSQL server does not run as root",
    ),
    pytest.mark.xdist_group("postgres"),
]


class Server:
    """A server that listens on a socket in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = folder / "data"
        self._options = f"-c listen_addresses= -c fsync=off -k {folder}"

    def run(self, program: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(BINARIES[-1] / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS, cwd="/")

    def make(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
        self.run("initdb", "-D", str(self._data), "-U", USER, "-A", "trust", "--no-sync")
        self.start()

    def start(self) -> None:
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self._data), "-o", self._options, "-l", log, "-w", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")

    def database(self, name: str) -> str:
        """A new database; where it is."""
        where = f"host={self.folder} user={USER}"
        with psycopg.connect(f"{where} dbname=postgres", autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return f"{where} dbname={name}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    import tempfile

    # A socket's path is short, and its folder one that the server's user may enter.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        made = Server(Path(folder))
        made.make()
        yield made
        made.stop()


@pytest.fixture
def conninfo(server: Server, request: pytest.FixtureRequest) -> str:
    number = getattr(server, "databases", 0) + 1
    server.databases = number  # type: ignore[attr-defined]
    return server.database(f"cells{number}")


class TestPostgresStore(StoreSuite):
    @pytest.fixture
    async def places(self, conninfo: str) -> AsyncIterator[Places]:
        async for each in given(partial(PostgresStore, conninfo)):
            yield each


async def test_a_lease_that_has_run_out_passes_on(conninfo: str) -> None:
    first, second = PostgresStore(conninfo), PostgresStore(conninfo)
    await first.open_session("s")
    with pytest.raises(SessionHeldError):
        await second.open_session("s")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("update codemode.sessions set expires = 0")
    await second.open_session("s")
    with pytest.raises(
        StoreError, match=r"^session 's' is not open here: another process may have it$"
    ):
        await first.write("s", BEGUN)
    await first.aclose()
    await second.aclose()


async def test_a_server_that_is_started_again_goes_on_with_what_was_written(
    server: Server, conninfo: str
) -> None:
    store = PostgresStore(conninfo)
    await store.open_session("s")
    await store.write("s", BEGUN)
    await asyncio.to_thread(server.stop)
    with pytest.raises(StoreError, match="cannot be used"):
        await store.write("s", EntryWritten("1", b"lost"))
    await asyncio.to_thread(server.start)
    journal = await store.journal("s", "1")
    await store.write("s", EntryWritten("1", b"answer"))
    after = await store.journal("s", "1")
    await store.aclose()

    assert (journal.entries, after.entries) == (b"head ", b"head answer")


async def test_a_cell_goes_on_in_another_process_s_store(conninfo: str, bank: Bank) -> None:
    source = """
    text(await tools.pay({to: "ann", cents: 1}));
    text(await tools.pay({to: "bob", cents: 2}));
    """
    found = psycopg.conninfo.conninfo_to_dict(conninfo)
    store = f"postgresql:///{found['dbname']}?host={found['host']}&user={found['user']}"
    bank.hold.add("bob")
    async with asyncio.timeout(SECONDS):
        async with CodeMode(tools=[bank.pay], store=store, session="s") as first:
            await first.exec(source, yield_time_ms=0)
            await bank.held.wait()
        bank.hold.clear()
        async with CodeMode(tools=[bank.pay], store=store, session="s") as second:
            await second.resume()
            await second.approve("1-tool-2")
            result = await second.wait("1")

    assert result.output == "paid ann\npaid bob"
    assert bank.paid == [("ann", 1), ("bob", 2), ("bob", 2)]


async def test_an_error_does_not_tell_the_password() -> None:
    store = PostgresStore("postgresql://ann:secret@127.0.0.1:1/cells")
    with pytest.raises(StoreError) as failed:
        await store.open_session("s")
    await store.aclose()

    assert str(failed.value).startswith(
        "the store postgresql://ann@127.0.0.1:1/cells cannot be used:"
    )
    assert "secret" not in str(failed.value)
