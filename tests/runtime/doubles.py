"""An engine that says what a test tells it to say, and a delegate that writes down what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from codemode.engine.catalogue import Catalogue
from codemode.engine.events import Event, Idle, Sink
from codemode.engine.interfaces import Repeatable
from codemode.protocol.session import Signal
from codemode.protocol.types import (
    CellId,
    ExecuteRequest,
    JsonValue,
    ToolCall,
    ToolDefinition,
    ToolName,
)

SECONDS: Final = 10.0
"""How long anything in these tests may take; a wait that is longer is a failure."""

T = TypeVar("T")
Tool: TypeAlias = Callable[[ToolCall, Signal], Awaitable[JsonValue]]


async def bounded(awaitable: Awaitable[T]) -> T:
    """What ``awaitable`` gives, within the one bound of these tests."""
    async with asyncio.timeout(SECONDS):
        return await awaitable


class Recorder:
    """A delegate: calls its tools by name, lets ``notes`` decide about notifications."""

    def __init__(self, **tools: Tool) -> None:
        self.log: list[tuple[str, ...]] = []
        self.tools = tools
        self.on_note: Callable[[str, Signal], Awaitable[None]] | None = None
        self.on_closed: Callable[[CellId], None] | None = None
        self._news = asyncio.Event()

    @property
    def closed(self) -> list[str]:
        return [entry[1] for entry in self.log if entry[0] == "closed"]

    @property
    def notes(self) -> list[str]:
        return [entry[2] for entry in self.log if entry[0] == "note"]

    async def heard(self, *entry: str, times: int = 1) -> None:
        """Wait until ``entry`` has been written down."""
        async with asyncio.timeout(SECONDS):
            while self.log.count(entry) < times:
                self._news.clear()
                await self._news.wait()

    def write(self, *entry: str) -> None:
        self.log.append(entry)
        self._news.set()

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        self.write("tool", call.tool_name.name)
        try:
            return await self.tools[call.tool_name.name](call, cancel)
        finally:
            self.write("left", call.tool_name.name)

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        self.write("note", call_id, text)
        if self.on_note is not None:
            try:
                await self.on_note(text, cancel)
            finally:
                self.write("note left", text)

    def cell_closed(self, cell_id: CellId) -> None:
        self.write("closed", cell_id)
        if self.on_closed is not None:
            self.on_closed(cell_id)


async def echo(call: ToolCall, _: Signal) -> JsonValue:
    return call.input


async def never(_: ToolCall, __: Signal) -> JsonValue:
    return await asyncio.Event().wait()


async def stubborn_wait(release: asyncio.Event) -> None:
    """Waits for ``release``, whoever cancels it."""
    while not release.is_set():
        try:
            await release.wait()
        except asyncio.CancelledError:
            continue


def definitions(*names: str) -> tuple[ToolDefinition, ...]:
    return tuple(
        ToolDefinition(name=name, tool_name=ToolName(name), description=name) for name in names
    )


def request(source: str = "", *tools: str, yield_time_ms: int | None = None) -> ExecuteRequest:
    return ExecuteRequest(
        tool_call_id="call",
        enabled_tools=definitions(*tools),
        source=source,
        yield_time_ms=yield_time_ms,
    )


Delivery: TypeAlias = tuple[str, int, str]
"""What a script was given: how, the number of its call or timer, the JSON or text."""


class ScriptedCell:
    """A program that says what it is told to say. It flushes and closes at once, unless held."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.delivered: list[Delivery] = []
        self.values: list[bytes | None] = []
        self.paused = False
        self.flushes = 0
        self.holds_flushes = False
        self.may_close = asyncio.Event()
        self.may_close.set()
        self.closes = 0
        self.close_error: Exception | None = None
        self.last_words: tuple[Event, ...] = ()
        self._held: list[Event] = []

    def says(self, *events: Event) -> None:
        """The script says ``events``."""
        if self.paused:
            self._held += events
        else:
            self._sink.on_events(list(events))

    def idles(self, *events: Event) -> None:
        """The script says ``events``, and its turn ends."""
        self.says(*events, Idle())

    def dies(self, reason: str) -> None:
        self._sink.on_lost(reason, None)

    def flushed(self) -> None:
        self._sink.on_flushed()

    def resolve(self, call: int, json: str) -> None:
        self.delivered.append(("resolve", call, json))

    def reject(self, call: int, text: str) -> None:
        self.delivered.append(("reject", call, text))

    def fire_timer(self, timer: int) -> None:
        self.delivered.append(("fire", timer, ""))

    def load(self, json: bytes | None) -> None:
        self.values.append(json)

    def flush(self) -> None:
        self.flushes += 1
        if not self.holds_flushes:
            words, self.last_words = self.last_words, ()
            asyncio.get_running_loop().call_soon(self._answer_flush, words)

    def _answer_flush(self, words: tuple[Event, ...]) -> None:
        if words:
            self._sink.on_events(list(words))
        self._sink.on_flushed()

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        held, self._held = self._held, []
        if held:
            self.says(*held)

    async def close(self) -> bool:
        self.closes += 1
        await self.may_close.wait()
        if self.close_error is not None:
            raise self.close_error
        return True


class ScriptedEngine:
    """Starts scripted cells: when ``may_start`` says so, unless ``error`` is set."""

    def __init__(self) -> None:
        self.cells: list[ScriptedCell] = []
        self.sources: list[str] = []
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.starting = asyncio.Event()
        self.error: Exception | None = None
        self.closed = 0

    async def start(
        self, source: str, catalogue: Catalogue, sink: Sink, repeatable: Repeatable | None = None
    ) -> ScriptedCell:
        assert repeatable is None
        self.sources.append(source)
        self.starting.set()
        await self.may_start.wait()
        if self.error is not None:
            raise self.error
        cell = ScriptedCell(sink)
        self.cells.append(cell)
        return cell

    async def aclose(self) -> None:
        self.closed += 1


async def settle(rounds: int = 5) -> None:
    """Let everything that can run without time or input run."""
    for _ in range(rounds):
        await asyncio.sleep(0)


def strip(value: Any) -> Any:
    """An outcome or response without its times, and what no wire carries, to be compared whole."""
    if hasattr(value, "response"):
        return type(value)(strip(value.response))
    untold = {"host_duration_ns": 0, "result_buffered_for_ns": 0, "by_program": None}
    there = {name: each for name, each in untold.items() if name in value.__struct_fields__}
    return msgspec.structs.replace(value, **there)
