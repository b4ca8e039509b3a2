"""Ready-made rules: what each lets through, and what it says where it is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codemode import Policy, UsageError, allow, budget, once, rate, read_only
from codemode.tools.policy.history import CallHistory

from .conftest import prepared

if TYPE_CHECKING:
    from collections.abc import Callable

    from codemode.protocol.types import ToolCall
    from codemode.tools.policy.rules import Rule

    from .conftest import Clock


class Session:
    """Judges calls of a session, and counts those that it lets through."""

    def __init__(self, *rules: Rule, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.policy = Policy(rules)
        self.history = CallHistory(clock)

    def call(self, call: ToolCall, size: int = 0) -> str | None:
        """The reason for which it is refused; None if it goes on, and gives ``size`` bytes."""
        name = str(call.tool_name)
        verdict = self.policy.verdict(call, name, self.history)
        if verdict.action == "refuse":
            return verdict.text
        self.policy.passed(call, name, self.history)
        self.policy.returned(call, name, size, self.history)
        return None


def test_read_only_refuses_what_does_not_say_that_it_changes_nothing() -> None:
    session = Session(read_only())
    said: list[dict[str, bool]] = [{"readOnlyHint": True}, {"readOnlyHint": False}, {}]
    assert [session.call(prepared("t", annotations=each)) for each in said] == [
        None,
        "only tools that change nothing may be called, and `t` does not say so",
        "only tools that change nothing may be called, and `t` does not say so",
    ]


def test_an_exception_stands_in_front_of_a_guard() -> None:
    session = Session(allow("note"), read_only(reason="look only"))
    assert [session.call(prepared(name)) for name in ("note", "pay")] == [None, "look only"]


def test_a_budget_of_calls_is_of_all_tools_that_the_pattern_names() -> None:
    session = Session(budget("web_*", calls=2))
    names = ["web_get", "other", "web_post", "web_get", "other"]
    spent = "its budget of 2 calls a session is spent"
    assert [session.call(prepared(name)) for name in names] == [None, None, None, spent, None]


def test_a_budget_of_bytes_is_spent_by_the_call_that_reaches_it() -> None:
    session = Session(budget(bytes=100))
    spent = "its budget of 100 bytes a session is spent"
    assert [session.call(prepared("t"), size=60) for _ in range(3)] == [None, None, spent]


def test_each_cell_may_have_a_budget_of_its_own() -> None:
    session = Session(budget(calls=1, per="cell"))
    spent = "its budget of 1 call a cell is spent"
    cells = ["1", "1", "2", "2"]
    assert [session.call(prepared("t", cell=each)) for each in cells] == [None, spent, None, spent]


def test_what_cells_have_spent_is_forgotten_with_them() -> None:
    session = Session(budget(calls=1, per="cell"))
    call = prepared("t")
    session.call(call)
    session.history.forget(call.cell_id)
    assert repr(session.history) == "<history of 0 rules>"


def test_a_rate_holds_in_any_minute(clock: Clock) -> None:
    session = Session(rate(per_minute=2), clock=clock)
    found = []
    for seconds in (0.0, 30.0, 20.0, 10.5, 29.0):
        clock.seconds += seconds
        found.append(session.call(prepared("t")))
    late = "there may be 2 calls a minute; the next one may come in 10 s"
    soon = "there may be 2 calls a minute; the next one may come in 1 s"
    assert found == [None, None, late, None, soon]


def test_a_call_is_made_once() -> None:
    session = Session(once("pay"))
    said: list[Any] = [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}]
    again = "this call was made before, and it may be made once"
    assert [session.call(prepared("pay", each)) for each in said] == [None, again, None]


@pytest.mark.parametrize("key", ["invoice", lambda call: call.arguments["invoice"]])
def test_a_key_says_which_calls_are_the_same(key: Any) -> None:
    session = Session(once("pay", key=key))
    said = [{"invoice": 7, "cents": 1}, {"invoice": 7, "cents": 2}, {"invoice": 8, "cents": 1}]
    again = "a call with the same key was made before, and it may be made once"
    assert [session.call(prepared("pay", each)) for each in said] == [None, again, None]


def test_a_call_without_the_key_is_refused() -> None:
    session = Session(once("pay", key="invoice"))
    assert session.call(prepared("pay", {})) == "the rule about it could not judge this call"


def test_two_sessions_under_one_policy_count_each_for_itself() -> None:
    rule = budget(calls=1)
    one, other = Session(rule), Session(rule)
    assert [each.call(prepared("t")) for each in (one, other)] == [None, None]


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a budget of nothing": (
        lambda: budget(),
        "a budget is of calls or of bytes\nHint: budget(calls=100)",
    ),
    "a budget below zero": (
        lambda: budget(calls=-1),
        "calls must be a non-negative integer, got -1",
    ),
    "a budget per day": (
        lambda: budget(calls=1, per="day"),  # type: ignore[arg-type]
        "a budget is per 'session' or per 'cell', got 'day'",
    ),
    "a rate of nothing": (
        lambda: rate(per_minute=0),
        "per_minute must be a positive integer, got 0",
    ),
    "a key that is none": (
        lambda: once(key=7),  # type: ignore[arg-type]
        'a key is the name of an argument or a function, got 7\nHint: once("transfer", key="invoice")',
    ),
}


@pytest.mark.parametrize(("make", "text"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_guard_is_refused_at_once(make: Callable[[], object], text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        make()
    assert str(refusal.value) == text
