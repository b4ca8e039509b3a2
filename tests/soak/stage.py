"""Plays a schedule on a real engine and compares what came of it with the model."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from codemode.engine.spawners import ZygoteSpawner
from codemode.engine.workers import WorkersEngine, WorkersSession
from codemode.protocol.session import Signal
from codemode.protocol.types import CellId, JsonValue, Result, TextItem, ToolCall
from codemode.runtime.local import LocalSessionProvider
from codemode.runtime.session import SessionRuntime
from tests.engine.driving import held
from tests.runtime.doubles import request, settle

from .cell import Cell, WrongError, answered
from .model import check_cell, possible_values
from .schedule import Fault, Schedule

PAUSE_SECONDS = 0.05
"""How long what is paused, or exhausted, stays so."""

GONE_SECONDS = 10.0
"""How long processes may take to be gone; 10 ms are usual."""


class FoundError(Exception):
    """A schedule went wrong; the text says which, and how."""


class Delegate:
    """Tools of every kind; counts what begins and what ends."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.under_way = 0
        self.closed: Counter[CellId] = Counter()
        self.notes: Counter[str] = Counter()

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        name = call.tool_name.name
        self.calls[name] += 1
        self.under_way += 1
        try:
            if name == "fail":
                raise ValueError("on purpose")
            if name == "slow":
                await asyncio.sleep(0.01)
            elif name == "never":
                await cancel.wait()
            return "x" * 300_000 if name == "big" else call.input
        finally:
            self.under_way -= 1

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        self.notes[text] += 1
        await asyncio.sleep(0.001)

    def cell_closed(self, cell_id: CellId) -> None:
        self.closed[cell_id] += 1


@dataclass
class Played:
    """What a schedule consisted of, for the summary."""

    schedules: int = 0
    cells: int = 0
    items: int = 0
    values: int = 0
    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: Played) -> None:
        self.schedules += other.schedules
        self.cells += other.cells
        self.items += other.items
        self.values += other.values
        self.calls += other.calls
        self.faults += other.faults


async def play(schedules: Sequence[Schedule]) -> Played:
    """Play schedules to their ends, side by side, each on an engine of its own.

    Raises:
        FoundError: something is not as it should be.
    """
    before, tasks = held(), asyncio.all_tasks()
    total = Played()
    for played in await asyncio.gather(*[_play(schedule) for schedule in schedules]):
        total.add(played)
    await settle()
    names = ", ".join(str(schedule.seed) for schedule in schedules)
    if left := asyncio.all_tasks() - tasks:
        raise FoundError(f"seeds {names}: tasks stay: {left}")
    try:
        await _nothing_but(before)
    except WrongError as error:
        raise FoundError(f"seeds {names}: {error}") from error
    return total


async def _play(schedule: Schedule) -> Played:
    try:
        async with LocalSessionProvider() as provider:
            return await _Play(schedule, provider).run()
    except Exception as error:
        raise FoundError(f"{schedule}\n{_said(error)}") from error


def _said(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "\n".join(map(_said, error.exceptions))
    return f"{type(error).__name__}: {error}"


async def _nothing_but(before: set[str]) -> None:
    try:
        async with asyncio.timeout(GONE_SECONDS):
            while not held() <= before:  # noqa: ASYNC110 - /proc rings no bell
                await asyncio.sleep(0.005)
    except TimeoutError as error:
        raise WrongError(f"left behind: {held() - before}") from error


class _Play:
    def __init__(self, schedule: Schedule, provider: LocalSessionProvider) -> None:
        self._schedule = schedule
        self._provider = provider
        self._delegate, self._other = Delegate(), Delegate()
        self._mine: SessionRuntime
        self._cells: list[Cell] = []
        self._paused: list[int] = []
        self._happened: Counter[str] = Counter()

    async def run(self) -> Played:
        self._mine = await self._provider.create_session(self._delegate)
        theirs = await self._provider.create_session(self._other)
        if not self._schedule.cold:
            for session in (self._mine, theirs):
                await (await session.execute(request("1"))).initial_response()
        neighbour = Cell(theirs, self._schedule.neighbour)
        self._cells = [Cell(self._mine, program) for program in self._schedule.programs]
        await self._play([*self._cells, neighbour])
        faults = frozenset(self._happened)
        for cell in self._cells:
            check_cell(cell, faults)
        # What happens to the other session's worker is its own affair, but for two things.
        check_cell(neighbour, faults & {"kill zygote", "no descriptors"})
        values = 0 if "shut down" in faults else await self._check_values(self._mine, self._cells)
        values += await self._check_values(theirs, [neighbour])
        for session in (self._mine, theirs):
            await answered(session.shutdown(), "shutdown")
        self._check_delegates([*self._cells, neighbour])
        return Played(
            schedules=1,
            cells=len(self._cells) + 1,
            items=sum(len(cell.texts) for cell in (*self._cells, neighbour)),
            values=values,
            calls=self._delegate.calls.total() + self._other.calls.total(),
            faults=self._happened,
        )

    async def _play(self, cells: list[Cell]) -> None:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(cell.run()) for cell in cells]
            for fault in self._schedule.faults:
                group.create_task(self._bring(fault))
            # Those that do not end by themselves are ended when all the others have.
            waiting = {t for t, c in zip(running, cells, strict=True) if c.program.ends}
            if waiting:
                await asyncio.wait(waiting)
            for task, cell in zip(running, cells, strict=True):
                while not task.done():
                    await cell.terminate()
                    await asyncio.wait([task], timeout=0.02)

    # ── faults ───────────────────────────────────────────────────────────────────────────────

    async def _bring(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        cell = self._cells[fault.whom]
        what, _, whom = fault.kind.partition(" ")
        if whom in ("worker", "zygote"):
            pid = self._worker() if whom == "worker" else self._zygote()
            if pid is None:
                return
            self._happened[fault.kind] += 1
            await self._hit(pid, what)
        else:
            self._happened[fault.kind] += 1
            if what == "terminate":
                await cell.terminate()
            elif what == "cancel":
                cell.cancel_observation()
            elif what == "shut":
                await answered(self._mine.shutdown(), "shutdown")
            else:
                await self._exhaust()

    def _worker(self) -> int | None:
        session = self._mine._engine
        assert isinstance(session, WorkersSession)
        return None if session._link is None else session._link._worker.pid

    def _zygote(self) -> int | None:
        engine = self._provider._engine
        assert isinstance(engine, WorkersEngine)
        spawner = None if engine._supply is None else engine._supply.spawner
        assert spawner is None or isinstance(spawner, ZygoteSpawner)
        return None if spawner is None or spawner._zygote is None else spawner._zygote.pid

    async def _hit(self, pid: int, how: str) -> None:
        try:
            os.kill(pid, signal.SIGKILL if how == "kill" else signal.SIGSTOP)
            if how == "pause":
                await asyncio.sleep(PAUSE_SECONDS)
                os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:  # another fault was quicker
            pass

    async def _exhaust(self) -> None:
        """Nothing can be opened for a moment."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1024), hard))

    # ── what must hold afterwards ────────────────────────────────────────────────────────────

    async def _check_values(self, session: SessionRuntime, cells: list[Cell]) -> int:
        keys = [cell.program.key for cell in cells]
        source = f"for (const key of {keys}) text(JSON.stringify(load(key) ?? null))"
        asked = request(source, yield_time_ms=1_000_000)
        for _ in range(3):  # a worker may have been hit whose end has not been heard of
            started = await answered(session.execute(asked), "the last exec")
            end = await answered(started.initial_response(), "the last program")
            if isinstance(end, Result) and end.error_text is None:
                break
        else:
            raise WrongError(f"the session does not work: {end}")
        said = [item.text for item in end.items if isinstance(item, TextItem)]
        for cell, text in zip(cells, said, strict=True):
            possible = {"null" if v is None else str(v) for v in possible_values(cell)}
            if text not in possible:
                raise WrongError(f"{cell.program.key} is {text}, not one of {sorted(possible)}")
        return len(said)

    def _check_delegates(self, cells: list[Cell]) -> None:
        if self._delegate.under_way or self._other.under_way:
            raise WrongError("a tool call is still under way")
        closed = self._delegate.closed
        if twice := [each for each, times in (closed + self._other.closed).items() if times > 2]:
            raise WrongError(f"closed more than once: {twice}")
        for cell in cells[:-1]:
            if cell.cell_id is not None and closed[cell.cell_id] != 1:
                raise WrongError(f"{cell.cell_id} was closed {closed[cell.cell_id]} times")
        if doubled := [text for text, times in self._delegate.notes.items() if times > 1]:
            raise WrongError(f"notified more than once: {doubled}")
