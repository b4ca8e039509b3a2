"""The gRPC host over standard input and output, as codex starts it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc

from .hosts import FOREVER, SECONDS, Client, texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def over_pipes(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Client]]:
    """A host on pipes, and a client whose connection is carried to them."""
    host = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "codemode.host", "--listen", "grpc+stdio://"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert host.stdin is not None and host.stdout is not None
    into, out_of = host.stdin, host.stdout
    carrying: list[asyncio.Task[None]] = []

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrying.append(asyncio.create_task(carry(reader, into)))
        carrying.append(asyncio.create_task(carry(out_of, writer)))

    server = await asyncio.start_unix_server(connected, folder / "c")
    try:
        async with grpc.aio.insecure_channel(f"unix:{folder / 'c'}") as channel:
            yield host, Client(channel)
    finally:
        server.close()
        if host.returncode is None:
            host.kill()
        await host.wait()
        await asyncio.gather(*carrying, return_exceptions=True)


async def test_it_ends_when_its_client_does(tmp_path: Path) -> None:
    async with over_pipes(tmp_path) as (host, there):
        _, session_id = await there.open()
        outcome = await there.run(session_id, "e", "text('hello')")
        busy = there.execute(session_id, "busy", FOREVER)
        await busy.read()
        assert host.stdin is not None and host.stderr is not None
        host.stdin.close()
        status = await asyncio.wait_for(host.wait(), SECONDS)
        words = await host.stderr.read()

    assert texts(outcome) == ["hello"]
    assert (status, words) == (0, b"")


async def test_a_signal_ends_it_and_its_cells(tmp_path: Path) -> None:
    async with over_pipes(tmp_path) as (host, there):
        _, session_id = await there.open()
        busy = there.execute(session_id, "busy", "for (;;);")
        await busy.read()
        host.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(host.wait(), SECONDS)

    assert status == -signal.SIGTERM


async def test_large_messages_pass_in_both_directions(tmp_path: Path) -> None:
    async with over_pipes(tmp_path) as (_, there):
        _, session_id = await there.open()
        source = f"const s = '{'x' * 500_000}'; for (let i = 0; i < 6; i++) text(s)"
        outcome = await there.run(session_id, "e", source)

    assert texts(outcome) == ["x" * 500_000] * 6
