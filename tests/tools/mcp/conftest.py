"""Servers of our own, and calls of their tools as cells make them."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from codemode.protocol.types import CellId, ToolCall, ToolName
from codemode.tools.mcp import McpHandlers, McpServers, McpStatus, StdioServer
from codemode.tools.toolset import Toolset

PUPPET = Path(__file__).with_name("puppet.py")
BOUND_S = 60
"""How long anything here may take; a test that needs it has failed."""


class Stage:
    """Puppets, a toolset with their tools, and what was told of them."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.gate = log.with_name("gate")
        """Whoever opens it for writing lets the puppet that fetches go on."""
        self._lines: list[str] = []
        self._more = asyncio.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(log))
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self.states: list[McpStatus] = []
        self.heard: asyncio.Queue[McpStatus] = asyncio.Queue()
        self.toolset = Toolset(catalogue_tokens=None)
        self.servers: McpServers | None = None

    def puppet(self, *behaviours: str, secret: str = "", **options: Any) -> StdioServer:
        env = {"PUPPET_LOG": str(self.log), **({"PUPPET_SECRET": secret} if secret else {})}
        if "fetches" in behaviours:
            os.mkfifo(self.gate)
            env["PUPPET_GATE"] = str(self.gate)
        return StdioServer(sys.executable, [str(PUPPET), *behaviours], env=env, **options)

    async def start(self, servers: Any = None, **handlers: Any) -> McpServers:
        """Start the servers (a puppet if none are given) and put their tools into the toolset."""

        def told(status: McpStatus) -> None:
            self.states.append(status)
            self.heard.put_nowait(status)

        given = {"puppet": self.puppet()} if servers is None else servers
        self.servers = McpServers(given, handlers=McpHandlers(on_status=told, **handlers))
        await self.servers.start()
        self.servers.attach(self.toolset)
        return self.servers

    async def call(self, tool: str, server: str = "puppet", **arguments: Any) -> Any:
        """What a cell's ``await tools.mcp__server__tool({…})`` gets."""
        call = ToolCall(
            cell_id=CellId("1"),
            runtime_tool_call_id="tool-1",
            tool_name=ToolName(tool, f"mcp__{server}"),
            input=arguments,
        )
        return await self.toolset.invoke_tool(call, asyncio.Event())

    async def until(self, state: str) -> McpStatus:
        """The next status of this state."""
        while (status := await self.heard.get()).state != state:
            pass
        return status

    async def logged(self, beginning: str) -> list[str]:
        """What the puppet noted after ``beginning``, once it has noted something."""
        while not (found := self.lines(beginning)):
            await self._more.wait()
            self._more.clear()
        return found

    def lines(self, beginning: str) -> list[str]:
        self._read()
        return [line.removeprefix(beginning) for line in self._lines if line.startswith(beginning)]

    def _read(self) -> None:
        while True:
            try:
                self._lines.append(self._socket.recv(65536).decode())
            except BlockingIOError:
                return
            self._more.set()

    async def aclose(self) -> None:
        if self.servers is not None:
            await self.servers.aclose()
        await self.toolset.aclose()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def names(self) -> list[str]:
        return [each.name for each in self.toolset.definitions]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        made = Stage(Path(folder, "log"))
        async with asyncio.timeout(BOUND_S):
            yield made
            await made.aclose()


@pytest.fixture
def start_delay(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set how long a server that failed twice has to wait."""

    def set_delay(seconds: float) -> None:
        monkeypatch.setattr("codemode.tools.mcp.restarts.FIRST_DELAY_S", seconds)

    return set_delay
