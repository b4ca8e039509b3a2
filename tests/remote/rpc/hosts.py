"""Hosts that listen: ours, and OpenAI's where it has been fetched."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from tests.remote.hosts import NO_ORACLE, ORACLE
from tests.remote.stage import bounded

OURS: Final = (sys.executable, "-m", "codemode.host")


class Host:
    """A host that listens at a port of this machine."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    async def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        await bounded(self.process.wait())


@asynccontextmanager
async def listening(
    which: str, *options: str, listen: str = "grpc://127.0.0.1:0"
) -> AsyncIterator[Host]:
    """The host of this name, while it serves: ``ours`` or ``openai``."""
    if which == "openai" and ORACLE is None:
        pytest.skip(NO_ORACLE)
    command = OURS if which == "ours" else (str(ORACLE),)
    process = await asyncio.create_subprocess_exec(
        *command,
        "--listen",
        listen,
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        line = await bounded(process.stdout.readline())
        assert line, "the host has ended"
        yield Host(process, line.decode().strip())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
