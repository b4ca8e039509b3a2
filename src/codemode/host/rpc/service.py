"""The service: each RPC to its session, and what goes wrong to a status.

Where an answer has to be written before something else is said elsewhere, an RPC with one response is
served like one with many: on the wire they are the same, and the handler knows when it is written.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from ...grpc import code_mode_pb2 as pb
from ...grpc import stored_values_pb2 as stored_pb
from ...grpc.methods import Method, methods
from ...grpc.values import BUFFERED_FOR, COMMIT
from ...metrics.process import process_use
from ...protocol.types import CellId
from ..capacity import Capacity
from ..ceiling import Ceiling
from ..cells import CellCount
from ..sessions import TOO_MANY_SESSIONS
from . import refusal
from .bounds import check_bounds
from .owners import Owners
from .refusal import RpcError, check_text, checked_uuid, exhausted, invalid, not_found
from .requests import Executions, cell_limits, filters
from .session import open_session
from .stored import restore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.descriptor import ServiceDescriptor
    from google.protobuf.message import Message

    from ...protocol.session import SessionProvider
    from ...tokens import Source
    from .session import RpcSession

_log = logging.getLogger(__name__)

DRAINING: Final = "the code-mode host is draining: it takes no session more"

LINGER_SECONDS: Final = 0.5
"""How long a host that has drained answers requests that were under way."""

DETAIL_BYTES: Final = 4_096
"""Longest text of a status: it is a header, and clients bound those."""

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Writing: TypeAlias = "dict[str, Callable[[Any, Context], Awaitable[None]]]"
Answering: TypeAlias = "dict[str, Callable[[Any, Context], Awaitable[Message]]]"
"""What serves each RPC, by its name: it writes, or returns its answer."""


class CodeModeHost:
    """The sessions of a host, whichever connection they came over. Belongs to one event loop.

    Args:
        provider: makes the sessions; closed by whoever made it.
        ceiling: the limits of sessions, and the most that clients may ask for.
        capacity: how much it takes on at once.
        tokens: what clients have to bring; None: nothing.
    """

    def __init__(
        self,
        provider: SessionProvider,
        *,
        ceiling: Ceiling | None = None,
        capacity: Capacity | None = None,
        tokens: Source | None = None,
    ) -> None:
        self._provider = provider
        self._ceiling = ceiling or Ceiling()
        self._owners = Owners(tokens)
        self._capacity = capacity or Capacity()
        self._cell_count = CellCount(self._capacity.cells)
        self._is_draining = False
        self._sessions: dict[str, RpcSession] = {}
        self._executions = Executions()
        self._opening = 0

    def __repr__(self) -> str:
        return f"<rpc host: {len(self._sessions)} sessions, {self._cell_count.active} cells>"

    def handlers(self) -> grpc.GenericRpcHandler[Any, Any]:
        """All RPCs, for a server."""
        writing: Writing = {
            "OpenSession": self._open_session,
            "SubscribeToToolCalls": self._subscribe,
            "Execute": self._execute,
            "Wait": self._wait,
            "Terminate": self._terminate,
        }
        return _table(pb.DESCRIPTOR.services_by_name["CodeModeHost"], writing, self._answering())

    def stored_values(self) -> grpc.GenericRpcHandler[Any, Any]:
        """All RPCs of our own service, for a server."""
        return _table(
            stored_pb.DESCRIPTOR.services_by_name["StoredValues"],
            {"Follow": self._follow},
            {"Restore": self._restore},
        )

    def _answering(self) -> Answering:
        return {
            "CloseSession": self._close_session,
            "CompleteToolCall": self._complete,
            "AcknowledgeNotification": self._acknowledge,
            "YieldObservation": self._yield,
            "CancelWait": self._cancel_wait,
            "GetProcessMetrics": self._metrics,
        }

    def find(self, session_id: str, context: Context) -> RpcSession:
        """The open session of this name, if it belongs to whoever calls.

        Raises:
            RpcError: there is none.
        """
        session = self._sessions.get(session_id)
        if session is None:
            session_id = checked_uuid(session_id, "session ID")
            session = self._sessions.get(session_id)
        if session is None or session.owner != self._owners.of(context):
            raise not_found(f"unknown code-mode session {session_id}")
        return session

    async def drain(self, seconds: float) -> None:
        """Take no session more, and end each that is open as soon as it has no cell.

        Returns when all have ended, or after so many seconds. A client whose session ends so opens
        another one elsewhere, without a word to anybody, when it next needs one.
        """
        self._is_draining = True
        ends = [asyncio.create_task(self._drained(each)) for each in self._sessions.values()]
        if ends:
            _, late = await asyncio.wait(ends, timeout=seconds)
            for each in late:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            # A request that crossed the end of its session is told so, and is then begun elsewhere; a server that
            # stops leaves its client in doubt.
            await asyncio.sleep(LINGER_SECONDS)

    async def _drained(self, session: RpcSession) -> None:
        while session.has_cells:
            await session.without_cells()
        # Nothing is awaited between the look and this: what is asked of it from now on is not begun.
        self._sessions.pop(session.session_id, None)
        await session.close()

    async def aclose(self) -> None:
        """End every session that is open."""
        await asyncio.gather(*(session.close() for session in list(self._sessions.values())))

    # ── sessions ─────────────────────────────────────────────────────────────────────────────

    async def _open_session(self, request: pb.OpenSessionRequest, context: Context) -> None:
        if request.output_truncation not in pb.OutputTruncation.values():
            raise invalid("unknown code-mode output truncation mode")
        if self._is_draining:
            raise RpcError(grpc.StatusCode.UNAVAILABLE, DRAINING)
        if len(self._sessions) + self._opening >= self._capacity.sessions:
            raise exhausted(TOO_MANY_SESSIONS)
        self._opening += 1
        try:
            owner = self._owners.of(context)
            limits = self._ceiling.granted(cell_limits(request))
            session = await open_session(self._provider, limits, self._cell_count, request, owner)
        finally:
            self._opening -= 1
        session_id = session.session_id
        self._sessions[session_id] = session
        try:
            opened = pb.SessionOpened(session_id=session_id, supports_catalog_revision=True)
            if request.output_truncation == pb.OUTPUT_TRUNCATION_SERVER:
                opened.output_truncation = pb.OUTPUT_TRUNCATION_SERVER
            await context.write(pb.SessionEvent(opened=opened))
            await session.events.write_to(context.write)
        finally:
            self._sessions.pop(session_id, None)
            await session.close()

    async def _close_session(
        self, request: pb.CloseSessionRequest, context: Context
    ) -> pb.CloseSessionResponse:
        session = self.find(request.session_id, context)
        self._sessions.pop(session.session_id, None)
        await session.close()
        return pb.CloseSessionResponse()

    # ── stored values ────────────────────────────────────────────────────────────────────────

    async def _follow(self, request: stored_pb.FollowRequest, context: Context) -> None:
        await self.find(request.session_id, context).commits.follow(context.write)

    async def _restore(
        self, request: stored_pb.RestoreRequest, context: Context
    ) -> stored_pb.RestoreResponse:
        restore(self.find(request.session_id, context).runtime, request)
        return stored_pb.RestoreResponse()

    # ── callbacks ────────────────────────────────────────────────────────────────────────────

    async def _subscribe(self, request: pb.SubscribeToToolCallsRequest, context: Context) -> None:
        session = self.find(request.session_id, context)
        wanted = filters(request)
        await context.send_initial_metadata(())
        await session.calls.serve(wanted, context.write)

    async def _complete(
        self, request: pb.CompleteToolCallRequest, context: Context
    ) -> pb.CompleteToolCallResponse:
        session = self.find(request.session_id, context)
        session.calls.complete(checked_uuid(request.invocation_id, "tool invocation ID"), request)
        await asyncio.sleep(0)  # the cell first: sending takes longer than handing it its result
        return pb.CompleteToolCallResponse()

    async def _acknowledge(
        self, request: pb.AcknowledgeNotificationRequest, context: Context
    ) -> pb.AcknowledgeNotificationResponse:
        self.find(request.session_id, context)
        checked_uuid(request.notification_id, "notification ID")
        return pb.AcknowledgeNotificationResponse()

    # ── cells ────────────────────────────────────────────────────────────────────────────────

    async def _execute(self, request: pb.ExecuteRequest, context: Context) -> None:
        session = self.find(request.session_id, context)
        asked = self._executions.read(request)
        await session.execute(request.execution_id, asked, context.write)
        _name_commit(session, context)

    async def _wait(self, request: pb.WaitRequest, context: Context) -> None:
        session = self.find(request.session_id, context)
        check_text(request.cell_id, "cell ID")
        check_text(request.wait_id, "wait ID")
        await session.wait(request, _writer(context))
        _name_commit(session, context)

    async def _terminate(self, request: pb.TerminateRequest, context: Context) -> None:
        session = self.find(request.session_id, context)
        check_text(request.cell_id, "cell ID")
        await session.terminate(CellId(request.cell_id), _writer(context))
        _name_commit(session, context)

    async def _yield(
        self, request: pb.YieldObservationRequest, context: Context
    ) -> pb.YieldObservationResponse:
        observations = self.find(request.session_id, context).observations
        match request.WhichOneof("observation"):
            case "execution_id":
                check_text(request.execution_id, "execution ID")
                observations.yield_execute(request.execution_id)
            case "wait_id":
                check_text(request.wait_id, "wait ID")
                observations.yield_wait(request.wait_id)
            case _:
                raise invalid("missing code-mode observation ID")
        return pb.YieldObservationResponse()

    async def _cancel_wait(
        self, request: pb.CancelWaitRequest, context: Context
    ) -> pb.CancelWaitResponse:
        session = self.find(request.session_id, context)
        check_text(request.wait_id, "wait ID")
        await session.observations.cancel_wait(request.wait_id)
        return pb.CancelWaitResponse()

    async def _metrics(
        self, _: pb.GetProcessMetricsRequest, __: Context
    ) -> pb.GetProcessMetricsResponse:
        use = process_use()
        if use is None:
            raise RpcError(grpc.StatusCode.UNIMPLEMENTED, "process metrics are unsupported")
        return pb.GetProcessMetricsResponse(
            cpu_seconds_total=use.cpu_seconds,
            resident_memory_bytes=use.resident_bytes,
            process_start_time_seconds=use.started_at,
        )


def _name_commit(session: RpcSession, context: Context) -> None:
    """Say in the trailer of an outcome how much had been committed, for whoever keeps a copy."""
    if session.commits.is_followed:
        context.set_trailing_metadata(((COMMIT, str(session.commits.number)),))


def _writer(context: Context) -> Callable[[pb.WaitResponse, int | None], Awaitable[object]]:
    async def write(message: pb.WaitResponse, buffered_for_ns: int | None) -> None:
        if buffered_for_ns is not None:
            await context.send_initial_metadata(((BUFFERED_FOR, str(buffered_for_ns)),))
        await context.write(message)

    return write


def _table(
    service: ServiceDescriptor, writing: Writing, answering: Answering
) -> grpc.GenericRpcHandler[Any, Any]:
    table = {
        name: _handler(method, writing.get(name), answering.get(name))
        for name, method in methods(service).items()
    }
    return grpc.method_handlers_generic_handler(service.full_name, table)


def _handler(
    method: Method,
    write: Callable[[Any, Context], Awaitable[None]] | None,
    answer: Callable[[Any, Context], Awaitable[Message]] | None,
) -> grpc.RpcMethodHandler[Any, Any]:
    """The RPC for a server; whatever goes wrong becomes its status."""

    async def writing(request: bytes, context: Context) -> None:
        assert write is not None
        try:
            await write(_parsed(method, request), context)
            return
        except Exception as error:  # noqa: BLE001 - the client is told, whatever it was
            status = _status(error)
        await context.abort(*status)

    async def answering(request: bytes, context: Context) -> Message:
        assert answer is not None
        try:
            return await answer(_parsed(method, request), context)
        except Exception as error:  # noqa: BLE001 - the client is told, whatever it was
            status = _status(error)
        await context.abort(*status)
        raise AssertionError("an abort never returns")

    make = grpc.unary_unary_rpc_method_handler
    handler: Any = answering
    if write is not None:
        make, handler = grpc.unary_stream_rpc_method_handler, writing
    return make(handler, response_serializer=method.response.SerializeToString)


def _parsed(method: Method, request: bytes) -> Message:
    """The request; gRPC itself would say ``UNKNOWN``, and name the exception.

    Raises:
        RpcError: it is none, or too much.
    """
    try:
        check_bounds(method.name, request)
        return method.request.FromString(request)
    except DecodeError as error:
        raise RpcError(
            grpc.StatusCode.INTERNAL, f"failed to decode Protobuf message: {error}"
        ) from None


def _status(error: Exception) -> tuple[grpc.StatusCode, str]:
    refused = refusal.of(error)
    if refused is not error and refused.code is grpc.StatusCode.INTERNAL:
        _log.error("an RPC failed", exc_info=error)
    text = str(refused).encode("utf-8", "replace")[:DETAIL_BYTES].decode("utf-8", "ignore")
    return refused.code, text
