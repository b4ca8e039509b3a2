import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from codemode import CellId, CodeMode, ToolCall, ToolError, ToolName, UsageError, tool
from codemode.tools.policy.approvals import Approval
from codemode.tools.policy.guards import budget, read_only
from codemode.tools.policy.history import CallHistory
from codemode.tools.policy.policy import Policy
from codemode.tools.policy.rules import Rule, allow, ask, names_of, refuse, run_as
from codemode.tools.toolset import Toolset
from tests.tools.conftest import Call

MakeCall = Callable[..., ToolCall]

REST = "\nHint: go on without it, or tell the user what you would have called it for."


@tool
def pay(cents: int) -> str:
    "Pay."
    return f"paid {cents}"


@tool(namespace="mcp__fs")
def delete_file(path: str) -> str:
    "Delete."
    return f"deleted {path}"


def actions(policy: Policy, *calls: tuple[ToolCall, str]) -> list[str]:
    return [policy.verdict(call, name).action for call, name in calls]


def test_the_first_rule_that_fits_decides_and_what_no_rule_fits_is_allowed(
    make_call: MakeCall,
) -> None:
    policy = Policy([allow("fs__read_*"), ask("fs__write_*"), refuse("fs__*")])
    calls = [
        (make_call(name, namespace="mcp__fs"), f"mcp__fs__{name}")
        for name in ("read_file", "write_file", "delete_file")
    ]
    assert actions(policy, *calls, (make_call("pay"), "pay")) == ["allow", "ask", "refuse", "allow"]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("mcp__git-hub__create-issue", True),
        ("mcp__git_hub__create_issue", True),
        ("git-hub__create-issue", True),
        ("git_hub__create_*", True),
        ("mcp__git_hub__create_issue_2", True),
        ("*", True),
        ("create-issue", False),
        ("git_hub__CREATE_*", False),
        ("git_hub", False),
    ],
)
def test_a_pattern_fits_any_whole_name_of_a_tool(
    pattern: str, fits: bool, make_call: MakeCall
) -> None:
    call = make_call("create-issue", namespace="mcp__git-hub")
    assert refuse(pattern).fits(call, "mcp__git_hub__create_issue_2") is fits


def test_a_name_stands_once_in_the_names_of_a_tool() -> None:
    assert names_of(ToolName("pay"), "pay") == ("pay",)


def test_a_rule_may_look_at_the_arguments(make_call: MakeCall) -> None:
    policy = Policy([ask("pay", when=lambda call: call.input["cents"] > 100)])
    calls = [(make_call("pay", {"cents": cents}), "pay") for cents in (100, 101)]
    assert actions(policy, *calls) == ["allow", "ask"]


def test_a_call_that_a_rule_cannot_judge_is_refused(
    make_call: MakeCall, caplog: pytest.LogCaptureFixture
) -> None:
    policy = Policy([allow("pay", when=lambda call: call.input["euros"] < 1), allow("*")])
    verdict = policy.verdict(make_call("pay", {"cents": 1}), "pay")
    assert (verdict.action, verdict.text) == (
        "refuse",
        "the rule about it could not judge this call",
    )
    assert [record.getMessage() for record in caplog.records] == [
        "the rule allow 'pay' could not judge a call"
    ]


async def never(_: ToolCall) -> bool:
    return False


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: refuse(""),
            "a pattern is a text, got ''\nHint: refuse(\"fs__*\") is about every tool of fs.",
        ),
        (
            lambda: ask("pay", when=never),
            "when must be a plain function of a call, got <function never",
        ),
        (lambda: ask("pay", prompt=1), "a reason or prompt is a text, got 1"),  # type: ignore[arg-type]
        (
            lambda: Policy(["pay"]),  # type: ignore[list-item]
            "a policy holds rules, got 'pay'\nHint: Policy([refuse(\"fs__delete_*\"),"
            ' ask("transfer")])',
        ),
        (
            lambda: Toolset(policy=[refuse("pay")]),  # type: ignore[arg-type]
            'policy must be a Policy, got a list\nHint: policy=Policy([refuse("fs__delete_*")])',
        ),
    ],
)
def test_what_is_no_rule_is_refused_at_once(make: Callable[[], object], text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        make()
    assert str(refusal.value).startswith(text)


async def caught(toolset: Toolset, make_call: MakeCall, name: str, value: Any) -> object:
    namespace, _, short = name.rpartition("__")
    try:
        called = make_call(short, value, namespace=namespace or None)
        return await toolset.invoke_tool(called, asyncio.Event())
    except ToolError as error:
        return str(error)


@pytest.mark.parametrize(
    ("rules", "results"),
    [
        ([], ["paid 5", "deleted a"]),
        (
            [refuse("fs__delete_*", reason="nothing is deleted here")],
            [
                "paid 5",
                "the call of `mcp__fs__delete_file` is refused: nothing is deleted here" + REST,
            ],
        ),
        (
            [allow("pay"), refuse("*")],
            [
                "paid 5",
                "the call of `mcp__fs__delete_file` is refused:"
                " the policy of this application does not allow it" + REST,
            ],
        ),
        (
            [ask("pay")],
            [
                "the call of `pay` needs approval, and there is no way to ask here" + REST,
                "deleted a",
            ],
        ),
    ],
)
async def test_a_toolset_does_what_its_policy_says(
    rules: list[Rule], results: list[str], make_call: MakeCall
) -> None:
    async with Toolset([pay, delete_file], policy=Policy(rules)) as toolset:
        assert results == [
            await caught(toolset, make_call, "pay", {"cents": 5}),
            await caught(toolset, make_call, "mcp__fs__delete_file", {"path": "a"}),
        ]


async def test_a_call_that_asks_goes_on_when_it_is_approved_and_its_refusal_is_caught(
    make_call: MakeCall,
) -> None:
    asked: list[Approval] = []

    async def decide(approval: Approval) -> None:
        asked.append(approval)
        if approval.call.input["cents"] > 100:
            raise ToolError("not so much")

    policy = Policy([ask("pay", prompt="May it pay?")])
    async with Toolset([pay], policy=policy, on_approval=decide) as toolset:
        assert [await caught(toolset, make_call, "pay", {"cents": each}) for each in (5, 500)] == [
            "paid 5",
            "not so much",
        ]
    assert [(each.name, each.prompt, each.call.arguments) for each in asked] == [
        ("pay", "May it pay?", {"cents": cents}) for cents in (5, 500)
    ]


async def test_a_policy_judges_what_the_middleware_hands_on(make_call: MakeCall) -> None:
    async def doubles(call: ToolCall, call_next: Any) -> Any:
        return await call_next(make_call("pay", {"cents": call.input["cents"] * 2}))

    policy = Policy([refuse("pay", when=lambda call: call.input["cents"] > 100, reason="too much")])
    async with Toolset([pay], policy=policy, middleware=[doubles]) as toolset:
        assert [await caught(toolset, make_call, "pay", {"cents": each}) for each in (50, 51)] == [
            "paid 100",
            "the call of `pay` is refused: too much" + REST,
        ]


async def test_nobody_is_asked_about_a_call_that_cannot_happen(call: Call) -> None:
    async def decide(approval: Approval) -> None:
        raise AssertionError(approval)

    toolset = Toolset([pay], policy=Policy([ask("*")]), on_approval=decide)
    with pytest.raises(ToolError, match="cannot take these arguments"):
        await call(toolset, {"cents": "much"})


async def test_a_program_catches_a_refusal() -> None:
    async with CodeMode(tools=[pay], policy=Policy([refuse("p*", reason="no money")])) as cm:
        result = await cm.exec("text(await tools.pay({cents: 1}).catch((error) => error))")
    assert result.output == "the call of `pay` is refused: no money" + REST


# ── whom a rule is about ─────────────────────────────────────────────────────────────────────────


def a_call(**said: Any) -> ToolCall:
    """A call of ``mcp__fs__write``."""
    return ToolCall(
        cell_id=CellId("1"),
        runtime_tool_call_id="tool-1",
        tool_name=ToolName("write", "mcp__fs"),
        input={},
        **said,
    )


@pytest.mark.parametrize(
    ("about", "said", "fits"),
    [
        ({"namespace": "fs"}, {}, True),
        ({"namespace": "mcp__f*"}, {}, True),
        ({"namespace": "f"}, {}, False),
        ({"annotations": {"destructiveHint": True}}, {}, True),
        ({"annotations": {"readOnlyHint": False}}, {}, True),
        (
            {"annotations": {"destructiveHint": True}},
            {"annotations": {"destructiveHint": False}},
            False,
        ),
        ({"annotations": {"readOnlyHint": True}}, {"annotations": {"readOnlyHint": True}}, True),
        ({"session": "user-*"}, {"session": "user-7"}, True),
        ({"session": "user-*"}, {}, False),
        ({"caller": "ann"}, {"caller": "ann"}, True),
        ({"caller": "ann"}, {"caller": "bob"}, False),
        ({"namespace": "fs", "caller": "ann"}, {"caller": "bob"}, False),
    ],
)
def test_a_rule_is_about_namespaces_annotations_sessions_and_callers(
    about: dict[str, Any], said: dict[str, Any], fits: bool
) -> None:
    assert refuse(**about).fits(a_call(**said), "mcp__fs__write") is fits


def test_a_tool_without_a_namespace_is_in_none() -> None:
    call = msgspec.structs.replace(a_call(), tool_name=ToolName("write"))
    assert refuse(namespace="*").fits(call, "write") is False


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: allow(tool="x"), "a rule is not about tool\nHint: it may be about namespace, "),
        (lambda: allow(namespace=1), "namespace is a text, got 1"),
        (
            lambda: refuse(annotations={"readonly": True}),
            "annotations are hints of MCP that are true or false, got {'readonly': True}\nHint: ",
        ),
        (lambda: ask(expires_ms=0), "expires_ms must be a positive integer, got 0"),
        (lambda: run_as("db__*", ""), "a tool acts for somebody who has a name, got ''"),
    ],
)
def test_a_rule_about_nothing_is_refused_at_once(make: Callable[[], object], text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        make()
    assert str(refusal.value).startswith(text)


def test_run_as_says_for_whom_a_tool_acts_and_the_next_rules_decide() -> None:
    policy = Policy(
        [run_as("fs__*", "reader"), refuse("fs__*", caller="ann"), ask("fs__*", caller="reader")]
    )
    verdict = policy.verdict(a_call(caller="ann"), "mcp__fs__write")
    assert (verdict.action, verdict.caller) == ("ask", "reader")


async def test_a_tool_acts_for_whom_the_policy_says(make_call: MakeCall) -> None:
    @tool(thread=False)
    def who(call: ToolCall) -> str:
        return call.caller

    async with Toolset([who], policy=Policy([run_as("who", "reader")])) as toolset:
        call = msgspec.structs.replace(make_call("who"), caller="ann")
        assert await toolset.invoke_tool(call, asyncio.Event()) == "reader"


# ── more than one list ───────────────────────────────────────────────────────────────────────────


def test_of_two_policies_the_stricter_verdict_counts() -> None:
    lists = {
        "allow": Policy([allow("*")]),
        "ask": Policy([ask("*", prompt="May it?")]),
        "refuse": Policy([refuse("*", reason="no")]),
        "nothing": Policy(),
    }
    found = {
        (one, other): (lists[one] & lists[other]).verdict(a_call(), "mcp__fs__write").action
        for one in lists
        for other in lists
    }
    order = ["nothing", "allow", "ask", "refuse"]
    assert found == {
        (one, other): max(one, other, key=order.index).replace("nothing", "allow")
        for one in order
        for other in order
    }


def test_behind_a_rule_that_asks_guards_still_hold() -> None:
    policy = Policy([ask("fs__*"), budget(calls=0)])
    assert policy.verdict(a_call(), "mcp__fs__write").action == "refuse"
    assert policy.verdict(a_call(), "mcp__fs__write", approved=True).action == "refuse"


def test_before_a_rule_that_allows_nothing_behind_it_holds() -> None:
    policy = Policy([allow("fs__write"), read_only(), refuse("*")])
    assert policy.verdict(a_call(), "mcp__fs__write").action == "allow"
    assert policy.verdict(make("pay"), "pay").action == "refuse"


def test_a_rule_that_asks_allows_what_is_approved() -> None:
    policy = Policy([ask("fs__*"), refuse("*")])
    history = CallHistory()
    assert policy.verdict(a_call(), "mcp__fs__write", history, approved=True).action == "allow"


def make(name: str) -> ToolCall:
    return msgspec.structs.replace(a_call(), tool_name=ToolName(name))
