"""The tools that hostile programs get: harmless ones, and some that misbehave themselves."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from codemode import ToolError, Toolset, tool
from codemode.protocol.types import ToolDefinition, ToolName

ODD_NAMES = (
    *("__proto__", "constructor", "then", "toString", "", "größe", "имя", "9lives", "a b"),
    *(
        "ab-c",
        "ab.c",
        "ab_c",
        "hasOwnProperty",
        "valueOf",
        "*/ tools",
        "`;drop`",
        "class",
        "\u202e",
    ),
)
"""Names that something could trip over; each tool returns its own."""


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def echo(v: object = None) -> object:
    "Gives back what it got."
    return v


async def lines(v: list[str]) -> int:
    "Counts lines."
    return len(v)


async def total(v: list[int]) -> int:
    "Counts integers."
    return len(v)


async def table(v: dict[str, list[str]]) -> int:
    "Counts columns."
    return len(v)


async def never() -> None:
    "Never returns."
    await asyncio.Event().wait()


async def stubborn() -> int:
    "Never returns, and goes on for longer than it gets when it is cancelled."
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0.5)
    return 1


def blocking() -> int:
    "Blocks its thread."
    time.sleep(0.3)
    return 1


def leave() -> None:
    "Raises SystemExit."
    raise SystemExit(3)


async def interrupt() -> None:
    "Raises KeyboardInterrupt."
    raise KeyboardInterrupt


async def generator_exit() -> None:
    "Raises GeneratorExit."
    raise GeneratorExit


async def cancel_myself() -> None:
    "Cancels the task that it runs in."
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.Event().wait()


async def crowd() -> None:
    "Raises a group of exceptions."
    raise BaseExceptionGroup("crowd", [KeyboardInterrupt(), SystemExit(1)])


def unreadable() -> None:
    "Raises an exception without a text."
    raise UnreadableError


def endless_recursion() -> None:
    "Calls itself."
    endless_recursion()


def huge_error() -> None:
    "Raises an error of 64 MB."
    raise ToolError("e" * 64_000_000)


def secretive() -> None:
    "Raises an error that has another one as its cause."
    raise ToolError("no") from ValueError("the password is swordfish")


def give(what: str) -> Any:
    "Gives something that is hard to send."
    if what == "deep":
        value: Any = 0
        for _ in range(100_000):
            value = [value]
        return value
    if what == "cycle":
        cycle: list[Any] = []
        cycle.append(cycle)
        return cycle
    return {
        "object": object(),
        "huge": "x" * 60_000_000 if what == "huge" else "",
        "many": list(range(1_000_000)) if what == "many" else [],
        "integer": 10**5_000,
        "not a number": [float("nan"), float("inf")],
        "half a pair": "\ud800a",
        "prototype": {"__proto__": {"a": 1}, "constructor": 1, "then": "x"},
    }[what]


def named(name: str) -> Any:
    """A tool with an odd name that gives back this name."""

    def own_name() -> str:
        "Gives its own name."
        return name

    return tool(name=name)(own_name)


def hostile_tools() -> Toolset:
    """The tools of a hostile session."""
    tools = Toolset(
        (
            *(lines, total, table),
            *(echo, never, stubborn, blocking, leave, interrupt, generator_exit, cancel_myself),
            *(crowd, unreadable, endless_recursion, huge_error, secretive, give),
            *map(named, ODD_NAMES),
        )
    )

    def withdraw(name: str) -> None:
        "Withdraws a tool."
        tools.remove(name)

    def replace(name: str) -> None:
        "Withdraws a tool, and puts another one of the same name in its place."
        tools.remove(name)
        tools.add(tool(name=name)(lambda: "the other one"))

    tools.add(withdraw, tool(thread=False)(replace))
    return tools


def plain(name: str, description: str, schema: object = None) -> ToolDefinition:
    """A definition as a stranger might give it."""
    return ToolDefinition(
        name=name, tool_name=ToolName(name), description=description, input_schema=schema
    )
