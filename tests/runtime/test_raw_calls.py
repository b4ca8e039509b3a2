"""Calls to a delegate in another process: JSON from the program to it and back, in order, without a task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest
from msgspec import Raw

from codemode.engine.events import ToolCalled
from codemode.errors import ToolError
from codemode.limits import Limits
from codemode.loop_share import LoopShare
from codemode.protocol.session import Signal
from codemode.protocol.types import CellId, JsonValue, ToolCall
from codemode.runtime.callbacks import CellCallbacks
from codemode.sessions.calls import CallFailure

from .doubles import Recorder, bounded, definitions, settle

pytestmark = pytest.mark.usefixtures("leaves_no_task")

(TOOL,) = definitions("t")


class Remote(Recorder):
    """Takes calls as JSON while ``is_free``, and shows in which order calls and notifications came to it."""

    def __init__(self) -> None:
        super().__init__(t=self.tool)
        self.is_free = True
        self.came: list[tuple[str, Any]] = []
        self.ends: dict[str, Callable[[Raw | ToolError], None]] = {}
        self.taken_back: list[str] = []

    async def tool(self, call: ToolCall, _: Signal) -> JsonValue:
        self.came.append(("task", call.input))
        return await asyncio.Future()

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        self.came.append(("note", text))

    def begin_tool(
        self, call: ToolCall, on_ended: Callable[[Raw | ToolError], None]
    ) -> Callable[[], None] | None:
        if not self.is_free:
            return None
        number = call.runtime_tool_call_id
        self.came.append(("raw", bytes(call.input) if isinstance(call.input, Raw) else None))
        self.ends[number] = on_ended
        return lambda: self.taken_back.append(number)

    def cell_yielded(self, cell_id: CellId) -> None:
        self.came.append(("yield", cell_id))


class Cell:
    """Who has the calls made, and what reaches it."""

    def __init__(self, **limits: int) -> None:
        self.remote = Remote()
        self.delivered: list[tuple[str, int, str]] = []
        self.room = 0
        self.ended = asyncio.Event()
        share, context = LoopShare(), copy_context()
        self.callbacks = CellCallbacks(
            CellId("1"),
            "call",
            self.remote,
            Limits(**limits),
            context,
            share,
            self.settle,
            self._on_room,
        )

    def call(self, number: int, json: str | None = None) -> None:
        self.callbacks.call(ToolCalled(number, 0, json), TOOL)

    def settle(self, call: int, outcome: str | CallFailure) -> None:
        if isinstance(outcome, CallFailure):
            self.delivered.append(("reject", call, outcome.text))
        else:
            self.delivered.append(("resolve", call, outcome))

    def _on_room(self) -> None:
        self.room += 1

    async def end(self) -> None:
        self.callbacks.cancel_all(self.ended.set)
        await bounded(self.ended.wait())


async def test_a_call_and_its_result_stay_as_they_are() -> None:
    cell = Cell()
    cell.call(1, '{"x": 1e2}')
    cell.call(2)
    assert cell.remote.came == [("raw", b'{"x": 1e2}'), ("raw", None)]

    cell.remote.ends["tool-2"](Raw(b'{"a" : 1.50}'))
    cell.remote.ends["tool-1"](ToolError("boom"))
    assert cell.delivered == [("resolve", 2, '{"a" : 1.50}'), ("reject", 1, "boom")]
    assert (len(cell.callbacks), cell.callbacks.bytes, cell.room) == (0, 0, 2)


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        (
            Raw(b'"' + b"x" * 99 + b'"'),
            "Limit reached (value_bytes): the result of tool `t` is 101 bytes",
        ),
        (Raw(b"[" * 1002 + b"]" * 1002), "tool `t` returned what JSON cannot say: "),
    ],
    ids=["large", "deep"],
)
async def test_a_result_that_a_task_would_refuse_is_refused(result: Raw, wanted: str) -> None:
    cell = Cell(value_bytes=100 if wanted.startswith("Limit") else 10_000)
    cell.call(1)
    cell.remote.ends["tool-1"](result)

    ((kind, number, text),) = cell.delivered
    assert (kind, number, text[: len(wanted)]) == ("reject", 1, wanted)


@pytest.mark.parametrize(
    "json", ['"\\ud800"', '"' + "x" * 65_536 + '"', "[1,2,3,4]"], ids=["escaped", "long", "many"]
)
async def test_an_argument_that_is_not_plain_gets_a_task(json: str) -> None:
    cell = Cell(value_members=3)
    cell.call(1, json)
    assert cell.remote.came == []  # not yet: its task has its first step in the next round
    await cell.end()


async def test_no_call_overtakes_one_that_has_a_task() -> None:
    cell = Cell()
    cell.remote.is_free = False
    cell.call(1, "1")
    cell.remote.is_free = True
    cell.call(2, "2")
    await settle()

    assert cell.remote.came == [("task", 1), ("task", 2)]
    await cell.end()


async def test_no_call_overtakes_a_notification() -> None:
    cell = Cell()
    cell.callbacks.notify("first")
    cell.call(1, "1")
    await settle()
    cell.call(2, "2")
    await settle()

    assert cell.remote.came == [("note", "first"), ("task", 1), ("task", 2)]
    await cell.end()


async def test_a_call_that_is_not_wanted_any_more_is_taken_back() -> None:
    cell = Cell(concurrent_tool_calls=1)
    cell.call(1)
    cell.call(2)
    await cell.end()

    assert (cell.remote.taken_back, list(cell.remote.ends)) == (["tool-1"], ["tool-1"])
    assert (len(cell.callbacks), cell.delivered) == (0, [])


async def test_a_call_that_waits_begins_when_one_has_ended() -> None:
    cell = Cell(concurrent_tool_calls=1)
    cell.call(1)
    cell.call(2)
    cell.remote.ends["tool-1"](Raw(b"1"))
    cell.remote.ends["tool-2"](Raw(b"2"))

    assert cell.delivered == [("resolve", 1, "1"), ("resolve", 2, "2")]
