"""The application that the scenarios play: a session, a delegate, timed programs."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from codemode.limits import Limits
from codemode.protocol.session import Session, Signal
from codemode.protocol.types import (
    CellId,
    ExecuteRequest,
    JsonValue,
    LiveCell,
    Result,
    RuntimeResponse,
    ToolCall,
    ToolDefinition,
    ToolName,
    WaitRequest,
    Yielded,
)
from codemode.runtime.local import LocalSessionProvider

from .scenario import BenchError, Conditions

PAUSE_SECONDS = 0.010
"""Between two execs of an agent there is at least a model; 10 ms is enough to get ready again."""

TRIVIAL = 'text("ok")'


class Delegate:
    """``echo`` answers with its argument at once; ``gate`` answers when ``opened`` is set."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        if call.tool_name.name == "gate":
            await self.opened.wait()
        return call.input

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        pass

    def cell_closed(self, cell_id: CellId) -> None:
        pass


def tool(name: str, description: str = "Answers with its argument.") -> ToolDefinition:
    """A tool of the delegate."""
    return ToolDefinition(name=name, tool_name=ToolName(name), description=description)


def tools(count: int, description: str = "Does one of many things.") -> tuple[ToolDefinition, ...]:
    """Tools that are offered and never called."""
    return tuple(tool(f"tool_{number}", description) for number in range(count))


class Client:
    """Runs programs in one session, with the same tools each time."""

    def __init__(self, session: Session, offered: tuple[ToolDefinition, ...] = ()) -> None:
        self._session = session
        self._offered = offered

    async def start(self, source: str, *, yield_time_ms: int | None = None) -> RuntimeResponse:
        """Run a program to its first response."""
        started = await self._session.execute(
            ExecuteRequest(
                tool_call_id="bench",
                enabled_tools=self._offered,
                source=source,
                yield_time_ms=yield_time_ms,
            )
        )
        return await started.initial_response()

    async def exec(self, source: str = TRIVIAL) -> Result:
        """Run a program to its end.

        Raises:
            BenchError: it failed, or did not end.
        """
        return _completed(await self.start(source, yield_time_ms=60_000))

    async def hold(self, source: str, *, yield_time_ms: int | None = None) -> CellId:
        """Run a program to its first yield.

        Raises:
            BenchError: it ended.
        """
        response = await self.start(source, yield_time_ms=yield_time_ms)
        if not isinstance(response, Yielded):
            raise BenchError(f"a cell should have yielded: {_said(response)}")
        return response.cell_id

    async def finish(self, cell_id: CellId) -> Result:
        """Wait for a cell's end.

        Raises:
            BenchError: it failed, or did not end.
        """
        outcome = await self._session.wait(WaitRequest(cell_id=cell_id, yield_time_ms=60_000))
        return _completed(outcome.response)

    async def terminate(self, cell_id: CellId) -> None:
        """End a cell.

        Raises:
            BenchError: it was not there any more.
        """
        outcome = await self._session.terminate(cell_id)
        if not isinstance(outcome, LiveCell):
            raise BenchError(f"a cell was gone before its termination: {_said(outcome.response)}")


def _completed(response: object) -> Result:
    if not isinstance(response, Result) or response.error_text is not None:
        raise BenchError(f"a program should have completed: {_said(response)}")
    return response


def _said(response: object) -> str:
    """A response in one line, by its error where it has one."""
    error = getattr(response, "error_text", None)
    return error.splitlines()[0] if error else f"{response!r:.300}"


@asynccontextmanager
async def open_client(
    *,
    offered: tuple[ToolDefinition, ...] = (),
    delegate: Delegate | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Client]:
    """A client of a session of its own, in a provider of its own."""
    async with LocalSessionProvider(limits=limits) as provider:
        yield Client(await provider.create_session(delegate or Delegate()), offered)


async def timed(action: Callable[[], Awaitable[object]]) -> float:
    """How many milliseconds ``action`` took: the clock is read just before and just after."""
    began = time.perf_counter_ns()
    await action()
    return (time.perf_counter_ns() - began) / 1e6


async def repeated(
    action: Callable[[], Awaitable[object]],
    *,
    samples: int,
    warm_ups: int,
    pause_seconds: float = PAUSE_SECONDS,
) -> list[float]:
    """Time ``action`` again and again.

    What was made while warming up is collected first; the collector stays on, as it is for
    applications, so that a sample may hold one of its runs.
    """
    for _ in range(warm_ups):
        await action()
        await asyncio.sleep(pause_seconds)
    gc.collect()
    found = []
    for _ in range(samples):
        if pause_seconds:
            await asyncio.sleep(pause_seconds)
        found.append(await timed(action))
    return found


async def compared(
    plain: Callable[[], Awaitable[object]],
    loaded: Callable[[], Awaitable[object]],
    conditions: Conditions,
) -> tuple[list[float], list[float], list[float]]:
    """Time two actions in turns, with pauses: the one, the other, and how much more it took.

    In turns, so that whatever else the machine does meets both alike.
    """
    for _ in range(conditions.warm_ups):
        await plain()
        await loaded()
        await asyncio.sleep(PAUSE_SECONDS)
    gc.collect()
    without, with_load = [], []
    for _ in range(conditions.samples):
        await asyncio.sleep(PAUSE_SECONDS)
        without.append(await timed(plain))
        await asyncio.sleep(PAUSE_SECONDS)
        with_load.append(await timed(loaded))
    more = [b - a for a, b in zip(without, with_load, strict=True)]
    return without, with_load, more
