"""Answers to callbacks on their way to the host."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import grpc

from ...grpc import code_mode_pb2 as pb
from ...grpc.values import MESSAGE_BYTES
from ...protocol import messages as m
from ...surface.text import on_one_line, well_formed
from ..refusals import AGAIN_SECONDS, AGAIN_TIMES
from .failure import RpcFailure
from .link import CONTROL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .asked import Callback
    from .link import SessionStub

_log = logging.getLogger(__name__)

RESULT_SECONDS: Final = 60.0
"""How long a result may take to be sent."""

UNDER_WAY: Final = 64
"""Answers that are being sent before tools are asked to wait with theirs."""

FAILURE_CHARACTERS: Final = 16_384
"""How much of a failure is sent."""


class RpcAnswers:
    """Sends each by an RPC of its own."""

    def __init__(self, link: SessionStub) -> None:
        self._link = link
        self._under_way = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    def __repr__(self) -> str:
        return f"<{self._under_way} answers under way>"

    def send(
        self,
        callback: Callback,
        result: m.DelegateOk | m.DelegateFailed,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """Send an answer, in a task that ``spawn`` makes."""
        self._under_way += 1
        if self._under_way >= UNDER_WAY:
            self._has_room.clear()
        if callback.kind == "notification":
            spawn(self._acknowledge(callback.name))
        else:
            spawn(self._complete(self._completion(callback.name, result)))

    def fail(
        self,
        callback: Callback,
        text: str,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """Refuse a callback."""
        self.send(callback, m.DelegateFailed(text), spawn)

    async def room(self) -> None:
        """Return when most answers have been taken."""
        await self._has_room.wait()

    def close(self) -> None:
        """Nobody waits for anything any more."""
        self._has_room.set()

    def _sent(self) -> None:
        self._under_way -= 1
        if self._under_way < UNDER_WAY:
            self._has_room.set()

    def _completion(
        self, name: str, result: m.DelegateOk | m.DelegateFailed
    ) -> pb.CompleteToolCallRequest:
        if isinstance(result, m.DelegateFailed):
            return self._failure(name, result.message)
        assert isinstance(result.value, m.ToolResult)
        message = pb.CompleteToolCallRequest(
            session_id=self._link.session_id,
            invocation_id=name,
            succeeded=pb.ToolCallSucceeded(output_json=bytes(result.value.result)),
        )
        size = message.ByteSize()
        if size > MESSAGE_BYTES:
            return self._failure(
                name, f"the result has {size} bytes, and a message at most {MESSAGE_BYTES}"
            )
        return message

    def _failure(self, name: str, text: str) -> pb.CompleteToolCallRequest:
        return pb.CompleteToolCallRequest(
            session_id=self._link.session_id,
            invocation_id=name,
            failed=pb.ToolCallFailed(message=well_formed(text)[:FAILURE_CHARACTERS]),
        )

    async def _complete(self, message: pb.CompleteToolCallRequest) -> None:
        try:
            failure = await self._say("CompleteToolCall", message, RESULT_SECONDS)
            if failure is not None and failure.is_refusal and message.HasField("succeeded"):
                text = f"the code-mode host did not take the result: {failure.text}"
                await self._say(
                    "CompleteToolCall", self._failure(message.invocation_id, text), RESULT_SECONDS
                )
        finally:
            self._sent()

    async def _acknowledge(self, name: str) -> None:
        message = pb.AcknowledgeNotificationRequest(
            session_id=self._link.session_id, notification_id=name
        )
        try:
            await self._say("AcknowledgeNotification", message, CONTROL_SECONDS)
        finally:
            self._sent()

    async def _say(self, name: str, message: Any, seconds: float) -> RpcFailure | None:
        """Send an answer; why it was not taken. A host that is too busy has not taken it yet."""
        for _ in range(AGAIN_TIMES):
            try:
                await self._link.call(name, message, seconds)
                return None
            except grpc.aio.AioRpcError as error:
                failure = RpcFailure.of(error)
            if not failure.is_overload:
                _log.debug("an answer was not taken: %s", on_one_line(failure.text))
                return failure
            await asyncio.sleep(AGAIN_SECONDS)
        _log.warning("the code-mode host is too busy to be answered")
        return None
