"""Calls on their way to subscribers that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import UNSET, Raw

from codemode.grpc import code_mode_pb2 as pb
from codemode.host.rpc.calls import Calls
from codemode.protocol.types import CellId, ToolCall, ToolName
from tests.host.fakes import settle
from tests.runtime.doubles import bounded


def calls() -> Calls:
    return Calls("s", at_once=0, execution_of=lambda _: "e", say_cancelled=lambda _: None)


def call(name: str = "tool") -> ToolCall:
    return ToolCall(
        cell_id=CellId("1"),
        runtime_tool_call_id="call",
        tool_name=ToolName(name),
        tool_kind="function",
        input=UNSET,
    )


def subscribe(
    to: Calls, write: Callable[[pb.ToolCall], Awaitable[object]], *names: str
) -> asyncio.Task[None]:
    return asyncio.create_task(to.serve(frozenset(map(ToolName, names)), write))


async def test_a_subscription_ends_with_the_session_also_in_the_middle_of_a_write() -> None:
    of = calls()
    may_write = asyncio.Event()

    async def write(_: pb.ToolCall) -> None:
        await may_write.wait()

    serving = subscribe(of, write)
    await settle()
    asking = asyncio.create_task(of.ask(call()))
    await settle()
    of.close()
    asking.cancel()
    may_write.set()

    await bounded(serving)


async def test_subscriptions_that_read_take_turns() -> None:
    of = calls()
    read: list[int] = []

    def reader(number: int) -> Callable[[pb.ToolCall], Awaitable[object]]:
        async def write(message: pb.ToolCall) -> None:
            read.append(number)
            answer = pb.CompleteToolCallRequest(
                invocation_id=message.invocation_id,
                succeeded=pb.ToolCallSucceeded(output_json=b"1"),
            )
            of.complete(message.invocation_id, answer)

        return write

    serving = [
        subscribe(of, reader(0)),
        subscribe(of, reader(1), "other"),
        subscribe(of, reader(2)),
    ]
    await settle()
    answers = [bytes(await bounded(of.ask(call()))) for _ in range(4)]
    of.close()
    await bounded(asyncio.wait(serving))

    assert read == [0, 2, 0, 2]
    assert answers == [bytes(Raw(b"1"))] * 4
