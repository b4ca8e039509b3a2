"""Hosts on loopback that come and go (``fleet.places.Places``). Needs nothing that `make fleet` does not install."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from codemode import HostPlace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AsyncExitStack

START_SECONDS = 60.0


class LoopbackHost(NamedTuple):
    """A host process, and its endpoint."""

    process: asyncio.subprocess.Process
    url: str

    async def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def loopback_host(*options: str) -> AsyncIterator[LoopbackHost]:
    """A host while it serves; killed at the end if it has not ended by then."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "codemode.host", "--listen", "grpc://127.0.0.1:0", *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        assert line, "the host has ended"
        yield LoopbackHost(process, line.decode().strip())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class Loopback:
    """Processes of this machine; they end with the stack.

    Attributes:
        hosts: those that are named now.
    """

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.hosts: list[LoopbackHost] = []

    async def add(self, *options: str) -> LoopbackHost:
        """One host more."""
        host = await self._stack.enter_async_context(loopback_host(*options))
        self.hosts.append(host)
        return host

    async def places(self) -> list[HostPlace]:
        """All that are named."""
        return [HostPlace(each.url) for each in self.hosts]

    async def aclose(self) -> None:
        """They end with the stack."""
