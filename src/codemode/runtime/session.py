"""A session in this process: admits cells, routes requests to them, shuts them all down."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ..errors import LimitError, SessionClosedError, SessionError, UsageError
from ..protocol.types import CellId
from ..sessions.checks import (
    DEFAULT_YIELD_MS,
    MAX_YIELD_MS,
    check_room,
    check_source,
    check_yield_time,
)
from ..sessions.waits import missing
from ..surface.text import well_formed
from .cell import Cell
from .cells import CellRegistry
from .enabled import Catalogues
from .observation import Observation
from .values import StoredValues

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..engine.interfaces import EngineSession
    from ..limits import Limits
    from ..protocol.session import News, SessionDelegate, Signal
    from ..protocol.types import (
        ExecuteRequest,
        PendingResponse,
        RuntimeResponse,
        WaitOutcome,
        WaitRequest,
        WaitToPendingRequest,
    )

_log = logging.getLogger(__name__)

LONG_YIELD_MS: Final = 10_000
LONG_YIELD_GRACE_MS: Final = 1_000
"""An observation of 10 s or more gets a second on top, as the reference's session gives."""

RELEASE_SECONDS: Final = 5.0
"""How long cells may take to end beyond their graces, and then the engine to let go; each is bounded by
itself."""


class SessionRuntime:
    """Cells that share stored values; implements ``protocol.session.Session``."""

    def __init__(self, engine: EngineSession, delegate: SessionDelegate, limits: Limits) -> None:
        self._engine = engine
        self._delegate = delegate
        self._limits = limits
        self._values = StoredValues()
        self._catalogues = Catalogues()
        self._cells = CellRegistry[Cell](limits)
        self._admitted = 0
        self._shutdown: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "open" if self._shutdown is None else "shut" if self.is_shut else "shutting down"
        return f"<session {state}, {len(self._cells)} live cells, {self._admitted} admitted>"

    @property
    def is_shut(self) -> bool:
        """Whether the session has been shut down and nothing of it is left."""
        return self._shutdown is not None and self._shutdown.done()

    @property
    def live_cells(self) -> tuple[CellId, ...]:
        """The cells that are not closed, in order of admission."""
        return self._cells.live

    # ── stored values, for those who keep a copy ─────────────────────────────────────────────

    def on_commit(self, tell: Callable[[Mapping[str, bytes]], None]) -> None:
        """Have ``tell(written)`` called when a cell has committed, before its end is told."""
        self._values.on_commit = lambda _, written: tell(written)

    def on_cell_commit(self, tell: Callable[[str, Mapping[str, bytes]], None]) -> None:
        """As ``on_commit``, with the cell's id before what it has written."""
        self._values.on_commit = tell

    def restore(self, values: Mapping[str, bytes]) -> None:
        """Take over values, as JSON in UTF-8 by key, that another session had stored.

        Raises:
            SessionError: a cell has been admitted already.
            LimitError: they are too much; nothing was taken over.
        """
        if self._admitted:
            raise SessionError("the code-mode session has executed already")
        size = self._values.restore(values, self._limits.stored_bytes)
        if size is not None:
            raise LimitError(self._limits.message("stored_bytes", size), limit="stored_bytes")

    def stored_values(self) -> Mapping[str, bytes]:
        """The committed values; see ``protocol.session.StoresValues``."""
        return self._values.current()

    async def restore_values(self, values: Mapping[str, bytes]) -> None:
        """Take over values; see ``protocol.session.StoresValues``."""
        self.restore(values)

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    async def execute(
        self, request: ExecuteRequest, *, preempt: Signal | None = None
    ) -> LocalStartedCell:
        """Start a cell; see ``protocol.session.Session``."""
        wanted = DEFAULT_YIELD_MS if request.yield_time_ms is None else request.yield_time_ms
        observation = Observation(self._yield_seconds(wanted), preempt, first=True)
        return await self._admit(request, observation)

    def count_on(self, admitted: int) -> None:
        """Number cells on from ``admitted``, where another process has left off; before the first cell."""
        self._admitted = max(self._admitted, admitted)

    async def resume(
        self, cell_id: CellId, request: ExecuteRequest, *, preempt: Signal | None = None
    ) -> LocalStartedCell:
        """Admit a cell that the engine brings back, under the id that it had.

        Raises:
            EngineError: the engine cannot bring it back.
            LimitError: there are as many cells as there may be.
            SessionClosedError: the session is shut down.
        """
        wanted = DEFAULT_YIELD_MS if request.yield_time_ms is None else request.yield_time_ms
        observation = Observation(self._yield_seconds(wanted), preempt, first=True)
        return await self._admit(request, observation, cell_id)

    async def execute_to_pending(self, request: ExecuteRequest) -> PendingResponse:
        """Start a cell and run it to its pending frontier, or to its end."""
        started = await self._admit(request, Observation(first=True))
        return await started.first()  # type: ignore[return-value]  # a frontier observer gets no yield

    async def wait(self, request: WaitRequest, *, preempt: Signal | None = None) -> WaitOutcome:
        """Observe a cell until it yields, ends, or the time is up."""
        observation = Observation(self._yield_seconds(request.yield_time_ms), preempt)
        return await self._observe(request.cell_id, observation)

    ends_at_output: Final = True

    async def wait_for_output(
        self, request: WaitRequest, *, preempt: Signal | None = None
    ) -> WaitOutcome:
        """Observe a cell until it has output; see ``protocol.session.TellsOutput``."""
        seconds = self._yield_seconds(request.yield_time_ms)
        observation = Observation(seconds, preempt, ends_at_output=True)
        return await self._observe(request.cell_id, observation)

    def on_news(self, tell: Callable[[CellId, News], None]) -> None:
        """Have news of cells told; see ``protocol.session.TellsNews``."""
        self._cells.on_news = tell

    async def wait_to_pending(self, request: WaitToPendingRequest) -> WaitOutcome:
        """Resume a cell and run it to its next pending frontier, or to its end."""
        return await self._observe(request.cell_id, Observation())

    async def terminate(self, cell_id: CellId) -> WaitOutcome:
        """End a cell, or learn how it ended."""
        observation = Observation()
        actor = self._find(cell_id)
        if actor is None:
            return self._gone(cell_id, observation)
        actor.terminate(observation)
        return await actor.answer(observation)

    async def shutdown(self) -> None:
        """End every cell and close; every caller waits for the same end."""
        if self._shutdown is None:
            self._shutdown = asyncio.create_task(self._end_all(), name="session shutdown")
        await asyncio.shield(self._shutdown)

    # ── admission and the end ────────────────────────────────────────────────────────────────

    async def _admit(
        self, request: ExecuteRequest, observation: Observation, cell_id: CellId | None = None
    ) -> LocalStartedCell:
        self._check_admission(request)
        catalogue = self._catalogues.known(request.enabled_tools)
        if catalogue is None:
            catalogue = await self._catalogues.of(request.enabled_tools)
            self._check_admission(request)  # others may have been admitted meanwhile
        if cell_id is None:
            self._admitted += 1
            cell_id = CellId(str(self._admitted))
        actor = Cell(
            cell_id,
            request,
            delegate=self._delegate,
            limits=self._limits,
            values=self._values,
            cells=self._cells,
        )
        self._cells.admit(cell_id, actor)
        await actor.start(self._engine, well_formed(request.source), catalogue, observation)
        return LocalStartedCell(actor, observation)

    def _check_admission(self, request: ExecuteRequest) -> None:
        if self._shutdown is not None:
            raise SessionClosedError
        self._forget_stranded()
        check_source(request.source, self._limits)
        check_room(self._cells.live, len(self._cells), self._limits)

    def _forget_stranded(self) -> None:
        """A session may outlive its event loop and go on in another one; its cells do not."""
        for cell in self._cells.everyone:
            if cell.is_stranded:
                cell.give_up()

    async def _end_all(self) -> None:
        # All at once, so that their graces run side by side. A cell that is admitted has its
        # actor here already; none is admitted any more.
        self._forget_stranded()
        actors = self._cells.everyone
        for actor in actors:
            actor.end()
        graces = (self._limits.termination_ms + self._limits.callback_grace_ms) / 1000
        try:
            async with asyncio.timeout(RELEASE_SECONDS + graces):
                for actor in actors:
                    await actor.closed.wait()
        except TimeoutError:
            _log.warning("cells of %r did not end: %s", self, self._cells.everyone)
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._engine.aclose()
        except TimeoutError:
            _log.warning("the engine of %r did not let go", self)

    # ── observations ─────────────────────────────────────────────────────────────────────────

    async def _observe(self, cell_id: CellId, observation: Observation) -> WaitOutcome:
        if self._shutdown is not None:
            raise SessionClosedError
        actor = self._find(cell_id)
        if actor is None:
            return self._gone(cell_id, observation)
        actor.observe(observation)
        return await actor.answer(observation)

    def _find(self, cell_id: CellId) -> Cell | None:
        self._forget_stranded()
        return self._cells.get(cell_id)

    def _gone(self, cell_id: CellId, observation: Observation) -> WaitOutcome:
        observation.settle(self._cells.unread.take(cell_id) or missing(cell_id))
        return observation.answer.result()

    def _yield_seconds(self, wanted_ms: int) -> float:
        check_yield_time(wanted_ms)
        grace = LONG_YIELD_GRACE_MS if wanted_ms >= LONG_YIELD_MS else 0
        effective = wanted_ms + grace
        if self._limits.max_yield_time_ms is not None:
            effective = min(effective, self._limits.max_yield_time_ms)
        return min(effective, MAX_YIELD_MS) / 1000


class LocalStartedCell:
    """A cell that was admitted; implements ``protocol.session.StartedCell``."""

    def __init__(self, actor: Cell, observation: Observation) -> None:
        self._actor = actor
        self._observation: Observation | None = observation

    def __repr__(self) -> str:
        return f"<started {self._actor!r}>"

    @property
    def cell_id(self) -> CellId:
        return self._actor.cell_id

    async def initial_response(self) -> RuntimeResponse:
        """The first observation; see ``protocol.session.StartedCell``."""
        return await self.first()  # type: ignore[return-value]  # a timed observer gets no frontier

    def unobserved(self) -> None:
        """Nobody waits for the first observation: what it would give is kept for the next."""
        observation, self._observation = self._observation, None
        if observation is not None:
            self._actor.leave(observation)

    async def first(self) -> RuntimeResponse | PendingResponse:
        """The first observation, of either kind."""
        observation, self._observation = self._observation, None
        if observation is None:
            raise UsageError("the initial response of a cell can be asked for once")
        try:
            return (await self._actor.answer(observation)).response
        except asyncio.CancelledError:
            self._actor.end()  # nobody else knows the cell
            raise
