"""A session that lives in a host, and outlives it: implements ``protocol.session.Session``.

It is bound to one host at a time. When that host is lost, the next execute binds it to another
one, tells its caller what was lost, and runs nothing: no code meets an empty state unawares.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import contextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

from ..errors import (
    CodeModeError,
    EngineError,
    SessionClosedError,
    SessionError,
    UsageError,
    WorkerLostError,
)
from ..lazy_pattern import lazy_pattern
from ..protocol import messages as m
from ..protocol.types import CellId, LiveCell
from ..sessions.checks import check_room, check_source, check_yield_time
from ..sessions.ends import Ends
from ..sessions.waits import missing, retrieved
from .generation import Generation
from .losses import ValuesLost, replacement_notice
from .outgoing import Requests
from .refusals import STALE
from .stored import StoredCopy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..limits import Limits
    from ..protocol.session import SessionDelegate, Signal
    from ..protocol.types import (
        ExecuteRequest,
        PendingResponse,
        WaitOutcome,
        WaitRequest,
        WaitToPendingRequest,
    )
    from .seam import Connection
    from .started_cell import RemoteStartedCell

_log = logging.getLogger(__name__)

MOVES: Final = 5
"""How many hosts an execute is asked of that certainly do not begin it."""

_GENERATION: Final = lazy_pattern(r"g([1-9][0-9]{0,9}):(.*)", re.DOTALL)


class Hosts(Protocol):
    """Where connections come from."""

    async def connection(self) -> Connection: ...

    async def another(self, refused: Connection) -> Connection | None:
        """Where a session may be opened that could not be opened there; None: nowhere."""


class RemoteSession:
    """Cells at a host that share stored values."""

    def __init__(self, hosts: Hosts, delegate: SessionDelegate, limits: Limits) -> None:
        self._hosts = hosts
        self._delegate = delegate
        self._limits = limits
        self._unread = Ends[LiveCell](limits)
        self._copy = StoredCopy(limits.stored_bytes)
        self._requests = Requests()
        self._generation: Generation | None = None
        self._past: list[Generation] = []
        self._has_executed = False
        self._binding: asyncio.Task[str | None] | None = None
        self._notice: str | None = None
        self._shutdown: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "open" if self._shutdown is None else "shut" if self.is_shut else "shutting down"
        return f"<remote session {state}, {self._generation!r}>"

    @property
    def is_shut(self) -> bool:
        """Whether the session has been shut down and nothing of it is left."""
        return self._shutdown is not None and self._shutdown.done()

    @property
    def live_cells(self) -> tuple[CellId, ...]:
        """The cells that are not over, in order of admission."""
        generation = self._generation
        return () if generation is None or not generation.is_alive else generation.live_cells

    def stored_values(self) -> Mapping[str, bytes]:
        """The committed values; see ``protocol.session.StoresValues``."""
        if self._generation is not None:
            self._check_stored_values(self._generation)
        return self._copy.values

    async def restore_values(self, values: Mapping[str, bytes]) -> None:
        """Take over values; see ``protocol.session.StoresValues``."""
        generation = await self._current()
        self._check_stored_values(generation)
        if self._has_executed:
            raise SessionError("the code-mode session has executed already")
        before = self._copy.values
        self._copy.replace({**before, **values})
        try:
            await generation.restore()
        except BaseException:
            self._copy.replace(before)
            raise

    def _check_stored_values(self, generation: Generation) -> None:
        if m.STORED_VALUES not in generation.connection.capabilities:
            raise SessionError("this code-mode host does not tell what cells store")
        if not self._copy.is_whole:
            raise SessionError(
                "this code-mode host stores more than stored_bytes: there is no copy"
            )

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Bind the session to a host for the first time.

        Raises:
            EngineError: there is no host.
        """
        await self._current()

    async def execute(
        self, request: ExecuteRequest, *, preempt: Signal | None = None
    ) -> RemoteStartedCell:
        """Start a cell; see ``protocol.session.Session``.

        A host that is gone, or going, and has certainly not begun the cell, makes room for another one
        without a word.

        Raises:
            WorkerLostError: the host was lost with this cell, or before with something that nobody
                has been told of yet; then nothing was run.
        """
        if self._shutdown is not None:
            raise SessionClosedError
        self._check_request(request)
        readable = self._requests.readable(request)
        for is_last in (*(MOVES - 1) * (False,), True):
            generation = await self._current()
            self._check_room(generation)
            self._has_executed = True
            try:
                with self._closing_wins():
                    return await generation.execute(readable, preempt)
            except WorkerLostError as error:
                if is_last or not error.not_begun:
                    raise
        raise AssertionError("the last one returns or raises")

    async def wait(self, request: WaitRequest, *, preempt: Signal | None = None) -> WaitOutcome:
        """Observe a cell until it yields, ends, or the time is up."""
        check_yield_time(request.yield_time_ms)
        if self._shutdown is not None:
            raise SessionClosedError
        cell_id = request.cell_id
        try:
            generation, remote_id = self._locate(cell_id)
        except SessionError:
            return self._left_over(cell_id)
        if generation is None:
            return missing(cell_id)
        with self._closing_wins():
            return await generation.wait(remote_id, cell_id, request.yield_time_ms, preempt)

    async def terminate(self, cell_id: CellId) -> WaitOutcome:
        """End a cell, or learn how it ended."""
        if self.is_shut:
            return self._unread.take(cell_id) or missing(cell_id)
        try:
            generation, remote_id = self._locate(cell_id)
        except SessionError:
            return self._left_over(cell_id)
        if generation is None:
            return missing(cell_id)
        try:
            with self._closing_wins():
                return await generation.terminate(remote_id, cell_id)
        except SessionClosedError:
            return self._unread.take(cell_id) or missing(cell_id)

    def _left_over(self, cell_id: CellId) -> WaitOutcome:
        """The end of a cell of a host before, if it came and nobody has read it.

        Raises:
            SessionError: there is none.
        """
        unread = self._unread.take(cell_id)
        if unread is None:
            raise SessionError(STALE)
        return unread

    async def execute_to_pending(self, request: ExecuteRequest) -> PendingResponse:
        """Not here.

        Raises:
            UsageError: always.
        """
        del request
        _refuse_frontiers()

    async def wait_to_pending(self, request: WaitToPendingRequest) -> WaitOutcome:
        """Not here.

        Raises:
            UsageError: always.
        """
        del request
        _refuse_frontiers()

    async def shutdown(self) -> None:
        """End every cell and close; every caller waits for the same end."""
        await asyncio.shield(self.begin_shutdown())

    def begin_shutdown(self) -> asyncio.Task[None]:
        """Start to end every cell; the task that does it."""
        if self._shutdown is None:
            self._shutdown = asyncio.create_task(self._end_all(), name="session shutdown")
        return self._shutdown

    async def _end_all(self) -> None:
        if self._binding is not None and not self._binding.done():
            self._binding.cancel()
            await asyncio.wait([self._binding])
        if self._generation is not None:
            await self._generation.close()
        for generation in self._past:
            await generation.quiet()
        self._past.clear()

    @contextmanager
    def _closing_wins(self) -> Iterator[None]:
        """A session that was shut in between is unknown to the host; to callers it is shut."""
        try:
            yield
        except SessionError as error:
            if self._shutdown is not None and type(error) is SessionError:
                raise SessionClosedError from error
            raise

    # ── checks that need no host ─────────────────────────────────────────────────────────────

    def _check_request(self, request: ExecuteRequest) -> None:
        if request.yield_time_ms is not None:
            check_yield_time(request.yield_time_ms)
        check_source(request.source, self._limits)

    def _check_room(self, generation: Generation) -> None:
        ids = generation.live_cells
        check_room(ids, len(ids) + generation.starting, self._limits)

    def _locate(self, cell_id: CellId) -> tuple[Generation | None, CellId]:
        """Where this id belongs, and what it is called there; None: nowhere yet.

        Raises:
            SessionError: it belongs to a host that is gone.
        """
        found = _GENERATION.fullmatch(cell_id)
        number, remote_id = (int(found[1]), CellId(found[2])) if found else (1, cell_id)
        generation = self._generation
        if generation is None or number > generation.number:
            return None, remote_id
        if number < generation.number or not generation.is_alive:
            raise SessionError(STALE)
        return generation, remote_id

    # ── hosts come and go ────────────────────────────────────────────────────────────────────

    async def _current(self) -> Generation:
        """The generation that lives; or the news of it, which whoever asked before it hears."""
        generation = self._generation
        if generation is None or not generation.is_alive:
            notice = await self._bind()
        else:
            notice = self._notice
        self._notice = None
        if notice is not None:
            raise WorkerLostError(notice)
        assert self._generation is not None
        return self._generation

    async def _bind(self) -> str | None:
        """Go to another host; all who need one wait for the same. What there is to tell of it."""
        if self._binding is None or self._binding.done():
            # For all who wait, and what it opens serves later ones: no request's context.
            self._binding = asyncio.create_task(
                self._open_next(), name="session binding", context=Context()
            )
            self._binding.add_done_callback(retrieved)
        binding = self._binding
        try:
            return await asyncio.shield(binding)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if binding.cancelled() and caller is not None and not caller.cancelling():
                raise SessionClosedError from None  # a shutdown wins
            raise

    async def _open_next(self) -> str | None:
        last = self._generation
        if last is None:
            self._generation = await self._opened(1)
            return None
        reason = await last.connection.over()
        generation = await self._opened(last.number + 1)
        lost = self._values_lost(last, generation)
        if lost is None and len(self._copy) and not await self._restored(generation):
            lost = ValuesLost(self._copy.names, are_certain=True)
            generation = await self._opened(last.number + 1)
        if lost is not None:
            self._copy.clear()
        self._past = [g for g in (*self._past, last) if not g.is_quiet]
        self._generation = generation
        self._notice = replacement_notice(reason, last.lost_unseen, lost)
        return self._notice

    @property
    def connection(self) -> Connection | None:
        """What it is bound to; None: nothing yet."""
        return None if self._generation is None else self._generation.connection

    def leave_idle(self, why: str) -> bool:
        """Let go of the host if no cell is there: the next execute opens elsewhere, without a word.

        Returns False, and does nothing, if a cell is there, or the session is between two hosts.
        """
        generation = self._generation
        is_bound = generation is not None and generation.is_alive and self._shutdown is None
        is_moving = self._binding is not None and not self._binding.done()
        if generation is None or not is_bound or is_moving or not generation.is_idle:
            return False
        generation.connection.give_up(why)
        return True

    def _values_lost(self, last: Generation, following: Generation) -> ValuesLost | None:
        """What cannot be given to the next host; None: it can have everything."""
        if m.STORED_VALUES not in last.connection.capabilities:
            # It may have told some before it moved here, and nothing since.
            return ValuesLost(self._copy.names) if last.has_begun or len(self._copy) else None
        if not self._copy.is_whole:
            return ValuesLost(self._copy.names, are_certain=True)
        takes_them = m.STORED_VALUES in following.connection.capabilities
        if takes_them or not len(self._copy):
            return None
        return ValuesLost(self._copy.names, are_certain=True)

    async def _restored(self, generation: Generation) -> bool:
        """Give a host what was stored. Of one that does not take it nothing stays, and it is not asked again."""
        try:
            await generation.restore()
        except CodeModeError as error:
            _log.warning("stored values could not be restored: %s", error)
            self._copy.drop()
            await generation.close()
            return False
        return True

    async def _opened(self, number: int) -> Generation:
        connection = await self._hosts.connection()
        while True:
            generation = self._generation_at(connection, number)
            try:
                await generation.open()
                return generation
            except EngineError:
                another = await self._hosts.another(connection)
                if another is None:
                    raise
                connection = another

    def _generation_at(self, connection: Connection, number: int) -> Generation:
        return Generation(
            connection,
            number,
            delegate=self._delegate,
            limits=self._limits,
            unread=self._unread,
            copy=self._copy,
        )


def _refuse_frontiers() -> NoReturn:
    raise UsageError(
        "a session at a host runs no cell to its pending frontier: hosts have no word for it."
        "\nHint: use execute and wait, or a LocalSessionProvider."
    )
