import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from codemode import CodeMode, ToolCall, ToolError, ToolName, UsageError, tool
from codemode.tools.policy import Approval, Policy, Rule, allow, ask, names_of, refuse
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
