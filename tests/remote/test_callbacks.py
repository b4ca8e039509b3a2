"""Callbacks of a cell at a host, where the test is the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import copy_context
from typing import Any

import pytest

from codemode import CellId, Limits
from codemode.loop_share import LoopShare
from codemode.protocol import messages as m
from codemode.protocol.session import Signal
from codemode.protocol.types import ToolCall, ToolName
from codemode.remote.callbacks import Callbacks
from tests.runtime.doubles import Recorder, bounded, never, settle, stubborn_wait


class Answers:
    """Writes down what was answered, and what never will be."""

    def __init__(self) -> None:
        self.given: list[int] = []
        self.disowned: list[int] = []

    def disown(self, number: int) -> None:
        self.disowned.append(number)

    def answer(self, number: int, result: m.DelegateOk | m.DelegateFailed) -> None:
        self.given.append(number)

    async def writable(self) -> None:
        pass


def invoke(name: str) -> m.ToolInvoke:
    return m.ToolInvoke(m.Invocation(CellId("1"), "call", ToolName(name)))


@pytest.fixture
async def release() -> AsyncIterator[asyncio.Event]:
    """What a stubborn tool waits for; it has it in the end, however the test went."""
    event = asyncio.Event()
    yield event
    event.set()
    await settle()


async def test_a_callback_that_ignores_its_cancellation_gives_up_its_place_after_the_grace(
    release: asyncio.Event, caplog: pytest.LogCaptureFixture
) -> None:

    async def stubborn(_: ToolCall, __: Signal) -> Any:
        await stubborn_wait(release)

    delegate, answers = Recorder(stubborn=stubborn, never=never), Answers()
    limits = Limits(concurrent_tool_calls=1, callback_grace_ms=0)
    callbacks = Callbacks(
        CellId("1"), "exec-1", {}, delegate, limits, copy_context(), LoopShare(), answers
    )
    callbacks.begin(1, invoke("stubborn"))
    callbacks.begin(2, invoke("never"))
    await delegate.heard("tool", "stubborn")
    callbacks.cancel(1)
    await delegate.heard("tool", "never")
    ended = asyncio.Event()
    callbacks.cancel_all(ended.set)
    await bounded(ended.wait())
    release.set()
    await delegate.heard("left", "stubborn")
    await settle()

    assert (answers.given, answers.disowned) == ([], [1, 2])
    assert [record.message for record in caplog.records] == [
        "a callback of cell 1 ignored its cancellation"
    ]


async def test_the_end_of_a_cell_does_not_wait_for_a_callback_that_ignores_it(
    release: asyncio.Event,
) -> None:

    async def stubborn(_: ToolCall, __: Signal) -> Any:
        await stubborn_wait(release)

    delegate, answers = Recorder(stubborn=stubborn), Answers()
    callbacks = Callbacks(
        CellId("1"),
        "exec-1",
        {},
        delegate,
        Limits(callback_grace_ms=0),
        copy_context(),
        LoopShare(),
        answers,
    )
    callbacks.begin(1, invoke("stubborn"))
    await delegate.heard("tool", "stubborn")
    ended = asyncio.Event()
    callbacks.cancel_all(ended.set)
    await bounded(ended.wait())
    release.set()
    await delegate.heard("left", "stubborn")

    assert (answers.given, answers.disowned) == ([], [1])


async def test_those_that_wait_begin_in_order_without_those_that_were_cancelled() -> None:
    begun: list[str] = []

    async def note(text: str, _: Signal) -> None:
        begun.append(text)
        await asyncio.Event().wait()

    delegate, answers = Recorder(), Answers()
    delegate.on_note = note
    callbacks = Callbacks(
        CellId("1"),
        "exec-1",
        {},
        delegate,
        Limits(callback_grace_ms=0),
        copy_context(),
        LoopShare(),
        answers,
    )
    count = 200
    for number in range(count):
        callbacks.begin(number, m.NotificationSend("call", CellId("1"), str(number)))
    await settle(200)
    at_once = len(begun)
    for number in reversed(range(at_once, count, 2)):
        callbacks.cancel(number)
    for number in range(at_once):
        callbacks.cancel(number)
    await settle(200)
    left = [str(number) for number in range(at_once + 1, count, 2)][:at_once]

    assert begun == [*map(str, range(at_once)), *left]
    ended = asyncio.Event()
    callbacks.cancel_all(ended.set)
    await bounded(ended.wait())
    assert answers.given == []
