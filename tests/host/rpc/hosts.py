"""A gRPC host as a process, and an asyncio client of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from codemode.grpc import code_mode_pb2 as pb
from codemode.grpc import stored_values_pb2 as stored
from codemode.grpc.methods import methods

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from google.protobuf.message import Message

SECONDS = 30.0
"""A bound that never matters."""

FOREVER = "await new Promise(() => {})"
METHODS = {
    **methods(pb.DESCRIPTOR.services_by_name["CodeModeHost"]),
    **methods(stored.DESCRIPTOR.services_by_name["StoredValues"]),
}
ECHO = pb.ToolDefinition(
    name="echo", tool_name=pb.ToolName(name="echo"), kind=pb.TOOL_KIND_FUNCTION
)


@dataclass
class Host:
    """A host that listens."""

    process: asyncio.subprocess.Process
    where: str

    @property
    def target(self) -> str:
        """Where, as gRPC writes it."""
        return self.where.partition("://")[2] or self.where

    async def end(self) -> tuple[int, str]:
        """Ask it to end; how it did, and its last words."""
        self.process.send_signal(signal.SIGTERM)
        _, words = await asyncio.wait_for(self.process.communicate(), SECONDS)
        assert self.process.returncode is not None
        return self.process.returncode, words.decode()


@asynccontextmanager
async def host(
    *arguments: str,
    listen: str = "grpc://127.0.0.1:0",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Host]:
    """Start a host."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "codemode.host", "--listen", listen, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), SECONDS)
        yield Host(process, line.decode().strip())
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


class Client:
    """RPCs by name."""

    def __init__(
        self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.channel = channel
        self._metadata = metadata

    def call(self, name: str, request: Message) -> Any:
        """Begin an RPC."""
        method = METHODS[name]
        make: Any = self.channel.unary_stream if method.streams else self.channel.unary_unary
        serve = make(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return serve(request, metadata=self._metadata, timeout=SECONDS)

    async def open(self, **fields: Any) -> tuple[Any, str]:
        """Open a session: its lease, and its name."""
        lease = self.call("OpenSession", pb.OpenSessionRequest(**fields))
        return lease, (await lease.read()).opened.session_id

    def execute(self, session_id: str, execution_id: str, source: str) -> Any:
        """Start a cell."""
        request = pb.ExecuteRequest(
            session_id=session_id,
            execution_id=execution_id,
            tool_call_id="call",
            source=source,
            enabled_tools=[ECHO],
        )
        return self.call("Execute", request)

    async def run(self, session_id: str, execution_id: str, source: str) -> pb.ExecutionOutcome:
        """Run a cell to its first outcome."""
        _, outcome = [event async for event in self.execute(session_id, execution_id, source)]
        found: pb.ExecutionOutcome = outcome.outcome
        return found


@asynccontextmanager
async def client(
    where: Host, credentials: grpc.ChannelCredentials | None = None, token: str | None = None
) -> AsyncIterator[Client]:
    """Connect to a host."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    if credentials is None:
        channel = grpc.aio.insecure_channel(where.target, options=options)
    else:
        channel = grpc.aio.secure_channel(where.target, credentials, options=options)
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    async with channel:
        yield Client(channel, metadata)


async def status_of(rpc: Any) -> tuple[grpc.StatusCode, str]:
    """How an RPC ends."""
    return await rpc.code(), await rpc.details()


def texts(outcome: pb.ExecutionOutcome) -> list[str]:
    """The text that was written."""
    return [item.text.text for item in outcome.content_items]


def folder_entries(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(each.name for each in folder.iterdir())
