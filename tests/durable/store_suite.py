"""What every store of durable cells does: a store's tests are a subclass with a fixture ``places``.

``places()`` gives a store on the same storage each time, as another process would have it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import pytest

from codemode.durable.store import (
    CallBegun,
    CallRequested,
    CellBegun,
    CellForgotten,
    CellRefused,
    CellStore,
    EndReached,
    EntryWritten,
    OutputDelivered,
    OutputMark,
    RecordsKept,
    SessionHeldError,
    StoredCall,
    StoredCell,
    StoredRecord,
    StoreError,
    ValuesCommitted,
)

Places: TypeAlias = Callable[[], CellStore]

BEGUN = CellBegun("1", 1, b"request", b"tools", b"head ")


def begun(number: int, tools: bytes = b"tools") -> CellBegun:
    return CellBegun(str(number), number, b"request", tools, b"head ")


class StoreSuite:
    async def test_what_was_written_is_there_for_the_next(self, places: Places) -> None:
        first, second = places(), places()
        await first.open_session("s")
        first.write("s", BEGUN)
        first.write("s", CallRequested("1", 1, "pay", OutputMark(4, b"4")))
        first.write("s", CallRequested("1", 2, "pay", OutputMark(5, b"5")))
        first.write("s", CallBegun("1", 2))
        first.write("s", CallRequested("1", 2, "pay", OutputMark(5, b"5")), waits=True)
        first.write("s", EntryWritten("1", b"answer", 1), waits=True)
        first.write("s", ValuesCommitted("1", {"k\0é": b"1"}))
        first.write("s", OutputDelivered("1", 2, OutputMark(7, b"7")))
        await first.write("s", OutputDelivered("1", 1))
        await first.close_session("s")
        session = await second.open_session("s")
        journal = await second.journal("s", "1")

        [cell] = session.cells
        assert (dict(session.values), session.last_cell) == ({"k\0é": b"1"}, 1)
        assert cell == StoredCell(
            session="s",
            cell_id="1",
            request=b"request",
            tools=b"tools",
            began_at=cell.began_at,
            delivered=3,
            calls=(StoredCall(2, "pay", "running", 1),),
            journal_bytes=11,
            committed=True,
        )
        assert journal.entries == b"head answer"
        assert set(journal.marks) == {OutputMark(5, b"5"), OutputMark(7, b"7")}

    async def test_changes_are_done_in_order_and_a_reader_stands_behind_them(
        self, places: Places
    ) -> None:
        store = places()
        await store.open_session("s")
        done: list[int] = []

        async def noted(number: int, write: asyncio.Future[None]) -> None:
            await write
            done.append(number)

        writes = [store.write("s", BEGUN)]
        for number in range(1_000):
            waits = number % 3 > 0
            writes.append(store.write("s", EntryWritten("1", b"%d," % number), waits=waits))
        noting = [asyncio.create_task(noted(*each)) for each in enumerate(writes)]
        journal = await store.journal("s", "1")
        await asyncio.gather(*noting)

        assert journal.entries == b"head " + b"".join(b"%d," % number for number in range(1_000))
        assert done == list(range(1_001))

    async def test_a_change_that_waits_is_done_though_nothing_follows(self, places: Places) -> None:
        store = places()
        await store.open_session("s")
        await store.write("s", BEGUN, waits=True)

        assert (await store.journal("s", "1")).entries == b"head "

    async def test_a_session_is_open_in_one_place_until_it_is_closed(self, places: Places) -> None:
        first, second = places(), places()
        await first.open_session("s")
        with pytest.raises(SessionHeldError, match=r"^session 's' is open in process \d+ of"):
            await second.open_session("s")
        await second.open_session("t")
        await first.close_session("s")
        await second.open_session("s")

    async def test_a_store_that_is_closed_has_written_all_and_gives_its_sessions_back(
        self, places: Places
    ) -> None:
        first, second = places(), places()
        await first.open_session("s")
        first.write("s", BEGUN, waits=True)
        await first.aclose()

        assert [each.cell_id for each in (await second.open_session("s")).cells] == ["1"]

    async def test_a_session_that_is_not_open_is_not_written(self, places: Places) -> None:
        store = places()
        await store.open_session("s")
        with pytest.raises(StoreError, match="session 't'"):
            await store.write("t", BEGUN)
        await store.write("s", BEGUN)

        assert [each.session for each in await store.cells()] == ["s"]

    async def test_a_cell_that_is_forgotten_leaves_nothing_but_its_number_and_values(
        self, places: Places
    ) -> None:
        first, second = places(), places()
        await first.open_session("s")
        first.write("s", begun(7))
        first.write("s", CallRequested("7", 1, "pay", OutputMark(1, b"1")))
        first.write("s", CallBegun("7", 1, (StoredRecord("count", "a", b"1", "7"),)))
        first.write("s", ValuesCommitted("7", {"k": b"2"}))
        await first.write("s", CellForgotten("7"))
        with pytest.raises(StoreError, match=r"^session 's' has no cell '7' in the store$"):
            await first.journal("s", "7")
        await first.close_session("s")
        session = await second.open_session("s")

        assert (dict(session.values), session.last_cell) == ({"k": b"2"}, 7)
        assert (session.cells, session.records) == ((), ())

    async def test_the_last_record_of_each_kind_and_key_is_kept(self, places: Places) -> None:
        first, second = places(), places()
        await first.open_session("s")
        first.write("s", BEGUN)
        first.write("s", RecordsKept("1", (StoredRecord("count", "a", b"1"),)))
        kept = {
            StoredRecord("count", "a", b"2"),
            StoredRecord("count", "a", b"3", "1"),
            StoredRecord("decision", "a", b"4"),
        }
        await first.write("s", RecordsKept("1", tuple(kept)))
        await first.close_session("s")

        assert set((await second.open_session("s")).records) == kept

    async def test_the_mark_behind_the_most_outputs_is_kept(self, places: Places) -> None:
        store = places()
        await store.open_session("s")
        store.write("s", BEGUN)
        store.write("s", EndReached("1", OutputMark(9, b"9")))
        store.write("s", OutputDelivered("1", 1, OutputMark(8, b"8")))

        assert (await store.journal("s", "1")).marks == (OutputMark(9, b"9"),)

    async def test_a_cell_is_refused_until_it_is_not(self, places: Places) -> None:
        store = places()
        await store.open_session("s")
        store.write("s", BEGUN)
        store.write("s", CellRefused("1", "it says something else"))
        [refused] = await store.cells("s")
        store.write("s", CellRefused("1", ""))
        [tried] = await store.cells("s")

        assert (refused.refused, tried.refused) == ("it says something else", "")

    async def test_cells_are_told_in_order_of_their_sessions_and_numbers(
        self, places: Places
    ) -> None:
        store = places()
        for session in ("t", "s"):
            await store.open_session(session)
            for number in (2, 10):
                store.write(session, begun(number, tools=b"tools of %d" % number))
        found = [(each.session, each.cell_id, each.tools) for each in await store.cells()]
        of_one = [each.session for each in await store.cells("t")]

        assert found == [
            ("s", "2", b"tools of 2"),
            ("s", "10", b"tools of 10"),
            ("t", "2", b"tools of 2"),
            ("t", "10", b"tools of 10"),
        ]
        assert of_one == ["t", "t"]

    async def test_a_cell_is_dropped_where_its_session_is_open_nowhere_else(
        self, places: Places
    ) -> None:
        first, second = places(), places()
        await first.open_session("s")
        await first.write("s", BEGUN)
        with pytest.raises(SessionHeldError):
            await second.drop("s", "1")
        await first.close_session("s")

        assert [await second.drop("s", "1"), await second.drop("s", "1")] == [True, False]
        assert await first.cells() == ()
        assert await first.vacuum() >= 0
