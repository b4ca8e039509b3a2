"""What one cell at a host asks of our delegate, and how the host is answered."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Raw

from ..protocol import messages as m
from ..protocol.types import ToolCall
from ..sessions.calls import CANCELLED_CALL, CallFailure, CallRunner, CellCall
from ..surface.text import well_formed
from .outgoing import json_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Context

    from ..limits import Limits
    from ..loop_share import LoopShare
    from ..protocol.session import SessionDelegate
    from ..protocol.types import CellId, ToolDefinition, ToolName

CANCELLED_REQUEST: Final = "code mode delegate request cancelled"


class Answers(Protocol):
    """Where answers go; ``disown`` says that none will come."""

    def disown(self, number: int) -> None: ...

    def answer(self, number: int, result: m.DelegateOk | m.DelegateFailed) -> None: ...

    async def writable(self) -> None: ...


class Callbacks(CallRunner):
    """Runs the callbacks of a cell at a host.

    Args:
        tools: what the cell was given, by their own names.
        answers: where the outcomes go.
    """

    def __init__(  # noqa: PLR0913 - made in one place, of what its cell has
        self,
        cell_id: CellId,
        call_id: str,
        tools: Mapping[ToolName, ToolDefinition],
        delegate: SessionDelegate,
        limits: Limits,
        context: Context,
        share: LoopShare,
        answers: Answers,
    ) -> None:
        super().__init__(cell_id, call_id, delegate, limits, context, share)
        self._tools = tools
        self._answers = answers
        self._by_number: dict[int, CellCall] = {}

    @property
    def is_notifying(self) -> bool:
        """Whether a notification has not been delivered."""
        return len(self._notifications) > 0

    def begin(self, number: int, request: m.ToolInvoke | m.NotificationSend) -> None:
        """Run what the host asks for, or queue it."""
        if self._is_ending:
            self._answers.answer(number, m.DelegateFailed(CANCELLED_REQUEST))
            return
        call = self._by_number[number] = CellCall(number, partial(self._run, request))
        if isinstance(request, m.NotificationSend):
            self.add(self._notifications, call)
        else:
            asked = request.invocation
            self.add_call(call, asked.runtime_tool_call_id, asked.tool_name)

    def cancel(self, number: int) -> None:
        """The host does not want this one any more."""
        call = self._by_number.get(number)
        if call is not None:
            self.withdraw(call)

    def on_left(self, call: CellCall) -> None:
        del self._by_number[call.number]
        self._answers.disown(call.number)

    async def _run(self, request: m.ToolInvoke | m.NotificationSend, call: CellCall) -> None:
        result: m.DelegateOk | m.DelegateFailed
        if isinstance(request, m.ToolInvoke):
            result = await self._result(request.invocation, call)
        else:
            try:
                await self.deliver(request.call_id, request.text, call)
                result = m.DelegateOk(m.NotificationDelivered())
            except asyncio.CancelledError:
                result = m.DelegateFailed(CANCELLED_CALL)
        if call.unwanted:
            return
        try:
            await self._answers.writable()
        except asyncio.CancelledError:
            return  # the answer is not wanted, or the connection is over
        if not call.unwanted:
            self._answers.answer(call.number, result)

    async def _result(self, asked: m.Invocation, call: CellCall) -> m.DelegateOk | m.DelegateFailed:
        is_json = isinstance(asked.input, Raw)
        tool_call = ToolCall(
            cell_id=self.cell_id,
            runtime_tool_call_id=asked.runtime_tool_call_id,
            tool_name=asked.tool_name,
            tool_kind=asked.tool_kind,
            input=None if is_json else asked.input,
        )
        argument = bytes(asked.input) if is_json else None
        tool = self._tools.get(asked.tool_name)
        outcome = await self.invoke(call, tool_call, tool, argument, json_value)
        if isinstance(outcome, CallFailure):
            return m.DelegateFailed(well_formed(outcome.text))
        return m.DelegateOk(m.ToolResult(Raw(outcome)))
