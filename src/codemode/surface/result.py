"""What a model gets for one ``exec`` or ``wait``, in no interface's form and in each one's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..protocol.types import CellId, ImageItem, Item, Result, TextItem
from . import anthropic, mcp, openai, output

if TYPE_CHECKING:
    from ..protocol.types import RuntimeResponse
    from .nested_call import NestedCall

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
    """

    status: Status
    items: tuple[Item, ...]
    cell_id: CellId | None = None
    response: RuntimeResponse | None = None
    calls: tuple[NestedCall, ...] = ()
    waiting_for: tuple[NestedCall, ...] = ()

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

    def openai_output(self, call: Mapping[str, Any], *, audio: bool = False) -> openai.CallOutput:
        """The item that answers ``call`` in the OpenAI Responses API, images included.

        Args:
            call: the model's ``custom_tool_call`` or ``function_call`` item.
            audio: pass sounds on as ``input_audio``, for a model that hears; else a text tells
                of them, as the interface refuses what it does not know.

        Raises:
            UsageError: ``call`` is no such item.
        """
        return openai.call_output(call, self.items, audio=audio)

    def chat_message(self, tool_call_id: str) -> openai.ToolMessage:
        """The message that answers a call in OpenAI's Chat Completions and what follows them.

        It carries text only: a line tells of each image and sound.
        """
        return openai.tool_message(tool_call_id, self.items)

    def anthropic_result(self, tool_use_id: str) -> anthropic.ToolResult:
        """The block that answers a ``tool_use`` block of the Anthropic Messages API.

        Images are included; a text tells of sounds, for which there is no block.
        """
        return anthropic.tool_result(tool_use_id, self.items, is_error=self.failed)

    def mcp_result(self) -> mcp.CallToolResult:
        """The result of an MCP ``tools/call``, images and sounds included."""
        return mcp.call_tool_result(self.items, is_error=self.failed)
