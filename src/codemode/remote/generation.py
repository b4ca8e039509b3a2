"""One session at one host: its requests, its cells, its end. Another host is another generation."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ..errors import CellTerminatingError, CodeModeError, EngineError, SessionError, UsageError
from ..loop_share import LoopShare
from ..protocol import messages as m
from ..protocol.frames import FrameError
from ..protocol.types import CellId, LiveCell, MissingCell, WaitRequest
from ..sessions.checks import DEFAULT_YIELD_MS, MAX_YIELD_MS
from ..surface.text import on_one_line, well_formed
from .callbacks import CANCELLED_REQUEST, Callbacks
from .cells import EarlyMessages, RemoteCell
from .early_ends import EarlyEnds
from .observations import Deliveries, RemoteObservation, Start
from .operations import Call, UnexpectedAnswerError
from .overtime import NO_ANSWER, OBSERVE_SECONDS, START_SECONDS, TERMINATE_SECONDS
from .refusals import AGAIN_SECONDS, AGAIN_TIMES, UnknownCatalogError, is_overload
from .sent_tools import EnabledByName, SentTools
from .started_cell import RemoteStartedCell

if TYPE_CHECKING:
    from ..limits import Limits
    from ..protocol.session import SessionDelegate, Signal
    from ..protocol.types import ExecuteRequest, WaitOutcome
    from ..sessions.ends import Ends
    from .operations import Operation
    from .seam import Connection
    from .stored import StoredCopy

_log = logging.getLogger(__name__)

OPEN_SECONDS: Final = 10.0
"""How long a host may take to open a session."""

CLOSE_SECONDS: Final = 7.0
"""How long a host may take to shut one; five seconds for its cells, and some more."""


class Generation:
    """A session at a host; ``number`` says at which of ours."""

    def __init__(
        self,
        connection: Connection,
        number: int,
        *,
        delegate: SessionDelegate,
        limits: Limits,
        unread: Ends[LiveCell],
        copy: StoredCopy,
    ) -> None:
        self.number = number
        self.connection = connection
        self.deliveries = Deliveries(unread, limits.output_bytes)
        self._session_id = connection.new_session_id()
        self._delegate = delegate
        self._limits = limits
        self._copy = copy
        self._sent_tools = SentTools()
        self._cells: dict[CellId, RemoteCell] = {}
        self._early = EarlyMessages()
        self._share = LoopShare()
        self._enabled = EnabledByName()
        self._starting = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._early_ends = EarlyEnds(connection)
        self.has_begun = False
        """Whether a cell was ever started here."""
        self.lost_unseen: tuple[CellId, ...] = ()
        """The cells that were lost with the host while nobody waited for them."""

    def __repr__(self) -> str:
        return f"<generation {self.number}, {len(self._cells)} cells, {self._starting} starting>"

    @property
    def is_alive(self) -> bool:
        """Whether its host is there."""
        return self.connection.is_alive

    @property
    def live_cells(self) -> tuple[CellId, ...]:
        """The cells that are not over, in order of admission."""
        return tuple(cell.cell_id for cell in self._cells.values() if not cell.is_over)

    @property
    def starting(self) -> int:
        """How many executes have no cell yet."""
        return self._starting

    @property
    def is_idle(self) -> bool:
        """Whether no cell is there, and none is about to be."""
        return not self._starting and not self._cells

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Open the session. A cancelled caller leaves none."""
        self.connection.attach(self._session_id, self)
        limits = None
        if m.CELL_LIMITS in self.connection.capabilities:
            limits = m.CellLimits(self._limits.max_yield_time_ms, self._limits.heap_bytes)
        try:
            await self._ask(m.OpenSession(self._session_id, limits))
        except BaseException:
            self.connection.detach(self._session_id)
            raise

    async def restore(self) -> None:
        """Give the host what was stored. A cancelled caller leaves no session."""
        try:
            for part in self._copy.parts():
                await self.connection.writable()
                await self._ask(m.Restore(self._session_id, part))
        except asyncio.CancelledError:
            self._insist(m.Shutdown(self._session_id))
            self.connection.detach(self._session_id)
            raise

    async def execute(self, request: ExecuteRequest, preempt: Signal | None) -> RemoteStartedCell:
        """Start a cell; see ``protocol.session.Session``."""
        if m.CATALOG_REVISION not in self.connection.capabilities:
            return await self._execute(request, request, preempt)
        named = self._sent_tools.request(request)
        try:
            cell = await self._execute(named, request, preempt)
        except UnknownCatalogError:
            # Another execute has overtaken this one with newer tools. The host began nothing: send the tools along.
            self._sent_tools.forgotten()
            return await self._execute(request, request, preempt)
        self._sent_tools.begun(named)
        return cell

    async def _execute(
        self, message: ExecuteRequest, request: ExecuteRequest, preempt: Signal | None
    ) -> RemoteStartedCell:
        """Start the cell of ``request``, which the host is told as ``message``."""
        yield_ms = DEFAULT_YIELD_MS if request.yield_time_ms is None else request.yield_time_ms
        start = Start(self, request, yield_ms / 1000)
        self._starting += 1
        try:
            await self.connection.writable()
            start.number = self._submit(m.Execute(self._session_id, message), start)
            start.overtime.begin(START_SECONDS)
        except BaseException:
            self.begun()
            raise
        self._early_ends.watch(preempt, start.number, start.initial)
        try:
            cell = await start.admitted
        except asyncio.CancelledError:
            start.leave()
            raise
        return RemoteStartedCell(start, cell, self.end_unwanted)

    async def wait(
        self, remote_id: CellId, cell_id: CellId, yield_time_ms: int, preempt: Signal | None
    ) -> WaitOutcome:
        """Observe a cell; see ``protocol.session.Session``."""
        await self.connection.writable()
        yield_time = min(yield_time_ms, MAX_YIELD_MS)
        wait = WaitRequest(cell_id=CellId(well_formed(remote_id)), yield_time_ms=yield_time)
        observation = RemoteObservation(
            self, cell_id, self._cells.get(remote_id), withdrawable=True
        )
        request = m.Wait(self._session_id, wait)
        seconds = yield_time / 1000 + OBSERVE_SECONDS
        return await self._observe(request, observation, seconds, preempt)

    async def terminate(self, remote_id: CellId, cell_id: CellId) -> WaitOutcome:
        """End a cell; see ``protocol.session.Session``."""
        await self.connection.writable()
        cell = self._cells.get(remote_id)
        if cell is not None and cell.terminator is not None and not cell.terminator.done():
            raise CellTerminatingError(cell_id)
        observation = RemoteObservation(self, cell_id, cell, withdrawable=False)
        if cell is not None:
            cell.terminator = observation.outcome
        request = m.Terminate(self._session_id, CellId(well_formed(remote_id)))
        return await self._observe(request, observation, TERMINATE_SECONDS)

    async def _observe(
        self,
        request: m.Wait | m.Terminate,
        observation: RemoteObservation,
        seconds: float,
        preempt: Signal | None = None,
    ) -> WaitOutcome:
        try:
            observation.number = self._submit(request, observation)
            observation.overtime.begin(seconds)
        except CodeModeError as error:
            observation.lost(error)
        self._early_ends.watch(preempt, observation.number, observation.outcome)
        try:
            return await observation.outcome
        except asyncio.CancelledError:
            observation.leave()
            raise

    async def _ask(self, request: m.OpenSession | m.Restore) -> None:
        call = Call(m.SessionReady, on_late=lambda _: self._insist(m.Shutdown(self._session_id)))
        self._submit(request, call)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await call.answer
        except TimeoutError:
            self.give_up()
            raise EngineError("timed out opening a session at the code-mode host") from None
        except asyncio.CancelledError:
            if not call.answer.cancelled():
                self._insist(m.Shutdown(self._session_id))
            raise

    def _submit(self, request: m.HostRequest, operation: Operation) -> int:
        try:
            return self.connection.submit(request, operation)
        except FrameError as error:
            raise UsageError(f"the request cannot be sent: {error}") from error

    # ── what operations ask of us (``observations.Asking``) ──────────────────────────────────

    def admitted(self, start: Start, remote_id: CellId) -> RemoteCell:
        """The host has named the cell of an execute."""
        if remote_id in self._cells:
            raise UnexpectedAnswerError(f"exec cell {remote_id} already exists")
        self.has_begun = True
        cell_id = self.visible(remote_id)
        asked_for = start.request
        callbacks = Callbacks(
            cell_id,
            asked_for.tool_call_id,
            self._enabled.of(asked_for.enabled_tools),
            self._delegate,
            self._limits,
            start.context,
            self._share,
            self.connection,
        )
        cell = self._cells[remote_id] = RemoteCell(cell_id, remote_id, callbacks)
        self._quiet.clear()
        asked, closed = self._early.take(remote_id)
        self.begun()
        for number, request in asked.items():
            self._run(cell, number, request)
        if closed:
            self.cell_closed(remote_id)
        return cell

    def begun(self) -> None:
        """An execute has its cell, or never will."""
        self._starting -= 1
        if not self._starting:
            for number in self._early.clear():
                self.connection.answer(number, m.DelegateFailed(CANCELLED_REQUEST))

    def give_up(self) -> None:
        """The host does not answer: whoever waits for it learns that, and the next asks another one."""
        self.connection.give_up(NO_ANSWER)

    def withdraw(self, number: int) -> None:
        """Nobody waits for the answer to this request."""
        self.connection.send(m.Cancel(number))

    def end_unwanted(self, cell: RemoteCell) -> None:
        """Whoever started this cell is gone: end it."""
        if not cell.is_over:
            cell.callbacks.cancel_all(lambda: None)
            self._insist(m.Terminate(self._session_id, cell.remote_id))

    def _insist(self, request: m.Terminate | m.Shutdown, times: int = AGAIN_TIMES) -> None:
        """Have something ended, though nobody waits for it; ask again if the host is too busy."""

        def again(message: str) -> None:
            if is_overload(message) and times:
                loop = asyncio.get_running_loop()
                loop.call_later(AGAIN_SECONDS, self._insist, request, times - 1)

        if self.is_alive:
            ends_session = isinstance(request, m.Shutdown)
            kinds = (m.SessionClosed,) if ends_session else (LiveCell, MissingCell)
            call = Call(*kinds, on_refused=again, on_overdue=self.give_up)
            self.connection.submit(request, call)
            call.overtime.begin(TERMINATE_SECONDS)

    def visible(self, remote_id: CellId) -> CellId:
        """The id of a cell as callers know it."""
        return remote_id if self.number == 1 else CellId(f"g{self.number}:{remote_id}")

    # ── what the host says (``seam.Route``) ────────────────────────────────────────────

    def delegate_asks(self, message: m.DelegateRequest) -> None:
        """A cell calls a tool, or notifies."""
        request, number = message.request, message.id
        if isinstance(request, m.ToolInvoke):
            remote_id = request.invocation.cell_id
        else:
            remote_id = request.cell_id
        cell = self._cells.get(remote_id)
        if cell is not None:
            self._run(cell, number, request)
        elif self._starting and self._early.add(remote_id, number, request):
            self.connection.own(number, self._early)
        else:
            self.connection.answer(number, m.DelegateFailed(f"exec cell {remote_id} not found"))

    def _run(
        self, cell: RemoteCell, number: int, request: m.ToolInvoke | m.NotificationSend
    ) -> None:
        self.connection.own(number, cell.callbacks)
        cell.callbacks.begin(number, request)

    def cell_closed(self, cell_id: CellId) -> None:
        """Nothing more comes of this cell: the delegate hears of it when its callbacks have ended."""
        cell = self._cells.get(cell_id)
        if cell is None:
            if self._starting:
                self._early.close(cell_id)
            return
        cell.is_over = True
        if not cell.is_closing:
            cell.is_closing = True
            cell.callbacks.cancel_all(lambda: self._close_soon(cell))

    def _close_soon(self, cell: RemoteCell) -> None:
        # One round later: who was answered just now hears that before the delegate hears the end.
        asyncio.get_running_loop().call_soon(self._say_closed, cell)

    def _say_closed(self, cell: RemoteCell) -> None:
        self._cells.pop(cell.remote_id, None)
        if not self._cells:
            self._quiet.set()
        cell.callbacks.say_closed()

    def stored(self, message: m.SessionStored) -> None:
        """A cell has committed."""
        self._copy.take(message)

    def connection_lost(self, reason: str) -> None:
        """The host is gone, and every cell with it."""
        del reason  # who waits has it already
        cells = self._cells.values()
        self.lost_unseen = tuple(c.cell_id for c in cells if not (c.is_over or c.loss_seen))
        self._copy.forget_part()
        self._early.clear()
        for remote_id in list(self._cells):
            self.cell_closed(remote_id)

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    async def close(self) -> None:
        """Shut the session; bounded. Callers who wait for a cell learn that it was terminated."""
        if self.is_alive:
            for cell in list(self._cells.values()):
                if cell.observers and not cell.is_over:
                    self._insist(m.Terminate(self._session_id, cell.remote_id))
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._shut()
            except TimeoutError:
                _log.warning("the code-mode host did not shut %s", self._session_id)
            except (SessionError, EngineError) as error:
                _log.debug(
                    "the code-mode host did not shut %s: %s",
                    self._session_id,
                    on_one_line(str(error)),
                )
        await self.connection.leave(self._session_id)
        for remote_id in list(self._cells):
            self.cell_closed(remote_id)
        await self.quiet()

    @property
    def is_quiet(self) -> bool:
        """Whether the delegate knows that every cell is over."""
        return self._quiet.is_set()

    async def quiet(self) -> None:
        """Return when the delegate knows that every cell is over."""
        await self._quiet.wait()

    async def _shut(self) -> None:
        while True:
            call = Call(m.SessionClosed)
            self.connection.submit(m.Shutdown(self._session_id), call)
            try:
                await call.answer
                return
            except SessionError as error:
                if not is_overload(str(error)):
                    raise
            await asyncio.sleep(AGAIN_SECONDS)
