"""Serves one connection: takes the client's messages, runs its requests, writes the answers.

Each request is a task; the table of them is the connection's. A request that fails is answered
with the reason and hurts nobody else. What breaks the rules of the connection is raised to whoever
reads, and ends it.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from ..errors import CodeModeError
from ..protocol import messages as m
from ..protocol.frames import FrameTooLargeError, FrameUndecodableError, FrameUnencodableError
from ..protocol.types import CellId, Yielded
from ..protocol.v1 import ClientMessages, encode, wire_outcome, wire_response
from .callbacks import (
    MORE_PENDING_CALLBACKS,
    PENDING_CALLBACKS,
    ClientDelegate,
    UnansweredCallbacks,
)
from .ceiling import Ceiling
from .cells import CellCount, ResponseOrder
from .connection import ConnectionState, ProtocolViolationError
from .refused import RefusedError
from .sessions import HostSession, Sessions
from .stored import CommitReports, KeepsValues, as_json

if TYPE_CHECKING:
    from ..protocol.session import SessionProvider
    from .outlet import Outlet

_log = logging.getLogger(__name__)

CANCELLED: Final = "code-mode request cancelled"
BAD_EXECUTE: Final = "invalid code-mode execute request: number too small to fit in target type"
TOO_MANY_REQUESTS: Final = "code-mode host has too many in-flight requests"

_Answer: TypeAlias = m.OperationResponse | m.InitialResponse


class _Running:
    """A request in flight.

    Attributes:
        task: what serves it.
        early: set when its observation is to end early.
        cancellable: whether the client may still take it back.
        has_started: it is an execute that has been answered once; one more answer follows.
        cells, cell_id: the cell that it is about, once that is known to be there.
        to_end: it is to end that cell.
        saw_end: its answer is that cell's end.
    """

    __slots__ = (
        "cancellable",
        "cell_id",
        "cells",
        "early",
        "has_started",
        "number",
        "saw_end",
        "task",
        "to_end",
    )

    def __init__(self, number: int, request: m.HostRequest) -> None:
        self.number = number
        self.task: asyncio.Task[None]
        self.early = asyncio.Event()
        self.cancellable = isinstance(request, m.Execute | m.Wait)
        self.has_started = False
        self.cells: ResponseOrder | None = None
        self.cell_id = CellId("")
        self.to_end = isinstance(request, m.Terminate)
        self.saw_end = False

    def failure(self, text: str) -> _Answer:
        """The answer that says why there is no other."""
        kind = m.InitialResponse if self.has_started else m.OperationResponse
        return kind(self.number, m.Failed(text))


class Service:
    """One connection's side of the host. Belongs to one event loop.

    Args:
        provider: makes the sessions; closed by whoever made it.
        outlet: takes the frames for the client.
        ceiling: the limits of sessions, and the most that clients may ask for.
    """

    def __init__(
        self, provider: SessionProvider, outlet: Outlet, *, ceiling: Ceiling | None = None
    ) -> None:
        self._provider = provider
        self._outlet = outlet
        self._ceiling = ceiling or Ceiling()
        self._messages = ClientMessages()
        self._connection = ConnectionState()
        self._callbacks = UnansweredCallbacks(outlet, at_once=PENDING_CALLBACKS)
        self._sessions = Sessions()
        self._running: dict[int, _Running] = {}
        self._cell_count = CellCount()
        self._is_closing = False
        self.is_rejected = False

    def __repr__(self) -> str:
        return (
            f"<service: {self._connection!r}, {len(self._sessions)} sessions,"
            f" {self._cell_count.active} cells, {self._callbacks!r}>"
        )

    @property
    def is_open(self) -> bool:
        """Whether the handshake has succeeded."""
        return self._connection.is_open

    @property
    def _keeps_values(self) -> bool:
        return m.STORED_VALUES in self._connection.capabilities

    @property
    def is_full(self) -> bool:
        """Whether one more request would be refused."""
        return self._connection.is_full

    def receive(self, payload: bytes) -> None:
        """Take one payload from the client.

        Raises:
            FrameUndecodableError: it is no message.
            ProtocolViolationError: it must not come now.
        """
        message = self._messages.decode(payload)
        if not self._connection.is_open:
            self._greet(message)
            return
        match message:
            case m.DelegateResponse():
                self._callbacks.answer(message)
            case m.Request(request=m.Restore()) if not self._keeps_values:
                raise FrameUndecodableError("unknown variant `session/restore` at $.request.method")
            case m.Request(id=number, request=request):
                self._admit(number, request)
            case m.Cancel(id=number):
                # In a moment: a task that is cancelled before its first step never answers.
                asyncio.get_running_loop().call_soon(self._take_back, number)
            case m.Yield(id=number):
                running = self._running.get(number)
                if running is not None:
                    running.early.set()
            case _:
                raise ProtocolViolationError("received a second code-mode client hello")

    async def aclose(self) -> None:
        """End every request without an answer. Sessions and their callbacks end with the provider."""
        self._is_closing = True
        tasks = [running.task for running in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _take_back(self, number: int) -> None:
        running = self._running.get(number)
        if running is not None and running.cancellable:
            running.task.cancel()

    def _greet(self, message: m.ClientMessage) -> None:
        reply = self._connection.greet(message)
        self._outlet.send(encode(reply))
        self.is_rejected = isinstance(reply, m.Rejected)
        if m.DELEGATE_CAPACITY in self._connection.capabilities:
            self._callbacks = UnansweredCallbacks(self._outlet, at_once=MORE_PENDING_CALLBACKS)

    def _admit(self, number: int, request: m.HostRequest) -> None:
        if not self._connection.admit(number):
            self._outlet.send(_frame(m.OperationResponse(number, m.Failed(TOO_MANY_REQUESTS))))
            return
        running = self._running[number] = _Running(number, request)
        running.task = asyncio.get_running_loop().create_task(self._serve(request, running))

    async def _serve(self, request: m.HostRequest, running: _Running) -> None:
        """Run a request to its answer, whatever happens."""
        answer: _Answer | None = None
        try:
            answer = await self._run(request, running)
            running.cancellable = False
            await self._outlet.room()  # items are smaller than frames: let them wait as they are
        except asyncio.CancelledError:
            if self._is_closing:
                raise
            answer = running.failure(CANCELLED)
        except (CodeModeError, RefusedError) as error:
            answer = running.failure(str(error))
        except Exception as error:  # noqa: BLE001 - the client is told, whatever it was
            _log.exception("a request failed")
            answer = running.failure(f"code-mode host failed: {type(error).__name__}")
        finally:
            self._finish(running, answer)

    def _finish(self, running: _Running, answer: _Answer | None) -> None:
        frame = None if answer is None else _frame(answer)
        if running.cells is not None:
            say = None if frame is None else partial(self._outlet.send, frame)
            running.cells.answered(
                running.cell_id, say, to_end=running.to_end, is_end=running.saw_end
            )
        elif frame is not None:
            self._outlet.send(frame)
        del self._running[running.number]
        self._connection.finish(running.number)

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    async def _run(self, request: m.HostRequest, running: _Running) -> _Answer:
        match request:
            case m.Execute():
                return await self._execute(request, running)
            case m.Wait() | m.Terminate():
                outcome = await self._observe(request, running)
                return m.OperationResponse(running.number, m.Ok(m.WaitCompleted(outcome)))
            case m.OpenSession():
                ready = await self._open(request)
                return m.OperationResponse(running.number, m.Ok(ready))
            case m.Shutdown():
                closed = await self._shutdown(request)
                return m.OperationResponse(running.number, m.Ok(closed))
            case m.Restore():
                ready = self._restore(request)
                return m.OperationResponse(running.number, m.Ok(ready))
            case _:
                assert_never(request)

    async def _open(self, request: m.OpenSession) -> m.SessionReady:
        session_id = request.session_id
        with self._sessions.opening(session_id):
            cells = ResponseOrder(
                session_id, self._cell_count, partial(self._say_closed, session_id)
            )
            runtime = await self._provider.create_session(
                ClientDelegate(session_id, self._callbacks, cells),
                limits=self._ceiling.granted(request.cell_execution_limits),
            )
            if self._keeps_values and isinstance(runtime, KeepsValues):
                runtime.on_commit(CommitReports(session_id, self._outlet).tell)
            truncates = request.output_truncation == "server"
            self._sessions.add(session_id, HostSession(runtime, cells, self._cell_count, truncates))
        return m.SessionReady(session_id)

    def _restore(self, request: m.Restore) -> m.SessionReady:
        session = self._sessions.find(request.session_id)
        if not isinstance(session.runtime, KeepsValues):
            raise RefusedError("code-mode host keeps no stored values")
        session.runtime.restore(as_json(request.values))
        return m.SessionReady(request.session_id)

    async def _execute(self, request: m.Execute, running: _Running) -> _Answer:
        tokens = request.request.max_output_tokens
        if tokens is not None and tokens < 0:
            raise RefusedError(BAD_EXECUTE)
        await self._outlet.room()  # a client that reads nothing gets no more cells to write for it
        session = self._sessions.find(request.session_id)
        started = await session.start(request.request, running.early)
        running.cancellable = False
        running.has_started = True
        running.cells, running.cell_id = session.cells, started.cell_id
        admitted = m.Ok(m.ExecutionStarted(started.cell_id))
        self._outlet.send(encode(m.OperationResponse(running.number, admitted)))
        session.cells.started(started.cell_id)
        response = session.fit(await started.initial_response(), tokens)
        running.saw_end = not isinstance(response, Yielded)
        return m.InitialResponse(running.number, m.InitialOk(wire_response(response)))

    async def _observe(self, request: m.Wait | m.Terminate, running: _Running) -> m.Outcome:
        session = self._sessions.find(request.session_id)
        runtime, cells = session.runtime, session.cells
        cell_id = request.request.cell_id if isinstance(request, m.Wait) else request.cell_id
        await cells.known(cell_id)
        if cells.asked(cell_id, to_end=running.to_end):
            running.cells, running.cell_id = cells, cell_id
        if isinstance(request, m.Wait):
            outcome = await runtime.wait(request.request, preempt=running.early)
        else:
            outcome = await runtime.terminate(cell_id)
        running.saw_end = not isinstance(outcome.response, Yielded)
        return wire_outcome(session.fit_outcome(outcome, request.max_output_tokens))

    async def _shutdown(self, request: m.Shutdown) -> m.SessionClosed:
        session = self._sessions.remove(request.session_id)
        await session.runtime.shutdown()
        await session.cells.empty()
        return m.SessionClosed(request.session_id)

    def _say_closed(self, session_id: str, cell_id: CellId) -> None:
        self._outlet.send(encode(m.CellClosed(session_id, cell_id)))


def _frame(answer: _Answer) -> bytearray:
    """The answer as a frame; the reason instead if it does not fit into one."""
    try:
        return encode(answer)
    except FrameTooLargeError as error:
        what = "initial response" if isinstance(answer, m.InitialResponse) else "host response"
        reason = f"code-mode {what} exceeds the IPC frame limit: {error}"
    except FrameUnencodableError as error:
        reason = str(error)
    return encode(type(answer)(answer.id, m.Failed(reason)))
