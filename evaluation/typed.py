"""What an output type is worth: travel again, with three of its 28 tools typed.

These tools hide a list of names in a string, so that a program must stop and let the model look. With a list as
their result the two programs of a task become one, by replacement of text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, Final

from codemode import CodeMode, LocalSessionProvider, tool
from codemode.estimate.accounting import MESSAGE_TOKENS, Cost, Turn, cost_of

from . import dojo, programs
from .catalogues import exec_tokens
from .tables import Row, write
from .tokens import tokens
from .worlds import World

TYPED: Final = {
    "get_all_hotels_in_city": ("hotels", "hotel_list"),
    "get_all_restaurants_in_city": ("restaurants", "restaurant_list"),
    "get_all_car_rental_companies_in_city": ("car_rental", "company_list"),
}
_TIME = re.compile(r"Wall time \S+ seconds")


def merged(turns: Sequence[str]) -> list[str]:
    """Two programs as one that need not look."""
    if len(turns) == 1:
        return list(turns)
    first = re.sub(
        r'^store\("raw", raw\);\n|^text\(raw\);\n?', "", turns[0] + "\n", flags=re.MULTILINE
    )
    one = 'load("raw").replace(/^.*?: /, "").trim().split("\\n")'
    many = 'load("raw").map((raw) => raw.replace(/^.*?: /, "").trim().split("\\n"))'
    loop = 'for (const raw of load("raw")) {\n  const names = raw.replace(/^.*?: /, "").trim().split("\\n");'
    second = (
        turns[1]
        .replace(one, "raw")
        .replace(many, "raw")
        .replace(loop, "for (const names of raw) {")
    )
    return [first + second]


def typed_tools(world: World) -> list[Any]:
    """The suite's tools, three of them with a list as their result."""
    tools = [each for each in world.tools() if each.definition.tool_name.name not in TYPED]
    for name, (box, held) in TYPED.items():

        def names(city: str, *, _box: str, _held: str) -> list[str]:
            return [
                each.name
                for each in getattr(getattr(world.state, _box), _held)
                if each.city == city
            ]

        text = f"Names, {name[4:].replace('_', ' ')}."
        function = functools.partial(names, _box=box, _held=held)
        tools.append(tool(name=name, description=text, thread=False)(function))
    return tools


async def run_typed() -> list[Row]:
    """Every task of travel with typed tools."""
    suite: Any = dojo.suites()["travel"]
    written = programs.load()
    rows: list[Row] = []
    async with LocalSessionProvider() as provider:
        for name, task in suite.user_tasks.items():
            world = World.open(suite, task)
            turns: list[Turn] = []
            printed: list[str] = []
            is_whole = True
            async with CodeMode(
                tools=typed_tools(world),
                middleware=[world.record],
                provider=provider,
                catalogue_tokens=None,
            ) as cm:
                fixed = exec_tokens(cm.exec_tool)
                for code in merged(written["travel", name].turns):
                    result = await cm.run(code)
                    printed.append(result.output)
                    turns.append(
                        Turn((code,), (_TIME.sub("Wall time 0.1 seconds", result.text),), 0)
                    )
                    is_whole = is_whole and not result.failed
            base = tokens(dojo.SYSTEM) + tokens(task.PROMPT) + 2 * MESSAGE_TOKENS
            answer = Turn((task.GROUND_TRUTH_OUTPUT or "Done.",), is_answer=True)
            cost: Cost = cost_of(base + fixed, [*turns, answer], tokens)
            rows.append(
                {
                    "task": name,
                    "passed": int(is_whole and world.succeeded("\n".join(printed))),
                    "requests": cost.requests,
                    "input_tokens": cost.input_tokens,
                    "fresh_tokens": cost.fresh_tokens,
                    "fixed_tokens": cost.cold_tokens,
                    "output_tokens": cost.output_tokens,
                }
            )
    return rows


def save(rows: list[Row]) -> None:
    """Write what typed tools gave."""
    write("typed.csv", rows)
