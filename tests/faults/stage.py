"""A session that has trouble, and another one that must not notice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from codemode.engine.spawners import ZygoteSpawner
from codemode.engine.workers import WorkersEngine, WorkersSession
from codemode.limits import Limits
from codemode.protocol.session import Signal
from codemode.protocol.types import (
    CellId,
    ExecuteRequest,
    Item,
    JsonValue,
    LiveCell,
    Result,
    RuntimeResponse,
    TextItem,
    ToolCall,
    WaitRequest,
    Yielded,
)
from codemode.runtime.local import LocalSessionProvider
from codemode.runtime.session import SessionRuntime
from tests.engine.driving import eventually
from tests.runtime.doubles import Recorder, echo, never, request

T = TypeVar("T")

SECONDS = 20.0
"""The bound on every wait; it is never used up."""

KEPT = "\nHint: stored values are kept; run the program again"
LOST = (
    "The worker process of this session was lost ({})."
    f"{KEPT}, with less data at a time if it used much."
)
KILLED = LOST.format("killed by SIGKILL")
SILENT = f"The worker process of this session was killed: it did not answer for 1 s.{KEPT}."
ORPHANED = LOST.format("it is gone without a trace: the zygote that it came from has ended")

NEIGHBOUR = "text('before'); yield_control(); text(await tools.gate()); text('after')"


async def bounded(work: Awaitable[T]) -> T:
    """Wait for ``work``, not for ever."""
    async with asyncio.timeout(SECONDS):
        return await work


def texts(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items if isinstance(item, TextItem)]


class Stage:
    """Both sessions, their delegates, and the processes behind them."""

    def __init__(self, provider: LocalSessionProvider) -> None:
        self.provider = provider
        self.gate = asyncio.Event()
        self.delegate = Recorder(never=never, echo=echo)
        self.other_delegate = Recorder(gate=self._gate)
        self.mine: SessionRuntime
        self.theirs: SessionRuntime
        self._neighbour: CellId

    async def _gate(self, _: ToolCall, __: Signal) -> JsonValue:
        await self.gate.wait()
        return "through"

    @classmethod
    async def open(cls, limits: Limits | None = None) -> Stage:
        """Both sessions, with a stored value in the one and a live cell in the other."""
        stage = cls(LocalSessionProvider(limits=limits))
        try:
            await stage._set_up()
        except BaseException:
            await stage.aclose()
            raise
        return stage

    async def _set_up(self) -> None:
        self.mine = await self.provider.create_session(self.delegate)
        self.theirs = await self.provider.create_session(self.other_delegate)
        await self.run("store('kept', {n: [1, 'é']})")
        first = await execute(self.theirs, NEIGHBOUR, "gate")
        assert isinstance(first, Yielded)
        assert texts(first.items) == ["before"]
        self._neighbour = first.cell_id
        await self.other_delegate.heard("tool", "gate")

    async def aclose(self) -> None:
        await self.provider.aclose()

    # ── the processes ────────────────────────────────────────────────────────────────────────

    @property
    def engine(self) -> WorkersEngine:
        engine = self.provider._engine
        assert isinstance(engine, WorkersEngine)
        return engine

    @property
    def zygote(self) -> int:
        return zygote_of(self.engine)

    @property
    def worker(self) -> int:
        """The worker of the session in trouble."""
        session = self.mine._engine
        assert isinstance(session, WorkersSession)
        assert session._link is not None
        return session._link._worker.pid

    async def lost_its_worker(self) -> None:
        """Return when the session in trouble knows that its worker is gone."""
        session = self.mine._engine
        assert isinstance(session, WorkersSession)
        await eventually(lambda: session._link is None)

    # ── programs ─────────────────────────────────────────────────────────────────────────────

    async def run(self, source: str, *tools: str) -> RuntimeResponse:
        """A program in the session in trouble, to its first answer."""
        return await execute(self.mine, source, *tools)

    async def ends(self, source: str, *tools: str) -> Result:
        """The end of a program in the session in trouble."""
        end = await self.run(source, *tools)
        assert isinstance(end, Result), end
        return end

    async def wait(self, cell_id: CellId) -> RuntimeResponse:
        """The next answer of a cell that lives; it will not come by the clock."""
        asked = WaitRequest(cell_id=cell_id, yield_time_ms=1_000_000)
        outcome = await bounded(self.mine.wait(asked))
        assert isinstance(outcome, LiveCell)
        assert not hasattr(outcome.response, "pending_tool_call_ids")
        return outcome.response

    async def works_again(self) -> None:
        """The session in trouble runs programs, with the values that were stored before."""
        answer = await self.run("text(load('kept')); text(await tools.echo(7))", "echo")
        assert isinstance(answer, Result), answer
        assert (texts(answer.items), answer.error_text) == (['{"n":[1,"é"]}', "7"], None)

    async def neighbour_ends(self) -> Result:
        """The end of the other session's live cell."""
        self.gate.set()
        asked = WaitRequest(cell_id=self._neighbour, yield_time_ms=1_000_000)
        outcome = await bounded(self.theirs.wait(asked))
        assert isinstance(outcome.response, Result)
        return outcome.response

    async def neighbour_is_well(self) -> None:
        """The other session's live cell ends as it should, and a new one runs."""
        end = await self.neighbour_ends()
        assert (texts(end.items), end.error_text) == (["through", "after"], None)
        answer = await execute(self.theirs, "text('new')")
        assert texts(answer.items) == ["new"]


def zygote_of(engine: WorkersEngine) -> int:
    """The zygote that is asked for workers at the moment."""
    spawner = None if engine._supply is None else engine._supply.spawner
    assert isinstance(spawner, ZygoteSpawner)
    assert spawner._zygote is not None
    return spawner._zygote.pid


async def execute(session: SessionRuntime, source: str, *tools: str) -> RuntimeResponse:
    asked: ExecuteRequest = request(source, *tools, yield_time_ms=1_000_000)
    started = await bounded(session.execute(asked))
    return await bounded(started.initial_response())
