"""What goes over the wire, as sessions speak of it: requests to messages, messages to answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Raw

from ...grpc import code_mode_pb2 as pb
from ...grpc.values import (
    BUFFERED_FOR,
    DETAIL_OF,
    KIND_OF,
    KINDS,
    MESSAGE_BYTES,
    name_message,
)
from ...protocol import messages as m
from ...protocol.frames import FrameError
from ...protocol.messages import RevisedExecuteRequest
from ...protocol.types import (
    AudioItem,
    CellId,
    ImageItem,
    LiveCell,
    MissingCell,
    Result,
    Terminated,
    TextItem,
    ToolName,
    Yielded,
)
from ..operations import UnexpectedAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from ...protocol.types import (
        ExecuteRequest,
        Item,
        RuntimeResponse,
        ToolDefinition,
        WaitOutcome,
        WaitRequest,
    )

PENDING_CALLS: Final = 4_096
"""Calls of a session that a host may have waiting for us."""

M = TypeVar("M", bound="Message")

Metadata: TypeAlias = "Iterable[tuple[str, str | bytes]] | None"


def open_message(request: m.OpenSession) -> pb.OpenSessionRequest:
    """The opening of a session. The items of its cells are cut where the model's budget is known: not there."""
    message = pb.OpenSessionRequest(max_pending_delegate_calls=PENDING_CALLS)
    limits = request.cell_execution_limits
    if limits is not None:
        message.cell_execution_limits.SetInParent()
        if limits.max_yield_time_ms is not None:
            message.cell_execution_limits.max_yield_time_ms = limits.max_yield_time_ms
        if limits.max_heap_size_bytes is not None:
            message.cell_execution_limits.max_heap_size_bytes = limits.max_heap_size_bytes
    return message


def wait_request(session_id: str, name: str, wait: WaitRequest) -> pb.WaitRequest:
    """An observation, by the name that we gave it."""
    return pb.WaitRequest(
        session_id=session_id,
        cell_id=wait.cell_id,
        wait_id=name,
        yield_time_ms=wait.yield_time_ms,
    )


def sendable(message: M) -> M:
    """``message``, if it is not too long.

    Raises:
        FrameError: it is.
    """
    size = message.ByteSize()
    if size > MESSAGE_BYTES:
        raise FrameError(f"it has {size} bytes, and a message at most {MESSAGE_BYTES}")
    return message


class ExecuteMessages:
    """Makes requests for cells. The same tools come with every one, and become messages once."""

    def __init__(self) -> None:
        self._made_of: tuple[ToolDefinition, ...] | None = None
        self._tools: list[pb.ToolDefinition] = []

    def message(
        self, session_id: str, execution_id: str, request: ExecuteRequest
    ) -> pb.ExecuteRequest:
        """The request as a host reads it."""
        if request.enabled_tools is not self._made_of:
            self._tools = [_definition(tool) for tool in request.enabled_tools]
            self._made_of = request.enabled_tools
        return pb.ExecuteRequest(
            session_id=session_id,
            execution_id=execution_id,
            tool_call_id=request.tool_call_id,
            source=request.source,
            enabled_tools=self._tools,
            yield_time_ms=request.yield_time_ms,
            max_output_tokens=request.max_output_tokens,
            catalog_revision=(
                request.catalog_revision if isinstance(request, RevisedExecuteRequest) else None
            ),
        )


def _definition(tool: ToolDefinition) -> pb.ToolDefinition:
    return pb.ToolDefinition(
        name=tool.name,
        tool_name=name_message(tool.tool_name),
        description=tool.description,
        kind=KINDS[tool.kind],
        input_schema_json=_schema(tool.input_schema),
        output_schema_json=_schema(tool.output_schema),
    )


def _schema(schema: object) -> bytes | None:
    return None if schema is None else msgspec.json.encode(schema)


def tool_call(message: pb.ToolCall) -> m.ToolInvoke:
    """A call of a tool; its argument stays JSON until somebody who knows the limits decodes it.

    Raises:
        ValueError, RecursionError: its argument is not JSON that we read.
    """
    name = message.tool_name
    argument: Any = UNSET
    if message.HasField("input_json"):
        argument = msgspec.json.decode(message.input_json, type=Raw)
    call = m.Invocation(
        cell_id=CellId(message.cell_id),
        runtime_tool_call_id=message.runtime_tool_call_id,
        tool_name=ToolName(name.name, name.namespace if name.HasField("namespace") else None),
        tool_kind=KIND_OF.get(message.tool_kind, "function"),
        input=argument,
    )
    return m.ToolInvoke(call)


def notification(message: pb.Notification) -> m.NotificationSend:
    """What a cell notifies us of."""
    return m.NotificationSend(message.call_id, CellId(message.cell_id), message.text)


def response(message: pb.ExecutionOutcome, buffered_for_ns: int = 0) -> RuntimeResponse:
    """What an observation ended with.

    Raises:
        UnexpectedAnswerError: it is of no kind that we know.
    """
    cell_id = CellId(message.cell_id)
    items = tuple(map(_item, message.content_items))
    took = message.code_mode_host_duration_ns
    match message.WhichOneof("outcome"):
        case "yielded":
            return Yielded(cell_id=cell_id, items=items, host_duration_ns=took)
        case "terminated":
            return Terminated(cell_id=cell_id, items=items, host_duration_ns=took)
        case "completed":
            done = message.completed
            return Result(
                cell_id=cell_id,
                items=items,
                error_text=done.error_text if done.HasField("error_text") else None,
                result_buffered_for_ns=buffered_for_ns,
                host_duration_ns=took,
            )
        case _:
            raise UnexpectedAnswerError("unknown kind of execution outcome")


def wait_outcome(message: pb.WaitResponse, metadata: Metadata) -> WaitOutcome:
    """The outcome of a wait or of a termination.

    Raises:
        UnexpectedAnswerError: it is of no kind that we know.
    """
    match message.WhichOneof("state"):
        case "live_cell":
            buffered = number_in(metadata, BUFFERED_FOR) or 0
            return LiveCell(response(message.live_cell, buffered))
        case "missing_cell":
            gone = response(message.missing_cell)
            if isinstance(gone, Result):
                return MissingCell(gone)
    raise UnexpectedAnswerError("unknown kind of wait outcome")


def text_in(metadata: Metadata, name: str) -> str | None:
    """The value of a header, if it is there."""
    for key, value in metadata or ():
        if key == name:
            return value if isinstance(value, str) else value.decode("ascii", "replace")
    return None


def number_in(metadata: Metadata, name: str) -> int | None:
    """The value of a header that is a number below 2**63, if it is there."""
    text = text_in(metadata, name)
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 18:
        return None
    return int(text)


def _item(item: pb.ContentItem) -> Item:
    match item.WhichOneof("item"):
        case "text":
            return TextItem(item.text.text)
        case "image":
            image = item.image
            detail = DETAIL_OF.get(image.detail) if image.HasField("detail") else None
            return ImageItem(image.image_url, detail)
        case "audio":
            return AudioItem(item.audio.audio_url)
        case _:
            raise UnexpectedAnswerError("unknown kind of output item")
