"""What was decided and counted holds in the next process, too."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from codemode import CodeMode, Policy, ask, budget, once, rate, tool
from codemode.durable.sqlite import SqliteStore
from codemode.durable.store import CallBegun, Change
from codemode.protocol.types import ToolCall
from codemode.tools.policy.rules import Rule

from .conftest import Bank

SECONDS = 30
ASKED = Policy([ask("pay", prompt="May this be paid?")])
PAYS = """
try { text(await tools.pay({to: "ann", cents: 5})) } catch (error) { text(String(error).split("\\n")[0]) }
"""


class StopsBeforeCalls(SqliteStore):
    """As if the process had died just before it had a tool run."""

    def write(self, session: str, change: Change, *, waits: bool = False) -> asyncio.Future[None]:
        if isinstance(change, CallBegun):
            return asyncio.get_running_loop().create_future()
        return super().write(session, change, waits=waits)


def stopping(bank: Bank, folder: Path, store: SqliteStore, policy: Policy = ASKED) -> CodeMode:
    return CodeMode(tools=[bank.pay], store=store, session="user-7", policy=policy)


@pytest.mark.parametrize(
    ("decide", "output", "paid"),
    [
        ({"arguments": {"cents": 1}}, "paid ann", [("ann", 1)]),
        ({}, "paid ann", [("ann", 5)]),
        (None, "the call of `pay` was refused: not today", []),
    ],
    ids=["approved with other arguments", "approved", "refused"],
)
async def test_a_decision_holds_though_the_process_ended_before_it_took_effect(
    decide: dict[str, Any] | None,
    output: str,
    paid: list[tuple[str, int]],
    tmp_path: Path,
    bank: Bank,
) -> None:
    async with asyncio.timeout(SECONDS):
        store = StopsBeforeCalls(tmp_path / "cells.db")
        async with stopping(bank, tmp_path, store) as first:
            await first.exec(PAYS)
            if decide is None:
                await first.refuse("1-tool-1", "not today")
            else:
                await first.approve("1-tool-1", **decide)
        await store.aclose()
        async with bank.code_mode(tmp_path, policy=ASKED) as second:
            result = await second.wait("1")

    assert (result.status, result.output) == ("completed", output)
    assert bank.paid == paid


async def test_a_call_that_may_have_run_and_needs_approval_is_asked_about_once(
    tmp_path: Path, bank: Bank
) -> None:
    bank.hold.add("ann")
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, policy=ASKED) as first:
            await first.exec(PAYS)
            await first.approve("1-tool-1")
            await bank.held.wait()
        bank.hold.clear()
        store = StopsBeforeCalls(tmp_path / "cells.db")
        async with stopping(bank, tmp_path, store) as second:
            await second.resume()
            [asked] = second.pending_approvals()
            await second.approve(asked.id)
            left = second.pending_approvals()
        await store.aclose()
        async with bank.code_mode(tmp_path, policy=ASKED) as third:
            result = await third.wait("1")

    assert asked.prompt == (
        "May this be paid? The process ended while this call ran: what it does may have been done"
        " already. Run it again?"
    )
    assert asked.call.attempt == 2
    assert (left, result.output) == ((), "paid ann")
    assert bank.paid == [("ann", 5), ("ann", 5)]


async def test_a_call_that_may_have_run_twice_is_asked_about_twice(
    tmp_path: Path, bank: Bank
) -> None:
    bank.hold.add("ann")
    attempts = []
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path) as first:
            await first.exec(PAYS, yield_time_ms=0)
            await bank.held.wait()
        for _ in range(2):
            bank.held.clear()
            async with bank.code_mode(tmp_path) as next_one:
                await next_one.resume()
                [asked] = next_one.pending_approvals()
                attempts.append(asked.call.attempt)
                await next_one.approve(asked.id)
                await bank.held.wait()

    assert attempts == [2, 3]


async def test_a_decision_for_the_session_holds_in_the_next_process(
    tmp_path: Path, bank: Bank
) -> None:
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, policy=ASKED) as first:
            await first.exec(PAYS)
            await first.approve("1-tool-1", remember="session")
            await first.wait("1")
        async with bank.code_mode(tmp_path, policy=ASKED) as second:
            result = await second.exec(PAYS)
            decisions = second.decisions

    assert (result.status, result.output) == ("completed", "paid ann")
    assert [(each.tool, each.scope, each.approved) for each in decisions] == [
        ("pay", "session", True)
    ]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (budget("pay", calls=2), "its budget of 2 calls a session is spent"),
        (budget("pay", bytes=60), "its budget of 60 bytes a session is spent"),
        (rate("pay", per_minute=2), "there may be 2 calls a minute; the next one may come in"),
        (once("pay", key="to"), "a call with the same key was made before"),
    ],
    ids=["calls", "bytes", "rate", "once"],
)
async def test_what_was_counted_counts_in_the_next_process(
    rule: Rule, reason: str, tmp_path: Path, bank: Bank
) -> None:
    both = """
    for (const to of ["eve", "ann"]) await tools.pay({to, cents: 5});
    """
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, policy=Policy([rule])) as first:
            assert (await first.exec(both)).status == "completed"
        async with bank.code_mode(tmp_path, policy=Policy([ask("other"), rule])) as second:
            result = await second.exec(PAYS)

    assert result.output.startswith(f"the call of `pay` is refused: {reason}")
    assert bank.paid == [("eve", 5), ("ann", 5)]


async def test_a_call_that_is_made_again_is_counted_once(tmp_path: Path, bank: Bank) -> None:
    counted = Policy([budget("pay", calls=1), once("pay"), rate("pay", per_minute=1)])
    bank.hold.add("ann")
    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, policy=counted) as first:
            await first.exec(PAYS, yield_time_ms=0)
            await bank.held.wait()
        bank.hold.clear()
        async with bank.code_mode(tmp_path, policy=counted) as second:
            await second.resume()
            await second.approve("1-tool-1")
            result = await second.wait("1")

    assert result.output == "paid ann"


@pytest.mark.parametrize("hint", ["idempotentHint", "readOnlyHint"])
async def test_a_tool_with_such_a_hint_is_called_again_without_a_word(
    hint: str, tmp_path: Path, bank: Bank
) -> None:
    attempts: list[int] = []
    began, goes_on = asyncio.Event(), asyncio.Event()

    @tool(annotations={hint: True})
    async def look(call: ToolCall) -> str:
        "Look."
        attempts.append(call.attempt)
        began.set()
        await goes_on.wait()
        return "seen"

    async with asyncio.timeout(SECONDS):
        async with bank.code_mode(tmp_path, look) as first:
            await first.exec("text(await tools.look())", yield_time_ms=0)
            await began.wait()
        goes_on.set()
        async with bank.code_mode(tmp_path, look) as second:
            result = await second.wait("1")

    assert (result.output, attempts) == ("seen", [1, 2])
