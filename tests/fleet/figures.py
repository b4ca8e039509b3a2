"""What sessions of a host cost, measured: the figures of docs/fleet.md.

python -m tests.fleet figures
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from codemode import CodeMode, FleetSessionProvider, GrpcSessionProvider, LocalSessionProvider

from .loopback import LoopbackHost, loopback_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codemode import SessionProvider

ROUNDS = 30
CALLS = 50
SESSIONS = 200
IDLE = 10_000
REST_SECONDS = 90.0
AT_ONCE = 100

CALLING = f"""
const began = Date.now();
for (let i = 0; i < {CALLS}; i++) await tools.same({{ n: i }});
"""


def memory(pid: int) -> tuple[float, int]:
    """MiB (proportional: PSS) of a process with all that it has started, and how many those are."""
    pids, rest = [], [pid]
    while rest:
        each = rest.pop()
        pids.append(each)
        try:
            for task in Path(f"/proc/{each}/task").iterdir():
                rest += map(int, (task / "children").read_text().split())
        except OSError:  # it has ended meanwhile
            continue
    total = 0
    for each in pids:
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024, len(pids)


async def _rested(pid: int) -> None:
    """Wait until the workers of a host are given back."""
    async with asyncio.timeout(REST_SECONDS):
        # The host, its zygote and the worker that is kept ready.
        while memory(pid)[1] > 3:  # noqa: ASYNC110 - /proc wakes nobody
            await asyncio.sleep(0.5)


async def nested_calls() -> list[str]:
    """A nested call in process and over gRPC, in turns."""

    async def same(n: int) -> int:
        """Give it back."""
        return n

    took: dict[str, list[float]] = {"in process": [], "gRPC": []}
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(loopback_host())
        providers: dict[str, SessionProvider] = {
            "in process": await stack.enter_async_context(LocalSessionProvider()),
            "gRPC": await stack.enter_async_context(GrpcSessionProvider(host.url)),
        }
        made = {
            name: await stack.enter_async_context(CodeMode(tools=[same], provider=provider))
            for name, provider in providers.items()
        }
        for cm in made.values():
            await cm.exec(CALLING)
        for _ in range(ROUNDS):
            for name, cm in made.items():
                began = time.perf_counter()
                result = await cm.exec(CALLING)
                assert not result.failed, result.text
                took[name].append((time.perf_counter() - began) * 1000 / CALLS)
    local, remote = (statistics.median(took[name]) for name in ("in process", "gRPC"))
    return [
        f"nested call, p50 of {ROUNDS} rounds of {CALLS} in turns: {local:.3f} ms in process,"
        f" {remote:.3f} ms over gRPC, {remote / local:.1f} times"
    ]


@asynccontextmanager
async def _opened(host: LoopbackHost, count: int) -> AsyncIterator[list[CodeMode]]:
    async with GrpcSessionProvider(host.url) as provider:
        made = [CodeMode(provider=provider) for _ in range(count)]
        await asyncio.gather(*(cm.exec("store('n', 1); text(1)") for cm in made))
        yield made


async def a_host() -> list[str]:
    """A host with many sessions: just used, rested, used again, and drained."""
    async with loopback_host() as host:
        pid = host.process.pid
        async with _opened(host, 1) as [cm]:
            await cm.exec("text(1)")
        await _rested(pid)
        empty, _ = memory(pid)
        async with _opened(host, SESSIONS) as made:
            used, processes = memory(pid)
            await _rested(pid)
            rested, _ = memory(pid)
            first = []
            for cm in made[:20]:
                began = time.perf_counter()
                await cm.exec("text(load('n'))")
                first.append((time.perf_counter() - began) * 1000)
            await _rested(pid)
            began = time.perf_counter()
            host.process.send_signal(signal.SIGTERM)
            await host.process.wait()
            drained = time.perf_counter() - began
    return [
        f"a host without sessions: {empty:.0f} MiB PSS",
        f"with {SESSIONS} sessions, just used: {used:.0f} MiB PSS, {processes} processes",
        f"with {SESSIONS} sessions that rest: {rested:.0f} MiB PSS,"
        f" {(rested - empty) / SESSIONS:.2f} MiB each",
        f"first exec of a session that rested: {statistics.median(first):.1f} ms (p50),"
        f" {max(first):.1f} ms at most",
        f"drain of {SESSIONS} idle sessions, to the end of the process: {drained:.2f} s",
    ]


async def many_idle() -> list[str]:
    """Many sessions on three hosts, each used once."""
    count = int(os.environ.get("IDLE", IDLE))
    async with AsyncExitStack() as stack:
        hosts = [
            await stack.enter_async_context(loopback_host("--max-sessions", str(count)))
            for _ in range(3)
        ]
        provider = await stack.enter_async_context(
            FleetSessionProvider([host.url for host in hosts])
        )
        room = asyncio.Semaphore(AT_ONCE)

        async def use(cm: CodeMode) -> float:
            async with room:
                began = time.perf_counter()
                assert (await cm.exec("text(1)")).output == "1"
                return time.perf_counter() - began

        before = _own_memory()
        made = [CodeMode(provider=provider) for _ in range(count)]
        began = time.perf_counter()
        await asyncio.gather(*map(use, made))
        opened = time.perf_counter() - began
        for host in hosts:
            await _rested(host.process.pid)
        total = sum(memory(host.process.pid)[0] for host in hosts)
        own = _own_memory() - before
        spread = ", ".join(map(str, provider.spread().values()))
    return [
        f"{count:,} idle sessions on 3 hosts ({spread}): {total:.0f} MiB PSS in all,"
        f" {total / count:.2f} MiB each; the application {own * 1024 / count:.0f} KiB each;"
        f" opened with a cell in {opened:.0f} s"
    ]


async def silence() -> list[str]:
    """How long until a stopped host is lost to its client, and a stopped client to its host."""
    host_after, client_after = await asyncio.gather(_stopped_host(), _stopped_client())
    return [
        f"a host that is stopped is lost to its client after {host_after:.0f} s,"
        f" a client that is stopped to its host after {client_after:.0f} s"
    ]


async def _stopped_host() -> float:
    async with loopback_host() as host, GrpcSessionProvider(host.url) as provider:
        async with CodeMode(provider=provider) as cm:
            live = await cm.exec('// @exec: {"yield_time_ms": 1}\nawait new Promise(() => {})')
            host.process.send_signal(signal.SIGSTOP)
            began = time.perf_counter()
            result = await cm.wait(live, yield_time_ms=600_000)
            assert result.failed
            took = time.perf_counter() - began
            host.process.kill()
            return took


async def _stopped_client() -> float:
    with socket.create_server(("127.0.0.1", 0)) as free:
        status = free.getsockname()[1]
    async with loopback_host("--status", f"http://127.0.0.1:{status}") as host:
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _CLIENT, host.url), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert client.stdout is not None
            assert await client.stdout.readline() == b"ready\n"
            client.send_signal(signal.SIGSTOP)
            began = time.perf_counter()
            async with asyncio.timeout(120):
                # A host tells nobody that a session of its has ended.
                while "\ncodemode_sessions 0.0\n" not in await _metrics(status):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            return time.perf_counter() - began
        finally:
            client.kill()
            await client.wait()


async def _metrics(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    return text


_CLIENT = """
import asyncio, sys
from codemode import CodeMode, GrpcSessionProvider

async def main():
    async with GrpcSessionProvider(sys.argv[1]) as provider, CodeMode(provider=provider) as cm:
        await cm.exec("text(1)")
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def _own_memory() -> float:
    text = Path("/proc/self/statm").read_text().split()
    return int(text[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def measured() -> list[str]:
    """All figures, a line each."""
    found = [*await nested_calls(), *await silence(), *await a_host()]
    return [*found, *await many_idle()]
