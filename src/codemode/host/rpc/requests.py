"""Requests of clients, checked, as sessions take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ...grpc import code_mode_pb2 as pb
from ...grpc.values import KIND_OF
from ...json_text import has_more_members
from ...protocol.messages import CellLimits, with_revision
from ...protocol.types import ExecuteRequest, ToolDefinition, ToolName
from ...protocol.v1 import REMEMBERED_BYTES, REMEMBERED_LISTS
from .refusal import check_text, invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...protocol.types import JsonValue

TOOL_FILTERS: Final = 64
"""Names in a subscription."""

ENABLED_TOOLS: Final = 16_384
"""Of a cell."""

SCHEMA_MEMBERS: Final = 262_144
"""Members of all arrays and objects in the schemas of a cell's tools: a few bytes each, and a hundred when decoded."""

TOO_MANY_FILTERS: Final = f"code-mode tool subscription exceeds {TOOL_FILTERS} filters"
TOO_MANY_TOOLS: Final = f"code-mode execution exceeds {ENABLED_TOOLS} tools"
TOO_MANY_MEMBERS: Final = f"code-mode tool schemas exceed {SCHEMA_MEMBERS} members"

NO_BUDGET: Final = 2**31 - 1
"""Tokens; more than any observation has."""


def cell_limits(request: pb.OpenSessionRequest) -> CellLimits | None:
    """What cells of the session are to be held to."""
    if not request.HasField("cell_execution_limits"):
        return None
    asked = request.cell_execution_limits
    return CellLimits(
        asked.max_yield_time_ms if asked.HasField("max_yield_time_ms") else None,
        asked.max_heap_size_bytes if asked.HasField("max_heap_size_bytes") else None,
    )


def filters(request: pb.SubscribeToToolCallsRequest) -> frozenset[ToolName]:
    """The tools of a subscription; none: all.

    Raises:
        RpcError: there are too many, or one has no name.
    """
    if len(request.tool_names) > TOOL_FILTERS:
        raise invalid(TOO_MANY_FILTERS)
    return frozenset(_tool_name(name) for name in request.tool_names)


class Executions:
    """Reads requests for cells.

    A client sends the same tools with every execute; the last few lists are remembered, and the same
    messages give the same tuple.
    """

    def __init__(self) -> None:
        self._remembered: list[tuple[list[pb.ToolDefinition], tuple[ToolDefinition, ...]]] = []

    def read(self, request: pb.ExecuteRequest) -> ExecuteRequest:
        """The request as a session takes it.

        Raises:
            RpcError: it says what it must not.
        """
        check_text(request.execution_id, "execution ID")
        check_text(request.tool_call_id, "tool call ID")
        read = ExecuteRequest(
            tool_call_id=request.tool_call_id,
            enabled_tools=self._tools(request.enabled_tools),
            source=request.source,
            yield_time_ms=request.yield_time_ms if request.HasField("yield_time_ms") else None,
            max_output_tokens=budget(request),
        )
        has_revision = request.HasField("catalog_revision")
        return with_revision(read, request.catalog_revision if has_revision else None)

    def _tools(self, messages: Sequence[pb.ToolDefinition]) -> tuple[ToolDefinition, ...]:
        for known, tools in self._remembered:
            if known == messages:
                return tools
        if len(messages) > ENABLED_TOOLS:
            raise invalid(TOO_MANY_TOOLS)
        _check_members(messages)
        tools = tuple(_definition(message) for message in messages)
        if sum(message.ByteSize() for message in messages) <= REMEMBERED_BYTES:
            self._remembered.insert(0, (list(messages), tools))
            del self._remembered[REMEMBERED_LISTS:]
        return tools


def budget(request: pb.ExecuteRequest | pb.WaitRequest) -> int | None:
    """The tokens that an observation may have."""
    if not request.HasField("max_output_tokens"):
        return None
    return min(request.max_output_tokens, NO_BUDGET)


def _definition(message: pb.ToolDefinition) -> ToolDefinition:
    check_text(message.name, "tool definition name")
    if not message.HasField("tool_name"):
        raise invalid("tool definition is missing its tool name")
    name = _tool_name(message.tool_name)
    kind = KIND_OF.get(message.kind)
    if kind is None:
        raise invalid("tool definition has an invalid kind")
    return ToolDefinition(
        name=message.name,
        tool_name=name,
        description=message.description,
        kind=kind,
        input_schema=_schema(message, "input"),
        output_schema=_schema(message, "output"),
    )


def _check_members(messages: Sequence[pb.ToolDefinition]) -> None:
    """Refuse schemas that would take far more memory than their text.

    As one text they are counted fast. One that is no JSON can spoil the count of what comes after it, but is
    refused before any of that is decoded.
    """
    schemas = [
        text for each in messages for text in (each.input_schema_json, each.output_schema_json)
    ]
    text = b"\n".join(schemas)
    if len(text) > SCHEMA_MEMBERS and has_more_members(
        text.decode("utf-8", "replace"), SCHEMA_MEMBERS
    ):
        raise invalid(TOO_MANY_MEMBERS)


def _tool_name(message: pb.ToolName) -> ToolName:
    check_text(message.name, "tool name")
    if not message.HasField("namespace"):
        return ToolName(message.name)
    if message.namespace:
        check_text(message.namespace, "tool namespace")
    return ToolName(message.name, message.namespace)


def _schema(message: pb.ToolDefinition, which: str) -> JsonValue:
    field = f"{which}_schema_json"
    if not message.HasField(field):
        return None
    try:
        return msgspec.json.decode(getattr(message, field))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise invalid(f"invalid tool {which} schema: {error}") from None
