"""The chain: what each middleware is given, and what comes of what it hands on."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from pydantic import AfterValidator, AliasChoices, BaseModel, Field, StringConstraints

from codemode.errors import ToolError
from codemode.protocol.types import JsonValue, ToolCall, ToolName
from codemode.tools.chain import Middleware, Next
from codemode.tools.function import tool
from codemode.tools.toolset import Toolset

MakeCall = Callable[..., ToolCall]

Word = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True)]


class Line(BaseModel):
    item: Word
    count: int = 1


GOT: list[dict[str, Any]] = []


@tool(thread=False)
def order(
    to: Annotated[Word, Field(validation_alias=AliasChoices("to", "recipient"))],
    lines: list[Line],
    cents: int = 5,
    *,
    note: str | None = None,
) -> list[Any]:
    "Order."
    GOT.append({"to": to, "lines": lines, "cents": cents, "note": note})
    return [to, len(lines), cents, note]


@pytest.fixture(autouse=True)
def _nothing_got() -> None:
    GOT.clear()


async def passed(call: ToolCall, *middleware: Middleware, item: Any = order) -> Any:
    """What the program catches or gets."""
    async with Toolset([item], middleware=middleware) as tools, asyncio.timeout(20):
        try:
            return await tools.invoke_tool(call, asyncio.Event())
        except ToolError as error:
            return str(error)


def noting(log: list[ToolCall]) -> Middleware:
    async def note(call: ToolCall, call_next: Next) -> JsonValue:
        log.append(call)
        return await call_next(call)

    return note


def changing(change: Callable[[ToolCall], ToolCall | None]) -> Middleware:
    async def changes(call: ToolCall, call_next: Next) -> JsonValue:
        return await call_next(change(call) or call)

    return changes


# ── in order ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_passes_in_order_and_its_result_back(make_call: MakeCall) -> None:
    log: list[str] = []

    def tracing(name: str) -> Middleware:
        async def trace(call: ToolCall, call_next: Next) -> JsonValue:
            log.append(f"{name} in")
            result = await call_next(call)
            log.append(f"{name} out")
            return [name, result]

        return trace

    call = make_call("order", {"to": "ann", "lines": []})
    assert await passed(call, tracing("a"), tracing("b")) == ["a", ["b", ["ann", 0, 5, None]]]
    assert log == ["a in", "b in", "b out", "a out"]


async def test_a_middleware_may_answer_by_itself_or_call_again(make_call: MakeCall) -> None:
    async def answers(call: ToolCall, call_next: Next) -> JsonValue:
        return "kept"

    async def twice(call: ToolCall, call_next: Next) -> JsonValue:
        return [await call_next(call), await call_next(call)]

    call = make_call("order", {"to": "ann", "lines": []})
    assert (await passed(call, answers), len(GOT)) == ("kept", 0)
    assert (await passed(call, twice), len(GOT)) == ([["ann", 0, 5, None]] * 2, 2)


async def test_a_plain_function_is_a_middleware_too(make_call: MakeCall) -> None:
    def hands_on(call: ToolCall, call_next: Next) -> object:
        return call_next(call)

    def answers(call: ToolCall, call_next: Next) -> str:
        return "kept"

    class Counts:
        calls = 0

        async def __call__(self, call: ToolCall, call_next: Next) -> JsonValue:
            self.calls += 1
            return await call_next(call)

    counts = Counts()
    call = make_call("order", {"to": "ann", "lines": []})
    assert await passed(call, hands_on, counts) == ["ann", 0, 5, None]
    assert await passed(call, counts, answers) == "kept"
    assert counts.calls == 2


# ── what it is shown ─────────────────────────────────────────────────────────────────────────────


async def test_a_middleware_is_shown_what_the_function_gets(make_call: MakeCall) -> None:
    log: list[ToolCall] = []
    said = {"recipient": "  ANN ", "lines": [{"item": " Bolt "}], "cents": "9007199254740993"}
    await passed(make_call("order", said), noting(log))
    assert [each.arguments for each in log] == GOT
    assert [
        {"to": "ann", "lines": [Line(item="bolt")], "cents": 9007199254740993, "note": None}
    ] == GOT
    assert [each.input for each in log] == [{**said, "cents": 9007199254740993}]


@pytest.mark.parametrize("strict", [True, False])
async def test_digits_of_a_big_integer_are_one_in_the_input_of_a_guard(
    strict: bool,
    make_call: MakeCall,
) -> None:
    def pay(amounts: dict[str, list[int]], **rest: int) -> None: ...

    log: list[ToolCall] = []
    big = str(2**60)
    said = {"amounts": {"a": [1, big]}, "other": big}
    await passed(make_call("pay", said), noting(log), item=tool(thread=False, strict=strict)(pay))
    repaired = {"amounts": {"a": [1, 2**60]}, "other": 2**60}
    assert [(each.input, each.arguments) for each in log] == [(repaired, repaired)]


async def test_arguments_that_do_not_fit_reach_no_middleware(make_call: MakeCall) -> None:
    log: list[ToolCall] = []
    text = await passed(make_call("order", {"to": "ann"}), noting(log))
    assert (text.splitlines()[1], log) == ("- `lines`: is missing", [])


@tool(kind="freeform", thread=False)
def shout(text: str) -> str:
    "Shout."
    return text.upper()


async def test_other_tools_have_their_input_for_arguments(make_call: MakeCall) -> None:
    log: list[ToolCall] = []

    class Plain:
        definition = msgspec.structs.replace(order.definition, source="")

        async def invoke(self, call: ToolCall, context: Any) -> JsonValue:
            return [call.input, call.arguments]

    results = [
        await passed(make_call("shout", "hi"), noting(log), item=shout),
        await passed(make_call("order", {"a": 1}), noting(log), item=Plain()),
        await passed(make_call("order", "text"), noting(log), item=Plain()),
        await passed(make_call("order"), noting(log), item=Plain()),
    ]
    assert [(each.input, each.arguments) for each in log] == [
        ("hi", {"text": "hi"}),
        ({"a": 1}, {"a": 1}),
        ("text", {"input": "text"}),
        ({}, {}),
    ]
    assert results == ["HI", [{"a": 1}, {"a": 1}], ["text", {"input": "text"}], [{}, {}]]


# ── nothing is shared ────────────────────────────────────────────────────────────────────────────


async def test_what_a_middleware_keeps_and_changes_later_reaches_nobody(
    make_call: MakeCall,
) -> None:
    kept: list[ToolCall] = []
    seen: list[ToolCall] = []

    async def keeps(call: ToolCall, call_next: Next) -> JsonValue:
        kept.append(call)
        return await call_next(call)

    async def meddles(call: ToolCall, call_next: Next) -> JsonValue:
        kept[0].input["cents"] = 1
        kept[0].arguments["lines"][0].count = 7
        return await call_next(call)

    said = {"to": "ann", "lines": [{"item": "nut"}], "cents": 3}
    await passed(make_call("order", said), keeps, meddles, noting(seen))
    assert [(each.input, each.arguments) for each in seen] == [(said, GOT[0])]
    assert [{"to": "ann", "lines": [Line(item="nut")], "cents": 3, "note": None}] == GOT


async def test_a_result_that_a_middleware_keeps_stays_what_it_was(make_call: MakeCall) -> None:
    cache: list[Any] = []

    async def caches(call: ToolCall, call_next: Next) -> JsonValue:
        if not cache:
            cache.append(await call_next(call))
        return cache[0]

    async def adds(call: ToolCall, call_next: Next) -> JsonValue:
        result = await call_next(call)
        result.append("added")
        return result

    call = make_call("order", {"to": "ann", "lines": []})
    expected = ["ann", 0, 5, None]
    assert [await passed(call, adds, caches) for _ in range(3)] == [[*expected, "added"]] * 3
    assert cache == [expected]


async def test_a_result_that_a_foreign_tool_keeps_stays_what_it_was(make_call: MakeCall) -> None:
    class Keeps:
        definition = msgspec.structs.replace(order.definition, source="")
        result: ClassVar[JsonValue] = {"n": [1]}

        async def invoke(self, call: ToolCall, context: Any) -> JsonValue:
            return self.result

    async def adds(call: ToolCall, call_next: Next) -> JsonValue:
        result = await call_next(call)
        result["n"].append(2)
        return result

    assert await passed(make_call("order", {}), adds, item=Keeps()) == {"n": [1, 2]}
    assert Keeps.result == {"n": [1]}


async def test_a_default_is_the_functions_own(make_call: MakeCall) -> None:
    missing: Any = object()
    seen: list[bool] = []

    def use(v: int = missing) -> None:
        seen.append(v is missing)

    log: list[ToolCall] = []
    await passed(make_call("use", {}), noting(log), item=tool(thread=False)(use))
    assert (seen, log[0].arguments) == ([True], {"v": missing})


# ── what it changes ──────────────────────────────────────────────────────────────────────────────


def with_input(call: ToolCall, **members: Any) -> ToolCall:
    return msgspec.structs.replace(call, input={**call.input, **members})


def with_arguments(call: ToolCall, **values: Any) -> ToolCall:
    return msgspec.structs.replace(call, arguments={**call.arguments, **values})


def in_place_input(call: ToolCall) -> None:
    call.input["to"] = " BOB "


def in_place_arguments(call: ToolCall) -> None:
    call.arguments["to"] = " BOB "


CHANGES: dict[str, Callable[[ToolCall], ToolCall | None]] = {
    "another input": lambda call: with_input(call, to=" BOB "),
    "the input in place": in_place_input,
    "other arguments": lambda call: with_arguments(call, to=" BOB "),
    "the arguments in place": in_place_arguments,
    "a call of its own": lambda call: ToolCall(
        cell_id=call.cell_id,
        runtime_tool_call_id="mine",
        tool_name=call.tool_name,
        input={**call.input, "to": " BOB "},
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_is_changed_is_validated_again_and_shown_to_the_next(
    change: Callable[[ToolCall], ToolCall | None], make_call: MakeCall
) -> None:
    log: list[ToolCall] = []
    call = make_call("order", {"to": "ann", "lines": [{"item": "nut"}]})
    await passed(call, changing(change), noting(log))
    assert [{"to": "bob", "lines": [Line(item="nut")], "cents": 5, "note": None}] == GOT
    assert [each.arguments for each in log] == GOT
    assert log[0].input["to"].strip().lower() == "bob"
    assert (log[0].runtime_tool_call_id, log[0].digest) == ("tool-1", order.definition.digest)


REFUSED: dict[str, tuple[Callable[[ToolCall], Any], str]] = {
    "an input that does not fit": (
        lambda call: with_input(call, cents="many"),
        '- `cents`: should be a valid integer, got "many"',
    ),
    "an argument that does not fit": (
        lambda call: with_arguments(call, cents="many"),
        '- `cents`: should be a valid integer, got "many"',
    ),
    "an argument that is not known": (
        lambda call: with_arguments(call, extra=1),
        "- `extra`: is not known",
    ),
    "an argument that is taken away": (
        lambda call: msgspec.structs.replace(call, arguments={"to": "ann"}),
        "- `lines`: is missing",
    ),
    "both": (
        lambda call: with_arguments(with_input(call, cents=1), cents=2),
        "Hint: change one of them; the other follows.",
    ),
    "no call": (lambda call: "call", "Hint: await call_next(call)"),
}


@pytest.mark.parametrize(("change", "line"), REFUSED.values(), ids=REFUSED)
async def test_what_does_not_fit_after_a_change_reaches_nobody(
    change: Callable[[ToolCall], Any], line: str, make_call: MakeCall
) -> None:
    log: list[ToolCall] = []
    call = make_call("order", {"to": "ann", "lines": []})
    text = await passed(call, changing(change), noting(log))
    assert (text.splitlines()[1], log, GOT) == (line, [], [])


async def test_only_what_is_changed_is_validated_again(make_call: MakeCall) -> None:
    runs: list[str] = []

    def doubled(value: int) -> int:
        runs.append("doubled")
        return value * 2

    def pay(to: str, cents: Annotated[int, AfterValidator(doubled)], note: str = "-") -> list[Any]:
        return [to, cents, note]

    change = changing(lambda call: with_arguments(call, note="changed"))
    call = make_call("pay", {"to": "ann", "cents": 5})
    result = await passed(call, change, change, item=tool(thread=False)(pay))
    assert (result, runs) == (["ann", 10, "changed"], ["doubled"])


async def test_an_argument_that_is_taken_away_is_the_default_again(make_call: MakeCall) -> None:
    log: list[ToolCall] = []

    def without_cents(call: ToolCall) -> ToolCall:
        rest: Mapping[str, Any] = {k: v for k, v in call.arguments.items() if k != "cents"}
        return msgspec.structs.replace(call, arguments=rest)

    call = make_call("order", {"recipient": "ann", "lines": [], "cents": 9})
    assert await passed(call, changing(without_cents), noting(log)) == ["ann", 0, 5, None]
    assert log[0].input == {"recipient": "ann", "lines": [], "cents": 5}


async def test_a_call_may_be_handed_on_to_another_tool(make_call: MakeCall) -> None:
    def double(n: int) -> int:
        return 2 * n

    def negate(n: int) -> int:
        return -n

    def elsewhere(call: ToolCall) -> ToolCall:
        return msgspec.structs.replace(call, tool_name=ToolName("negate"))

    async with Toolset([double, negate], middleware=[changing(elsewhere)]) as tools:
        made = msgspec.structs.replace(
            make_call("double", {"n": 4}), digest=tools.definitions[0].digest
        )
        assert await tools.invoke_tool(made, asyncio.Event()) == -4
