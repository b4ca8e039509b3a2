"""Cells that outlive the process, or the CodeMode, in which they began."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codemode import CodeMode, ExecResult, Limits, Policy, ToolError, UsageError, ask, tool
from codemode.application.events import CellNews
from codemode.durable.journalled import REVIVALS
from codemode.durable.sqlite import SqliteStore
from codemode.durable.store import SessionHeldError, StoreError
from codemode.durable.tables import SqlConnection
from codemode.protocol.types import ToolCall
from tests.engine.driving import eventually

from .conftest import Bank

SECONDS = 30


TRANSFERS = """
store("started", Date.now());
text("drawn " + Math.random());
const names = ["ann", "bob", "eve", "dan", "fay"];
const all = names.map((to, at) => tools.pay({ to, cents: (at + 1) * 100 }));
text(await Promise.all(all));
text(load("started") <= Date.now());
"""
ASKED = Policy([ask("pay", when=lambda call: call.arguments["cents"] == 300)])


async def test_a_call_is_approved_in_another_code_mode_and_nothing_is_done_twice(
    tmp_path: Path, bank: Bank
) -> None:
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, policy=ASKED) as first:
            before = await first.exec(TRANSFERS)
            await eventually(lambda: len(bank.paid) == 4)
            rest = await first.wait(before, yield_time_ms=200)
        async with bank.code_mode(tmp_path, policy=ASKED) as second:
            await second.exec("text('a later cell')")
            [asleep] = second.cells()
            await second.approve("1-tool-3")
            after = await second.wait("1")
            values = dict(second.stored_values())

    assert (before.status, rest.status, after.status) == ("running", "running", "completed")
    assert before.output.startswith("drawn 0.")
    assert after.output == '["paid ann","paid bob","paid eve","paid dan","paid fay"]\ntrue'
    assert sorted(bank.paid) == [
        ("ann", 100),
        ("bob", 200),
        ("dan", 400),
        ("eve", 300),
        ("fay", 500),
    ]
    assert [call.tool for call in asleep.waiting_for] == ["pay"]
    assert list(values) == ["started"]


async def test_cells_are_numbered_on_and_an_end_that_was_handed_over_is_gone(
    tmp_path: Path, bank: Bank
) -> None:
    async with bank.code_mode(tmp_path) as first:
        await first.exec("store('a', 1)")
    async with bank.code_mode(tmp_path) as second:
        found = await second.exec("text(load('a'))")
        gone = await second.wait("1")

    assert (found.cell_id, found.output) == ("2", "1")
    assert (gone.status, second.cells()) == ("failed", ())


async def test_a_call_that_ran_when_its_process_ended_is_asked_about(
    tmp_path: Path, bank: Bank
) -> None:
    source = "try { text(await tools.pay({to: 'ann', cents: 1})) } catch (error) { text(error) }"
    bank.hold.add("ann")
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path) as first:
            await first.exec(source, yield_time_ms=0)
            await bank.held.wait()
        bank.hold.clear()
        async with bank.code_mode(tmp_path) as second:
            told = await second.wait("1")
            [approval] = second.pending_approvals()
            await second.refuse(approval.id, "it arrived")
            refused = await second.wait("1")

    assert (
        "The process ended while this call ran: what it does may have been done already."
        in told.text
    )
    assert refused.output.startswith("the call of `pay` was refused: it arrived")
    assert bank.paid == [("ann", 1)]


async def test_a_call_of_an_idempotent_tool_is_made_again_with_its_key(
    tmp_path: Path, bank: Bank
) -> None:
    keys: list[tuple[str, int]] = []
    began = asyncio.Event()
    goes_on = asyncio.Event()

    @tool(idempotent=True)
    async def book(call: ToolCall, seat: str) -> str:
        "Book a seat."
        keys.append((call.idempotency_key, call.attempt))
        began.set()
        await goes_on.wait()
        return f"booked {seat}"

    source = """
    const first = tools.book({seat: "1A"});
    text(await first);
    """
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, book) as first:
            await first.exec(source, yield_time_ms=0)
            await began.wait()
        goes_on.set()
        async with bank.code_mode(tmp_path, book) as second:
            result = await second.wait("1")

    assert result.output == "booked 1A"
    assert [attempt for _, attempt in keys] == [1, 2]
    assert len({key for key, _ in keys}) == 1


async def test_a_worker_that_is_killed_takes_no_cell_along(tmp_path: Path, bank: Bank) -> None:
    source = """
    text(await tools.pay({to: "ann", cents: 1}));
    const drawn = Math.random();
    text(await tools.pay({to: "bob", cents: 2}));
    text(await tools.pay({to: "eve", cents: 3}) + (drawn === drawn));
    """
    release = asyncio.Event()

    async def pause(call: Any, call_next: Callable[[Any], Any]) -> Any:
        if call.arguments["to"] == "bob":
            bank.held.set()
            await release.wait()
        return await call_next(call)

    async with (
        asyncio.timeout(SECONDS),
        bank.code_mode(tmp_path, middleware=[pause]) as code_mode,
    ):
        first = await code_mode.exec(source, yield_time_ms=0)
        await bank.held.wait()
        session: Any = code_mode._opening._session
        killed = session._engine._engine.pid
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: session._engine._engine.pid not in (killed, None))
        release.set()
        rest = await code_mode.wait(first)

    assert (first.output + rest.output).replace("\n", "") == "paid annpaid bobpaid evetrue"
    assert rest.status == "completed"
    assert bank.paid == [("ann", 1), ("bob", 2), ("eve", 3)]


async def test_timers_and_loads_go_on(tmp_path: Path, bank: Bank) -> None:
    source = """
    store("a", 1);
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    text(load("a"));
    await wait(1);
    text(load("b") ?? "nothing");
    await Promise.all([wait(30), tools.pay({to: "ann", cents: 1})]);
    text(load("a") + 1);
    """
    bank.hold.add("ann")
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path) as first:
            before = await first.exec(source, yield_time_ms=0)
            await bank.held.wait()
            more = await first.wait(before, yield_time_ms=0)
        bank.hold.clear()
        async with bank.code_mode(tmp_path) as second:
            await second.resume()
            await second.approve("1-tool-1")
            after = await second.wait("1")

    assert (before.output + more.output).split() == ["1", "nothing"]
    assert (after.output, after.status) == ("2", "completed")


async def leave_one_waiting(folder: Path, bank: Bank) -> None:
    """A cell that has paid ann and dan and waits for bob, its process gone."""
    source = """
    text(await tools.pay({to: "ann", cents: 1}));
    text(await tools.pay({to: "dan", cents: 1}));
    await tools.pay({to: "bob", cents: 2});
    """
    bank.hold.add("bob")
    async with bank.code_mode(folder) as first:
        await first.exec(source, yield_time_ms=0)
        await bank.held.wait()
    bank.hold.clear()


def rewrite(path: Path, old: str, new: str, *, mends_checksum: bool = True) -> None:
    """Change entries in the store behind its back."""
    db = sqlite3.connect(path)
    for number, content in db.execute("select id, entry from entries").fetchall():
        frame, payload = content[:8], content[8:]
        size, checksum = struct.unpack(">II", frame)
        assert (len(old), size) == (len(new), len(payload))
        payload = payload.replace(old.encode(), new.encode())
        framed = (
            struct.pack(">II", size, zlib.crc32(payload) if mends_checksum else checksum) + payload
        )
        db.execute("update entries set entry = ? where id = ?", (framed, number))
    db.commit()
    db.close()


@pytest.mark.parametrize("answer", ["paid ann", "paid dan"])
async def test_a_cell_that_says_something_else_stays_refused_until_it_is_tried_again(
    answer: str, tmp_path: Path, bank: Bank
) -> None:
    async with asyncio.timeout(SECONDS):
        await leave_one_waiting(tmp_path, bank)
        rewrite(tmp_path / "cells.db", answer, "paid eve")
        async with bank.code_mode(tmp_path) as second:
            told = await second.wait("1")
            again = await second.wait("1")
        rewrite(tmp_path / "cells.db", "paid eve", answer)
        async with bank.code_mode(tmp_path) as third:
            still = await third.wait("1")
            await third.resume("1")
            await third.approve("1-tool-3")
            result = await third.wait("1")

    assert told.status == "failed"
    assert "the cell has said something else than before" in told.text
    assert "nothing was executed. The cell stays in the store." in told.text
    assert [again.status, still.status] == ["refused", "refused"]
    assert (
        "cell 1 is not brought back: The cell could not be brought back: the cell has" in still.text
    )
    assert (result.status, result.output) == ("completed", "paid ann\npaid dan")
    assert bank.paid == [("ann", 1), ("dan", 1), ("bob", 2), ("bob", 2)]


async def test_the_last_answer_of_a_cell_that_has_ended_is_compared_too(
    tmp_path: Path, bank: Bank
) -> None:
    over = asyncio.Event()
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, on_event=ends(over)) as first:
            await first.exec("text(await tools.pay({to: 'ann', cents: 1}))", yield_time_ms=0)
            await over.wait()
        rewrite(tmp_path / "cells.db", "paid ann", "paid eve")
        async with bank.code_mode(tmp_path) as second:
            told = await second.wait("1")

    assert told.status == "failed"
    assert "the cell has said something else than before, up to output 3" in told.text


def ends(over: asyncio.Event) -> Callable[[object], None]:
    """Tells of the end of a cell that nobody observes."""

    def noted(event: object) -> None:
        if isinstance(event, CellNews) and event.ended:
            over.set()

    return noted


async def test_a_cell_that_does_something_else_under_other_limits_is_refused_with_their_names(
    tmp_path: Path, bank: Bank
) -> None:
    source = """
    const set = (at) => { try { return Boolean(setTimeout(() => {}, 60_000)) } catch { return at } };
    text([1, 2, 3].map(set));
    await tools.pay({to: "bob", cents: 2});
    """
    bank.hold.add("bob")
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, limits=Limits(timers=8)) as first:
            await first.exec(source, yield_time_ms=0)
            await bank.held.wait()
        async with bank.code_mode(tmp_path, limits=Limits(timers=2)) as second:
            told = await second.wait("1")

    assert "The cell was started with other limits: timers=8, and here is 2." in told.text


async def test_a_cell_that_was_refused_can_be_ended(tmp_path: Path, bank: Bank) -> None:
    async with asyncio.timeout(SECONDS):
        await leave_one_waiting(tmp_path, bank)
        rewrite(tmp_path / "cells.db", "paid ann", "paid eve")
        async with bank.code_mode(tmp_path) as second:
            await second.wait("1")
            ended = await second.terminate("1")
        async with bank.code_mode(tmp_path) as third:
            await third.exec("")
            left = third.cells()

    assert (ended.status, left) == ("terminated", ())


async def test_a_cell_whose_journal_is_damaged_is_refused_before_anything_runs(
    tmp_path: Path, bank: Bank
) -> None:
    async with asyncio.timeout(SECONDS):
        await leave_one_waiting(tmp_path, bank)
        rewrite(tmp_path / "cells.db", "paid ann", "owes ann", mends_checksum=False)
        async with bank.code_mode(tmp_path) as second:
            refused = [await second.wait("1"), await second.wait("1")]

    assert [each.status for each in refused] == ["refused", "refused"]
    assert "the journal is damaged at byte " in refused[0].text
    assert "cell 1 is not brought back: the journal is damaged" in refused[1].text
    assert bank.paid == [("ann", 1), ("dan", 1), ("bob", 2)]


async def test_a_cell_that_kills_its_worker_each_time_stays_refused(
    tmp_path: Path, bank: Bank
) -> None:
    bank.hold.add("ann")
    async with asyncio.timeout(SECONDS), bank.code_mode(tmp_path) as first:
        began = await first.exec(
            "store('k', 1); await tools.pay({to: 'ann', cents: 1})", yield_time_ms=0
        )
        session: Any = first._opening._session
        await bank.held.wait()
        killed: set[int | None] = {None}
        for _ in range(REVIVALS + 1):
            await eventually(lambda: session._engine._engine.pid not in killed)
            killed.add(session._engine._engine.pid)
            os.kill(session._engine._engine.pid, signal.SIGKILL)
        told = await first.wait(began)
        again = await first.wait(began)
        values = dict(first.stored_values())

    assert (told.status, again.status) == ("failed", "refused")
    assert "That happened 4 times to this cell. The cell stays in the store." in told.text
    assert values == {}


async def test_values_of_a_cell_that_has_ended_are_stored_once(tmp_path: Path, bank: Bank) -> None:
    over = asyncio.Event()
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, on_event=ends(over)) as first:
            await first.exec(
                "store('k', 'first'); await tools.pay({to: 'ann', cents: 1})", yield_time_ms=0
            )
            await over.wait()
            await first.exec("store('k', 'second')")
        async with bank.code_mode(tmp_path) as second:
            ended = await second.wait("1")
            value = await second.exec("text(load('k'))")

    assert (ended.status, value.output) == ("completed", "second")


async def test_a_session_is_open_in_one_place_only(tmp_path: Path, bank: Bank) -> None:
    async with bank.code_mode(tmp_path) as first:
        await first.exec("text(1)")
        other = bank.code_mode(tmp_path)
        with pytest.raises(SessionHeldError, match=r"^session 'user-7' is open in process \d+ of"):
            await other.exec("text(1)")
        await other.aclose()
    async with bank.code_mode(tmp_path) as third:
        assert (await third.exec("text(3)")).output == "3"


async def test_a_store_that_cannot_be_written_runs_nothing(tmp_path: Path, bank: Bank) -> None:
    (tmp_path / "cells.db").mkdir()
    code_mode = bank.code_mode(tmp_path)
    with pytest.raises(Exception, match="unable to open database file"):
        await code_mode.exec("await tools.pay({to: 'ann', cents: 1})")
    await code_mode.aclose()

    assert bank.paid == []


async def waited_out(code_mode: CodeMode, result: ExecResult) -> ExecResult:
    while result.running:
        result = await code_mode.wait(result)
    return result


async def test_a_store_that_fails_for_a_moment_is_an_error_and_the_cell_goes_on_afterwards(
    tmp_path: Path, bank: Bank
) -> None:
    store = SqliteStore(tmp_path / "cells.db")
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def much() -> str:
        "Gives much, when it may."
        began.set()
        await goes_on.wait()
        return "x" * 100_000

    def full(db: SqlConnection) -> None:
        db.execute("pragma max_page_count = 1").fetchone()

    async with (
        asyncio.timeout(SECONDS),
        CodeMode(tools=[bank.pay, much], store=store, session="user-7") as code_mode,
    ):
        source = "text(await tools.pay({to: 'ann', cents: 1})); text(await tools.much())"
        first = await code_mode.exec(source, yield_time_ms=0)
        await began.wait()
        await store._ask(full)
        goes_on.set()
        with pytest.raises(StoreError, match=r"disk is full$"):
            await waited_out(code_mode, first)
        other = await code_mode.exec("text('another cell')")
        await code_mode.resume(first)
        [approval] = code_mode.pending_approvals()
        await code_mode.approve(approval.id)
        rest = await code_mode.wait(first)
    await store.aclose()

    assert other.output == "another cell"
    assert (rest.status, rest.output.split()[-1]) == ("completed", "x" * 100_000)
    assert bank.paid == [("ann", 1)]


async def test_the_cells_of_a_store_are_there_as_soon_as_the_code_mode_is_entered(
    tmp_path: Path, bank: Bank
) -> None:
    async with asyncio.timeout(SECONDS):
        await leave_one_waiting(tmp_path, bank)
        async with bank.code_mode(tmp_path) as second:
            [cell] = second.cells()
            other = bank.code_mode(tmp_path)
            with pytest.raises(SessionHeldError):
                await other.__aenter__()

    assert (cell.cell_id, [call.tool for call in cell.waiting_for]) == ("1", ["pay"])


async def test_terminating_a_cell_that_is_asleep_forgets_it(tmp_path: Path, bank: Bank) -> None:
    bank.hold.add("ann")
    async with bank.code_mode(tmp_path) as first:
        await first.exec("await tools.pay({to: 'ann', cents: 1})", yield_time_ms=0)
        await bank.held.wait()
    async with bank.code_mode(tmp_path) as second:
        await second.exec("text(1)")
        ended = await second.terminate("1")
        left = second.cells()
    async with bank.code_mode(tmp_path) as third:
        await third.exec("text(1)")

    assert (ended.status, left, third.cells()) == ("terminated", (), ())


async def test_a_store_needs_a_session_and_cells_of_this_machine(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a store keeps sessions by their names"):
        CodeMode(store=tmp_path / "cells.db")


async def test_an_error_of_a_tool_is_journalled_as_one(tmp_path: Path, bank: Bank) -> None:
    @tool
    async def broken() -> str:
        "Fails."
        raise ToolError("it is broken")

    source = """
    try { await tools.broken() } catch (error) { text("caught " + error) }
    text(await tools.pay({to: "ann", cents: 1}));
    """
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, broken, policy=Policy([ask("pay")])) as first:
            await first.exec(source)
        async with bank.code_mode(tmp_path, broken, policy=Policy([ask("pay")])) as second:
            await second.approve("1-tool-2")
            result = await second.wait("1")

    assert result.output.endswith("paid ann")
