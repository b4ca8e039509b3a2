"""One session behind gRPC: its cells, calls and events, from its lease to its end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ...errors import CodeModeError
from ...grpc import code_mode_pb2 as pb
from ...grpc.values import event_message, wait_message
from ...process_ledger import owned_by
from ...protocol.types import CellId, Result, WaitRequest
from ..cells import ResponseOrder
from ..sessions import HostSession
from ..stored import KeepsValues
from .calls import Calls
from .events import Events
from .requests import budget
from .stored import Commits
from .waits import Observations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from ...limits import Limits
    from ...protocol.session import Session, SessionProvider, Signal
    from ...protocol.types import ExecuteRequest, JsonValue, ToolCall, WaitOutcome
    from ..cells import CellCount

_log = logging.getLogger(__name__)

LAST_WORDS_SECONDS: Final = 1.0
"""How long a session that ends waits for its observers to have their answers."""


class Client:
    """The client as the delegate of one of its sessions."""

    def __init__(self, count: CellCount, *, pending_calls: int) -> None:
        self.session_id = str(uuid4())
        self.events = Events()
        self.cells = ResponseOrder(self.session_id, count, self._say_closed)
        self.executions: dict[CellId, str] = {}
        self.calls = Calls(
            self.session_id,
            at_once=pending_calls,
            execution_of=self.executions.__getitem__,
            say_cancelled=self.events.call_cancelled,
        )

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        """Let a subscriber run a tool."""
        del cancel  # the task is cancelled with it
        await self.cells.announced(call.cell_id)
        await self.events.room()  # each call may have to be taken back
        return await self.calls.ask(call)

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        """Write a notification; whether it is acknowledged means nothing, as in the reference."""
        del cancel
        await self.cells.announced(cell_id)
        await self.events.notify(self.executions[cell_id], cell_id, call_id, text)

    def cell_closed(self, cell_id: CellId) -> None:
        """Tell the client, once everything else about the cell has been told."""
        self.cells.closed(cell_id)

    def _say_closed(self, cell_id: CellId) -> None:
        last = self.calls.last_sequence(cell_id)
        self.events.cell_closed(self.executions.pop(cell_id), cell_id, last)


class RpcSession:
    """An open session.

    Attributes:
        owner: who has opened it; see :mod:`.owners`.
    """

    def __init__(self, client: Client, host: HostSession, owner: str) -> None:
        self.owner = owner
        self.session_id = client.session_id
        self.events = client.events
        self.calls = client.calls
        self.observations = Observations()
        self.commits = Commits()
        if isinstance(host.runtime, KeepsValues):
            host.runtime.on_commit(self.commits.tell)
        self._client = client
        self._host = host
        self._closing: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"<rpc session {self.session_id}: {self._host.cells!r}, {self.calls!r}>"

    @property
    def runtime(self) -> Session:
        """What runs its cells."""
        return self._host.runtime

    @property
    def has_cells(self) -> bool:
        """Whether a cell of it runs or starts, or its end has not been told."""
        return len(self._host.cells) > 0

    async def without_cells(self) -> None:
        """Return when it has no cell; it may have one again by then."""
        await self._host.cells.empty()

    @property
    def is_closing(self) -> bool:
        """Whether it takes nothing more."""
        return self._closing is not None

    async def execute(
        self,
        execution_id: str,
        request: ExecuteRequest,
        write: Callable[[pb.ExecuteEvent], Awaitable[object]],
    ) -> None:
        """Run a cell up to its first observation. Whoever leaves before that ends the cell.

        Raises:
            RpcError, RefusedError, CodeModeError: there is none.
        """
        cells = self._host.cells
        with self.observations.execute(execution_id) as early:
            await self.events.room()
            started = await self._host.start(request, early)
            cell_id = started.cell_id
            self._client.executions[cell_id] = execution_id
            begun = pb.ExecutionStarted(execution_id=execution_id, cell_id=cell_id)
            try:
                await write(pb.ExecuteEvent(started=begun))
                cells.started(cell_id)
                response = await started.initial_response()
                response = self._host.fit(response, request.max_output_tokens)
                await write(event_message(response))
            except BaseException:
                cells.ensure_started(cell_id)
                self._spawn(self._end(cell_id))
                raise
            finally:
                cells.answered(cell_id)

    async def wait(
        self,
        request: pb.WaitRequest,
        write: Callable[[pb.WaitResponse, int | None], Awaitable[object]],
    ) -> None:
        """Observe a cell, and write what came of it, and how long that had waited.

        Raises:
            RpcError, CodeModeError: there is nothing to write.
        """
        with self.observations.wait(request.wait_id) as wait:
            cell_id = CellId(request.cell_id)
            await self._host.cells.known(cell_id)
            is_there = self._host.cells.asked(cell_id, to_end=False)
            try:
                asked = WaitRequest(cell_id=cell_id, yield_time_ms=request.yield_time_ms)
                outcome = await self.runtime.wait(asked, preempt=wait.early)
                wait.settle()
                await self._write(outcome, budget(request), write)
            finally:
                if is_there:
                    self._host.cells.answered(cell_id)

    async def terminate(
        self, cell_id: CellId, write: Callable[[pb.WaitResponse, int | None], Awaitable[object]]
    ) -> None:
        """End a cell, and write how it ended.

        Raises:
            CodeModeError: it cannot be ended now.
        """
        await self._host.cells.known(cell_id)
        is_there = self._host.cells.asked(cell_id, to_end=True)
        try:
            await self._write(await self.runtime.terminate(cell_id), None, write)
        finally:
            if is_there:
                self._host.cells.answered(cell_id, to_end=True)

    async def close(self) -> None:
        """End everything; every caller waits for the same end."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="rpc session close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self.observations.cancel_all()
        try:
            await self.runtime.shutdown()
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._host.cells.empty()
        except TimeoutError:
            pass
        except Exception:  # noqa: BLE001 - it must end all the same
            _log.exception("%r could not be shut down", self)
        finally:
            self.calls.close()
            self.events.close()
            self.commits.close()

    async def _end(self, cell_id: CellId) -> None:
        try:
            await self.runtime.terminate(cell_id)
        except CodeModeError:
            pass  # it ends already

    async def _write(
        self,
        outcome: WaitOutcome,
        max_tokens: int | None,
        write: Callable[[pb.WaitResponse, int | None], Awaitable[object]],
    ) -> None:
        message = wait_message(self._host.fit_outcome(outcome, max_tokens))
        response = outcome.response
        buffered = None
        if isinstance(response, Result) and message.HasField("live_cell"):
            buffered = response.result_buffered_for_ns
        await write(message, buffered)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)


async def open_session(
    provider: SessionProvider,
    limits: Limits,
    count: CellCount,
    request: pb.OpenSessionRequest,
    owner: str,
) -> RpcSession:
    """Open the session that a client asks for, within these limits."""
    client = Client(count, pending_calls=request.max_pending_delegate_calls)
    with owned_by(owner):
        runtime = await provider.create_session(client, limits=limits)
    truncates = request.output_truncation == pb.OUTPUT_TRUNCATION_SERVER
    return RpcSession(client, HostSession(runtime, client.cells, count, truncates), owner)
