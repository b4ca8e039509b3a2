"""An end of a connection that is stopped, or vanishes without a word, is found out by its silence.

The clocks of both ends are as in use, and a twentieth as long.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

import pytest

from codemode import GrpcSessionProvider, WaitRequest, WorkerLostError
from codemode.host.ending import Ending
from codemode.host.listen import Access, Address
from codemode.host.rpc import server
from codemode.host.rpc.serve import GrpcHost
from codemode.limits import Limits
from codemode.protocol.session import SessionDelegate
from codemode.remote.rpc import service
from codemode.runtime.local import LocalSessionProvider
from codemode.runtime.session import SessionRuntime
from tests.remote.sessions import run
from tests.remote.stage import bounded
from tests.runtime.doubles import Recorder

from .hosts import listening

ROOT: Final = Path(__file__).parents[3]
CLOCKS: Final = (
    "grpc.keepalive_time_ms",
    "grpc.keepalive_timeout_ms",
    "grpc.http2.ping_timeout_ms",
)
"""Without the last one gRPC waits for a minute, which is more than these tests do."""


def hasty(options: tuple[tuple[str, str | int], ...]) -> tuple[tuple[str, str | int], ...]:
    return tuple((name, int(value) // 20 if name in CLOCKS else value) for name, value in options)


async def test_a_stopped_host_is_lost_to_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_OPTIONS", hasty(service._OPTIONS))
    async with listening("ours") as host, GrpcSessionProvider(host.url) as provider:
        session = await bounded(provider.create_session(Recorder()))
        await run(session, "yield_control(); await new Promise(() => {})")
        request = WaitRequest(cell_id=session.live_cells[0], yield_time_ms=600_000)
        waiting = asyncio.create_task(session.wait(request))
        await asyncio.sleep(0)
        host.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(WorkerLostError, match=r"^code-mode host at \S+ is gone: "):
                await bounded(waiting)
        finally:
            host.process.send_signal(signal.SIGCONT)


class Watched(LocalSessionProvider):
    """Hands out its one session."""

    def __init__(self) -> None:
        super().__init__()
        self.session: SessionRuntime | None = None

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> SessionRuntime:
        self.session = await super().create_session(delegate, limits=limits)
        return self.session


async def test_the_session_of_a_stopped_client_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "OPTIONS", hasty(server.OPTIONS))
    provider = Watched()
    host = GrpcHost(provider, Access())
    serving = asyncio.create_task(host.serve_address(Address("unix", path=str(tmp_path / "s"))))
    while not capsys.readouterr().out:  # noqa: ASYNC110 - it says where it listens
        await asyncio.sleep(0.01)
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.remote.rpc.silent_client", f"unix:{tmp_path}/s"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert client.stdout is not None
        assert await bounded(client.stdout.readline()) == b"ready\n"
        session = provider.session
        assert session is not None and session.live_cells == ("1",)
        client.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(10):
            while not session.is_shut:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
    finally:
        client.kill()
        await client.communicate()
        host.end(Ending())
        await bounded(serving)
