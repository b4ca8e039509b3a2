"""Nested calls: one after another, and many at once."""

from __future__ import annotations

from functools import partial

from .client import open_client, repeated, tool
from .scenario import WORKS, Conditions, Figure, Samples, Scenario, at_most

GROUP = "calls"
_IN_TURN = 200


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    in_turn = Scenario(
        name=f"{_IN_TURN} nested calls one after another",
        figures=(Figure("a call", goal=at_most(0.25), decimals=3),),
        measure=one_after_another,
        samples=30,
        warm_ups=3,
    )
    at_once = (
        Scenario(
            name=f"{count:,} nested calls at once",
            figures=(
                Figure("all", goal=WORKS, decimals=1),
                Figure("a call", decimals=3),
            ),
            measure=partial(at_the_same_time, count=count),
            samples=samples,
            warm_ups=1,
        )
        for count, samples in ((1_000, 15), (5_000, 5))
    )
    return (in_turn, *at_once)


async def one_after_another(conditions: Conditions) -> Samples:
    """An exec of many calls, divided by their number: its own cost is in it."""
    source = f"for (let i = 0; i < {_IN_TURN}; i++) await tools.echo({{i}});"
    async with open_client(offered=(tool("echo"),)) as client:
        times = await repeated(
            lambda: client.exec(source), samples=conditions.samples, warm_ups=conditions.warm_ups
        )
    return {"a call": [time / _IN_TURN for time in times]}


async def at_the_same_time(conditions: Conditions, *, count: int) -> Samples:
    """An exec that makes all its calls before it awaits any, and checks every answer."""
    source = f"""
        const calls = Array.from({{length: {count}}}, (_, i) => tools.echo({{i}}));
        const wrong = (await Promise.all(calls)).filter((answer, i) => answer.i !== i);
        if (wrong.length) throw new Error(`${{wrong.length}} wrong answers`);
    """
    async with open_client(offered=(tool("echo"),)) as client:
        times = await repeated(
            lambda: client.exec(source), samples=conditions.samples, warm_ups=conditions.warm_ups
        )
    return {"all": times, "a call": [time / count for time in times]}
