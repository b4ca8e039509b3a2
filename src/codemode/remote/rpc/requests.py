"""Requests under way: each an RPC, or a few, whose answer goes to its operation.

How long cells may take to start, to answer and to end is counted there, for every wire (``overtime``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import grpc

from ...errors import SessionClosedError
from ...grpc import code_mode_pb2 as pb
from ...grpc import stored_values_pb2
from ...protocol import messages as m
from ...protocol.types import CellId, LiveCell, Result, Terminated
from ..operations import UnexpectedAnswerError
from .link import CONTROL_SECONDS
from .messages import response, wait_outcome
from .service import END

if TYPE_CHECKING:
    from ..operations import Operation
    from .following import Following
    from .link import SessionStub
    from .retirement import Retirement

YIELD_AGAIN_SECONDS: Final = 0.1
"""After which a host that has not ended an observation is asked again: the request to do so may
have overtaken the observation. Each time twice as long."""


@dataclass(eq=False, slots=True)
class PendingRequest:
    """A request that is not answered.

    Attributes:
        operation: where its answers go.
        name: the execution or the wait, as we named it to the host.
        cell_id: the cell that it observes, once that is known.
        is_execute: it starts a cell.
        begun: the host can be asked to end it, or it is over without that.
        ended: nothing more comes of it.
        task: what carries it.
    """

    operation: Operation
    cell_id: str | None = None
    is_execute: bool = False
    name: str = field(default_factory=lambda: str(uuid4()))
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def end(self) -> None:
        """There is its answer, or never one: whoever waits for anything of it need wait no more."""
        self.begun.set()
        self.ended.set()

    def break_off(self) -> None:
        """Its session is being closed: a host may end the cells of that without a word."""
        if self.is_execute and self.cell_id is not None and not self.operation.is_over:
            self.operation.observed(Terminated(cell_id=CellId(self.cell_id), items=()))
        else:
            self.operation.lost(SessionClosedError())

    def refuse(self, text: str) -> None:
        """The host, or whoever asked, does not want it; the cell that it has started may be there."""
        if self.is_execute and self.cell_id is not None:
            self.operation.unobserved(text)
        else:
            self.operation.refused(text)


class RpcRequests:
    """Carries the requests of one session."""

    def __init__(self, link: SessionStub, following: Following, retirement: Retirement) -> None:
        self._link = link
        self._following = following
        self._retirement = retirement
        self._retiring: dict[str, set[asyncio.Task[None]]] = {}

    async def execute(self, pending: PendingRequest, message: pb.ExecuteRequest) -> None:
        """Start a cell and observe it. Whoever is cancelled before the outcome ends the cell."""
        stream = self._link.call("Execute", message, None)
        try:
            event = _event(await stream.read(), "started")
            pending.cell_id = event.started.cell_id
            self._retirement.started(pending.cell_id)
            pending.operation.answered(m.ExecutionStarted(CellId(event.started.cell_id)))
            pending.begun.set()
            outcome = _event(await stream.read(), "outcome").outcome
            # Leaving before the stream has ended would end the cell.
            await _ended(stream)
            if outcome.cell_id != pending.cell_id:
                raise UnexpectedAnswerError("the outcome of another cell")
            await self._following.reach(await stream.trailing_metadata())
            observed = response(outcome)
            await self._settled(observed)
            pending.operation.observed(observed)
        finally:
            stream.cancel()

    async def wait(self, pending: PendingRequest, message: pb.WaitRequest) -> None:
        """Observe a cell, when the waits for it that were cancelled are over."""
        while retiring := self._retiring.get(message.cell_id):
            await asyncio.wait(retiring)
        pending.begun.set()
        await self._observe(pending, self._link.call("Wait", message, None))

    async def terminate(self, pending: PendingRequest, message: pb.TerminateRequest) -> None:
        """End a cell."""
        await self._observe(pending, self._link.call("Terminate", message, None))

    async def _observe(self, pending: PendingRequest, call: Any) -> None:
        answer = await call
        await self._following.reach(await call.trailing_metadata())
        outcome = wait_outcome(answer, await call.initial_metadata())
        if isinstance(outcome, LiveCell):
            await self._settled(outcome.response)
        pending.operation.answered(outcome)

    async def _settled(self, observed: object) -> None:
        if isinstance(observed, Result | Terminated):
            ended_by_itself = isinstance(observed, Result)
            await self._retirement.settled(observed.cell_id, delivered=ended_by_itself)

    async def restore(self, pending: PendingRequest, request: m.Restore) -> None:
        """Give the host what was stored."""
        values = [
            stored_values_pb2.StoredValue(key=key, json=bytes(raw))
            for key, raw in request.values.items()
        ]
        message = stored_values_pb2.RestoreRequest(session_id=self._link.session_id, values=values)
        await self._link.call("Restore", message)
        pending.operation.answered(m.SessionReady(request.session_id))

    async def close(self, pending: PendingRequest, request: m.Shutdown) -> None:
        """End the session."""
        await self._link.call(
            "CloseSession", pb.CloseSessionRequest(session_id=self._link.session_id)
        )
        pending.operation.answered(m.SessionClosed(request.session_id))

    # ── ends that are asked for ──────────────────────────────────────────────────────────────

    def retire(self, pending: PendingRequest, task: asyncio.Task[None]) -> None:
        """``task`` cancels this wait; the next one for its cell comes after it."""
        cell_id = pending.cell_id or ""
        tasks = self._retiring.setdefault(cell_id, set())
        tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            if not tasks:
                self._retiring.pop(cell_id, None)

        task.add_done_callback(done)

    async def cancel_wait(self, pending: PendingRequest) -> None:
        """Have a wait given up; what it has to say by then is not lost. Bounded."""
        message = pb.CancelWaitRequest(session_id=self._link.session_id, wait_id=pending.name)
        try:
            await self._link.call("CancelWait", message)
            async with asyncio.timeout(CONTROL_SECONDS):
                await pending.ended.wait()
        except (grpc.aio.AioRpcError, TimeoutError):
            if pending.task is not None:
                pending.task.cancel()

    async def end_early(self, pending: PendingRequest) -> None:
        """Have an observation end now; the cell runs on."""
        await pending.begun.wait()
        message = pb.YieldObservationRequest(session_id=self._link.session_id)
        if pending.is_execute:
            message.execution_id = pending.name
        else:
            message.wait_id = pending.name
        seconds = YIELD_AGAIN_SECONDS
        while not pending.ended.is_set():
            try:
                await self._link.call("YieldObservation", message)
            except grpc.aio.AioRpcError:
                pass  # what it is about has an end of its own
            try:
                async with asyncio.timeout(seconds):
                    await pending.ended.wait()
            except TimeoutError:
                seconds *= 2


def _event(event: Any, kind: str) -> pb.ExecuteEvent:
    if not isinstance(event, pb.ExecuteEvent) or event.WhichOneof("event") != kind:
        raise UnexpectedAnswerError(f"no `{kind}` where an execution must say so")
    return event


async def _ended(stream: Any) -> None:
    try:
        async with asyncio.timeout(CONTROL_SECONDS):
            if await stream.read() is not END:
                raise UnexpectedAnswerError("an execution went on after its outcome")
    except TimeoutError:
        raise UnexpectedAnswerError("an execution did not end after its outcome") from None
