"""``codemode serve`` as a process of its own, and clients of the official SDK that speak to it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

import codemode

SOURCES = Path(codemode.__file__).parents[1]
TOOLS = Path(__file__).with_name("served_tools.py")
SECONDS = 60
"""The bound on everything; it is never used up."""

Connect: TypeAlias = Callable[..., contextlib.AbstractAsyncContextManager[Client]]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCES), **more}


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "codemode", "serve", "--tools", str(TOOLS), *options]


@contextlib.asynccontextmanager
async def over_stdio(*options: str, mode: str = "legacy", **client: Any) -> AsyncIterator[Client]:
    """A client that has started its own server."""
    program, *arguments = command(*options)
    server = StdioServerParameters(command=program, args=arguments, env=environment())
    async with asyncio.timeout(SECONDS):
        async with Client(server, mode=mode, **client) as connected:
            yield connected


@contextlib.asynccontextmanager
async def over_http(
    url: str, *, mode: str = "legacy", headers: dict[str, str] | None = None, **client: Any
) -> AsyncIterator[Client]:
    """A client of a server that runs."""
    async with asyncio.timeout(SECONDS):
        async with httpx2.AsyncClient(headers=headers, timeout=SECONDS) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=mode, **client) as connected:
                yield connected


class Serving:
    """A server over HTTP."""

    def __init__(self, *options: str, **more: str) -> None:
        self.child = subprocess.Popen(
            command("--http", "0", *options),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(**more),
            text=True,
        )
        self.log = ""
        while "listening on " not in self.log:
            line = self._line()
            assert line, self.log
            self.log += line
        self.url = self.log.rpartition("listening on ")[2].strip()

    def end(self, number: int) -> int:
        """Send a signal; the exit status."""
        self.child.send_signal(number)
        self.log += self._rest()
        return self.child.wait(SECONDS)

    def _line(self) -> str:
        assert self.child.stderr is not None
        return self.child.stderr.readline()

    def _rest(self) -> str:
        assert self.child.stderr is not None
        return self.child.stderr.read()


@pytest.fixture
def serving() -> Iterator[Callable[..., Serving]]:
    """Start servers over HTTP; they end with the test."""
    started: list[Serving] = []

    def start(*options: str, **more: str) -> Serving:
        started.append(Serving(*options, **more))
        return started[-1]

    yield start
    for each in started:
        with each.child:
            each.child.kill()


@pytest.fixture(scope="module")
def shared() -> Iterator[Callable[..., Serving]]:
    """Servers over HTTP that tests have in common, one for each line of options."""
    started: dict[tuple[str, ...], Serving] = {}

    def start(*options: str) -> Serving:
        if options not in started:
            started[options] = Serving(*options)
        return started[options]

    yield start
    for each in started.values():
        with each.child:
            each.child.kill()


@pytest.fixture(params=["stdio", "http"])
def connect(request: pytest.FixtureRequest, shared: Callable[..., Serving]) -> Connect:
    """A client over each of the transports; over HTTP of a server that other tests use, too."""
    if request.param == "stdio":
        return over_stdio

    def connect(*options: str, **client: Any) -> contextlib.AbstractAsyncContextManager[Client]:
        return over_http(shared(*options).url, **client)

    return connect


def texts(result: CallToolResult) -> list[str]:
    """The texts behind the header."""
    return [each.text for each in result.content[1:] if isinstance(each, TextContent)]


def cell_of(result: CallToolResult) -> str:
    """The cell that a result names."""
    assert result.meta is not None
    return str(result.meta["codemode/cell_id"])


def status_of(result: CallToolResult) -> str:
    """How an observation ended."""
    assert result.meta is not None
    return str(result.meta["codemode/status"])


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what another process does, which is no event here."""
    async with asyncio.timeout(SECONDS):
        while not happened():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def there(path: Path) -> None:
    """Wait until a file is there."""
    await until(path.exists)


INTERRUPT, TERMINATE = signal.SIGINT, signal.SIGTERM
