"""A gRPC host that the test plays: it reads each RPC and says what it likes, when it likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc

from codemode.grpc import code_mode_pb2 as pb
from codemode.grpc.methods import methods
from tests.remote.stage import bounded

SESSION: Final = "3b0f9f5e-6a2c-4a8e-9c1b-0d3a5f1f2a10"
Headers = tuple[tuple[str, str], ...]


class Rpc:
    """One RPC that has come."""

    def __init__(self, request: Any, context: Any) -> None:
        self.request = request
        self.headers = dict(context.invocation_metadata())
        self.is_gone = asyncio.Event()
        self._context = context
        self._ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, *headers: tuple[str, str]) -> None:
        await bounded(self._context.send_initial_metadata(headers))

    async def say(self, message: Any) -> None:
        await bounded(self._context.write(message))

    def end(self) -> None:
        self._ending.set_result(None)

    def leave(self) -> None:
        """End it, if it has not ended."""
        if not self._ending.done():
            self.end()

    async def answer(self, message: Any) -> None:
        """The one answer."""
        await self.say(message)
        self.end()

    def fail(self, code: grpc.StatusCode, text: str, *trailers: tuple[str, str]) -> None:
        async def abort() -> None:
            await self._context.abort(code, text, trailers)

        self._aborting: Callable[[], Any] = abort
        self._ending.set_exception(_FailedError())

    async def serve(self) -> None:
        try:
            await self._ending
        except _FailedError:
            await self._aborting()
        finally:
            self.is_gone.set()


class _FailedError(Exception):
    pass


class Scripted:
    """The host."""

    def __init__(self) -> None:
        self._came: dict[str, asyncio.Queue[Rpc]] = {}
        self.seen: list[tuple[str, Rpc]] = []
        self.server = grpc.aio.server()
        self.url = ""

    async def start(self) -> None:
        service = pb.DESCRIPTOR.services_by_name["CodeModeHost"]
        table = {
            name: grpc.unary_stream_rpc_method_handler(
                self._handler(name),
                request_deserializer=method.request.FromString,
                response_serializer=method.response.SerializeToString,
            )
            for name, method in methods(service).items()
        }
        handlers = grpc.method_handlers_generic_handler(service.full_name, table)
        self.server.add_generic_rpc_handlers((handlers,))
        self.url = f"grpc://127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        await self.server.start()

    def _handler(self, name: str) -> Callable[[Any, Any], Any]:
        async def handle(request: Any, context: Any) -> None:
            rpc = Rpc(request, context)
            self.seen.append((name, rpc))
            self._queue(name).put_nowait(rpc)
            await rpc.serve()

        return handle

    def _queue(self, name: str) -> asyncio.Queue[Rpc]:
        return self._came.setdefault(name, asyncio.Queue())

    async def rpc(self, name: str) -> Rpc:
        """The next RPC of this name."""
        return await bounded(self._queue(name).get())

    async def admit(self, *headers: tuple[str, str]) -> tuple[Rpc, Rpc]:
        """Open a session: its lease and its subscription."""
        lease = await self.rpc("OpenSession")
        await lease.open(*headers)
        await lease.say(pb.SessionEvent(opened=pb.SessionOpened(session_id=SESSION)))
        calls = await self.rpc("SubscribeToToolCalls")
        await calls.open()
        return lease, calls

    async def start_cell(self, cell_id: str = "1") -> Rpc:
        """Start the cell that is asked for."""
        execute = await self.rpc("Execute")
        execution_id = execute.request.execution_id
        started = pb.ExecutionStarted(execution_id=execution_id, cell_id=cell_id)
        await execute.say(pb.ExecuteEvent(started=started))
        return execute

    async def finish(self, execute: Rpc, lease: Rpc, cell_id: str = "1", *, calls: int = 0) -> None:
        """The cell is over and closed."""
        outcome = pb.ExecutionOutcome(cell_id=cell_id, completed=pb.ExecutionCompleted())
        await execute.answer(pb.ExecuteEvent(outcome=outcome))
        await lease.say(closed(execute, cell_id, calls))

    async def close_session(self) -> None:
        """Answer the end of a session."""
        await (await self.rpc("CloseSession")).answer(pb.CloseSessionResponse())
        for name, rpc in self.seen:
            if name in ("OpenSession", "SubscribeToToolCalls"):
                rpc.leave()


def closed(execute: Rpc, cell_id: str, calls: int) -> pb.SessionEvent:
    """A cell's end."""
    execution_id = execute.request.execution_id
    event = pb.CellClosed(
        execution_id=execution_id, cell_id=cell_id, final_tool_call_sequence=calls
    )
    return pb.SessionEvent(cell_closed=event)


def tool_call(name: str, invocation_id: str, sequence: int, **fields: Any) -> pb.ToolCall:
    """A call of cell 1."""
    return pb.ToolCall(
        session_id=SESSION,
        cell_id="1",
        invocation_id=invocation_id,
        runtime_tool_call_id=f"tool-{sequence}",
        tool_name=pb.ToolName(name=name),
        tool_kind=pb.TOOL_KIND_FUNCTION,
        sequence=sequence,
        **fields,
    )


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    """A host that listens."""
    host = Scripted()
    await host.start()
    try:
        yield host
    finally:
        await host.server.stop(None)
