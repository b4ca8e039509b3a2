"""Callbacks: begun in order, bounded, contained, and ended within one grace."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextvars import copy_context
from typing import Any

import pytest
from msgspec import UNSET

from codemode.engine.events import ToolCalled
from codemode.errors import ToolError
from codemode.json_text import decode_json, decoded_bytes, encode_json
from codemode.limits import Limits
from codemode.loop_share import LoopShare
from codemode.protocol.session import Signal
from codemode.protocol.types import CellId, JsonValue, ToolCall, ToolName
from codemode.runtime import callbacks as module
from codemode.runtime.callbacks import CellCallbacks
from codemode.sessions import calls
from codemode.sessions.calls import CallFailure

from .doubles import Recorder, bounded, definitions, echo, never, settle, stubborn_wait

pytestmark = pytest.mark.usefixtures("leaves_no_task")

(TOOL,) = definitions("t")


class Cell:
    """Who has the callbacks made, and what reaches it."""

    def __init__(self, delegate: Recorder, **limits: int) -> None:
        self.delivered: list[tuple[str, int, str]] = []
        self.room = 0
        self.ended = asyncio.Event()
        self._news = asyncio.Event()
        self.callbacks = CellCallbacks(
            CellId("1"),
            "call",
            delegate,
            Limits(**limits),
            copy_context(),
            LoopShare(),
            self.settle,
            self._on_room,
        )

    def call(self, number: int = 1, input_json: str | None = None) -> None:
        self.callbacks.call(ToolCalled(number, 0, input_json), TOOL)

    def settle(self, call: int, outcome: str | CallFailure) -> None:
        if isinstance(outcome, CallFailure):
            self.delivered.append(("reject", call, outcome.text))
        else:
            self.delivered.append(("resolve", call, outcome))
        self._news.set()

    def _on_room(self) -> None:
        self.room += 1
        self._news.set()

    async def deliveries(self, count: int) -> list[tuple[str, int, str]]:
        async with asyncio.timeout(10):
            while len(self.delivered) < count:
                self._news.clear()
                await self._news.wait()
        return self.delivered

    async def end(self) -> None:
        self.callbacks.cancel_all(self.ended.set)
        await bounded(self.ended.wait())


async def test_a_tool_gets_its_call_and_the_script_its_json() -> None:
    calls: list[ToolCall] = []

    async def tool(call: ToolCall, _: Signal) -> JsonValue:
        calls.append(call)
        return {"a": [1, None, "é"]}

    cell = Cell(Recorder(t=tool))
    cell.call(1, '{"x":1}')
    cell.call(2)

    assert await cell.deliveries(2) == [
        ("resolve", 1, '{"a":[1,null,"é"]}'),
        ("resolve", 2, '{"a":[1,null,"é"]}'),
    ]
    assert calls == [
        ToolCall(
            cell_id=CellId("1"),
            runtime_tool_call_id=f"tool-{number}",
            tool_name=ToolName("t"),
            input=value,
            call_id="call",
            description=TOOL.description,
            digest=TOOL.digest,
        )
        for number, value in ((1, {"x": 1}), (2, UNSET))
    ]
    await cell.end()


FAILURES: dict[str, tuple[BaseException, str]] = {
    "an error with a text": (RuntimeError("boom"), "RuntimeError: boom"),
    "an error without one": (KeyError(), "KeyError"),
    "a tool's own error": (ToolError("no such city"), "no such city"),
    "a request to exit": (SystemExit(3), "SystemExit: 3"),
    "an interrupt": (KeyboardInterrupt(), "KeyboardInterrupt"),
    "a cancellation of its own": (
        asyncio.CancelledError(),
        "code mode nested tool call cancelled",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_whatever_a_tool_raises_rejects_the_promise(case: str) -> None:
    error, text = FAILURES[case]

    async def tool(_: ToolCall, __: Signal) -> JsonValue:
        raise error

    cell = Cell(Recorder(t=tool))
    cell.call()

    assert await cell.deliveries(1) == [("reject", 1, text)]
    await cell.end()


async def test_a_tool_that_sets_its_own_cancel_signal_rejects_the_promise() -> None:
    async def tool(_: ToolCall, cancel: Any) -> JsonValue:
        cancel.set()
        return 1

    cell = Cell(Recorder(t=tool))
    cell.call()

    assert await cell.deliveries(1) == [("reject", 1, "code mode nested tool call cancelled")]
    await cell.end()


async def test_a_tool_that_cancels_its_own_task_rejects_the_promise() -> None:
    async def tool(_: ToolCall, __: Signal) -> JsonValue:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return await asyncio.sleep(0, 1)

    cell = Cell(Recorder(t=tool))
    cell.call()

    assert await cell.deliveries(1) == [("reject", 1, "code mode nested tool call cancelled")]
    await cell.end()


async def test_a_result_that_json_cannot_say_rejects_the_promise() -> None:
    async def tool(_: ToolCall, __: Signal) -> JsonValue:
        return object()

    cell = Cell(Recorder(t=tool))
    cell.call()

    ((how, number, message),) = await cell.deliveries(1)
    assert (how, number) == ("reject", 1)
    assert message.startswith("tool `t` returned what JSON cannot say: ")
    await cell.end()


async def test_a_result_of_just_as_many_bytes_as_a_value_may_have_is_delivered() -> None:
    cell = Cell(Recorder(t=six_letters), value_bytes=14)
    cell.call()

    assert await cell.deliveries(1) == [("resolve", 1, '"éééééé"')]
    await cell.end()


async def six_letters(_: ToolCall, __: Signal) -> JsonValue:
    """Twelve bytes, and two quotes around them."""
    return "é" * 6


async def test_a_result_that_is_too_large_in_bytes_rejects_the_promise() -> None:
    cell = Cell(Recorder(t=six_letters), value_bytes=13)
    cell.call()

    assert await cell.deliveries(1) == [
        (
            "reject",
            1,
            "Limit reached (value_bytes): the result of tool `t` is 14 bytes, more than 13 bytes."
            "\nHint: pass a smaller value, or pass it in pieces.",
        )
    ]
    await cell.end()


async def test_an_error_that_is_too_long_rejects_the_promise_with_the_limit() -> None:
    async def tool(_: ToolCall, __: Signal) -> JsonValue:
        raise ToolError("e" * 5_001)

    cell = Cell(Recorder(t=tool), value_bytes=5_000)
    cell.call()

    assert await cell.deliveries(1) == [
        (
            "reject",
            1,
            "Limit reached (value_bytes): the error of a tool is 4.884 KiB, more than 4.883 KiB."
            "\nHint: pass a smaller value, or pass it in pieces.",
        )
    ]
    await cell.end()


async def test_calls_beyond_the_limit_wait_their_turn_in_order() -> None:
    gates: dict[int, asyncio.Event] = {number: asyncio.Event() for number in (1, 2, 3, 4)}
    begun: list[Any] = []

    async def tool(call: ToolCall, _: Signal) -> JsonValue:
        number: Any = call.input
        begun.append(number)
        await gates[number].wait()
        return number

    cell = Cell(Recorder(t=tool), concurrent_tool_calls=2)
    for number in gates:
        cell.call(number, str(number))
    await settle()
    assert begun == [1, 2]
    gates[2].set()
    await cell.deliveries(1)
    await settle()
    assert begun == [1, 2, 3]
    for gate in gates.values():
        gate.set()

    assert sorted(await cell.deliveries(4)) == [
        ("resolve", 1, "1"),
        ("resolve", 2, "2"),
        ("resolve", 3, "3"),
        ("resolve", 4, "4"),
    ]
    await cell.end()


async def test_a_limit_of_no_calls_at_once_still_lets_one_through() -> None:
    cell = Cell(Recorder(t=echo), concurrent_tool_calls=0, queued_notifications=0)
    for number in (1, 2):
        cell.call(number, "0")

    assert await cell.deliveries(2) == [("resolve", 1, "0"), ("resolve", 2, "0")]
    assert not cell.callbacks.full
    await cell.end()


async def test_notifications_begin_in_order_without_waiting_for_each_other() -> None:
    delegate = Recorder(t=never)
    delegate.on_note = lambda _, __: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    cell = Cell(delegate)
    cell.callbacks.notify("a")
    cell.call()
    cell.callbacks.notify("b")
    await settle()

    assert delegate.log[:3] == [("note", "call", "a"), ("tool", "t"), ("note", "call", "b")]
    await cell.end()


async def test_a_notification_that_fails_fails_nobody(caplog: pytest.LogCaptureFixture) -> None:
    delegate = Recorder(t=echo)

    async def fail(text: str, _: Signal) -> None:
        raise SystemExit(text)

    delegate.on_note = fail
    cell = Cell(delegate)
    cell.callbacks.notify("a")
    cell.call(1, "1")

    assert await cell.deliveries(1) == [("resolve", 1, "1")]
    assert [record.getMessage() for record in caplog.records] == [
        "a notification of cell 1 failed: SystemExit('a')"
    ]
    await cell.end()


async def test_a_cell_with_too_many_notifications_is_held_back_until_there_is_room() -> None:
    gate = asyncio.Event()
    delegate = Recorder()
    delegate.on_note = lambda _, __: gate.wait()  # type: ignore[assignment,return-value]
    cell = Cell(delegate, queued_notifications=3)
    for text in "abc":
        cell.callbacks.notify(text)

    assert cell.callbacks.full
    gate.set()
    await delegate.heard("note left", "c")
    await settle()
    assert (cell.callbacks.full, cell.room > 0) == (False, True)
    await cell.end()


async def test_a_cell_whose_callbacks_hold_too_much_is_held_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HELD_BYTES", 16)
    cell = Cell(Recorder(t=never))
    cell.call(1, '"1234"')
    assert not cell.callbacks.full
    cell.callbacks.notify("12345")

    held_back = cell.callbacks.full
    await settle()
    await settle()
    assert (held_back, cell.callbacks.full) == (True, False)
    await cell.end()


async def test_draining_waits_for_notifications_and_then_cancels_calls() -> None:
    gate = asyncio.Event()
    delegate = Recorder(t=never)
    delegate.on_note = lambda _, __: gate.wait()  # type: ignore[assignment,return-value]
    cell = Cell(delegate)
    cell.callbacks.notify("a")
    cell.call()
    cell.callbacks.drain(cell.ended.set)
    await settle()
    assert ("left", "t") not in delegate.log
    gate.set()
    await bounded(cell.ended.wait())

    assert delegate.log == [
        ("note", "call", "a"),
        ("tool", "t"),
        ("note left", "a"),
        ("left", "t"),
    ]
    assert cell.delivered == [("reject", 1, "code mode nested tool call cancelled")]


async def test_draining_delivers_notifications_that_still_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "NOTIFICATIONS_AT_ONCE", 1)
    delegate = Recorder()
    cell = Cell(delegate)
    for text in "abc":
        cell.callbacks.notify(text)
    cell.callbacks.drain(cell.ended.set)
    await bounded(cell.ended.wait())

    assert delegate.notes == ["a", "b", "c"]


async def test_draining_begins_no_call_that_still_waits() -> None:
    call, note = asyncio.Event(), asyncio.Event()
    delegate = Recorder(t=lambda _, __: call.wait())
    delegate.on_note = lambda _, __: note.wait()  # type: ignore[assignment,return-value]
    cell = Cell(delegate, concurrent_tool_calls=1)
    cell.callbacks.notify("a")
    cell.call(1)
    cell.call(2)
    await settle()
    cell.callbacks.drain(cell.ended.set)
    call.set()
    await delegate.heard("left", "t")
    await settle()
    note.set()
    await bounded(cell.ended.wait())

    assert delegate.log.count(("tool", "t")) == 1


async def test_a_callback_is_cancelled_once_and_may_clean_up() -> None:
    async def tidy(*_: object) -> JsonValue:
        try:
            return await asyncio.Event().wait()
        finally:
            await settle()
            delegate.write("tidied")

    delegate = Recorder(t=tidy)
    cell = Cell(delegate)
    cell.call()
    await settle()
    await cell.end()

    assert delegate.log == [("tool", "t"), ("tidied",), ("left", "t")]


async def test_a_cancellation_cuts_a_drain_short() -> None:
    delegate = Recorder()
    delegate.on_note = lambda _, __: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    cell = Cell(delegate)
    ends: list[str] = []
    cell.callbacks.notify("a")
    await settle()
    cell.callbacks.drain(lambda: ends.append("drained"))
    await settle()
    assert ends == []
    cell.callbacks.cancel_all(lambda: ends.append("cancelled"))
    await delegate.heard("note left", "a")
    await settle()

    assert ends == ["drained", "cancelled"]


async def test_callbacks_that_ignore_their_cancellation_are_dropped_after_one_grace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    release = asyncio.Event()
    left: list[str] = []

    async def stubborn(call: ToolCall, _: Signal) -> JsonValue:
        await stubborn_wait(release)
        left.append(call.runtime_tool_call_id)
        return 1

    delegate = Recorder(t=stubborn)
    delegate.on_note = lambda _, __: stubborn_wait(release)
    cell = Cell(delegate, callback_grace_ms=20)
    for number in range(5):
        cell.call(number)
    cell.callbacks.notify("a")
    await settle()
    began = asyncio.get_running_loop().time()
    await cell.end()
    took = asyncio.get_running_loop().time() - began

    assert len(caplog.records) == 6
    assert took < 5 * 0.02 + 0.5
    release.set()
    await settle()
    assert len(left) == 5
    assert not calls._DROPPED


async def test_a_callback_that_never_began_is_never_called() -> None:
    delegate = Recorder(t=echo)
    cell = Cell(delegate)
    cell.call()
    await cell.end()

    assert delegate.log == []


async def test_nothing_begins_after_the_end() -> None:
    delegate = Recorder(t=echo)
    cell = Cell(delegate)
    await cell.end()
    cell.call()
    cell.callbacks.notify("a")
    await settle()

    assert delegate.log == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"\\ud800"', "\ufffd"),
        ('"\\\\ud800"', "\\ud800"),
        ('"\\ud83d\\u0041"', "\ufffdA"),
        ("9007199254740993", 9007199254740993),
        ('{"__proto__":1}', {"__proto__": 1}),
        ('"\\\\\\\\\\ud800\\\\\\u0001"', "\\\\\ufffd\\\x01"),
    ],
)
def test_json_from_a_cell_is_exact_but_for_lone_surrogates(text: str, value: object) -> None:
    assert decode_json(text) == value


@pytest.mark.parametrize("member", ["[]", "{}", "[[1]]", '{"a":1}', '{"a":{}}', "1000", '"é"'])
def test_a_callback_is_charged_for_what_becomes_of_its_argument(member: str) -> None:
    text = f"[{','.join([member] * 1000)}]"

    real = taken(json.loads(text))
    assert real <= decoded_bytes(text) <= 5 * real


def taken(value: Any) -> int:
    """Bytes of a value of JSON with all that is in it, as if nothing were shared."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sys.getsizeof(value) + sum(map(taken, inner))


async def test_a_cell_whose_arguments_grow_when_decoded_is_held_back() -> None:
    cell = Cell(Recorder(t=never))
    argument = f"[{'[],' * 150_000}[]]"
    cell.call(1, argument)
    first = cell.callbacks.full
    cell.call(2, argument)

    assert (first, cell.callbacks.full) == (False, True)
    await cell.end()


async def test_an_argument_with_too_many_members_is_refused_and_the_tool_not_called() -> None:
    delegate = Recorder(t=echo)
    cell = Cell(delegate, value_members=3)
    cell.call(1, '{"a":[1,2]}')
    cell.call(2, '{"a":[1,2,3]}')
    cell.call(3, '{"a":"1,2,3,4,5"}')

    assert sorted(await cell.deliveries(3)) == [
        (
            "reject",
            2,
            "Limit reached (value_members): the argument of tool `t` has more than 3 members,"
            " those of everything inside it included."
            "\nHint: pass fewer values at once, or pass them as one string.",
        ),
        ("resolve", 1, '{"a":[1,2]}'),
        ("resolve", 3, '{"a":"1,2,3,4,5"}'),
    ]
    await cell.end()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": (1, 2)}, '{"a":[1,2]}'),
        (2**70, "1180591620717411303424"),
        ("\ud800", '"\\ud800"'),
        (None, "null"),
    ],
)
def test_values_for_a_cell_are_said_as_json(value: object, text: str) -> None:
    assert encode_json(value) == text


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)

    with pytest.raises(RecursionError):
        encode_json(value)


async def test_notifications_that_have_not_had_their_turn_begin_when_the_cell_yields(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codemode.loop_share.SLICE_SECONDS", 0.0)  # nothing begins at once
    delegate = Recorder()
    cell = Cell(delegate)
    for n in range(3):
        cell.callbacks.notify(str(n))
    cell.callbacks.begin_notifications()
    await asyncio.sleep(0)

    assert delegate.notes == ["0", "1", "2"]
    monkeypatch.setattr("codemode.loop_share.SLICE_SECONDS", 1.0)
    await cell.end()


async def test_notifications_that_have_not_had_their_turn_are_delivered_before_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codemode.loop_share.SLICE_SECONDS", 0.0)  # nothing begins at once
    delegate = Recorder()
    cell = Cell(delegate)
    for n in range(5):
        cell.callbacks.notify(str(n))
    assert delegate.notes == []

    cell.callbacks.drain(cell.ended.set)
    monkeypatch.setattr("codemode.loop_share.SLICE_SECONDS", 1.0)
    await bounded(cell.ended.wait())

    assert delegate.notes == ["0", "1", "2", "3", "4"]
