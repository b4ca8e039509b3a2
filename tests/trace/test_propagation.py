"""What other processes are told of the span and the call that caused theirs."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
from mcp.server.mcpserver import Context, MCPServer
from opentelemetry import trace

from codemode import CodeMode, McpServers
from codemode.grpc import code_mode_pb2 as pb
from codemode.remote.rpc.service import HostStubs
from codemode.trace import events as e
from codemode.trace.sinks import Tee
from codemode.trace_headers import trace_headers

from .test_otel import Receiver, id_of


def made_server(seen: list[dict[str, Any]]) -> MCPServer:
    server = MCPServer("made")

    @server.tool()
    async def look(context: Context) -> str:
        "Look at what came with the call."
        meta: Any = context.request_context.meta
        seen.append(dict(meta or {}))
        return "seen"

    return server


async def test_a_call_of_an_mcp_tool_takes_its_span_and_its_id_along() -> None:
    receiver, events, seen = Receiver(), list[e.TraceEvent](), list[dict[str, Any]]()
    sink = Tee(receiver.sink, events.append)
    async with CodeMode(mcp=McpServers({"made": made_server(seen)}), trace=sink) as cm:
        await cm.exec("text(await tools.mcp__made__look({}))")

    [meta] = seen
    [observed] = [each for each in events if isinstance(each, e.CallObservedEvent)]
    span = receiver.spans()["execute_tool mcp__made__look"]
    assert (observed.kind, observed.facts["server"], observed.facts["tool"]) == (
        "mcp",
        "made",
        "look",
    )
    assert meta["codemode/call"] == observed.facts["id"]
    version, trace_id, parent, _ = meta["traceparent"].split("-")
    assert span.context is not None
    assert (version, int(trace_id, 16)) == ("00", span.context.trace_id)
    assert int(parent, 16) != 0


async def test_an_untraced_call_takes_no_id_along() -> None:
    seen: list[dict[str, Any]] = []
    async with CodeMode(mcp=McpServers({"made": made_server(seen)})) as cm:
        await cm.exec("text(await tools.mcp__made__look({}))")

    assert [set(meta) & {"codemode/call", "traceparent"} for meta in seen] == [set()]


async def test_an_rpc_takes_the_current_span_along() -> None:
    seen: list[dict[str, Any]] = []

    class Handler(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # it has none when it runs
        def service(self, handler_call_details: Any) -> Any:
            seen.append(dict(handler_call_details.invocation_metadata))

    server = grpc.aio.server(handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    service = HostStubs(grpc.aio.insecure_channel(f"127.0.0.1:{port}"), "token")
    try:
        with Receiver().provider.get_tracer("application").start_as_current_span("request") as span:
            call = service.call("OpenSession", pb.OpenSessionRequest())
            assert await call.code() is grpc.StatusCode.UNIMPLEMENTED
    finally:
        await service.aclose()
        await server.stop(None)

    [metadata] = seen
    assert metadata["authorization"] == "Bearer token"
    assert metadata["traceparent"].split("-")[2] == f"{id_of(span):016x}"  # type: ignore[arg-type]


def test_without_a_span_there_are_no_headers() -> None:
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert trace_headers() == {}
