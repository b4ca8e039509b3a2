import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from codemode.errors import ToolDefinitionError, ToolError, UsageError
from codemode.protocol.session import SessionDelegate
from codemode.protocol.types import CellId, JsonValue, ToolCall, ToolDefinition, ToolName
from codemode.tools.chain import Next
from codemode.tools.function import FunctionTool, tool
from codemode.tools.names import Clash
from codemode.tools.policy.policy import Policy
from codemode.tools.tool import ToolContext
from codemode.tools.toolset import Toolset

BOUND_S = 20
MakeCall = Callable[..., ToolCall]
CELL = CellId("1")


@pytest.fixture(autouse=True)
async def _bounded() -> AsyncIterator[None]:
    async with asyncio.timeout(BOUND_S):
        yield


def one(n: int = 1) -> int:
    return n


async def two() -> str:
    return "two"


class Foreign:
    """A tool that is no function, as those of MCP servers are."""

    definition = ToolDefinition(
        name="probe__go-on",
        tool_name=ToolName("go-on", "probe"),
        description="Go on.",
    )

    async def invoke(self, call: ToolCall, context: ToolContext) -> JsonValue:
        return [context.name, call.input, context.cancel.is_set()]


def names(tools: Toolset) -> list[str]:
    return [definition.name for definition in tools.definitions]


async def refusal(tools: Toolset, call: ToolCall) -> str:
    with pytest.raises(ToolError) as caught:
        await tools.invoke_tool(call, asyncio.Event())
    return str(caught.value)


def test_tools_and_callables_keep_their_order() -> None:
    tools = Toolset([two, Foreign(), tool(one)])
    assert names(tools) == ["two", "probe__go_on", "one"]
    assert len(tools) == 3
    assert repr(tools) == (
        "<Toolset 3 tools, 0 clashes, <Runner open, 0 tasks, 0 threads busy, 0 abandoned,"
        " 0 calls queued>>"
    )


def test_definitions_are_pinned_until_something_changes() -> None:
    tools = Toolset([one])
    before = tools.definitions
    assert tools.definitions is before
    tools.add(two)
    assert tools.definitions is not before
    assert tools.definitions[0] is before[0]


def test_names_that_come_out_alike_are_numbered_and_reported() -> None:
    tools = Toolset([tool(name=name)(one) for name in ("a-b", "a.b", "a_b")])
    assert [(d.name, d.tool_name.name) for d in tools.definitions] == [
        ("a_b_2", "a-b"),
        ("a_b_3", "a.b"),
        ("a_b", "a_b"),
    ]
    holder = ToolName("a_b")
    assert tools.clashes == (
        Clash(ToolName("a-b"), "a_b", "a_b_2", holder),
        Clash(ToolName("a.b"), "a_b", "a_b_3", holder),
    )


def test_the_same_name_twice_is_refused() -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        Toolset([one, tool(name="one")(two)])
    assert str(caught.value) == (
        "two tools are called `one`\nHint: give one of them another name or a namespace."
    )


@pytest.mark.parametrize("name", ["exec", "wait"])
def test_the_models_own_tools_cannot_be_replaced(name: str) -> None:
    with pytest.raises(ToolDefinitionError):
        Toolset([tool(name=name)(one)])


def test_a_refused_addition_changes_nothing() -> None:
    tools = Toolset([one])
    before = tools.definitions
    with pytest.raises(ToolDefinitionError):
        tools.add(two, one)
    assert tools.definitions is before
    tools.add(two)
    assert names(tools) == ["one", "two"]


@pytest.mark.parametrize("name", ["__proto__", "then", "constructor", "class", "日本", ""])
async def test_awkward_names_can_be_called(make_call: MakeCall, name: str) -> None:
    if not name:
        assert names(Toolset([tool(name=name)(one)])) == ["one"]
        return
    async with Toolset([tool(name=name)(one)]) as tools:
        assert await tools.invoke_tool(make_call(name, {"n": 5}), asyncio.Event()) == 5


async def test_calls_are_dispatched_by_their_own_names(make_call: MakeCall) -> None:
    async with Toolset([one, Foreign()]) as tools:
        found = await tools.invoke_tool(
            make_call("go-on", {"a": 1}, namespace="probe"), asyncio.Event()
        )
        assert found == ["probe__go_on", {"a": 1}, False]
        assert await refusal(tools, make_call("probe__go_on")) == (
            "tool `probe__go_on` is not enabled in exec\nHint: did you mean `probe__go_on`?"
        )


async def test_errors_use_the_public_name(make_call: MakeCall) -> None:
    async with Toolset([tool(name="a_b")(one), tool(name="a-b")(one)]) as tools:
        assert await refusal(tools, make_call("a-b", 5)) == (
            "tool `a_b_2` expects a JSON object for arguments\nHint: expected tools.a_b_2({ n?: integer })"
        )


UNKNOWN = [
    ("onne", "tool `onne` is not enabled in exec\nHint: did you mean `one`?"),
    (
        "zzzz\n<b>",
        "tool `zzzz__b_` is not enabled in exec\nHint: ALL_TOOLS lists the tools there are.",
    ),
    ("exec", "exec cannot invoke itself"),
]


@pytest.mark.parametrize(("name", "text"), UNKNOWN, ids=["near", "far", "exec"])
async def test_unknown_tools(make_call: MakeCall, name: str, text: str) -> None:
    async with Toolset([one, two]) as tools:
        assert await refusal(tools, make_call(name)) == text


async def test_a_withdrawn_tool_is_refused_until_it_is_back(make_call: MakeCall) -> None:
    async with Toolset([one, two]) as tools:
        tools.remove("one")
        assert names(tools) == ["two"]
        assert tools.find(ToolName("one")) is None
        assert await refusal(tools, make_call("one")) == (
            "tool `one` is not enabled in exec"
            "\nHint: it was withdrawn after this cell had started; go on without it."
        )
        tools.add(one)
        assert await tools.invoke_tool(make_call("one"), asyncio.Event()) == 1


async def test_a_call_under_way_outlives_the_withdrawal(make_call: MakeCall) -> None:
    started, finish = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        started.set()
        await finish.wait()
        return "done"

    async with Toolset([slow]) as tools:
        task = asyncio.create_task(tools.invoke_tool(make_call("slow"), asyncio.Event()))
        await started.wait()
        tools.remove(ToolName("slow"))
        finish.set()
        assert await task == "done"


def test_removing_what_is_not_there_is_refused() -> None:
    tools = Toolset([one, two])
    with pytest.raises(ToolDefinitionError) as caught:
        tools.remove("two", "oen")
    assert str(caught.value) == "no tool is called 'oen'\nHint: did you mean `one`?"
    assert names(tools) == ["one", "two"]


async def test_every_call_passes_the_chain_even_of_unknown_tools(make_call: MakeCall) -> None:
    log: list[str] = []

    async def trace(call: ToolCall, call_next: Next) -> JsonValue:
        log.append(f"call {call.tool_name.name}")
        try:
            return await call_next(call)
        except ToolError as error:
            log.append(str(error).partition("\n")[0])
            raise
        finally:
            log.append("end")

    async with Toolset([one], middleware=[trace]) as tools:
        await tools.invoke_tool(make_call("one"), asyncio.Event())
        await refusal(tools, make_call("nope"))
    assert log == ["call one", "end", "call nope", "tool `nope` is not enabled in exec", "end"]


async def test_a_middleware_refuses_answers_and_fails_as_a_tool_does(make_call: MakeCall) -> None:
    async def guard(call: ToolCall, call_next: Next) -> JsonValue:
        match call.input:
            case {"n": 0}:
                raise ToolError("not allowed")
            case {"n": 1}:
                return {3, 2}
            case {"n": 2}:
                raise SystemExit(2)
            case {"n": 3}:
                raise asyncio.CancelledError
            case {"n": 4}:
                async with asyncio.timeout(0):
                    return await asyncio.Event().wait()
            case _:
                return await call_next(call)

    async with Toolset([one], middleware=[guard]) as tools:
        texts = [await refusal(tools, make_call("one", {"n": n})) for n in (0, 2, 3, 4)]
        assert texts == ["not allowed", "SystemExit: 2", "tool `one` was cancelled", "TimeoutError"]
        assert await tools.invoke_tool(make_call("one", {"n": 1}), asyncio.Event()) == [2, 3]
        assert await tools.invoke_tool(make_call("one", {"n": 5}), asyncio.Event()) == 5


async def test_a_middleware_sees_what_the_tool_would_take(make_call: MakeCall) -> None:
    seen: list[JsonValue] = []

    async def look(call: ToolCall, call_next: Next) -> JsonValue:
        seen.append(call.input)
        return await call_next(call)

    def need(path: str, mode: int = 0) -> str:
        return path

    @tool(kind="freeform")
    def shout(text: str) -> str:
        return text.upper()

    async with Toolset([need, one, shout, Foreign()], middleware=[look]) as tools:
        texts = [
            await refusal(tools, make_call("need")),
            await refusal(tools, make_call("need", {"path": 5})),
            await refusal(tools, make_call("need", "x")),
            await refusal(tools, make_call("shout")),
        ]
        assert seen == []
        await tools.invoke_tool(make_call("need", {"path": "x"}), asyncio.Event())
        await tools.invoke_tool(make_call("one"), asyncio.Event())
        await tools.invoke_tool(make_call("go-on", namespace="probe"), asyncio.Event())
    assert seen == [{"path": "x"}, {}, {}]
    assert texts == [
        "tool `need` cannot take these arguments:\n- `path`: is missing"
        "\nHint: expected tools.need({ path: string, mode?: integer })",
        "tool `need` cannot take these arguments:\n- `path`: should be a valid string, got 5"
        "\nHint: expected tools.need({ path: string, mode?: integer })",
        "tool `need` expects a JSON object for arguments"
        "\nHint: expected tools.need({ path: string, mode?: integer })",
        "tool `shout` expects a string input",
    ]


async def test_what_a_middleware_hands_on_is_checked_again(make_call: MakeCall) -> None:
    async def spoil(call: ToolCall, call_next: Next) -> JsonValue:
        call.input["n"] = "x"
        return await call_next(call)

    async def renew(call: ToolCall, call_next: Next) -> JsonValue:
        return await call_next(make_call("one"))  # without an input: {} for the tool

    async with Toolset([one], middleware=[spoil]) as tools:
        assert "`n`: should be a valid integer" in await refusal(tools, make_call("one", {"n": 1}))
    async with Toolset([one], middleware=[renew]) as tools:
        assert await tools.invoke_tool(make_call("one", {"n": 5}), asyncio.Event()) == 1


async def test_a_search_without_a_query_is_refused_before_the_chain(make_call: MakeCall) -> None:
    seen: list[ToolCall] = []

    async def look(call: ToolCall, call_next: Next) -> JsonValue:
        seen.append(call)
        return await call_next(call)

    async with Toolset([one], middleware=[look], catalogue_tokens=0) as tools:
        text = await refusal(tools, make_call("search_tools", namespace="codemode"))
    assert text.startswith("search_tools expects a text")
    assert seen == []


async def test_calls_run_side_by_side(make_call: MakeCall) -> None:
    both = asyncio.Barrier(2)

    async def meet() -> int:
        await both.wait()
        return 1

    async with Toolset([meet]) as tools:
        calls = [tools.invoke_tool(make_call("meet"), asyncio.Event()) for _ in range(2)]
        assert await asyncio.gather(*calls) == [1, 1]


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_a_cancellation_passes(make_call: MakeCall, is_async: bool) -> None:
    import threading

    started = asyncio.Event()
    release = threading.Event()
    loop = asyncio.get_running_loop()

    async def wait_async() -> None:
        started.set()
        await asyncio.Event().wait()

    def wait_sync() -> None:
        loop.call_soon_threadsafe(started.set)
        release.wait(BOUND_S)

    tools = Toolset([wait_async, wait_sync])
    name = "wait_async" if is_async else "wait_sync"
    task = asyncio.create_task(tools.invoke_tool(make_call(name), asyncio.Event()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    await tools.aclose()


async def test_a_call_that_was_cancelled_before_it_began_does_not_run(make_call: MakeCall) -> None:
    cancel = asyncio.Event()
    cancel.set()
    async with Toolset([one]) as tools:
        with pytest.raises(ToolError) as caught:
            await tools.invoke_tool(make_call("one"), cancel)
    assert str(caught.value) == "code mode nested tool call cancelled"


async def test_a_closed_toolset_refuses_calls(make_call: MakeCall) -> None:
    tools = Toolset([one])
    await tools.aclose()
    await tools.aclose()
    assert await refusal(tools, make_call("one")) == "the tools of this session are closed"


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_notifications_go_to_the_callback(is_async: bool) -> None:
    got: list[tuple[str, ...]] = []

    async def later(*values: str) -> None:
        await asyncio.sleep(0)
        got.append(values)

    def now(*values: str) -> None:
        got.append(values)

    tools = Toolset(on_notify=later if is_async else now)
    await tools.notify("call-1", CELL, "hi", asyncio.Event())
    assert got == [("call-1", "1", "hi")]


async def test_notifications_without_a_callback_or_too_late_go_nowhere() -> None:
    got: list[str] = []
    cancel = asyncio.Event()
    cancel.set()
    await Toolset(on_notify=lambda *_: got.append("x")).notify("c", CELL, "hi", cancel)
    await Toolset().notify("c", CELL, "hi", asyncio.Event())
    assert got == []


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(1)], ids=["error", "exit"])
async def test_a_failing_notification_is_a_tool_error(error: BaseException) -> None:
    def fail(*_: Any) -> None:
        raise error

    with pytest.raises(ToolError) as caught:
        await Toolset(on_notify=fail).notify("c", CELL, "hi", asyncio.Event())
    assert str(caught.value) == f"{type(error).__name__}: {error}"
    assert caught.value.__cause__ is error


async def test_a_cancelled_notification_is_cancelled() -> None:
    started = asyncio.Event()

    async def wait(*_: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    tools = Toolset(on_notify=wait)
    task = asyncio.create_task(tools.notify("c", CELL, "hi", asyncio.Event()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_toolset_is_a_delegate() -> None:
    delegate: SessionDelegate = Toolset()
    delegate.cell_closed(CELL)


def test_pydantic_is_imported_with_the_first_tool_and_griffe_with_the_first_section_of_a_docstring() -> (
    None
):
    program = """
import sys
from codemode.tools import chain, failure, function, names, problems, result, runner, toolset
def late():
    return sorted({"pydantic", "pydantic_core", "griffe"} & set(sys.modules))
print(late())
def f(n: int) -> int: ...
toolset.Toolset([f])
print(late())
def g(n: int) -> int:
    "Go.\\n\\nArgs:\\n    n: How far."
toolset.Toolset([g])
print(late())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "[]",
        "['pydantic', 'pydantic_core']",
        "['griffe', 'pydantic', 'pydantic_core']",
    ]


# ── what models and cells get ────────────────────────────────────────────────────────────────────


def test_the_catalogue_is_the_same_object_until_something_changes() -> None:
    tools = Toolset([one])
    first = tools.catalogue
    assert tools.catalogue is first
    tools.add(two)
    second = tools.catalogue
    tools.describe("probe", "Probes.")
    third = tools.catalogue
    tools.remove("two")
    assert [len(each.tools) for each in (first, second, third, tools.catalogue)] == [1, 2, 2, 1]
    assert len({id(each) for each in (first, second, third, tools.catalogue)}) == 4


def test_a_namespace_is_described_and_the_description_taken_back() -> None:
    tools = Toolset([Foreign()], namespaces={"probe": "Probes."})
    assert "## probe\nProbes.\n\n### `probe__go_on`" in tools.catalogue.exec_tool().description
    tools.describe("probe", " ")
    assert "## probe" not in tools.catalogue.exec_tool().description


def test_without_a_word_about_it_many_tools_are_deferred() -> None:
    def long() -> None: ...

    tools = Toolset(tool(name=f"t{at}", description="word " * 400)(long) for at in range(60))
    catalogue = tools.catalogue
    assert (len(catalogue.listed), len(catalogue.deferred)) == (37, 23)
    assert sum(entry.tokens for entry in catalogue.listed) <= 20_000


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(
        UsageError, match="catalogue_tokens must be a non-negative integer or None, got -1"
    ):
        Toolset(catalogue_tokens=-1)


def test_a_clash_is_logged_once_for_the_tool_that_gave_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tools = Toolset([tool(name="a.b")(one), tool(name="a-b")(one)])
    tools.add(two)
    assert caplog.messages == ["tool `a-b` is tools.a_b_2: tools.a_b is tool `a.b`"]


@pytest.mark.parametrize("deferred", [True, False])
def test_the_search_is_found_only_while_there_is_something_to_search(deferred: bool) -> None:
    tools = Toolset([one], catalogue_tokens=0 if deferred else None)
    found = tools.find(ToolName("search_tools", "codemode"))
    assert (found is not None) == deferred


async def test_a_search_that_is_off_is_an_unknown_tool(make_call: MakeCall) -> None:
    async with Toolset([one]) as tools:
        call = make_call("search_tools", "x", namespace="codemode")
        assert await refusal(tools, call) == (
            "tool `codemode__search_tools` is not enabled in exec"
            "\nHint: ALL_TOOLS lists the tools there are."
        )


# ── a running cell keeps its tools ───────────────────────────────────────────────────────────────


def acting(value: str, description: str = "Acts.") -> FunctionTool[[], str]:
    @tool(name="act", description=description, thread=False)
    def act() -> str:
        return value

    return act


def act_call(definition: ToolDefinition) -> ToolCall:
    return ToolCall(
        cell_id=CELL,
        runtime_tool_call_id="tool-1",
        tool_name=ToolName("act"),
        digest=definition.digest,
    )


CHANGED = (
    "the call of tool `act` is refused: it has changed since this program started"
    "\nHint: end this program; the next one gets the tool as it is now, and its declaration in ALL_TOOLS."
)


@pytest.mark.parametrize(
    "other", [acting("other", "Acts otherwise."), acting("other")], ids=["declared", "hidden"]
)
async def test_a_call_does_not_reach_another_tool_than_the_one_that_its_program_was_given(
    other: FunctionTool[[], str],
) -> None:
    async with Toolset([acting("one")]) as tools:
        (given,) = tools.definitions
        tools.remove("act")
        tools.add(other)
        with pytest.raises(ToolError) as refused:
            await tools.invoke_tool(act_call(given), asyncio.Event())
        assert str(refused.value) == CHANGED
        assert await tools.invoke_tool(act_call(tools.definitions[0]), asyncio.Event()) == "other"


async def test_a_tool_that_comes_back_is_the_one_that_it_was() -> None:
    one = acting("one")
    async with Toolset([one]) as tools:
        (given,) = tools.definitions
        tools.remove("act")
        tools.add(one)
        assert await tools.invoke_tool(act_call(given), asyncio.Event()) == "one"


async def test_a_tool_that_changes_while_a_middleware_waits_is_not_called() -> None:
    async def slow(call: ToolCall, call_next: Next) -> JsonValue:
        tools.remove("act")
        tools.add(acting("other"))
        return await call_next(call)

    async with Toolset([acting("one")], middleware=[slow]) as tools:
        with pytest.raises(ToolError) as refused:
            await tools.invoke_tool(act_call(tools.definitions[0]), asyncio.Event())
        assert str(refused.value) == CHANGED


async def test_a_call_that_names_no_digest_is_of_the_tool_of_this_moment(
    make_call: MakeCall,
) -> None:
    async with Toolset([acting("one")]) as tools:
        assert await tools.invoke_tool(make_call("act", {}), asyncio.Event()) == "one"


def test_only_those_who_look_at_calls_are_shown_them(make_call: MakeCall) -> None:
    @tool
    def looks(call: ToolCall) -> None: ...

    async def middleware(call: ToolCall, call_next: Next) -> JsonValue:
        return await call_next(call)

    tools = Toolset([one, looks, Foreign()])
    calls = [make_call("one"), make_call("looks"), make_call("go-on", namespace="probe")]
    assert [tools.shows(each) for each in calls] == [False, True, True]
    assert Toolset([one], middleware=[middleware]).shows(calls[0])
    assert Toolset([one], policy=Policy()).shows(calls[0])
