"""Requests that are small on the wire and large in memory, or larger than their RPC needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from codemode.grpc import code_mode_pb2 as pb
from codemode.grpc import stored_values_pb2 as stored_pb
from codemode.grpc.methods import methods
from codemode.host.rpc.bounds import OTHER_FIELDS, SMALL_BYTES, check_bounds
from codemode.host.rpc.refusal import RpcError
from codemode.host.rpc.requests import ENABLED_TOOLS, SCHEMA_MEMBERS, TOOL_FILTERS, Executions
from codemode.host.rpc.stored import VALUES

from .hosts import ECHO, METHODS, SECONDS, client, host, status_of, texts

if TYPE_CHECKING:
    from .hosts import Client

METHODS_OF_BOTH = METHODS | methods(stored_pb.DESCRIPTOR.services_by_name["StoredValues"])
MANY = {
    "Execute": (b"\x2a\x00", ENABLED_TOOLS, "code-mode execution exceeds 16384 tools"),
    "SubscribeToToolCalls": (
        b"\x12\x00",
        TOOL_FILTERS,
        "code-mode tool subscription exceeds 64 filters",
    ),
    "Restore": (b"\x12\x00", VALUES, "code-mode restore exceeds 524288 stored values"),
    "CompleteToolCall": (b"\x1a\x00\x22\x00", 0, "code-mode request exceeds 64 fields"),
    "CloseSession": (b"\x0a\x00", 0, "code-mode request exceeds 64 fields"),
}
LARGE = {"Execute", "CompleteToolCall", "Restore"}


def say(there: Client, name: str, request: bytes) -> Any:
    """Begin an RPC with any bytes."""
    method = METHODS_OF_BOTH[name]
    make: Any = there.channel.unary_stream if method.streams else there.channel.unary_unary
    return make(method.path, response_deserializer=method.response.FromString)(
        request, timeout=SECONDS
    )


@pytest.mark.parametrize("name", MANY)
async def test_fields_without_end_are_refused_before_they_are_parsed(name: str) -> None:
    """What comes after them is no message, which nobody has found out."""
    field, most, text = MANY[name]
    request = field * (most + OTHER_FIELDS + 1) + b"\xff\xff\xff"

    async with host() as running, client(running) as there:
        refused = await status_of(say(there, name, request))
        _, words = await running.end()

    assert refused == (grpc.StatusCode.INVALID_ARGUMENT, text)
    assert words == ""


@pytest.mark.parametrize("name", sorted(METHODS_OF_BOTH.keys() - LARGE))
def test_what_carries_no_text_is_short(name: str) -> None:
    unknown = b"\x7a\xfc\xff\x03" + bytes(SMALL_BYTES - 4)

    check_bounds(name, unknown)
    with pytest.raises(RpcError) as refused:
        check_bounds(name, unknown + b"\x78\x00")

    assert refused.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(refused.value) == f"code-mode {name} request of 65538 bytes exceeds 65536"


async def test_long_programs_tools_and_results_pass() -> None:
    long = "x" * (8 * 1024 * 1024)
    tool = pb.ToolDefinition(
        name="t",
        tool_name=pb.ToolName(name="t"),
        kind=pb.TOOL_KIND_FUNCTION,
        description=long,
        input_schema_json=f'{{"description":"{long}"}}'.encode(),
    )
    others = [
        pb.ToolDefinition(
            name=f"t{number}", tool_name=pb.ToolName(name=f"t{number}"), kind=pb.TOOL_KIND_FUNCTION
        )
        for number in range(2_000)
    ]
    async with host() as running, client(running) as there:
        _, session_id = await there.open()
        request = pb.ExecuteRequest(
            session_id=session_id,
            execution_id="e",
            tool_call_id="c",
            source=f"text(ALL_TOOLS.length) // {'x' * 1_000_000}",
            enabled_tools=[tool, *others],
        )
        _, outcome = [event async for event in there.call("Execute", request)]

    assert texts(outcome.outcome) == ["2001"]


def asked(*schemas: bytes) -> pb.ExecuteRequest:
    """A request with these schemas, each of a tool of its own."""
    tools = []
    for schema in schemas:
        tool = pb.ToolDefinition()
        tool.CopyFrom(ECHO)
        tool.output_schema_json = schema
        tools.append(tool)
    return pb.ExecuteRequest(execution_id="e", tool_call_id="c", enabled_tools=tools)


def array(members: int) -> bytes:
    """A schema with so many members."""
    return b"[" + b",".join([b"[]"] * members) + b"]"


def test_the_members_of_all_schemas_together_are_counted_before_one_is_decoded() -> None:
    half = SCHEMA_MEMBERS // 2

    read = Executions().read(asked(array(half), array(half)))
    with pytest.raises(RpcError) as refused:
        Executions().read(asked(array(half), array(half + 1), b"no JSON"))

    assert [tool.output_schema for tool in read.enabled_tools] == [[[]] * half] * 2
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert str(refused.value) == "code-mode tool schemas exceed 262144 members"


def test_commas_in_strings_of_schemas_are_no_members() -> None:
    schema = b'{"description":"' + b"," * (2 * SCHEMA_MEMBERS) + b'"}'

    (tool,) = Executions().read(asked(schema)).enabled_tools

    assert tool.output_schema == {"description": "," * (2 * SCHEMA_MEMBERS)}


def test_a_schema_that_spoils_the_count_of_the_next_is_refused_first() -> None:
    with pytest.raises(RpcError, match="invalid tool output schema"):
        Executions().read(asked(b'"', array(2 * SCHEMA_MEMBERS), b'"'))


def test_tools_are_as_many_as_are_allowed() -> None:
    with pytest.raises(RpcError) as refused:
        Executions().read(asked(*[b"{}"] * (ENABLED_TOOLS + 1)))

    assert len(Executions().read(asked(*[b"{}"] * ENABLED_TOOLS)).enabled_tools) == ENABLED_TOOLS
    assert str(refused.value) == "code-mode execution exceeds 16384 tools"
