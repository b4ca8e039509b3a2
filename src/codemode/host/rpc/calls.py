"""Tool calls on their way to subscribers, and their results on the way back.

A call goes to one subscription that wants it: one with the fewest calls that it has not read, and among
those they take turns, as at the Codex host. It counts, and has its number in the execution, from the moment
at which it is written; until then it can be taken back as if it had never been, and given to another
subscription. A subscriber that reads slowly holds up nothing but the calls that are queued for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec
from msgspec import UNSET

from ...errors import ToolError
from ...grpc import code_mode_pb2 as pb
from ...grpc.values import KINDS, MESSAGE_BYTES, name_message
from ...json_text import encode_json
from ..connection import Recent
from .refusal import exhausted, invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...protocol.types import CellId, ToolCall, ToolName

SUBSCRIPTIONS: Final = 256
"""Of a session."""

PENDING_CALLS: Final = 1_024
MOST_PENDING_CALLS: Final = 4_096
"""Calls of a session that are not answered, unless the client says how many, and whatever it says."""

NOBODY: Final = "no code-mode tool subscription matches the requested tool"
NOBODY_LEFT: Final = "matching code-mode tool subscriptions are unavailable"
SUBSCRIBER_LEFT: Final = "code-mode tool subscription closed before returning tool output"
TOO_LONG: Final = f"code-mode tool invocation exceeds the {MESSAGE_BYTES}-byte gRPC message limit"

_RAW: Final = msgspec.json.Decoder(msgspec.Raw)


class UnansweredCall:
    """A call that is not answered.

    Attributes:
        message: what a subscriber reads; its number comes when it is written.
        name: the tool.
        answer: its result, as JSON.
        is_sent: it has been written, or is about to be.
    """

    __slots__ = ("answer", "is_sent", "message", "name")

    def __init__(self, message: pb.ToolCall, name: ToolName) -> None:
        self.message = message
        self.name = name
        self.answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self.is_sent = False

    def fail(self, text: str) -> None:
        """Reject it."""
        if not self.answer.done():
            self.answer.set_exception(ToolError(text))


class Subscription:
    """A stream of calls, and those that wait to be written to it.

    Attributes:
        filters: the tools whose calls it takes; none: all.
    """

    def __init__(self, filters: frozenset[ToolName]) -> None:
        self.filters = filters
        self.queue: deque[UnansweredCall] = deque()
        self.open: dict[str, UnansweredCall] = {}
        self.changed = asyncio.Event()

    def takes(self, name: ToolName) -> bool:
        """Whether calls of this tool are for it."""
        return not self.filters or name in self.filters


class Calls:
    """The tool calls of one session.

    Args:
        session_id: its name.
        at_once: how many calls may be unanswered; more wait.
        execution_of: the execution of a cell.
        say_cancelled: tells the client that an invocation is no longer wanted.
    """

    def __init__(
        self,
        session_id: str,
        *,
        at_once: int,
        execution_of: Callable[[CellId], str],
        say_cancelled: Callable[[str], None],
    ) -> None:
        self._session_id = session_id
        self._places = asyncio.Semaphore(min(at_once or PENDING_CALLS, MOST_PENDING_CALLS))
        self._execution_of = execution_of
        self._say_cancelled = say_cancelled
        self._subscriptions: list[Subscription] = []
        self._invocations: dict[str, UnansweredCall] = {}
        self._retired = Recent[str]()
        self._sent: dict[str, int] = {}  # by cell
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<{len(self._invocations)} calls, {len(self._subscriptions)} subscriptions>"

    # ── the cell's side ──────────────────────────────────────────────────────────────────────

    async def ask(self, call: ToolCall) -> msgspec.Raw:
        """Let a subscriber run a tool; its result, as JSON.

        Raises:
            ToolError: it failed, or there is nobody to run it.
        """
        async with self._places:
            invocation_id = str(uuid4())
            invocation = UnansweredCall(self._message(call, invocation_id), call.tool_name)
            if invocation.message.ByteSize() > MESSAGE_BYTES:
                raise ToolError(TOO_LONG)
            self._invocations[invocation_id] = invocation
            try:
                self._dispatch(invocation, NOBODY)
                return await invocation.answer
            except asyncio.CancelledError:
                if invocation.is_sent and invocation_id in self._invocations:
                    self._say_cancelled(invocation_id)
                raise
            finally:
                self._invocations.pop(invocation_id, None)
                self._retired.add(invocation_id)

    def last_sequence(self, cell_id: CellId) -> int:
        """The number of the last call of a cell that is over; forgets the cell."""
        return self._sent.pop(cell_id, 0)

    def _message(self, call: ToolCall, invocation_id: str) -> pb.ToolCall:
        text = None if call.input is UNSET else encode_json(call.input).encode()
        return pb.ToolCall(
            session_id=self._session_id,
            execution_id=self._execution_of(call.cell_id),
            cell_id=call.cell_id,
            invocation_id=invocation_id,
            runtime_tool_call_id=call.runtime_tool_call_id,
            tool_name=name_message(call.tool_name),
            tool_kind=KINDS[call.tool_kind],
            input_json=text,
        )

    def _dispatch(self, invocation: UnansweredCall, otherwise: str) -> None:
        matching = [each for each in self._subscriptions if each.takes(invocation.name)]
        if not matching:
            invocation.fail(otherwise)
            return
        chosen = min(matching, key=lambda each: len(each.queue))
        self._subscriptions.remove(chosen)  # it is the last to be asked again
        self._subscriptions.append(chosen)
        chosen.queue.append(invocation)
        chosen.changed.set()

    # ── the client's side ────────────────────────────────────────────────────────────────────

    async def serve(
        self, filters: frozenset[ToolName], write: Callable[[pb.ToolCall], Awaitable[object]]
    ) -> None:
        """Write the calls that match, until the session ends.

        Raises:
            RpcError: the session has too many subscriptions.
        """
        if len(self._subscriptions) >= SUBSCRIPTIONS:
            raise exhausted("code-mode session has too many tool subscriptions")
        subscription = Subscription(filters)
        self._subscriptions.append(subscription)
        try:
            while True:
                while subscription.queue:
                    await self._write(subscription, subscription.queue.popleft(), write)
                if self._is_closed:  # maybe during a write: nobody will say it again
                    return
                subscription.changed.clear()
                await subscription.changed.wait()
        finally:
            self._subscriptions.remove(subscription)
            self._leave(subscription)

    async def _write(
        self,
        subscription: Subscription,
        invocation: UnansweredCall,
        write: Callable[[pb.ToolCall], Awaitable[object]],
    ) -> None:
        message = invocation.message
        if invocation.answer.done():  # taken back before anybody saw it
            return
        invocation.is_sent = True
        message.sequence = self._sent[message.cell_id] = self._sent.get(message.cell_id, 0) + 1
        subscription.open[message.invocation_id] = invocation
        invocation.answer.add_done_callback(
            lambda _: subscription.open.pop(message.invocation_id, None)
        )
        await write(message)

    def _leave(self, subscription: Subscription) -> None:
        for invocation in list(subscription.open.values()):
            invocation.fail(SUBSCRIBER_LEFT)
        for invocation in subscription.queue:
            if not invocation.answer.done():
                self._dispatch(invocation, NOBODY_LEFT)

    def complete(self, invocation_id: str, request: pb.CompleteToolCallRequest) -> None:
        """A subscriber answers. A second answer, or one that comes too late, means nothing.

        Raises:
            RpcError: it is no answer, or to no call.
        """
        outcome = request.WhichOneof("outcome")
        if outcome is None:
            raise invalid("tool completion is missing its outcome")
        result = _result(request.succeeded.output_json) if outcome == "succeeded" else None
        invocation = self._invocations.get(invocation_id)
        if invocation is None:
            if invocation_id in self._retired:
                return
            raise not_found(f"unknown code-mode tool invocation {invocation_id}")
        if result is None:
            invocation.fail(request.failed.message)
        elif not invocation.answer.done():
            invocation.answer.set_result(result)

    def close(self) -> None:
        """End every subscription."""
        self._is_closed = True
        for subscription in self._subscriptions:
            subscription.changed.set()


def _result(text: bytes) -> msgspec.Raw:
    try:
        text.decode()  # nobody else looks at it
        return _RAW.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise invalid(f"invalid code-mode tool output JSON: {error}") from None
