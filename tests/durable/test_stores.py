"""Every store does the same, and durable cells run on each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from codemode import CodeMode
from codemode.durable.sqlite import SqliteStore
from codemode.durable.store import CellStore

from .conftest import Bank
from .memory_store import Memory, MemoryStore
from .store_suite import Places, StoreSuite

SECONDS = 30


async def given(places: Places) -> AsyncIterator[Places]:
    """Each store is closed in the end."""
    made: list[CellStore] = []

    def place() -> CellStore:
        made.append(places())
        return made[-1]

    yield place
    for each in made:
        await each.aclose()


class TestSqliteStore(StoreSuite):
    @pytest.fixture
    async def places(self, tmp_path: Path) -> AsyncIterator[Places]:
        async for each in given(partial(SqliteStore, tmp_path / "cells.db")):
            yield each


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    async def places(self) -> AsyncIterator[Places]:
        async for each in given(partial(MemoryStore, Memory())):
            yield each


async def test_a_cell_goes_on_over_a_store_of_one_s_own(bank: Bank) -> None:
    source = """
    text(await tools.pay({to: "ann", cents: 1}));
    text(await tools.pay({to: "bob", cents: 2}));
    """
    memory = Memory()

    def code_mode() -> CodeMode:
        return CodeMode(tools=[bank.pay], store=MemoryStore(memory), session="s")

    bank.hold.add("bob")
    async with asyncio.timeout(SECONDS):
        async with code_mode() as first:
            await first.exec(source, yield_time_ms=0)
            await bank.held.wait()
        bank.hold.clear()
        async with code_mode() as second:
            await second.resume()
            await second.approve("1-tool-2")
            result = await second.wait("1")

    assert result.output == "paid ann\npaid bob"
    assert bank.paid == [("ann", 1), ("bob", 2), ("bob", 2)]
