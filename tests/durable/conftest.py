"""A cell that is recorded, and one that is made again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from codemode import CodeMode
from codemode.durable.journal import (
    FORMAT,
    ClockReadings,
    Head,
    InputEntry,
    JournalEntry,
    Settled,
    TimerFired,
)
from codemode.durable.outputs import Outputs
from codemode.durable.replay import DivergenceError, Replay
from codemode.durable.store import OutputMark
from codemode.engine import events as ev
from codemode.engine.catalogue import Catalogue
from codemode.engine.interfaces import EngineCell, Repeatable
from codemode.engine.workers import WorkersEngine
from codemode.limits import Limits
from tests.engine.driving import Run

TOOLS = Catalogue.of([("echo", "Returns its argument."), ("fail", "Fails.")])


@pytest.fixture
async def engine() -> AsyncIterator[WorkersEngine]:
    made = WorkersEngine()
    yield made
    await made.aclose()


class Recorded(Run):
    """A cell whose calls and timers are settled in an order of chance, one a turn, journal first."""

    def __init__(self, head: Head, order: random.Random) -> None:
        super().__init__()
        self.entries: list[JournalEntry] = [head]
        self.outputs = Outputs()
        self.said: list[ev.Event] = []
        self.executed: list[int] = []
        self._order = order
        self._open: dict[tuple[str, int], Any] = {}

    def on_events(self, events: list[ev.Event]) -> None:
        for event in events:
            self.events.append(event)
            match event:
                case ev.ClockRead():
                    self.entries.append(ClockReadings(event.readings))
                case ev.ToolCalled():
                    self._open["call", event.number] = event
                case ev.TimerSet():
                    self._open["timer", event.number] = event
                case ev.TimerCleared():
                    self._open.pop(("timer", event.number), None)
                case ev.Idle():
                    self.settle_one()
                case _:
                    pass
            if self.outputs.add(event):
                self.said.append(event)
        self._changed.set()

    def settle_one(self) -> None:
        if not self._open:
            return
        key = self._order.choice(sorted(self._open))
        what = self._open.pop(key)
        self.executed.append(key[1])
        seen, digest = self.outputs.count, self.outputs.digest
        entry: InputEntry
        if key[0] == "timer":
            entry = TimerFired(seen, digest, key[1])
        elif what.index == 1:
            entry = Settled(seen, digest, key[1], error="it failed")
        else:
            entry = Settled(seen, digest, key[1], json=what.input_json or "null")
        self.entries.append(entry)
        deliver(self.cell, entry)

    def adopt(self, replay: Replay) -> None:
        """Go on where a replay has come to."""
        self._open = {("call", number): call for number, call in replay.calls.items()}
        self._open |= {("timer", number): timer for number, timer in replay.timers.items()}


def deliver(cell: EngineCell, entry: InputEntry) -> None:
    if isinstance(entry, TimerFired):
        cell.fire_timer(entry.timer)
    elif isinstance(entry, Settled):
        if entry.json is None:
            cell.reject(entry.call, entry.error or "")
        else:
            cell.resolve(entry.call, entry.json)


class Replayed(Run):
    """A cell that is made again from a journal; nothing that it asks for is done."""

    def __init__(self, replay: Replay) -> None:
        super().__init__()
        self.replay = replay
        self.divergence: DivergenceError | None = None
        self.said: list[ev.Event] = []

    def on_events(self, events: list[ev.Event]) -> None:
        for event in events:
            if not isinstance(event, ev.ClockRead | ev.Idle):
                self.said.append(event)
            try:
                if self.divergence is None:
                    self.replay.feed(event)
            except DivergenceError as error:
                self.divergence = error
        self._changed.set()


async def record(engine: WorkersEngine, source: str, seed: int = 1) -> Recorded:
    """A cell on its way to its end."""
    head = Head(FORMAT, "test", source, ("echo", "fail"), seed)
    recorded = Recorded(head, random.Random(seed))
    session = engine.session(Limits())
    recorded.cell = await session.start(source, TOOLS, recorded, Repeatable(seed))
    await recorded.end()
    await session.aclose()
    return recorded


async def replay(
    engine: WorkersEngine, entries: list[JournalEntry], marks: Sequence[OutputMark] = ()
) -> Replayed:
    """The same cell in another worker, up to where its journal ends."""
    replayed = Replayed(Replay(entries, marks))
    head, inputs = replayed.replay.head, list(replayed.replay.inputs)
    session = engine.session(Limits())
    repeatable = Repeatable(head.seed, replayed.replay.readings)
    replayed.cell = await session.start(head.source, TOOLS, replayed, repeatable)
    for entry in inputs:
        deliver(replayed.cell, entry)
    await replayed.until(lambda: replayed.replay.is_through or replayed.divergence)
    await session.aclose()
    return replayed


class Bank:
    """Tools that remember what they did, and wait where they are told to."""

    def __init__(self) -> None:
        self.paid: list[tuple[str, int]] = []
        self.hold: set[str] = set()
        self.held = asyncio.Event()

    async def pay(self, to: str, cents: int) -> str:
        "Pay somebody."
        self.paid.append((to, cents))
        if to in self.hold:
            self.held.set()
            await asyncio.Event().wait()
        return f"paid {to}"

    def code_mode(self, folder: Path, *tools: Any, **options: Any) -> CodeMode:
        return CodeMode(
            tools=[self.pay, *tools], store=folder / "cells.db", session="user-7", **options
        )


@pytest.fixture
def bank() -> Bank:
    return Bank()
