"""What one user's exec takes beside users who keep their sessions, or what all share, as busy as they can."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

from codemode import CodeMode, LocalSessionProvider, McpServers, StdioServer

from .client import repeated
from .scenario import NO_GOAL, BenchError, Conditions, Figure, Samples, Scenario, at_most

GROUP = "fairness"
NEIGHBOURS: Final = 4
ROWS: Final = 30_000
TOOLS: Final = 3_000
_SETTLE_SECONDS: Final = 0.01
"""For each sample that follows: the neighbours are busy when the first one is taken."""
_TICK_SECONDS: Final = 0.002

Neighbour = Callable[[LocalSessionProvider], Any]
"""Makes an async context manager, inside of which the neighbours are busy."""


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    neighbours: dict[str, Neighbour] = {
        "four sessions that get 30,000 rows of an async tool": rows_of_async_tools,
        "four sessions that get 30,000 rows of a plain function": rows_of_functions,
        "four sessions that pass 30,000 rows to a tool": partial(programs, source=_PASSING),
        "four sessions that make 1,000 calls at once": partial(programs, source=_CALLING),
        "four sessions that print 10,000 items": partial(programs, source=_PRINTING),
        "four sessions that print 5 MB": partial(programs, source=_WRITING),
        "four sessions that notify 1,000 times": partial(programs, source=_NOTIFYING),
        "four sessions that store and load 5 MB": partial(programs, source=_STORING),
        "four sessions that compute": partial(programs, source=_COMPUTING),
        "sessions opened over a server of 3,000 tools": many_tools,
        "a server that changes its list of 3,000 tools for ever": changing_tools,
    }
    return tuple(
        Scenario(
            name=name,
            figures=(
                Figure("quiet", decimals=1),
                Figure("beside it", decimals=1),
                Figure("of the quiet median", "times", goal, decimals=1),
                Figure("the event loop held up", decimals=1),
            ),
            measure=partial(beside, neighbour=neighbour),
            samples=100,
            warm_ups=10,
            timeout_seconds=100.0,
        )
        for name, neighbour in neighbours.items()
        for goal in [at_most(3.0) if neighbour is rows_of_async_tools else NO_GOAL]
    )


async def beside(conditions: Conditions, *, neighbour: Neighbour) -> Samples:
    """Execs of a user with a tool call in each: alone, and then beside the neighbour."""
    async with LocalSessionProvider() as provider:
        async with CodeMode(tools=[ping], provider=provider) as user:
            action = partial(_exec, user, "text(await tools.ping({}))")
            quiet = await repeated(action, samples=conditions.samples, warm_ups=conditions.warm_ups)
            async with neighbour(provider), _held_up() as held:
                await asyncio.sleep(_SETTLE_SECONDS * conditions.samples)
                held.clear()
                busy = await repeated(action, samples=conditions.samples, warm_ups=0)
    median = sorted(quiet)[len(quiet) // 2]
    return {
        "quiet": quiet,
        "beside it": busy,
        "of the quiet median": [each / median for each in busy],
        "the event loop held up": held or [0.0],
    }


async def ping() -> int:
    "Answers at once."
    return 1


async def rows() -> list[dict[str, object]]:
    "Many rows, as a database has them."
    return [
        {"id": n, "name": f"name {n}", "price": n * 1.5, "sold": n % 2 == 0} for n in range(ROWS)
    ]


def rows_in_thread() -> list[dict[str, object]]:
    "The same from a plain function."
    return [
        {"id": n, "name": f"name {n}", "price": n * 1.5, "sold": n % 2 == 0} for n in range(ROWS)
    ]


async def count(values: list[Any]) -> int:
    "How many values it was given."
    return len(values)


_ROWS = "(await tools.{}({{}})).length"
_PASSING = f"""
    const rows = Array.from({{length: {ROWS}}}, (_, id) => ({{id, name: `name ${{id}}`, price: id * 1.5}}));
    text(await tools.count({{values: rows}}));
"""
_CALLING = "await Promise.all(Array.from({length: 1000}, () => tools.ping({})));"
_PRINTING = "for (let i = 0; i < 10_000; i++) text(`item ${i}`);"
_WRITING = "text('x'.repeat(5_000_000));"
_NOTIFYING = "for (let i = 0; i < 1_000; i++) notify(`note ${i}`);"
_STORING = (
    "store('a', 'x'.repeat(5_000_000)); text(load('b')?.length); store('b', 'y'.repeat(5_000_000));"
)
_COMPUTING = "const until = Date.now() + 200; while (Date.now() < until);"


@asynccontextmanager
async def programs(provider: LocalSessionProvider, *, source: str) -> AsyncIterator[None]:
    """Sessions that run the same program again and again."""
    async with AsyncExitStack() as stack:
        tools: list[Any] = [ping, rows, rows_in_thread, count]
        for _ in range(NEIGHBOURS):
            neighbour = CodeMode(tools=tools, provider=provider, on_notify=_unheard)
            await stack.enter_async_context(neighbour)
            stack.enter_context(_Busy(partial(_exec, neighbour, source)))
        yield


rows_of_async_tools = partial(programs, source=f"text({_ROWS.format('rows')})")
rows_of_functions = partial(programs, source=f"text({_ROWS.format('rows_in_thread')})")


@asynccontextmanager
async def many_tools(provider: LocalSessionProvider) -> AsyncIterator[None]:
    """New sessions, one after another, that share a server; each looks at its tools and runs a program."""
    async with McpServers({"many": _server()}) as servers:
        await servers.start()

        async def open_another() -> None:
            async with CodeMode(provider=provider, mcp=servers) as neighbour:
                assert neighbour.exec_tool.description
                await _exec(neighbour, "text(ALL_TOOLS.length)")

        with _Busy(open_another):
            yield


@asynccontextmanager
async def changing_tools(provider: LocalSessionProvider) -> AsyncIterator[None]:
    """Sessions over a server whose tools are others whenever they are asked for; each runs programs."""
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(McpServers({"many": _server("changing")}))
        for _ in range(NEIGHBOURS):
            neighbour = CodeMode(provider=provider, mcp=servers)
            await stack.enter_async_context(neighbour)
            stack.enter_context(_Busy(partial(_looks, neighbour), pause=0.2))
        yield


async def _looks(code_mode: CodeMode) -> None:
    assert code_mode.exec_tool.description
    await _exec(code_mode, "text(ALL_TOOLS.length)")


def _server(*options: str) -> StdioServer:
    return StdioServer(sys.executable, ["-m", "bench.many_tools", str(TOOLS), *options])


class _Busy:
    """Repeats an action for as long as this lasts."""

    def __init__(self, action: Callable[[], Awaitable[object]], *, pause: float = 0.0) -> None:
        self._action = action
        self._pause = pause

    def __enter__(self) -> None:
        self._task = asyncio.create_task(self._repeat())

    def __exit__(self, *_: object) -> None:
        self._task.cancel()
        if self._task.done() and not self._task.cancelled() and self._task.exception():
            raise BenchError(repr(self._task.exception()))

    async def _repeat(self) -> None:
        while True:
            await self._action()
            await asyncio.sleep(self._pause)


@asynccontextmanager
async def _held_up() -> AsyncIterator[list[float]]:
    """How much later than it was due a timer came, in ms, again and again."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK_SECONDS)
            late.append((time.perf_counter() - began - _TICK_SECONDS) * 1000)

    task = asyncio.create_task(tick())
    try:
        yield late
    finally:
        task.cancel()


async def _exec(code_mode: CodeMode, source: str) -> None:
    result = await code_mode.exec(source)
    while result.running:
        result = await code_mode.wait(result)
    if result.failed:
        raise BenchError(result.text)


def _unheard(_call: str, _cell: str, _text: str) -> None:
    """Notifications are taken."""
