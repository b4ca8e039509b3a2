"""V1 messages as frames, and the values of sessions in the dress of V1.

A host reads strictly (:class:`ClientMessages`): what it does not know, at any level, it refuses.
A client reads tolerantly (:class:`HostMessages`). Both write the same bytes for the same message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec
from msgspec import UNSET, Raw, Struct

from ..limits import MIB
from . import messages as m
from .frames import (
    LENGTH_BYTES,
    MAX_FRAME_BYTES,
    FrameUndecodableError,
    FrameUnencodableError,
    seal,
)
from .types import (
    CellId,
    ExecuteRequest,
    JsonValue,
    LiveCell,
    MissingCell,
    Result,
    RuntimeResponse,
    Terminated,
    ToolCall,
    ToolDefinition,
    ToolKind,
    ToolName,
    WaitOutcome,
    WaitRequest,
    Yielded,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PART_BYTES: Final = 16 * MIB
"""A part of stored values on their way; one value alone may be larger."""

REMEMBERED_LISTS: Final = 4
REMEMBERED_BYTES: Final = 4 * MIB
"""How many lists of tools a host keeps as it has read them, and how long each may be on the wire: they outlive
their session."""

# ── requests as the host first reads them: strict inside too, the tools still as text ────────────


class _Plain(Struct, frozen=True, forbid_unknown_fields=True):
    """An object whose members are spelled as in Python."""


class _ToolNameRead(_Plain, frozen=True):
    name: str
    namespace: str | None = None


class _ToolRead(_Plain, frozen=True):
    name: str
    tool_name: _ToolNameRead
    description: str
    kind: ToolKind
    input_schema: JsonValue = None
    output_schema: JsonValue = None

    def definition(self) -> ToolDefinition:
        return ToolDefinition(
            name=self.name,
            tool_name=ToolName(self.tool_name.name, self.tool_name.namespace),
            description=self.description,
            kind=self.kind,
            input_schema=self.input_schema,
            output_schema=self.output_schema,
        )


class _ExecuteRead(_Plain, frozen=True):
    tool_call_id: str
    enabled_tools: Raw
    source: str
    yield_time_ms: m.Unsigned | None = None
    max_output_tokens: m.Int32 | None = None
    catalog_revision: m.Unsigned | None = None


class _ExecuteAsked(m.OfSession, frozen=True, tag="session/execute"):
    request: _ExecuteRead


class _WaitRead(_Plain, frozen=True):
    cell_id: str
    yield_time_ms: m.Unsigned


class _WaitAsked(m.OfSession, frozen=True, tag="session/wait"):
    request: _WaitRead
    max_output_tokens: m.Unsigned | None = None


class _Asked(m.Strict, frozen=True, tag="operation/request"):
    id: m.Int64
    request: m.OpenSession | m.Restore | _ExecuteAsked | _WaitAsked | m.Terminate | m.Shutdown


class _ToolResultRead(m.Strict, frozen=True, tag="tool/result"):
    result: Raw


class _DelegateOkRead(m.Strict, frozen=True, tag_field="status", tag="ok"):
    value: _ToolResultRead | m.NotificationDelivered


class _DelegateAnswered(m.Strict, frozen=True, tag="delegate/response"):
    id: m.Int64
    result: _DelegateOkRead | m.DelegateFailed


# ── callbacks as the client first reads them: an argument may be anything, and stays text ─────────


class _CallRead(Struct, frozen=True):
    cell_id: CellId
    runtime_tool_call_id: str
    tool_name: ToolName
    tool_kind: ToolKind = "function"
    input: Raw = Raw()

    def invocation(self) -> m.Invocation:
        return m.Invocation(
            cell_id=self.cell_id,
            runtime_tool_call_id=self.runtime_tool_call_id,
            tool_name=self.tool_name,
            tool_kind=self.tool_kind,
            # A host writes null where the script passed no argument, and reads it as none.
            input=UNSET if bytes(self.input) in (b"", b"null") else self.input.copy(),
        )


class _InvokeRead(Struct, frozen=True, rename="camel", tag="tool/invoke"):
    invocation: _CallRead


class _DelegateAsked(Struct, frozen=True, rename="camel", tag="delegate/request"):
    id: int
    session_id: str
    request: _InvokeRead | m.NotificationSend

    def message(self) -> m.DelegateRequest:
        request: m.ToolInvoke | m.NotificationSend
        if isinstance(self.request, _InvokeRead):
            request = m.ToolInvoke(self.request.invocation.invocation())
        else:
            request = self.request
        return m.DelegateRequest(self.id, self.session_id, request)


# ── executes as a client writes them: of a tool only what a host reads ────────────────────────────


class _ToolSent(Struct, frozen=True):
    name: str
    tool_name: ToolName
    description: str
    kind: ToolKind
    input_schema: JsonValue
    output_schema: JsonValue


class _ExecutionSent(Struct, frozen=True):
    tool_call_id: str
    enabled_tools: tuple[_ToolSent, ...]
    source: str
    yield_time_ms: int | None
    max_output_tokens: int | None


class _RevisedExecutionSent(_ExecutionSent, frozen=True):
    catalog_revision: int


class _ExecuteSent(m.OfSession, frozen=True, tag="session/execute"):
    request: _ExecutionSent | _RevisedExecutionSent


class _Sent(m.Strict, frozen=True, tag="operation/request"):
    id: int
    request: _ExecuteSent


def _sent(number: int, execute: m.Execute) -> _Sent:
    asked = execute.request
    tools = tuple(
        _ToolSent(
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
        _RevisedExecutionSent(*fields, asked.catalog_revision)
        if isinstance(asked, m.RevisedExecuteRequest)
        else _ExecutionSent(*fields)
    )
    return _Sent(number, _ExecuteSent(execute.session_id, request))


# ── payloads ─────────────────────────────────────────────────────────────────────────────────────

_encoder: Final = msgspec.json.Encoder()


def encode(message: m.ClientMessage | m.HostMessage, max_bytes: int = MAX_FRAME_BYTES) -> bytearray:
    """A message as one whole frame.

    Raises:
        FrameTooLargeError: it does not fit into a frame.
        FrameUnencodableError: it holds what JSON cannot say.
    """
    frame = bytearray(LENGTH_BYTES)
    written: Struct = message
    if isinstance(message, m.Request) and isinstance(message.request, m.Execute):
        written = _sent(message.id, message.request)
    try:
        _encoder.encode_into(written, frame, LENGTH_BYTES)
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameUnencodableError(str(error)) from error
    seal(frame, max_bytes)
    return frame


class ClientMessages:
    """Payloads of a client as messages, strictly.

    A client sends the same tools with every execute; the last few lists are remembered, and the
    same text gives the same tuple.
    """

    _message: ClassVar = msgspec.json.Decoder(
        m.Hello | _Asked | m.Cancel | m.Yield | _DelegateAnswered
    )
    _tool_list: ClassVar = msgspec.json.Decoder(tuple[_ToolRead, ...])

    def __init__(self) -> None:
        self._remembered: list[tuple[bytes, tuple[ToolDefinition, ...]]] = []

    def decode(self, payload: bytes) -> m.ClientMessage:
        """One message.

        Raises:
            FrameUndecodableError: this is none.
        """
        try:
            message = self._message.decode(payload)
            if _says_twice(payload, message):
                raise FrameUndecodableError("duplicate field")
            return self._dressed(message)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise FrameUndecodableError(_detail(error)) from error

    def _dressed(
        self, message: m.Hello | _Asked | m.Cancel | m.Yield | _DelegateAnswered
    ) -> m.ClientMessage:
        match message:
            case _Asked(id=number, request=request):
                return m.Request(number, self._request(request))
            case _DelegateAnswered(id=number, result=result):
                return m.DelegateResponse(number, _answer(result))
            case _:
                return message

    def _request(
        self,
        asked: m.OpenSession | m.Restore | _ExecuteAsked | _WaitAsked | m.Terminate | m.Shutdown,
    ) -> m.HostRequest:
        match asked:
            case _ExecuteAsked(session_id=session_id, request=read):
                # msgspec bounds no integer above 2**63 - 1.
                if read.catalog_revision is not None and read.catalog_revision >= 2**64:
                    raise FrameUndecodableError("invalid type: map, expected u64")
                request = ExecuteRequest(
                    tool_call_id=read.tool_call_id,
                    enabled_tools=self._tools(bytes(read.enabled_tools)),
                    source=read.source,
                    yield_time_ms=read.yield_time_ms,
                    max_output_tokens=read.max_output_tokens,
                )
                return m.Execute(session_id, m.with_revision(request, read.catalog_revision))
            case _WaitAsked(session_id=session_id, request=read, max_output_tokens=tokens):
                wait = WaitRequest(cell_id=CellId(read.cell_id), yield_time_ms=read.yield_time_ms)
                return m.Wait(session_id, wait, tokens)
            case _:
                return asked

    def _tools(self, text: bytes) -> tuple[ToolDefinition, ...]:
        for known, tools in self._remembered:
            if known == text:
                return tools
        tools = tuple(tool.definition() for tool in self._tool_list.decode(text))
        if len(text) <= REMEMBERED_BYTES:
            self._remembered.insert(0, (text, tools))
            del self._remembered[REMEMBERED_LISTS:]
        return tools


class HostMessages:
    """Payloads of a host as messages, tolerantly.

    The argument of a tool call stays JSON, as ``Raw``: the program chooses it, and a reader that knows
    its limits decodes it.
    """

    _message: ClassVar = msgspec.json.Decoder(
        m.Ready
        | m.Rejected
        | m.OperationResponse
        | m.InitialResponse
        | _DelegateAsked
        | m.DelegateCancel
        | m.CellClosed
        | m.SessionStored
    )

    def decode(self, payload: bytes) -> m.HostMessage:
        """One message.

        Raises:
            FrameUndecodableError: this is none.
        """
        try:
            message: m.HostMessage | _DelegateAsked = self._message.decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise FrameUndecodableError(_detail(error)) from error
        return message.message() if isinstance(message, _DelegateAsked) else message


# ── values of the session in wire dress, and back ────────────────────────────────────────────────


def wire_response(response: RuntimeResponse) -> m.Response:
    """A response in the form of V1."""
    cell_id, items, took = response.cell_id, response.items, response.host_duration_ns
    match response:
        case Result(error_text=error_text, result_buffered_for_ns=buffered):
            return m.Response(result=m.ResultBody(cell_id, items, error_text, buffered, took))
        case Yielded():
            return m.Response(yielded=m.ProgressBody(cell_id, items, took))
        case Terminated():
            return m.Response(terminated=m.ProgressBody(cell_id, items, took))


def wire_outcome(outcome: WaitOutcome) -> m.Outcome:
    """The outcome of a wait in the form of V1."""
    response = outcome.response
    assert isinstance(response, Yielded | Result | Terminated)  # no frontier is asked for
    if isinstance(outcome, MissingCell):
        return m.Outcome(missing_cell=wire_response(response))
    return m.Outcome(live_cell=wire_response(response))


def session_response(response: m.Response) -> RuntimeResponse:
    """A response in the form of sessions.

    Raises:
        FrameUndecodableError: it is of no kind that we know.
    """
    if body := response.result:
        return Result(
            cell_id=body.cell_id,
            items=body.content_items,
            error_text=body.error_text,
            result_buffered_for_ns=body.result_buffered_for_ns,
            host_duration_ns=body.code_mode_host_duration_ns,
        )
    for kind, progress in ((Yielded, response.yielded), (Terminated, response.terminated)):
        if progress:
            return kind(
                cell_id=progress.cell_id,
                items=progress.content_items,
                host_duration_ns=progress.code_mode_host_duration_ns,
            )
    raise FrameUndecodableError("unknown kind of runtime response")


def session_outcome(outcome: m.Outcome) -> WaitOutcome:
    """The outcome of a wait in the form of sessions.

    Raises:
        FrameUndecodableError: it is of no kind that we know.
    """
    if outcome.live_cell:
        return LiveCell(session_response(outcome.live_cell))
    if outcome.missing_cell:
        response = session_response(outcome.missing_cell)
        if isinstance(response, Result):
            return MissingCell(response)
    raise FrameUndecodableError("unknown kind of wait outcome")


def wire_call(call: ToolCall) -> m.ToolInvoke:
    """A tool call in the form of V1: a missing argument is null."""
    argument = None if call.input is UNSET else call.input
    name, kind = call.tool_name, call.tool_kind
    return m.ToolInvoke(m.Invocation(call.cell_id, call.runtime_tool_call_id, name, kind, argument))


_FIELDS: Final = {
    m.Hello: 4,
    m.Cancel: 2,
    m.Yield: 2,
    m.OpenSession: 9,
    _ExecuteAsked: 12,
    _WaitAsked: 9,
    m.Terminate: 7,
    m.Shutdown: 5,
    m.DelegateFailed: 5,
}
"""How many fields a message has at most, at all levels together, without values of any shape."""


def _says_twice(
    payload: bytes, message: m.Hello | _Asked | m.Cancel | m.Yield | _DelegateAnswered
) -> bool:
    """Whether ``payload`` has more fields than ``message`` can have."""
    match message:
        case _Asked(request=m.Restore()):
            return False  # its keys are values; the last of two counts, as in any map
        case _DelegateAnswered(result=_DelegateOkRead(value=m.NotificationDelivered())):
            return False  # a receipt may say more than is known
        case _Asked(request=_ExecuteAsked(request=read)):
            allowed, any_shape = _FIELDS[_ExecuteAsked], bytes(read.enabled_tools)
        case _Asked(request=request):
            allowed, any_shape = _FIELDS[type(request)], b""
        case _DelegateAnswered(result=_DelegateOkRead(value=_ToolResultRead(result=raw))):
            allowed, any_shape = 7, bytes(raw)
        case _DelegateAnswered():
            allowed, any_shape = _FIELDS[m.DelegateFailed], b""
        case _:
            allowed, any_shape = _FIELDS[type(message)], b""
    # The first count is the quicker one, and enough for nearly every message.
    return all(count(payload) - count(any_shape) > allowed for count in (_colons, _fields))


def _colons(text: bytes) -> int:
    """How many colons stand right behind a quote in JSON text: at least one for each field.

    In a string such a quote is escaped. White space before the colon hides a field, never makes one.
    """
    return text.count(b'":') - text.count(b'\\":')


def _fields(text: bytes) -> int:
    """The same without the strings that begin with a colon: what opens them follows one of these."""
    opened = sum(text.count(before + b'":') for before in _BEFORE_A_STRING)
    return _colons(text) - opened - text.startswith(b'":')


_BEFORE_A_STRING: Final = (b":", b",", b"[", b"{", b" ", b"\t", b"\n", b"\r")


def _answer(result: _DelegateOkRead | m.DelegateFailed) -> m.DelegateOk | m.DelegateFailed:
    if isinstance(result, m.DelegateFailed):
        return result
    if isinstance(result.value, m.NotificationDelivered):
        return m.DelegateOk(result.value)
    text = bytes(result.value.result)
    text.decode()  # the only part of a frame that is not validated yet
    return m.DelegateOk(m.ToolResult(Raw(text)))


_REWORDED: Final = (
    (re.compile(r"Object contains unknown field `"), "unknown field `"),
    (re.compile(r"Object missing required field `"), "missing field `"),
    (re.compile(r"Invalid (?:enum )?value '(.*)'(?= - at|$)"), r"unknown variant `\1`"),
    (re.compile(r"Expected `(\w+)(?: null)?`, got `(\w+)`"), r"invalid type: \2, expected \1"),
    (re.compile(r"Input data was truncated"), "EOF while parsing a value"),
    (re.compile(r" - at `(\$?[^`]*)`$"), r" at \1"),
)


def _detail(error: Exception) -> str:
    """Why a payload is no message, in the words that clients of the reference know."""
    text = str(error)
    for pattern, words in _REWORDED:
        text = pattern.sub(words, text, count=1)
    return text


def in_parts(values: Iterable[tuple[str, bytes]]) -> Iterator[dict[str, Raw]]:
    """Stored values as JSON by key, in parts that fit into a frame."""
    part: dict[str, Raw] = {}
    size = 0
    for key, value in values:
        if part and size + len(value) > PART_BYTES:
            yield part
            part, size = {}, 0
        part[key] = Raw(value)
        size += len(value)
    if part:
        yield part
