"""Calls that wait for approval, from a model's exec to the tool, on every route to a cell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from codemode import (
    Approval,
    ApprovalRequested,
    CallDecided,
    CellEnded,
    CodeMode,
    ExecResult,
    Policy,
    ToolCall,
    Toolset,
    UsageError,
    ask,
    refuse,
    tool,
)
from codemode.protocol.session import SessionProvider
from codemode.trace.events import ApprovalDecidedEvent, ApprovalRequestedEvent
from tests.test_identity import ROUTES, open_provider

PAID: list[tuple[str, int]] = []
POLICY = Policy(
    [
        refuse("pay", when=lambda call: call.arguments["cents"] > 1_000, reason="never so much"),
        ask("pay", when=lambda call: call.arguments["cents"] > 100, prompt="Pay?", caller="ann"),
        ask("pay", when=lambda call: call.arguments["cents"] > 100, prompt="Pay for another one?"),
    ]
)
FIVE = """
    const cents = [1, 200, 3, 400, 5_000];
    const results = await Promise.allSettled(cents.map((each) => tools.pay({ to: "bob", cents: each })));
    for (const each of results) text(each.value ?? String(each.reason).split("\\n")[0]);
"""


@tool(thread=False)
def pay(to: str, cents: int) -> str:
    "Pay."
    PAID.append((to, cents))
    return f"paid {cents}"


@pytest.fixture(autouse=True)
def _nothing_paid() -> None:
    PAID.clear()


@pytest_asyncio.fixture(params=ROUTES)
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[SessionProvider]:
    async with open_provider(request.param) as provider, asyncio.timeout(60):
        yield provider


async def waiting(cm: CodeMode, count: int, result: ExecResult) -> ExecResult:
    """The cell, once so many of its calls wait."""
    while result.running and len(cm.pending_approvals()) < count:
        result = await cm.wait(result, yield_time_ms=50)
    return result


async def to_the_end(cm: CodeMode, result: ExecResult) -> ExecResult:
    while result.running:
        result = await cm.wait(result)
    return result


async def test_a_cell_yields_when_a_call_asks_and_goes_on_as_each_is_decided(
    provider: SessionProvider,
) -> None:
    async with CodeMode(tools=[pay], policy=POLICY, provider=provider, caller="ann") as cm:
        result = await cm.exec(FIVE, yield_time_ms=60_000)
        assert result.running
        result = await waiting(cm, 2, result)
        first, second = cm.pending_approvals()
        assert [(each.call.arguments["cents"], each.prompt) for each in (first, second)] == [
            (200, "Pay?"),
            (400, "Pay?"),
        ]
        await cm.approve(second.id, arguments={"cents": 399})
        await cm.refuse(first.id, "not today")
        result = await to_the_end(cm, result)
        assert result.output.splitlines() == [
            "paid 1",
            "the call of `pay` was refused: not today",
            "paid 3",
            "paid 399",
            "the call of `pay` is refused: never so much",
        ]
    assert sorted(PAID) == [("bob", 1), ("bob", 3), ("bob", 399)]


async def test_a_model_reads_what_a_cell_waits_for_and_what_to_do_meanwhile(
    provider: SessionProvider,
) -> None:
    async with CodeMode(tools=[pay], policy=POLICY, provider=provider) as cm:
        result = await cm.exec("text(1); await tools.pay({ to: 'bob', cents: 200 }); text(2)")
        assert (result.output, result.text.splitlines()[-3:]) == (
            "1",
            [
                "1 call is waiting for approval, and a person decides:",
                '- pay({"to":"bob","cents":200}): Pay for another one?',
                "The program goes on when it is decided. Do not make the call again: do other work or"
                f" tell the user what is waited for, then wait for cell {result.cell_id}.",
            ],
        )
        (approval,) = cm.pending_approvals()
        (call,) = result.waiting_for
        assert (call.tool, call.status, call.approval_id) == ("pay", "waiting", approval.id)
        again = await cm.wait(result, yield_time_ms=1)
        assert again.running and "1 call is waiting for approval" in again.text
        await cm.approve(approval.id)
        end = await to_the_end(cm, again)
        assert (end.output, [(each.status, each.approval_id) for each in end.calls]) == (
            "2",
            [("ok", None)],
        )


async def test_a_cell_that_is_terminated_waits_no_more(provider: SessionProvider) -> None:
    async with CodeMode(tools=[pay], policy=POLICY, provider=provider) as cm:
        result = await cm.exec("await tools.pay({ to: 'bob', cents: 200 })")
        (approval,) = cm.pending_approvals()
        end = await cm.wait(result, terminate=True)
        assert (end.status, cm.pending_approvals(), PAID) == ("terminated", (), [])
        with pytest.raises(UsageError, match="no call waits for approval as"):
            await cm.approve(approval.id)


async def test_who_follows_a_program_is_told_of_questions_and_decisions() -> None:
    asked: list[Approval] = []
    decided: list[tuple[str, str]] = []
    async with CodeMode(tools=[pay], policy=POLICY) as cm:
        async for event in cm.stream(FIVE):
            if isinstance(event, ApprovalRequested):
                asked.append(event.approval)
                await cm.approve(event.approval.id)
            elif isinstance(event, CallDecided):
                decided.append((event.decision.call_id, event.decision.outcome))
            elif isinstance(event, CellEnded):
                assert event.result.status == "completed"
    assert [each.call.arguments["cents"] for each in asked] == [200, 400]
    assert sorted(decided) == [
        ("tool-1", "allowed"),
        ("tool-2", "allowed"),
        ("tool-2", "approved"),
        ("tool-2", "asked"),
        ("tool-3", "allowed"),
        ("tool-4", "allowed"),
        ("tool-4", "approved"),
        ("tool-4", "asked"),
        ("tool-5", "refused"),
    ]


async def test_a_trace_tells_of_every_question_and_decision() -> None:
    events: list[Any] = []
    async with CodeMode(tools=[pay], policy=POLICY, trace=events.append) as cm:
        async for event in cm.stream(FIVE):
            if isinstance(event, ApprovalRequested):
                await cm.approve(event.approval.id)
    told = [
        each for each in events if isinstance(each, ApprovalRequestedEvent | ApprovalDecidedEvent)
    ]
    assert sorted((each.call, getattr(each, "verdict", "")) for each in told) == [
        ("tool-1", "allowed"),
        ("tool-2", ""),
        ("tool-2", "allowed"),
        ("tool-2", "approved"),
        ("tool-3", "allowed"),
        ("tool-4", ""),
        ("tool-4", "allowed"),
        ("tool-4", "approved"),
        ("tool-5", "refused"),
    ]
    assert {each.by for each in told if isinstance(each, ApprovalDecidedEvent)} == {
        "ask pay",
        "default",
        "person",
        "refuse pay",
    }


async def test_a_cell_does_not_yield_where_the_application_answers_by_itself() -> None:
    async def decide(approval: Approval) -> None:
        await asyncio.sleep(0)

    async with CodeMode(tools=[pay], policy=POLICY, on_approval=decide) as cm:
        result = await cm.exec("text(await tools.pay({ to: 'bob', cents: 200 }))")
        assert (result.status, result.output) == ("completed", "paid 200")


async def test_what_is_decided_for_always_is_kept_by_the_application() -> None:
    program = "text(await tools.pay({ to: 'bob', cents: 200 }))"
    async with CodeMode(tools=[pay], policy=POLICY) as cm:
        result = await cm.exec(program)
        await cm.approve(cm.pending_approvals()[0].id, remember="always")
        await to_the_end(cm, result)
        decisions = cm.decisions
    async with CodeMode(tools=[pay], policy=POLICY, decisions=decisions) as cm:
        assert (await cm.exec(program)).output == "paid 200"


async def test_two_sessions_over_one_toolset_have_their_own_questions() -> None:
    program = "text(await tools.pay({ to: 'bob', cents: 200 }))"
    async with Toolset([pay], policy=POLICY) as toolset:
        async with CodeMode(tools=toolset) as one, CodeMode(tools=toolset) as other:
            results = [await one.exec(program), await other.exec(program)]
            await one.approve(one.pending_approvals()[0].id)
            assert (await to_the_end(one, results[0])).output == "paid 200"
            assert len(other.pending_approvals()) == 1


# ── whose call it is ─────────────────────────────────────────────────────────────────────────────


async def test_a_call_says_whose_it_is_and_has_a_key_of_its_own(provider: SessionProvider) -> None:
    seen: list[ToolCall] = []

    @tool(thread=False)
    def look(call: ToolCall, at: int) -> None:
        seen.append(call)

    async def keys() -> list[str]:
        seen.clear()
        async with CodeMode(
            tools=[look], provider=provider, session="user-7", caller=lambda: "ann"
        ) as cm:
            await cm.run("await Promise.all([1, 1, 2].map((at) => tools.look({ at })))")
        assert {(each.session, each.caller, each.attempt) for each in seen} == {
            ("user-7", "ann", 1)
        }
        return [each.idempotency_key for each in seen]

    first = await keys()
    assert (len(set(first)), await keys()) == (3, first)


async def test_sessions_without_a_name_share_no_keys() -> None:
    seen: list[str] = []

    @tool(thread=False)
    def look(call: ToolCall) -> None:
        seen.append(call.idempotency_key)

    for _ in range(2):
        async with CodeMode(tools=[look]) as cm:
            await cm.exec("await tools.look()")
    assert len(set(seen)) == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"session": ""}, "session is the name of a session, got ''"),
        ({"caller": 7}, "caller is a name, or a function that gives it, got 7"),
        ({"decisions": ["yes"]}, "decisions are what code mode has told you of, got 'yes'"),
    ],
)
def test_what_names_nobody_is_refused_at_once(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        CodeMode(**options)
    assert str(refusal.value).startswith(text)
