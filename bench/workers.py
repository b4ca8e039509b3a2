"""Starting: this library from nothing, and workers from the zygote."""

from __future__ import annotations

import asyncio
import socket
import sys
import time

from codemode.engine.wire import Frames, FromWorker, ToWorker, frame
from codemode.engine.workers import WorkersEngine
from codemode.limits import Limits
from codemode.runtime.local import LocalSessionProvider
from codemode.runtime.session import SessionRuntime

from .client import Client, Delegate, timed
from .scenario import BenchError, Conditions, Figure, Samples, Scenario, at_most

GROUP = "workers"
_SETTLE_SECONDS = 0.25
"""Enough for a ready worker to be made and to make its isolates."""

_FROM_NOTHING = """
import asyncio, sys
sys.path[:] = sys.argv[1].split("\\n")
from bench.client import open_client

async def main():
    async with open_client() as client:
        await client.exec()
        print("ok", flush=True)

asyncio.run(main())
"""


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    return (
        Scenario(
            name="first start from nothing",
            figures=(Figure("python -c … → first result", decimals=0),),
            measure=from_nothing,
            samples=6,
            warm_ups=1,
        ),
        Scenario(
            name="a new session, a worker ready",
            figures=(Figure("first result", decimals=1),),
            measure=new_session,
            samples=20,
            warm_ups=1,
        ),
        Scenario(
            name="a worker from the zygote",
            figures=(
                Figure("fork → ready", goal=at_most(15.0), decimals=1),
                Figure("fork → first result", decimals=1),
            ),
            measure=from_zygote,
            samples=20,
            warm_ups=2,
        ),
    )


async def from_nothing(conditions: Conditions) -> Samples:
    """A Python program that imports the library, opens a session and runs one cell."""
    times = []
    for _ in range(conditions.warm_ups + conditions.samples):
        began = time.perf_counter_ns()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _FROM_NOTHING,
            "\n".join(sys.path),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        said = await process.stdout.readline()
        times.append((time.perf_counter_ns() - began) / 1e6)
        if await process.wait() != 0 or said != b"ok\n":
            raise BenchError("a program that runs one cell failed")
    return {"python -c … → first result": times[conditions.warm_ups :]}


async def new_session(conditions: Conditions) -> Samples:
    """The first exec of a session in an engine that has run before and had time to prepare."""
    times = []
    async with LocalSessionProvider() as provider:
        for _ in range(1 + conditions.warm_ups + conditions.samples):
            session = await provider.create_session(Delegate())
            times.append(await timed(Client(session).exec))
            await session.shutdown()
            await asyncio.sleep(_SETTLE_SECONDS)
    return {"first result": times[1 + conditions.warm_ups :]}


async def from_zygote(conditions: Conditions) -> Samples:
    """Workers of an engine whose ready one has just been taken away, so that each is forked."""
    ready, first_result = [], []
    engine = WorkersEngine()
    try:
        for _ in range(conditions.warm_ups + conditions.samples):
            await take_ready_one(engine)
            began = time.perf_counter_ns()
            worker = await engine.take()
            await ping(worker.socket)
            ready.append((time.perf_counter_ns() - began) / 1e6)
            worker.kill()
            worker.release()

            session = SessionRuntime(engine.session(Limits()), Delegate(), Limits())
            await take_ready_one(engine)
            first_result.append(await timed(Client(session).exec))
            await session.shutdown()
    finally:
        await engine.aclose()
    return {
        "fork → ready": ready[conditions.warm_ups :],
        "fork → first result": first_result[conditions.warm_ups :],
    }


async def take_ready_one(engine: WorkersEngine) -> None:
    """Leave the engine without a ready worker; the fork of the next is asked for only now."""
    await asyncio.sleep(_SETTLE_SECONDS)
    worker = await engine.take()
    worker.kill()
    worker.release()


async def ping(connection: socket.socket) -> None:
    """Have a worker answer a frame, which it does when it serves its socket."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, frame(ToWorker.FLUSH, 0))
    frames = Frames()
    while answer := await loop.sock_recv(connection, 4096):  # it describes its sandbox first
        if any(kind == FromWorker.FLUSHED for kind, _, _ in frames.feed(answer)):
            return
    raise BenchError("a fresh worker did not answer")
