"""What a cell on this machine asks of its delegate, and where the outcomes go.

What the callbacks hold is bounded: a cell that asks for more than the application keeps up with is
held back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import UNSET, Raw

from ..json_text import decoded_bytes, encode_json, memory_of
from ..protocol.session import TakesRawCalls
from ..protocol.types import ToolCall
from ..sessions.call_values import is_plain
from ..sessions.calls import CallRunner, CellCall, offers, result_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from msgspec import UnsetType

    from ..engine.events import ToolCalled
    from ..errors import ToolError
    from ..limits import Limits
    from ..loop_share import LoopShare
    from ..protocol.session import SessionDelegate
    from ..protocol.types import CellId, ToolDefinition
    from ..sessions.calls import CallFailure

HELD_BYTES: Final = 32 * 1024 * 1024
"""Arguments and texts of callbacks that have not ended; beyond, the cell is held back."""


class CellCallbacks(CallRunner):
    """Runs the callbacks of a cell on this machine.

    Args:
        settle: called with the number of a tool call and its JSON, or why it failed.
        on_room: called whenever a callback has ended: there may be room again.
    """

    def __init__(  # noqa: PLR0913 - made in one place, of what its cell has
        self,
        cell_id: CellId,
        call_id: str,
        delegate: SessionDelegate,
        limits: Limits,
        context: Context,
        share: LoopShare,
        settle: Callable[[int, str | CallFailure], None],
        on_room: Callable[[], None],
    ) -> None:
        super().__init__(cell_id, call_id, delegate, limits, context, share)
        self._settle = settle
        self._takes_raw = (
            cast("TakesRawCalls", delegate) if offers(type(delegate), TakesRawCalls) else None
        )
        self._on_room = on_room

    @property
    def full(self) -> bool:
        """Whether the cell is to be held back until some have ended."""
        many = len(self._notifications) >= max(1, self._limits.queued_notifications)
        return many or self.bytes > HELD_BYTES

    def call(self, called: ToolCalled, tool: ToolDefinition) -> None:
        """Run a tool call, or queue it."""
        if not self._is_ending:
            text = called.input_json or ""
            size = memory_of(text) + decoded_bytes(text)
            call = CellCall(called.number, lambda call: self._run_call(call, called, tool), size)
            if self._takes_raw is not None and is_plain(text, self._limits):
                call.begin = lambda call: self._begin_raw(call, called, tool)
            self.add_call(call, call_name(called.number), tool.tool_name)

    def notify(self, text: str) -> None:
        """Deliver a notification, or queue it."""
        if not self._is_ending:
            call = CellCall(
                0, lambda call: self.deliver(self._call_id, text, call), memory_of(text)
            )
            self.add(self._notifications, call)

    def say_yielded(self) -> None:
        """An observer has been answered with a yield: a call that begins now comes behind that answer."""
        if self._takes_raw is not None:
            self._takes_raw.cell_yielded(self.cell_id)

    def hold_calls(self, held: bool) -> None:  # noqa: FBT001 - the one thing it says
        """Begin no tool call while ``held``: their results could not be delivered."""
        self._tool_calls.is_held = held
        self._begin_next(self._tool_calls)

    def on_left(self, call: CellCall) -> None:
        del call
        self._on_room()

    def _begin_raw(self, call: CellCall, called: ToolCalled, tool: ToolDefinition) -> bool:
        """Begin a call that stays JSON from the program to the delegate and back; whether it has begun."""
        assert self._takes_raw is not None

        def end(result: Raw | ToolError) -> None:
            self._settle(called.number, result_now(result, tool.name, self._limits, _encode_part))
            self._leave(call)

        argument = UNSET if called.input_json is None else Raw(called.input_json.encode())
        asked = self._asked(called, tool, argument)
        call.take_back = self._takes_raw.begin_tool(asked, end)
        return call.take_back is not None

    async def _run_call(self, call: CellCall, called: ToolCalled, tool: ToolDefinition) -> None:
        asked = self._asked(called, tool)
        outcome = await self.invoke(call, asked, tool, called.input_json, _encode_part)
        self._settle(called.number, outcome)

    def _asked(
        self, called: ToolCalled, tool: ToolDefinition, argument: Raw | UnsetType = UNSET
    ) -> ToolCall:
        return ToolCall(
            cell_id=self.cell_id,
            runtime_tool_call_id=call_name(called.number),
            tool_name=tool.tool_name,
            tool_kind=tool.kind,
            input=argument,
            line=called.line or None,
            column=called.column or None,
        )


def call_name(number: int) -> str:
    """The id of a tool call within its cell."""
    return f"tool-{number}"


def _encode_part(value: Any, _: int) -> str:
    return encode_json(value)
