"""Calls that wait for a person: asked, answered in any order, changed, remembered, forgotten."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from codemode import (
    Approval,
    CallDecision,
    Decision,
    Policy,
    ToolCall,
    ToolError,
    ToolName,
    UsageError,
    allow,
    ask,
    budget,
    refuse,
    tool,
)
from codemode.protocol.types import CellId
from codemode.tools.policy.approvals import Approvals
from codemode.tools.policy.decisions import Decisions
from codemode.tools.policy.gate import Gate
from codemode.tools.toolset import Toolset

AT = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
REST = "\nHint: go on without it, or tell the user what you would have called it for."


@tool(thread=False)
def pay(to: str, cents: int, on: dt.date = dt.date(2026, 1, 1)) -> str:
    "Pay."
    return f"{cents} to {to} on {on}"


@pytest.fixture(autouse=True)
async def _bounded() -> AsyncIterator[None]:
    async with asyncio.timeout(20):
        yield


class Desk:
    """A toolset with a policy, whose calls wait for somebody at this desk."""

    def __init__(self, *rules: Any, **options: Any) -> None:
        self.log: list[CallDecision] = []
        self.approvals = Approvals(now=lambda: AT, **options)
        self.approvals.listener = self._hear
        self.toolset = Toolset([pay], policy=Policy(rules))
        assert self.toolset.policy is not None
        self.gate = Gate(self.toolset.policy, self.approvals, listener=self._hear)
        self._numbers = 0
        self._news = asyncio.Event()

    def _hear(self, decision: CallDecision, approval: Approval | None) -> None:
        self.log.append(decision)
        self._news.set()

    def call(self, **said: Any) -> asyncio.Task[str]:
        """What the program gets, or catches."""
        self._numbers += 1
        call = ToolCall(
            cell_id=CellId("1"),
            runtime_tool_call_id=f"tool-{self._numbers}",
            tool_name=ToolName("pay"),
            input={"to": "bob", "cents": 5, **said},
            digest=self.toolset.definitions[0].digest,
            idempotency_key=f"key-{self._numbers}",
        )
        return asyncio.create_task(self._caught(call))

    async def _caught(self, call: ToolCall) -> str:
        try:
            result: str = await self.toolset.invoke_tool(call, asyncio.Event(), gate=self.gate)
        except ToolError as error:
            return str(error)
        return result

    async def asked(self, count: int) -> tuple[Approval, ...]:
        """The calls that wait, once so many do."""
        while len(pending := self.approvals.pending()) < count:
            self._news.clear()
            await self._news.wait()
        return pending

    def outcomes(self) -> list[tuple[str, str]]:
        return [(each.outcome, each.by) for each in self.log]


async def test_a_call_waits_until_it_is_approved() -> None:
    desk = Desk(ask("pay", prompt="May it?", expires_ms=60_000))
    call = desk.call()
    (approval,) = await desk.asked(1)
    assert (approval.id, approval.name, approval.prompt, approval.cell_id) == (
        "1-tool-1",
        "pay",
        "May it?",
        "1",
    )
    assert (approval.since, approval.expires_at) == (AT, AT + dt.timedelta(minutes=1))
    assert approval.call.arguments == {"to": "bob", "cents": 5, "on": dt.date(2026, 1, 1)}
    desk.approvals.approve("1-tool-1")
    assert await call == "5 to bob on 2026-01-01"
    assert desk.approvals.pending() == ()
    assert desk.outcomes() == [("asked", "rule"), ("approved", "person"), ("allowed", "ask pay")]


async def test_a_refusal_is_an_error_that_the_program_can_catch() -> None:
    desk = Desk(ask("pay"))
    call = desk.call()
    await desk.asked(1)
    desk.approvals.refuse("1-tool-1", "not today")
    assert await call == f"the call of `pay` was refused: not today{REST}"
    assert desk.outcomes() == [("asked", "rule"), ("refused", "person")]


async def test_calls_are_answered_in_any_order() -> None:
    desk = Desk(ask("pay"))
    calls = [desk.call(cents=cents) for cents in (1, 2, 3)]
    await desk.asked(3)
    desk.approvals.approve("1-tool-3")
    desk.approvals.refuse("1-tool-1")
    assert await calls[2] == "3 to bob on 2026-01-01"
    assert await calls[0] == f"the call of `pay` was refused{REST}"
    assert [each.id for each in desk.approvals.pending()] == ["1-tool-2"]
    desk.approvals.approve("1-tool-2")
    assert await calls[1] == "2 to bob on 2026-01-01"


@pytest.mark.parametrize("on", [dt.date(2026, 2, 3), "2026-02-03"], ids=["a value", "JSON"])
async def test_whoever_approves_may_change_arguments(on: Any) -> None:
    desk = Desk(ask("pay"))
    call = desk.call()
    await desk.asked(1)
    desk.approvals.approve("1-tool-1", {"on": on})
    assert await call == "5 to bob on 2026-02-03"
    assert [each.changed for each in desk.log] == [False, True, False]


CANNOT: dict[str, tuple[dict[str, Any], str]] = {
    "another type": (
        {"cents": "many"},
        'tool `pay` cannot take these arguments:\n- `cents`: should be a valid integer, got "many"',
    ),
    "an unknown one": (
        {"extra": 1},
        "tool `pay` cannot take these arguments:\n- `extra`: is not known",
    ),
    "what the policy refuses": ({"cents": 1_000}, "the policy refuses this call: too much"),
}


@pytest.mark.parametrize(("arguments", "text"), CANNOT.values(), ids=CANNOT)
async def test_what_cannot_be_approved_is_told_and_the_call_waits_on(
    arguments: dict[str, Any], text: str
) -> None:
    rules = refuse("pay", when=lambda call: call.arguments["cents"] > 100, reason="too much")
    desk = Desk(rules, ask("pay"))
    call = desk.call()
    await desk.asked(1)
    with pytest.raises(UsageError) as refusal:
        desk.approvals.approve("1-tool-1", arguments)
    assert str(refusal.value).startswith(text)
    assert len(desk.approvals.pending()) == 1
    desk.approvals.approve("1-tool-1")
    assert await call == "5 to bob on 2026-01-01"


async def test_what_was_let_through_meanwhile_counts() -> None:
    desk = Desk(budget(calls=1), ask("pay"))
    one, two = desk.call(cents=1), desk.call(cents=2)
    await desk.asked(2)
    desk.approvals.approve("1-tool-1")
    desk.approvals.approve("1-tool-2")  # both at once: the first has not gone on yet
    assert [await one, await two] == [
        "1 to bob on 2026-01-01",
        "the call of `pay` is refused: its budget of 1 call a session is spent" + REST,
    ]


async def test_an_answer_counts_once() -> None:
    desk = Desk(ask("pay"))
    call = desk.call()
    await desk.asked(1)
    desk.approvals.approve("1-tool-1")
    answers: list[Callable[[], None]] = [
        lambda: desk.approvals.refuse("1-tool-1"),
        lambda: desk.approvals.approve("1-tool-1"),
        lambda: desk.approvals.approve("nothing"),
    ]
    for answer in answers:
        with pytest.raises(UsageError, match="no call waits for approval as"):
            answer()
    assert await call == "5 to bob on 2026-01-01"


async def test_a_call_that_nobody_answers_is_refused_in_time() -> None:
    desk = Desk(ask("pay", expires_ms=1))
    assert await desk.call() == (
        f"the call of `pay` is refused: nobody has approved it within 0.001 s{REST}"
    )
    assert (desk.outcomes(), desk.approvals.pending()) == (
        [("asked", "rule"), ("expired", "clock")],
        (),
    )


async def test_a_call_whose_cell_ends_waits_no_more() -> None:
    desk = Desk(ask("pay"))
    call = desk.call()
    await desk.asked(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (desk.outcomes(), desk.approvals.pending()) == (
        [("asked", "rule"), ("withdrawn", "clock")],
        (),
    )


# ── remembered ───────────────────────────────────────────────────────────────────────────────────


async def test_a_decision_for_the_session_is_not_asked_again() -> None:
    desk = Desk(ask("pay"))
    call = desk.call()
    await desk.asked(1)
    desk.approvals.approve("1-tool-1", remember="session")
    await call
    assert await desk.call(cents=7) == "7 to bob on 2026-01-01"
    assert desk.outcomes()[3:] == [("approved", "remembered"), ("allowed", "ask pay")]
    assert desk.approvals.decisions.all == (
        Decision(
            approved=True,
            scope="session",
            tool="pay",
            digest=desk.toolset.definitions[0].digest,
            at=AT,
        ),
    )


async def test_a_decision_for_always_is_a_value_that_another_session_takes() -> None:
    desk = Desk(ask("pay"))
    call = desk.call()
    await desk.asked(1)
    desk.approvals.refuse("1-tool-1", "never", remember="always")
    await call
    stored = msgspec.json.encode(desk.approvals.decisions.all)
    decisions = msgspec.json.decode(stored, type=tuple[Decision, ...])
    other = Desk(ask("pay"), decisions=Decisions(decisions))
    assert await other.call() == f"the call of `pay` was refused: never{REST}"


async def test_a_decision_for_one_session_means_nothing_in_another() -> None:
    given = Decision(
        approved=True, scope="session", tool="pay", digest=pay.definition.digest, at=AT
    )
    desk = Desk(ask("pay"), decisions=Decisions([given]))
    call = desk.call()
    await desk.asked(1)
    desk.approvals.approve("1-tool-1")
    assert await call == "5 to bob on 2026-01-01"


async def test_a_decision_holds_for_the_tool_that_it_was_about_and_no_other() -> None:
    given = Decision(approved=True, scope="always", tool="pay", digest="0" * 32, at=AT)
    desk = Desk(ask("pay"), decisions=Decisions([given]))
    call = desk.call()
    await desk.asked(1)
    desk.approvals.refuse("1-tool-1")
    assert await call == f"the call of `pay` was refused{REST}"


async def test_a_middleware_that_calls_again_has_the_answer_already() -> None:
    async def twice(call: ToolCall, call_next: Any) -> Any:
        return [await call_next(call), await call_next(call)]

    desk = Desk(ask("pay"))
    desk.toolset = Toolset([pay], policy=desk.toolset.policy, middleware=[twice])
    call = desk.call()
    await desk.asked(1)
    desk.approvals.approve("1-tool-1")
    assert await call == ["5 to bob on 2026-01-01"] * 2  # type: ignore[comparison-overlap]


async def test_a_middleware_that_calls_twice_at_once_asks_twice() -> None:
    async def both(call: ToolCall, call_next: Any) -> Any:
        return await asyncio.gather(call_next(call), call_next(call))

    desk = Desk(ask("pay"))
    desk.toolset = Toolset([pay], policy=desk.toolset.policy, middleware=[both])
    call = desk.call()
    assert [each.id for each in await desk.asked(2)] == ["1-tool-1", "1-tool-1-2"]
    desk.approvals.approve("1-tool-1")
    desk.approvals.approve("1-tool-1-2")
    assert await call == ["5 to bob on 2026-01-01"] * 2  # type: ignore[comparison-overlap]


def test_what_is_remembered_for_calls_is_forgotten_with_their_cell() -> None:
    decisions = Decisions()
    decision = Decision(approved=True, scope="call", tool="t", digest="d", key="k")
    decisions.remember(decision, CellId("1"))
    call = ToolCall(
        cell_id=CellId("1"),
        runtime_tool_call_id="tool-1",
        tool_name=ToolName("t"),
        digest="d",
        idempotency_key="k",
    )
    assert decisions.about(call) == decision
    decisions.forget(CellId("1"))
    assert (decisions.about(call), decisions.all) == (None, ())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Decisions(["yes"]), "decisions are what code mode has told you of, got 'yes'"),  # type: ignore[list-item]
        (
            lambda: Approvals().approve("x", remember="for ever"),  # type: ignore[arg-type]
            "no call waits for approval as 'x'",
        ),
    ],
)
def test_what_is_no_decision_is_refused(make: Callable[[], object], text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        make()
    assert str(refusal.value).startswith(text)


async def test_a_decision_reaches_as_far_as_there_is_a_word_for() -> None:
    desk = Desk(ask("pay"), allow("*"))
    call = desk.call()
    await desk.asked(1)
    with pytest.raises(UsageError) as refusal:
        desk.approvals.approve("1-tool-1", remember="week")  # type: ignore[arg-type]
    assert str(refusal.value).startswith(
        "a decision is remembered for 'call', 'session', 'always', got 'week'"
    )
    desk.approvals.refuse("1-tool-1")
    await call


# ── on_approval ──────────────────────────────────────────────────────────────────────────────────


async def test_an_application_that_is_asked_answers_by_returning_or_by_an_error() -> None:
    async def decide(approval: Approval) -> None:
        if approval.call.arguments["cents"] > 100:
            raise ToolError("the user said no")
        if approval.call.arguments["cents"] > 50:
            raise RuntimeError("no terminal")

    desk = Desk(ask("pay"), on_approval=decide)
    assert [await desk.call(cents=cents) for cents in (5, 500, 60)] == [
        "5 to bob on 2026-01-01",
        "the user said no",
        "RuntimeError: no terminal",
    ]


async def test_an_answer_from_elsewhere_ends_the_question_to_the_application() -> None:
    left: list[str] = []

    async def decide(approval: Approval) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.append(approval.id)

    desk = Desk(ask("pay"), on_approval=decide)
    call = desk.call()
    await desk.asked(1)
    await asyncio.sleep(0)
    desk.approvals.approve("1-tool-1")
    assert (await call, left) == ("5 to bob on 2026-01-01", ["1-tool-1"])


async def test_an_application_may_decide_for_longer_while_it_is_asked() -> None:
    async def decide(approval: Approval) -> None:
        desk.approvals.approve(approval.id, {"cents": 1}, remember="session")

    desk = Desk(ask("pay"), on_approval=decide)
    assert [await desk.call(), await desk.call(cents=9)] == [
        "1 to bob on 2026-01-01",
        "9 to bob on 2026-01-01",
    ]
