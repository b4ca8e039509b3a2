"""What a model gets for one ``exec`` or ``wait``, in no interface's form and in each one's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..protocol.types import CellId, ImageItem, Item, Result, TextItem
from . import anthropic, display, mcp, openai, output
from .parts import Part, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anthropic.types import ToolResultBlockParam
    from openai.types.chat import ChatCompletionToolMessageParam
    from rich.console import RenderableType

    from ..protocol.types import Pending, RuntimeResponse
    from .model_call import ModelCall
    from .nested_call import NestedCall

    Answer: TypeAlias = openai.CallOutput | ChatCompletionToolMessageParam | ToolResultBlockParam

Status: TypeAlias = output.Status | Literal["refused"]


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a model gets for one ``exec`` or ``wait``.

    Attributes:
        status: ``running`` if the cell goes on; ``refused`` if the request itself was at fault
            and no cell was touched; else how the cell ended.
        items: the header and the output since the last result, truncated; the error last.
        cell_id: the cell, or None if there is none.
        response: the whole response behind it, untruncated; None if refused.
        calls: the nested calls that have ended since the last result, in the order of their ends.
        waiting_for: the nested calls that run, if the cell goes on; empty if it only computes or
            waits for a timer.
        limit: the name of the limit that ended the cell or refused the request, if one did.
        worker_lost: whether the cell ended with its worker or host, and by no limit.
    """

    status: Status
    items: tuple[Item, ...]
    cell_id: CellId | None = None
    response: RuntimeResponse | Pending | None = None
    calls: tuple[NestedCall, ...] = ()
    waiting_for: tuple[NestedCall, ...] = ()
    limit: str | None = None
    worker_lost: bool = False

    @property
    def text(self) -> str:
        """The text items, header included, joined by newlines."""
        return output.joined(item.text for item in self.items if isinstance(item, TextItem))

    @property
    def output(self) -> str:
        """What the program itself wrote since the last result: texts only, joined by newlines.

        Whole, whatever the budget, and without the header and the error: for the application.
        """
        items = () if self.response is None else self.response.items
        return "\n".join(item.text for item in items if isinstance(item, TextItem))

    @property
    def images(self) -> tuple[ImageItem, ...]:
        """The image items."""
        return tuple(item for item in self.items if isinstance(item, ImageItem))

    def parts(self) -> tuple[Part, ...]:
        """The items, header included, as texts and as bytes with a MIME type.

        For interfaces that take media as bytes; a text tells of an item that holds no data.
        """
        return parts_of(self.items)

    @property
    def running(self) -> bool:
        """Whether the cell goes on: call ``wait`` with ``cell_id``."""
        return self.status == "running"

    @property
    def failed(self) -> bool:
        """Whether the model should read this as an error."""
        return self.status in ("failed", "refused")

    @property
    def error_text(self) -> str | None:
        """Why the program failed or the request was refused, or None."""
        if self.status == "refused":
            return self.text
        return self.response.error_text if isinstance(self.response, Result) else None

    def openai_output(
        self, call: openai.ResponsesCall | Mapping[str, Any], *, audio: bool = False
    ) -> openai.CallOutput:
        """The item that answers ``call`` in the OpenAI Responses API, images included.

        Args:
            call: the model's ``custom_tool_call`` or ``function_call``, as an object of the
                ``openai`` package or a dictionary.
            audio: pass sounds on as ``input_audio``, for a model that takes audio; else a text tells
                of them, as the interface refuses what it does not know.

        Raises:
            UsageError: ``call`` is no such item.
        """
        return openai.call_output(call, self.items, audio=audio)

    def chat_message(
        self, call: openai.ChatCall | Mapping[str, Any] | str
    ) -> ChatCompletionToolMessageParam:
        """The message that answers a call in OpenAI's Chat Completions and what follows them.

        It carries text only: a line tells of each image and sound.

        Args:
            call: the model's call, as an object or a dictionary, or its id.

        Raises:
            UsageError: ``call`` is neither.
        """
        return openai.tool_message(call, self.items)

    def anthropic_result(
        self, call: anthropic.ToolUse | Mapping[str, Any] | str
    ) -> ToolResultBlockParam:
        """The block that answers a ``tool_use`` block of the Anthropic Messages API.

        Images are included; a text tells of sounds, for which there is no block.

        Args:
            call: the block, as an object of the ``anthropic`` package or a dictionary, or its id.

        Raises:
            UsageError: ``call`` is neither.
        """
        return anthropic.tool_result(call, self.items, is_error=self.failed)

    def answer_to(self, call: ModelCall, *, audio: bool = False) -> Answer:
        """What goes back for ``call``, in the form of its interface.

        Args:
            call: the model's call, as it was read.
            audio: as for :meth:`openai_output`.
        """
        if call.kind in ("custom_tool_call", "function_call"):
            said = {"type": call.kind, "call_id": call.call_id}
            return openai.call_output(said, self.items, audio=audio)
        if call.kind == "tool_use":
            return self.anthropic_result(call.call_id)
        return self.chat_message(call.call_id)

    def mcp_result(self) -> mcp.CallToolResult:
        """The result of an MCP ``tools/call``, images and sounds included."""
        return mcp.call_tool_result(self.items, is_error=self.failed)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What a notebook shows: text, images and sounds."""
        del include, exclude  # the notebook chooses
        return display.mime_bundle(self.items)

    def __rich__(self) -> RenderableType:
        """What rich draws."""
        colours = {"completed": "green", "running": "yellow", "terminated": "yellow"}
        calls = (*self.calls, *self.waiting_for)
        return display.renderable(self.items, calls, colour=colours.get(self.status, "red"))
