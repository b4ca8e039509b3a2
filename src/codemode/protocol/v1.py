"""V1 messages as frames, and the values of sessions in the dress of V1.

A host reads strictly (:class:`ClientMessages`): what it does not know, at any level, it refuses.
A client reads tolerantly (:class:`HostMessages`). Both write the same bytes for the same message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import msgspec
from msgspec import UNSET, Raw, Struct

from ..lazy_pattern import lazy_pattern
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
    LiveCell,
    MissingCell,
    Result,
    RuntimeResponse,
    Terminated,
    ToolCall,
    ToolDefinition,
    WaitOutcome,
    WaitRequest,
    Yielded,
)
from .v1_forms import (
    DelegateOkRead,
    DelegateRequestRead,
    DelegateResponseRead,
    ExecuteRead,
    RequestRead,
    ToolRead,
    ToolResultRead,
    WaitRead,
    request_sent,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PART_BYTES: Final = 16 * MIB
"""A part of stored values on their way; one value alone may be larger."""

REMEMBERED_LISTS: Final = 4
REMEMBERED_BYTES: Final = 4 * MIB
"""How many lists of tools a host keeps as it has read them, and how long each may be on the wire: they outlive
their session."""

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
        written = request_sent(message.id, message.request)
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
        m.Hello | RequestRead | m.Cancel | m.Yield | DelegateResponseRead
    )
    _tool_list: ClassVar = msgspec.json.Decoder(tuple[ToolRead, ...])

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
        self, message: m.Hello | RequestRead | m.Cancel | m.Yield | DelegateResponseRead
    ) -> m.ClientMessage:
        match message:
            case RequestRead(id=number, request=request):
                return m.Request(number, self._request(request))
            case DelegateResponseRead(id=number, result=result):
                return m.DelegateResponse(number, _answer(result))
            case _:
                return message

    def _request(
        self,
        asked: m.OpenSession | m.Restore | ExecuteRead | WaitRead | m.Terminate | m.Shutdown,
    ) -> m.HostRequest:
        match asked:
            case ExecuteRead(session_id=session_id, request=read):
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
            case WaitRead(session_id=session_id, request=read, max_output_tokens=tokens):
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
        | DelegateRequestRead
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
            message: m.HostMessage | DelegateRequestRead = self._message.decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise FrameUndecodableError(_detail(error)) from error
        return message.message() if isinstance(message, DelegateRequestRead) else message


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


FOUND_BY: Final = 256
"""Bytes of a long array by which it is looked for."""

_FIELDS: Final = {
    m.Hello: 4,
    m.Cancel: 2,
    m.Yield: 2,
    m.OpenSession: 9,
    ExecuteRead: 12,
    WaitRead: 9,
    m.Terminate: 7,
    m.Shutdown: 5,
    m.DelegateFailed: 5,
}
"""How many fields a message has at most, at all levels together, without values of any shape."""


def _says_twice(
    payload: bytes, message: m.Hello | RequestRead | m.Cancel | m.Yield | DelegateResponseRead
) -> bool:
    """Whether ``payload`` has more fields than ``message`` can have."""
    match message:
        case RequestRead(request=m.Restore()):
            return False  # its keys are values; the last of two counts, as in any map
        case DelegateResponseRead(result=DelegateOkRead(value=m.NotificationDelivered())):
            return False  # a receipt may say more than is known
        case RequestRead(request=ExecuteRead(request=read)):
            allowed, any_shape = _FIELDS[ExecuteRead], bytes(read.enabled_tools)
            payload, any_shape = _without(payload, any_shape)
        case RequestRead(request=request):
            allowed, any_shape = _FIELDS[type(request)], b""
        case DelegateResponseRead(result=DelegateOkRead(value=ToolResultRead(result=raw))):
            allowed, any_shape = 7, bytes(raw)
        case DelegateResponseRead():
            allowed, any_shape = _FIELDS[m.DelegateFailed], b""
        case _:
            allowed, any_shape = _FIELDS[type(message)], b""
    # The first count is the quicker one, and enough for nearly every message.
    return all(count(payload) - count(any_shape) > allowed for count in (_colons, _fields))


def _without(payload: bytes, array: bytes) -> tuple[bytes, bytes]:
    """``payload`` with an empty array in place of ``array``, which it has in it, and what is left of that to count.

    The tools of a cell are most of its request: to find them is quicker than to count in them.
    """
    at = payload.find(array[:FOUND_BY])
    if len(array) <= FOUND_BY or not payload.startswith(array, at):
        return payload, array
    return b"%b[]%b" % (payload[:at], payload[at + len(array) :]), b""


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


def _answer(result: DelegateOkRead | m.DelegateFailed) -> m.DelegateOk | m.DelegateFailed:
    if isinstance(result, m.DelegateFailed):
        return result
    if isinstance(result.value, m.NotificationDelivered):
        return m.DelegateOk(result.value)
    text = bytes(result.value.result)
    text.decode()  # the only part of a frame that is not validated yet
    return m.DelegateOk(m.ToolResult(Raw(text)))


_REWORDED: Final = (
    (lazy_pattern(r"Object contains unknown field `"), "unknown field `"),
    (lazy_pattern(r"Object missing required field `"), "missing field `"),
    (lazy_pattern(r"Invalid (?:enum )?value '(.*)'(?= - at|$)"), r"unknown variant `\1`"),
    (lazy_pattern(r"Expected `(\w+)(?: null)?`, got `(\w+)`"), r"invalid type: \2, expected \1"),
    (lazy_pattern(r"Input data was truncated"), "EOF while parsing a value"),
    (lazy_pattern(r" - at `(\$?[^`]*)`$"), r" at \1"),
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
