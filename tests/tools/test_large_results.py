"""A large result becomes JSON outside of the event loop, whatever kind of tool it is of."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest

from codemode import CodeMode
from codemode.errors import ToolError
from codemode.large_values import LARGE_MEMBERS
from codemode.protocol.types import ToolCall
from codemode.tools.chain import Next
from codemode.tools.result import MAX_DEPTH
from codemode.tools.toolset import Toolset

MakeCall = Callable[..., ToolCall]
CONVERTED: Final[list[str]] = []


class Row(Mapping[str, int]):
    """Notes which thread reads it."""

    def __iter__(self) -> Iterator[str]:
        CONVERTED.append(threading.current_thread().name)
        return iter(["n"])

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: str) -> int:
        return 1


class Rows(list[Row]):
    def __init__(self, count: int = LARGE_MEMBERS + 1) -> None:
        super().__init__([Row()] * count)


@pytest.fixture(autouse=True)
def _nothing_converted() -> None:
    CONVERTED.clear()


def in_thread(count: int) -> Rows:
    return Rows(count)


async def in_task(count: int) -> Rows:
    return Rows(count)


def leads_to_a_task(count: int) -> Any:
    return in_task(count)


@pytest.mark.parametrize("function", [in_thread, in_task, leads_to_a_task])
async def test_large_results_of_functions_are_converted_elsewhere_and_small_ones_are_not(
    make_call: MakeCall, function: Callable[[int], Any]
) -> None:
    async with Toolset([function]) as tools:
        name = function.__name__
        large = await tools.invoke_tool(
            make_call(name, {"count": LARGE_MEMBERS + 1}), asyncio.Event()
        )
        of_large = set(CONVERTED)
        CONVERTED.clear()
        small = await tools.invoke_tool(make_call(name, {"count": 2}), asyncio.Event())

    assert large == [{"n": 1}] * (LARGE_MEMBERS + 1)
    assert small == [{"n": 1}] * 2
    assert of_large == {"codemode-fair"}
    assert "codemode-fair" not in CONVERTED


async def test_what_a_middleware_answers_is_converted_elsewhere_if_it_is_large(
    make_call: MakeCall,
) -> None:
    async def answers(call: ToolCall, call_next: Next) -> Any:
        return Rows()

    async with Toolset([in_task], middleware=[answers]) as tools:
        result = await tools.invoke_tool(make_call("in_task", {"count": 1}), asyncio.Event())

    assert len(result) == LARGE_MEMBERS + 1
    assert set(CONVERTED) == {"codemode-fair"}


async def test_a_large_result_that_has_no_json_form_fails_its_call(make_call: MakeCall) -> None:
    async def odd() -> Any:
        return [*range(LARGE_MEMBERS), object()]

    async def deep() -> Any:
        found: Any = list(range(LARGE_MEMBERS + 1))
        for _ in range(MAX_DEPTH):
            found = [found]
        return found

    texts = []
    async with Toolset([odd, deep]) as tools:
        for name in ("odd", "deep"):
            with pytest.raises(ToolError) as caught:
                await tools.invoke_tool(make_call(name, {}), asyncio.Event())
            texts.append(str(caught.value).splitlines()[0])

    assert texts == [
        f"tool `odd` returned a value of type `object` at `result[{LARGE_MEMBERS}]`, which has no JSON form.",
        f"tool `deep` returned something nested more than {MAX_DEPTH} deep at `result{'[0]' * MAX_DEPTH}`,"
        " which has no JSON form.",
    ]


async def test_a_program_gets_a_large_result_whole_beside_others() -> None:
    async def rows(seed: int) -> list[dict[str, int]]:
        "Rows that tell to whom they belong."
        return [{"seed": seed, "n": n} for n in range(5_000)]

    program = """
        const found = await Promise.all([{0}, {0} + 1].map(seed => tools.rows({{seed}})));
        text(found.map(rows => rows.every((row, n) => row.seed === rows[0].seed && row.n === n) && rows[0].seed));
    """
    async with CodeMode(tools=[rows]) as code_mode:
        said = await asyncio.gather(*(code_mode.exec(program.format(10 * n)) for n in range(1, 4)))

    assert [each.output for each in said] == ["[10,11]", "[20,21]", "[30,31]"]
