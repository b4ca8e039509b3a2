"""One session at a gRPC host, as a connection of its own (``seam.Connection``).

The stream that OpenSession answers with is the lease: the session lives as long as it does, at both ends. Requests
are RPCs of their own, tool calls come on another stream; what has an order over V1 has none here, and is put
into one where it matters (``retirement``, ``asked``, ``following``).
"""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import grpc

from ...errors import CodeModeError, EngineError, SessionClosedError, WorkerLostError
from ...grpc import code_mode_pb2 as pb
from ...protocol import messages as m
from ...protocol.frames import FrameError
from ...protocol.types import CellId
from ..operations import UnexpectedAnswerError
from .admission import ADMISSIONS, admission
from .failure import RpcFailure
from .following import Following
from .incoming import Incoming
from .link import CONTROL_SECONDS, SessionStub
from .messages import ExecuteMessages, open_message, sendable, text_in, wait_request
from .requests import PendingRequest, RpcRequests
from .retirement import Retirement
from .service import END, ROUTE, each

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from ..operations import Operation
    from ..seam import Owner, Route
    from .service import HostStubs

_log = logging.getLogger(__name__)

LAST_ANSWERS_SECONDS: Final = 1.0
"""How long requests under way may take to have their answers when the lease is gone, or seems to be."""


class RpcConnection:
    """A session to be opened. Belongs to one event loop.

    Args:
        service: the host.
        where: how people call it.
        on_over: told at the end.
        admissions: how often the host is asked for a session before its opening has failed.

    Attributes:
        reason: why it is over; None: it is not.
        failure: the status with which the lease has ended, or was refused.
    """

    def __init__(
        self,
        service: HostStubs,
        where: str,
        on_over: Callable[[RpcConnection], None],
        *,
        admissions: int = ADMISSIONS,
    ) -> None:
        self.reason: str | None = None
        self.failure: RpcFailure | None = None
        self._admissions = admissions
        self._where = where
        self._on_over = on_over
        self._link = SessionStub(service)
        self._following = Following(self._link, self._stored)
        self._executions = ExecuteMessages()
        self._retirement = Retirement(self._is_observed, self._retire, self._break)
        self._incoming = Incoming(self._link, self._retirement, self._spawn)
        self._requests = RpcRequests(self._link, self._following, self._retirement)
        self._numbers = count(1)
        self._pending: dict[int, PendingRequest] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._knows_revisions = False
        self._is_closing = False
        self._losing = asyncio.Event()
        self._over = asyncio.Event()

    def __repr__(self) -> str:
        state = f"over: {self.reason}" if self.reason else "open"
        return f"<rpc connection to {self._where} {state}, {len(self._pending)} requests>"

    @property
    def capabilities(self) -> frozenset[str]:
        """What the host can do: all of the interface, and what it says of the newer parts and of ours."""
        newer = {
            m.CATALOG_REVISION: self._knows_revisions,
            m.STORED_VALUES: self._following.is_on,
        }
        return frozenset(name for name in m.KNOWN_CAPABILITIES if newer.get(name, True))

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked for something."""
        return self.reason is None

    async def over(self) -> str:
        """Wait for the end; the reason."""
        await self._over.wait()
        return self.reason or ""

    def new_session_id(self) -> str:
        """What we call the one session; the host has its own name for it."""
        return "session"

    def attach(self, session_id: str, route: Route) -> None:
        """What the host says goes there from now on."""
        self._incoming.attach(session_id, route)

    def detach(self, session_id: str) -> None:
        """The session is not wanted any more: let go of its lease."""
        del session_id
        self._incoming.route = None
        if self.reason is None:
            self.reason = "code-mode host connection closed"
        self._finish()

    # ── asking ───────────────────────────────────────────────────────────────────────────────

    def submit(self, request: m.HostRequest, operation: Operation) -> int:
        """Ask; the number of the request.

        Raises:
            WorkerLostError: the host is gone.
            FrameError: the request cannot be said; nothing was sent.
        """
        if self.reason is not None:
            raise WorkerLostError(self.reason, not_begun=True)
        pending = PendingRequest(operation)
        try:
            work = self._work(request, pending)
        except (ValueError, TypeError, OverflowError) as error:
            raise FrameError(f"protobuf cannot say it: {error}") from error
        number = next(self._numbers)
        self._pending[number] = pending
        pending.task = self._spawn(self._carry(number, pending, work))
        return number

    def _work(self, request: m.HostRequest, pending: PendingRequest) -> Coroutine[Any, Any, None]:
        session_id = self._link.session_id
        match request:
            case m.OpenSession():
                return self._live(pending, open_message(request))
            case m.Restore():
                return self._requests.restore(pending, request)
            case m.Execute(request=asked):
                pending.is_execute = True
                execute = self._executions.message(session_id, pending.name, asked)
                return self._requests.execute(pending, sendable(execute))
            case m.Wait(request=asked):
                pending.cell_id = asked.cell_id
                wait = wait_request(session_id, pending.name, asked)
                return self._requests.wait(pending, sendable(wait))
            case m.Terminate(cell_id=cell_id):
                pending.cell_id = cell_id
                end = pb.TerminateRequest(session_id=session_id, cell_id=cell_id)
                return self._requests.terminate(pending, sendable(end))
            case m.Shutdown():
                return self._close(pending, request)

    async def _close(self, pending: PendingRequest, request: m.Shutdown) -> None:
        # Terminations that were asked for go first: who waits for their cells hears how they ended.
        observed = [asked for asked in self._pending.values() if asked.cell_id is not None]
        self._is_closing = True
        await self._last_answers(observed)
        await self._requests.close(pending, request)

    async def _carry(
        self, number: int, pending: PendingRequest, work: Coroutine[Any, Any, None]
    ) -> None:
        try:
            await work
        except grpc.aio.AioRpcError as error:
            await self._failed(pending, RpcFailure.of(error))
        except CodeModeError as error:
            pending.operation.lost(error)
        except (UnexpectedAnswerError, UnicodeError) as error:
            if self._is_closing:
                pending.break_off()
            else:
                self._break(str(error))
        except Exception as error:  # noqa: BLE001 - a mistake of ours or of gRPC's must not leave callers waiting
            _log.exception("a request failed")
            self._lose(f"the connection to {self._where} failed: {type(error).__name__}")
        except asyncio.CancelledError:
            if number in self._pending and not pending.operation.is_over:
                pending.refuse("the request was withdrawn")
            raise
        finally:
            pending.end()
            if not self._losing.is_set() or pending.operation.is_over:
                self._pending.pop(number, None)
            if pending.cell_id is None:
                self._retirement.look_all()
            else:
                self._retirement.look(pending.cell_id)

    async def _failed(self, pending: PendingRequest, failure: RpcFailure) -> None:
        if self._is_closing:
            pending.break_off()
            return
        if failure.route_lost and self._link.route is not None:
            self._lose(f"the route to {self._where} is lost: {failure.text}")
        elif failure.says_session_is_gone:
            self._lose(f"code-mode host at {self._where} has lost the session: {failure.text}")
        elif failure.may_be_the_end:
            await self._may_be_losing()
        if self.reason is not None:
            # A host that does not know the session has not looked at the rest of the request.
            is_new = pending.is_execute and pending.cell_id is None
            not_begun = is_new and failure.says_session_is_gone
            pending.operation.lost(WorkerLostError(self.reason, not_begun=not_begun))
        elif failure.is_overtime:
            pending.operation.lost(EngineError("the code-mode host did not answer in time"))
        else:
            pending.refuse(failure.text)

    async def _may_be_losing(self) -> None:
        try:
            async with asyncio.timeout(LAST_ANSWERS_SECONDS):
                await self._losing.wait()
        except TimeoutError:
            pass

    def send(self, message: m.Cancel | m.Yield) -> None:
        """End a request early; nothing happens if it has ended."""
        pending = self._pending.get(message.id)
        if pending is None or pending.task is None or self.reason is not None:
            return
        if isinstance(message, m.Yield):
            self._spawn(self._requests.end_early(pending))
        elif pending.is_execute or not pending.begun.is_set():
            pending.task.cancel()
        else:
            task = self._spawn(self._requests.cancel_wait(pending))
            self._requests.retire(pending, task)

    async def writable(self) -> None:
        """Return when the host has taken most of the results that were sent, or is gone; each has its bound."""
        await self._incoming.room()

    def give_up(self, why: str) -> None:
        """The host does not do what hosts do: let go of the session."""
        self._lose(f"code-mode host at {self._where} {why}")

    # ── the lease ────────────────────────────────────────────────────────────────────────────

    async def _live(self, pending: PendingRequest, message: pb.OpenSessionRequest) -> None:
        try:
            lease, event = await admission(self._link, message, self._admissions)
            try:
                await self._hold(pending, lease, event)
            finally:
                lease.cancel()
        except grpc.aio.AioRpcError as error:
            self._lease_failed(pending, RpcFailure.of(error))
        else:
            await self._lease_ended()

    async def _hold(self, pending: PendingRequest, lease: Any, event: Any) -> None:
        if event is END or event.WhichOneof("event") != "opened":
            raise UnexpectedAnswerError("a session that does not say that it is open")
        self._link.session_id = event.opened.session_id
        self._knows_revisions = event.opened.supports_catalog_revision
        self._link.route = text_in(await lease.initial_metadata(), ROUTE)
        await self._begin()
        self._opened(pending)
        async for event in each(lease):
            self._incoming.happened(event)

    async def _begin(self) -> None:
        request = pb.SubscribeToToolCallsRequest(session_id=self._link.session_id)
        calls = self._link.call("SubscribeToToolCalls", request, None)
        try:
            # A host answers when it has taken the subscription; only then is nothing missed.
            async with asyncio.timeout(CONTROL_SECONDS):
                await calls.initial_metadata()
            await self._following.begin()
        except BaseException:
            calls.cancel()
            raise
        self._spawn(self._hear_calls(calls))
        self._spawn(self._follow())

    def _opened(self, pending: PendingRequest) -> None:
        for number, asked in list(self._pending.items()):
            if asked is pending:
                del self._pending[number]
        pending.operation.answered(m.SessionReady(self._incoming.name))

    def _lease_failed(self, pending: PendingRequest, failure: RpcFailure) -> None:
        self.failure = failure
        if not pending.operation.is_over:
            pending.operation.lost(
                EngineError(f"no session at code-mode host {self._where}: {failure.text}")
            )
        if failure.route_lost and self._link.route is not None:
            self._lose(f"the route to {self._where} is lost: {failure.text}")
        else:
            self._lose(f"code-mode host at {self._where} is gone: {failure.text}")

    async def _lease_ended(self) -> None:
        if self._is_closing:
            await self._last_answers(self._pending.values())
        self._lose(f"code-mode host at {self._where} closed the session")

    async def _follow(self) -> None:
        await self._following.run()
        await self._may_be_losing()
        if self.reason is None:  # the session goes on, and we hear no more of its values
            self._following.is_on = False

    async def _hear_calls(self, calls: Any) -> None:
        try:
            async for call in each(calls):
                self._incoming.called(call)
        except grpc.aio.AioRpcError as error:
            await self._may_be_losing()
            self._lose(
                f"code-mode host at {self._where} sends no calls: {RpcFailure.of(error).text}"
            )
        except UnexpectedAnswerError as error:
            self._break(str(error))
        else:
            if not self._is_closing:
                await self._may_be_losing()
                self._lose(f"code-mode host at {self._where} sends no more calls")
        finally:
            calls.cancel()

    # ── hearing ──────────────────────────────────────────────────────────────────────────────

    def _is_observed(self, cell_id: str, execution_id: str) -> bool:
        return any(
            pending.cell_id == cell_id or (pending.is_execute and pending.name == execution_id)
            for pending in self._pending.values()
        )

    def _retire(self, cell_id: str) -> None:
        if self._incoming.route is not None:
            self._incoming.route.cell_closed(CellId(cell_id))

    def _stored(self, message: m.SessionStored) -> None:
        if self._incoming.route is not None:
            self._incoming.route.stored(message)

    def own(self, number: int, owner: Owner) -> None:
        """This callback is there: that is where its cancellation goes."""
        self._incoming.own(number, owner)

    def disown(self, number: int) -> None:
        """This callback is over."""
        self._incoming.disown(number)

    def answer(self, number: int, result: m.DelegateOk | m.DelegateFailed) -> None:
        """Answer a callback."""
        self._incoming.answer(number, result)

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def _break(self, why: str) -> None:
        self._lose(f"code-mode host at {self._where} broke the protocol: {why}")

    def _lose(self, reason: str) -> None:
        """The session is lost; who waits may still have an answer on its way."""
        if self.reason is None:
            self.reason = reason
            self._losing.set()
            self._retirement.close()
            self._spawn(self._lost())

    async def _lost(self) -> None:
        await self._last_answers(self._pending.values())
        self._finish()

    async def _last_answers(self, requests: Iterable[PendingRequest]) -> None:
        tasks = [asked.task for asked in requests if asked.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_ANSWERS_SECONDS)

    def _finish(self) -> None:
        if self._over.is_set():
            return
        reason = self.reason or ""
        self._losing.set()
        self._over.set()
        pending, self._pending = self._pending, {}
        route = self._incoming.close()
        for asked in pending.values():
            if not asked.operation.is_over:
                asked.operation.lost(
                    SessionClosedError() if self._is_closing else WorkerLostError(reason)
                )
        if route is not None:
            route.connection_lost(reason)
        for task in self._tasks:
            task.cancel()
        self._retirement.close()
        self._on_over(self)

    async def leave(self, session_id: str) -> None:
        """Let go of the lease; return when nothing of it runs."""
        if self._is_closing and self._tasks:
            # The host ends the streams of a session that it has closed; that leaves less behind than cancelling them.
            await asyncio.wait(self._tasks, timeout=LAST_ANSWERS_SECONDS)
        self.detach(session_id)
        while tasks := self._tasks - {asyncio.current_task()}:
            await asyncio.wait(tasks)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
