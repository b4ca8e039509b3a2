"""A session in this process: admits cells, routes requests to them, shuts them all down."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..engine.program import Catalogue
from ..errors import LimitError, SessionClosedError, UsageError
from ..protocol.types import (
    CellId,
    LiveCell,
    MissingCell,
    Result,
    Terminated,
)
from ..surface.typescript import normalize
from .actor import CellActor, Observation
from .values import StoredValues

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..engine.seam import EngineSession
    from ..limits import Limits
    from ..protocol.session import SessionDelegate, Signal
    from ..protocol.types import (
        ExecuteRequest,
        PendingResponse,
        RuntimeResponse,
        ToolDefinition,
        WaitOutcome,
        WaitRequest,
        WaitToPendingRequest,
    )

DEFAULT_YIELD_MS: Final = 10_000
LONG_YIELD_MS: Final = 10_000
LONG_YIELD_GRACE_MS: Final = 1_000
"""An observation of 10 s or more gets a second on top, as the reference's session gives."""


@dataclass(frozen=True, slots=True)
class ClosedCell:
    """What became of a cell that is gone: its last response, and when (monotonic seconds)."""

    response: Result | Terminated
    at: float


class SessionRuntime:
    """Cells that share stored values; implements ``protocol.session.Session``."""

    def __init__(
        self, engine: EngineSession, delegate: SessionDelegate, limits: Limits
    ) -> None:
        self._engine = engine
        self._delegate = delegate
        self._limits = limits
        self._values = StoredValues()
        self._cells: dict[CellId, CellActor] = {}
        self._closed_cells: dict[CellId, ClosedCell] = {}
        self._admitted = 0
        self._shutdown: asyncio.Task[None] | None = None
        self._pinned: tuple[tuple[ToolDefinition, ...], Catalogue] | None = None

    def __repr__(self) -> str:
        state = "open" if self._shutdown is None else "shutting down"
        return f"<session {state}, {len(self._cells)} live cells, {self._admitted} admitted>"

    @property
    def is_shut(self) -> bool:
        """Whether the session has been shut down and nothing of it is left."""
        return self._shutdown is not None and self._shutdown.done()

    @property
    def live_cells(self) -> tuple[CellId, ...]:
        """The cells that are not closed, in order of admission."""
        return tuple(self._cells)

    def closed_cell(self, cell_id: CellId) -> ClosedCell | None:
        """What became of a cell that is gone, for ``Limits.result_kept_ms``."""
        self._forget_old()
        return self._closed_cells.get(cell_id)

    async def execute(
        self, request: ExecuteRequest, *, preempt: Signal | None = None
    ) -> LocalStartedCell:
        """Start a cell; see ``protocol.session.Session``."""
        wanted = DEFAULT_YIELD_MS if request.yield_time_ms is None else request.yield_time_ms
        observation = Observation(self._yield_seconds(wanted), preempt)
        return await self._admit(request, observation)

    async def execute_to_pending(self, request: ExecuteRequest) -> PendingResponse:
        """Start a cell and run it to its pending frontier, or to its end."""
        started = await self._admit(request, Observation(None))
        return await started.first()  # type: ignore[return-value]  # a frontier observer gets no yield

    async def wait(self, request: WaitRequest, *, preempt: Signal | None = None) -> WaitOutcome:
        """Observe a cell until it yields, ends, or the time is up."""
        observation = Observation(self._yield_seconds(request.yield_time_ms), preempt)
        return await self._observe(request.cell_id, observation)

    async def wait_to_pending(self, request: WaitToPendingRequest) -> WaitOutcome:
        """Resume a cell and run it to its next pending frontier, or to its end."""
        return await self._observe(request.cell_id, Observation(None))

    async def terminate(self, cell_id: CellId) -> WaitOutcome:
        """End a cell, or learn how it ended."""
        actor = self._cells.get(cell_id)
        if actor is None:
            return _missing(cell_id)
        observation = Observation(None)
        actor.terminate(observation)
        return await asyncio.shield(observation.answer)

    async def shutdown(self) -> None:
        """End every cell and close; every caller waits for the same end."""
        if self._shutdown is None:
            self._shutdown = asyncio.create_task(self._end_all(), name="session shutdown")
        await asyncio.shield(self._shutdown)

    async def _end_all(self) -> None:
        # All at once, so that their graces run side by side. A cell that is admitted has its
        # actor here already; none is admitted any more.
        actors = list(self._cells.values())
        for actor in actors:
            termination = Observation(None)
            actor.terminate(termination)
            termination.answer.add_done_callback(_retrieve)
        for actor in actors:
            await actor.closed.wait()
        await self._engine.aclose()

    async def _admit(self, request: ExecuteRequest, observation: Observation) -> LocalStartedCell:
        self._check_admission(request)
        self._admitted += 1
        cell_id = CellId(str(self._admitted))
        actor = CellActor(
            cell_id,
            request,
            delegate=self._delegate,
            limits=self._limits,
            values=self._values,
            on_closed=self._on_closed,
        )
        self._cells[cell_id] = actor
        try:
            await actor.start(self._engine, self._catalogue(request.enabled_tools))
        except BaseException:
            del self._cells[cell_id]
            actor.abandon()
            raise
        actor.observe(observation)
        return LocalStartedCell(actor, observation)

    def _check_admission(self, request: ExecuteRequest) -> None:
        if self._shutdown is not None:
            raise SessionClosedError
        size = len(request.source.encode("utf-8", "replace"))
        if size > self._limits.source_bytes:
            raise LimitError(
                self._limits.message("source_bytes", size), limit="source_bytes"
            )
        live, bound = len(self._cells), self._limits.live_cells
        if bound is not None and live >= bound:
            message = self._limits.message("live_cells", live)
            ids = ", ".join(list(self._cells)[:16])
            raise LimitError(f"{message} Live cells: {ids}.", limit="live_cells")

    def _catalogue(self, tools: tuple[ToolDefinition, ...]) -> Catalogue:
        if self._pinned is None or (self._pinned[0] is not tools and self._pinned[0] != tools):
            self._pinned = (tools, Catalogue.of(zip(_members(tools), _descriptions(tools), strict=True)))
        return self._pinned[1]

    async def _observe(self, cell_id: CellId, observation: Observation) -> WaitOutcome:
        actor = self._cells.get(cell_id)
        if actor is None:
            return _missing(cell_id)
        actor.observe(observation)
        try:
            return await observation.answer
        except asyncio.CancelledError:
            actor.leave(observation)
            raise

    def _yield_seconds(self, wanted_ms: int) -> float:
        if wanted_ms < 0:
            raise UsageError(f"yield_time_ms must not be negative, got {wanted_ms}")
        grace = LONG_YIELD_GRACE_MS if wanted_ms >= LONG_YIELD_MS else 0
        effective = wanted_ms + grace
        if self._limits.max_yield_time_ms is not None:
            effective = min(effective, self._limits.max_yield_time_ms)
        return effective / 1000

    def _on_closed(self, actor: CellActor, outcome: WaitOutcome) -> None:
        self._cells.pop(actor.cell_id, None)
        response = outcome.response
        if isinstance(response, Result | Terminated):
            self._forget_old()
            self._closed_cells[actor.cell_id] = ClosedCell(response, time.monotonic())
        self._delegate.cell_closed(actor.cell_id)

    def _forget_old(self) -> None:
        horizon = time.monotonic() - self._limits.result_kept_ms / 1000
        for cell_id, closed in list(self._closed_cells.items()):
            if closed.at > horizon:
                break  # in order of closing
            del self._closed_cells[cell_id]


class LocalStartedCell:
    """A cell that was admitted; implements ``protocol.session.StartedCell``."""

    def __init__(self, actor: CellActor, observation: Observation) -> None:
        self._actor = actor
        self._observation: Observation | None = observation

    @property
    def cell_id(self) -> CellId:
        return self._actor.cell_id

    async def initial_response(self) -> RuntimeResponse:
        """The first observation; see ``protocol.session.StartedCell``."""
        return await self.first()  # type: ignore[return-value]  # a timed observer gets no frontier

    async def first(self) -> RuntimeResponse | PendingResponse:
        observation, self._observation = self._observation, None
        if observation is None:
            raise UsageError("the initial response of a cell can be asked for once")
        try:
            outcome = await observation.answer
        except asyncio.CancelledError:
            # The caller is gone and nobody else knows the cell: end it.
            self._actor.leave(observation)
            termination = Observation(None)
            termination.answer.add_done_callback(_retrieve)
            self._actor.terminate(termination)
            raise
        return outcome.response


def _missing(cell_id: CellId) -> MissingCell:
    return MissingCell(
        Result(cell_id=cell_id, items=(), error_text=f"exec cell {cell_id} not found")
    )


def _members(tools: tuple[ToolDefinition, ...]) -> Iterator[str]:
    """The member of ``tools`` for each definition; names that normalise alike are numbered."""
    taken: set[str] = set()
    for tool in tools:
        name = member = normalize(tool.name)
        number = 1
        while member in taken:
            number += 1
            member = f"{name}_{number}"
        taken.add(member)
        yield member


def _descriptions(tools: tuple[ToolDefinition, ...]) -> Iterator[str]:
    return (tool.description for tool in tools)


def _retrieve(answer: asyncio.Future[WaitOutcome]) -> None:
    if not answer.cancelled():
        answer.exception()
