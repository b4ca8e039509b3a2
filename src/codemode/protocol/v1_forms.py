"""The forms of V1 messages that are decoded or written in another shape than the types of sessions.

A host decodes strictly, at every level, and reads the list of tools apart; a client leaves the argument of a tool call
as JSON, and writes of a tool only what a host reads.
"""

from __future__ import annotations

from msgspec import UNSET, Raw, Struct

from . import messages as m
from .types import CellId, JsonValue, ToolDefinition, ToolKind, ToolName

# ── requests as the host first reads them: strict inside too, the tools still as text ────────────


class PlainObject(Struct, frozen=True, forbid_unknown_fields=True):
    """An object whose members are spelled as in Python."""


class ToolNameRead(PlainObject, frozen=True):
    """The name of a tool, with its namespace if it has one."""

    name: str
    namespace: str | None = None


class ToolRead(PlainObject, frozen=True):
    """One of the tools of an execute."""

    name: str
    tool_name: ToolNameRead
    description: str
    kind: ToolKind
    input_schema: JsonValue = None
    output_schema: JsonValue = None

    def definition(self) -> ToolDefinition:
        """Return the tool as sessions know it."""
        return ToolDefinition(
            name=self.name,
            tool_name=ToolName(self.tool_name.name, self.tool_name.namespace),
            description=self.description,
            kind=self.kind,
            input_schema=self.input_schema,
            output_schema=self.output_schema,
        )


class ExecuteBodyRead(PlainObject, frozen=True):
    """The request of an execute; the list of tools is decoded apart, and remembered."""

    tool_call_id: str
    enabled_tools: Raw
    source: str
    yield_time_ms: m.Unsigned | None = None
    max_output_tokens: m.Int32 | None = None
    catalog_revision: m.Unsigned | None = None


class ExecuteRead(m.OfSession, frozen=True, tag="session/execute"):
    """``session/execute``."""

    request: ExecuteBodyRead


class WaitBodyRead(PlainObject, frozen=True):
    """The request of a wait."""

    cell_id: str
    yield_time_ms: m.Unsigned


class WaitRead(m.OfSession, frozen=True, tag="session/wait"):
    """``session/wait``."""

    request: WaitBodyRead
    max_output_tokens: m.Unsigned | None = None


class RequestRead(m.Strict, frozen=True, tag="operation/request"):
    """Any ``operation/request``."""

    id: m.Int64
    request: m.OpenSession | m.Restore | ExecuteRead | WaitRead | m.Terminate | m.Shutdown


class ToolResultRead(m.Strict, frozen=True, tag="tool/result"):
    """The result of a tool call, of which the JSON is passed through."""

    result: Raw


class DelegateOkRead(m.Strict, frozen=True, tag_field="status", tag="ok"):
    """A callback that succeeded."""

    value: ToolResultRead | m.NotificationDelivered


class DelegateResponseRead(m.Strict, frozen=True, tag="delegate/response"):
    """``delegate/response``."""

    id: m.Int64
    result: DelegateOkRead | m.DelegateFailed


# ── callbacks as the client first reads them: an argument may be anything, and stays text ─────────


class InvocationRead(Struct, frozen=True):
    """A tool call of a cell."""

    cell_id: CellId
    runtime_tool_call_id: str
    tool_name: ToolName
    tool_kind: ToolKind = "function"
    input: Raw = Raw()

    def invocation(self) -> m.Invocation:
        """Return the call with its argument still as JSON."""
        return m.Invocation(
            cell_id=self.cell_id,
            runtime_tool_call_id=self.runtime_tool_call_id,
            tool_name=self.tool_name,
            tool_kind=self.tool_kind,
            # A host writes null where the script passed no argument, and reads it as none.
            input=UNSET if bytes(self.input) in (b"", b"null") else self.input.copy(),
        )


class InvokeRead(Struct, frozen=True, rename="camel", tag="tool/invoke"):
    """``tool/invoke``."""

    invocation: InvocationRead


class DelegateRequestRead(Struct, frozen=True, rename="camel", tag="delegate/request"):
    """``delegate/request``."""

    id: int
    session_id: str
    request: InvokeRead | m.NotificationSend

    def message(self) -> m.DelegateRequest:
        """Return the message."""
        request: m.ToolInvoke | m.NotificationSend
        if isinstance(self.request, InvokeRead):
            request = m.ToolInvoke(self.request.invocation.invocation())
        else:
            request = self.request
        return m.DelegateRequest(self.id, self.session_id, request)


# ── requests as a client writes them: of a tool only what a host reads ────────────────────────────


class ToolSent(Struct, frozen=True):
    """One of the tools of an execute, without what only the client uses."""

    name: str
    tool_name: ToolName
    description: str
    kind: ToolKind
    input_schema: JsonValue
    output_schema: JsonValue


class ExecuteBodySent(Struct, frozen=True):
    """The request of an execute to a host that knows no catalogue revisions."""

    tool_call_id: str
    enabled_tools: tuple[ToolSent, ...]
    source: str
    yield_time_ms: int | None
    max_output_tokens: int | None


class RevisedExecuteBodySent(ExecuteBodySent, frozen=True):
    """The same for a host that keeps tools by their revision."""

    catalog_revision: int


class ExecuteSent(m.OfSession, frozen=True, tag="session/execute"):
    """``session/execute``."""

    request: ExecuteBodySent | RevisedExecuteBodySent


class RequestSent(m.Strict, frozen=True, tag="operation/request"):
    """An ``operation/request`` with an execute."""

    id: int
    request: ExecuteSent


def request_sent(number: int, execute: m.Execute) -> RequestSent:
    """Return the form in which request ``number`` is written."""
    asked = execute.request
    tools = tuple(
        ToolSent(
            tool.name,
            tool.tool_name,
            tool.description,
            tool.kind,
            tool.input_schema,
            tool.output_schema,
        )
        for tool in asked.enabled_tools
    )
    fields = (
        asked.tool_call_id,
        tools,
        asked.source,
        asked.yield_time_ms,
        asked.max_output_tokens,
    )
    request = (
        RevisedExecuteBodySent(*fields, asked.catalog_revision)
        if isinstance(asked, m.RevisedExecuteRequest)
        else ExecuteBodySent(*fields)
    )
    return RequestSent(number, ExecuteSent(execute.session_id, request))
