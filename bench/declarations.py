"""What a model reads: rendering many tools and hostile schemas, and importing the package.

No worker is at work here.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from codemode.protocol.types import ToolCall, ToolDefinition, ToolName
from codemode.surface.typescript import render
from codemode.tools.tool import ToolContext
from codemode.tools.toolset import Toolset

from .scenario import BenchError, Conditions, Figure, Samples, Scenario, at_most

GROUP = "declarations"
_TOOLS: Final = 1_000
_MEGABYTE: Final = 1_000_000


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    return (
        Scenario(
            name=f"the text of exec for {_TOOLS:,} tools",
            figures=(
                Figure("first time", goal=at_most(150)),
                Figure("one tool more"),
                Figure("nothing changed", goal=at_most(5), decimals=4),
            ),
            measure=text_of_exec,
            samples=20,
            warm_ups=1,
        ),
        Scenario(
            name="a hostile schema of 1 MB",
            figures=tuple(Figure(name, goal=at_most(50)) for name in _hostile()),
            measure=hostile_schemas,
            samples=20,
            warm_ups=1,
        ),
        Scenario(
            name="import codemode",
            figures=(Figure("more than an empty program", goal=at_most(60)),),
            measure=importing,
            samples=15,
            warm_ups=2,
        ),
    )


async def text_of_exec(conditions: Conditions) -> Samples:
    """The definition for a model and those for cells, of tools as MCP servers have them."""
    found: dict[str, list[float]] = {"first time": [], "one tool more": [], "nothing changed": []}
    for turn in range(conditions.warm_ups + conditions.samples):
        toolset = Toolset(map(_Server, range(_TOOLS)), catalogue_tokens=None)
        steps: dict[str, Callable[[], object]] = {
            "first time": lambda: None,
            "nothing changed": lambda: None,
            "one tool more": lambda toolset=toolset: toolset.add(_Server(_TOOLS)),  # type: ignore[misc]  # bound early
        }
        for name, change in steps.items():
            change()
            taken = _timed(lambda toolset=toolset: _read(toolset))  # type: ignore[misc]  # bound early
            if turn >= conditions.warm_ups:
                found[name].append(taken)
        await toolset.aclose()
    return found


async def hostile_schemas(conditions: Conditions) -> Samples:
    """Each schema by itself."""
    schemas = _hostile()
    return {
        name: [
            _timed(lambda schema=schema: render(schema))  # type: ignore[misc]  # bound early
            for _ in range(conditions.warm_ups + conditions.samples)
        ][conditions.warm_ups :]
        for name, schema in schemas.items()
    }


async def importing(conditions: Conditions) -> Samples:
    """A new interpreter with the import, less one without, in turns."""
    found = []
    for _ in range(conditions.warm_ups + conditions.samples):
        empty = await _interpreter("pass")
        found.append(await _interpreter("import codemode") - empty)
    return {"more than an empty program": found[conditions.warm_ups :]}


class _Server:
    """A tool with a schema of the usual kind."""

    def __init__(self, number: int) -> None:
        own = ToolName(f"do_thing_{number}", f"mcp__server_{number % 20}")
        self.definition = ToolDefinition(
            name=own.name,
            tool_name=own,
            description="Looks for what the query says in a project and reports it. " * 4,
            input_schema={
                "type": "object",
                "properties": {
                    "owner": {"type": "string", "description": "Whose project it is."},
                    "query": {"type": "string"},
                    "labels": {"type": "array", "items": {"enum": ["bug", "idea", "task"]}},
                    "page": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    "filter": {"$ref": "#/$defs/Filter"},
                    f"option_{number}": {"type": "boolean"},
                },
                "required": ["owner", "query"],
                "$defs": {
                    "Filter": {
                        "type": "object",
                        "properties": {"state": {"type": "string"}, "since": {"type": "string"}},
                    }
                },
            },
            output_schema={"type": "object", "properties": {"items": {"type": "array"}}},
        )

    async def invoke(self, call: ToolCall, context: ToolContext) -> Any:
        raise NotImplementedError("nothing is called here")


def _read(toolset: Toolset) -> None:
    catalogue = toolset.catalogue
    if len(catalogue.tools) < _TOOLS or not catalogue.exec_tool().description:
        raise BenchError("the text is not there")


def _hostile() -> Mapping[str, Any]:
    deep: Any = True
    for _ in range(900):
        deep = {"items": deep}
    return {
        "wide": {"properties": {f"k{at}": {"type": "string"} for at in range(40_000)}},
        "deep": {"anyOf": [deep] * 100},
        "long enum": {"enum": [1] * (_MEGABYTE // 16)},
        "big literal": {"const": [0] * (_MEGABYTE // 2)},
        "long descriptions": {
            "properties": {f"p{at}": {"description": " \n" * 30_000} for at in range(16)}
        },
        "long name": {"properties": {"\0" * (_MEGABYTE // 6): True}},
        "one definition everywhere": {
            "properties": {f"p{at}": {"$ref": "#/$defs/P"} for at in range(30_000)},
            "$defs": {"P": {"enum": ["a"] * 1_000}},
        },
        "long references": {
            "properties": {
                f"p{at}": {"$ref": f"#/{at}/{'%41' * 1_300}"} for at in range(_MEGABYTE // 4_000)
            }
        },
        "reference bomb": {
            "$ref": "#/$defs/d0",
            "$defs": {
                f"d{at}": {"anyOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 10} for at in range(20)
            },
        },
        "cycle": {
            "$ref": "#/$defs/d",
            "$defs": {
                "d": {"properties": {f"p{at}": {"$ref": "#/$defs/d"} for at in range(20_000)}}
            },
        },
    }


def _timed(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began) / 1e6


async def _interpreter(program: str) -> float:
    began = time.perf_counter_ns()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    if await process.wait():
        raise BenchError(f"{program!r} failed")
    return (time.perf_counter_ns() - began) / 1e6
