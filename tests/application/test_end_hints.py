"""Programs that succeed and still go wrong get a hint; those that are right get none."""

from __future__ import annotations

import asyncio

import pytest

from codemode import CodeMode


async def slow(x: int = 0) -> int:
    "Takes long."
    await asyncio.sleep(10)
    return x


async def quick(x: int = 0) -> int:
    "Takes no time."
    return x


LEFT = (
    "Hint: 1 tool call was under way when the program ended, and cancelled: `slow`."
    " `await` each call whose result or effect is wanted."
)
PRINTED = "Hint: a promise was printed, and not its value: `await` it first."


@pytest.mark.parametrize(
    ("program", "hints"),
    [
        pytest.param("tools.slow({x: 1})", [LEFT], id="a call that is not awaited"),
        pytest.param(
            "text(tools.slow({x: 1}))", [LEFT, PRINTED], id="its promise printed as an object"
        ),
        pytest.param(
            "text(`it is ${tools.slow({x: 1})}`)", [LEFT, PRINTED], id="its promise in a text"
        ),
        pytest.param("text('' + Promise.resolve(1))", [PRINTED], id="a promise of no tool"),
        pytest.param(
            "async function f() { return 1; }\ntext({a: f()})", [PRINTED], id="inside of a value"
        ),
        pytest.param("text(await tools.quick({x: 1}))", [], id="a call that is awaited"),
        pytest.param("text({}); text([])", [], id="empty values"),
        pytest.param(
            "throw new Error('[object Promise]')", [], id="a failure has hints of its own"
        ),
    ],
)
async def test_what_a_model_is_told_of_a_program_that_ended(program: str, hints: list[str]) -> None:
    async with CodeMode(tools=[slow, quick]) as cm:
        result = await cm.exec(program)
    told = [line for line in result.text.splitlines() if line.startswith("Hint: ")]

    assert [line for line in told if "tool call" in line or "promise" in line] == hints
