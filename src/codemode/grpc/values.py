"""What sessions speak of, as the messages of the gRPC service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..limits import MIB
from ..protocol.types import (
    AudioItem,
    ImageDetail,
    ImageItem,
    MissingCell,
    Pending,
    Result,
    RuntimeResponse,
    Terminated,
    TextItem,
    ToolKind,
    WaitOutcome,
    Yielded,
)
from . import code_mode_pb2 as pb

if TYPE_CHECKING:
    from ..protocol.types import ToolName

KINDS: Final[dict[ToolKind, pb.ToolKind]] = {
    "function": pb.TOOL_KIND_FUNCTION,
    "freeform": pb.TOOL_KIND_FREEFORM,
}

DETAILS: Final[dict[ImageDetail, pb.ImageDetail]] = {
    "auto": pb.IMAGE_DETAIL_AUTO,
    "low": pb.IMAGE_DETAIL_LOW,
    "high": pb.IMAGE_DETAIL_HIGH,
    "original": pb.IMAGE_DETAIL_ORIGINAL,
}

KIND_OF: Final = {number: kind for kind, number in KINDS.items()}
DETAIL_OF: Final = {number: detail for detail, number in DETAILS.items()}

MESSAGE_BYTES: Final = 64 * MIB
"""Longest message of a client, and longest part of one of a host."""

BESIDE_BYTES: Final = MIB
"""What a message of a host may have around its longest part."""

BUFFERED_FOR: Final = "codex-code-mode-result-buffered-for-ns"
"""Header of a response: how long the end of the cell had waited to be asked for."""

COMMIT: Final = "codemode-commit"
"""Trailer of an observation: the number of the last commit of its session before its outcome. Ours alone."""


def name_message(name: ToolName) -> pb.ToolName:
    """The name of a tool."""
    return pb.ToolName(name=name.name, namespace=name.namespace)


def item_message(item: ImageItem | AudioItem) -> pb.ContentItem:
    """One output item that is no text."""
    match item:
        case ImageItem(image_url=url, detail=detail):
            shown = None if detail is None else DETAILS[detail]
            return pb.ContentItem(image=pb.ImageContent(image_url=url, detail=shown))
        case AudioItem(audio_url=url):
            return pb.ContentItem(audio=pb.AudioContent(audio_url=url))


def fill_outcome(message: pb.ExecutionOutcome, response: RuntimeResponse) -> None:
    """Say what an observation ended with; in place, since a message put into another is copied."""
    message.cell_id = response.cell_id
    message.code_mode_host_duration_ns = response.host_duration_ns
    add = message.content_items.add
    for item in response.items:
        if isinstance(item, TextItem):
            add().text.text = item.text  # there may be many
        else:
            add().CopyFrom(item_message(item))
    match response:
        case Yielded():
            message.yielded.SetInParent()
        case Terminated():
            message.terminated.SetInParent()
        case Result(error_text=error_text):
            message.completed.SetInParent()
            if error_text is not None:
                message.completed.error_text = error_text


def wait_message(outcome: WaitOutcome) -> pb.WaitResponse:
    """The outcome of a wait or of a termination."""
    response = outcome.response
    assert not isinstance(response, Pending)  # no frontier is asked for
    message = pb.WaitResponse()
    is_missing = isinstance(outcome, MissingCell)
    fill_outcome(message.missing_cell if is_missing else message.live_cell, response)
    return message


def event_message(response: RuntimeResponse) -> pb.ExecuteEvent:
    """The outcome of an execute."""
    message = pb.ExecuteEvent()
    fill_outcome(message.outcome, response)
    return message
