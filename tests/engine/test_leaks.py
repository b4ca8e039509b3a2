"""Nothing stays: processes, threads and descriptors after a close, a kill, a cancellation."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from codemode.engine.supply import StartMethod
from codemode.engine.workers import WorkersEngine
from codemode.limits import Limits

from .driving import (
    WAIT_SECONDS,
    alive,
    begin,
    bounded,
    eventually,
    held,
    processes,
    run,
    texts,
)

ROOT = Path(__file__).parents[2]

APPLICATION = """
    import asyncio, sys
    sys.path[:0] = [{src!r}, {root!r}]
    from codemode.engine.workers import WorkersEngine
    from codemode.limits import Limits
    from tests.engine.driving import begin, texts, processes
    from codemode.engine import events as ev

    async def main():
        engine = {engine}
        sessions = [engine.session(Limits()) for _ in range(2)]
        for session in sessions:
            cell = await begin(session, {source!r})
            await cell.heard(ev.YieldAsked)
        print(*processes(), flush=True)
        {then}

    asyncio.run(main())
    print("end", flush=True)
"""
SPIN = "yield_control(); await 0; for (;;);"
STUCK = "yield_control(); await 0; new Array(2 ** 32 - 1).sort()"


def application(engine: str, source: str, then: str) -> subprocess.Popen[str]:
    """A program that uses the library, in a process of its own."""
    code = textwrap.dedent(APPLICATION).format(
        src=str(ROOT / "src"), root=str(ROOT), engine=engine, source=source, then=then
    )
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    """The next line of what it prints."""
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("method", ["zygote", "spawn"])
async def test_closing_leaves_no_process_thread_task_or_descriptor(method: StartMethod) -> None:
    async def use(engine: WorkersEngine) -> None:
        sessions = [engine.session(Limits()) for _ in range(3)]
        for session in sessions:
            await texts(session, "text(1)")
            await begin(session, "await tools.never()")
        for session in sessions:
            await session.aclose()
        await engine.aclose()

    await bounded(use(WorkersEngine(start_method=method)))
    before = held()
    await bounded(use(WorkersEngine(start_method=method)))

    await eventually(lambda: held() <= before)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("method", ["zygote", "spawn"])
async def test_a_close_that_is_cancelled_leaves_nothing_either(method: str) -> None:
    async def use(turns: int) -> None:
        engine = WorkersEngine(start_method=method)  # type: ignore[arg-type]
        session = engine.session(Limits())
        await texts(session, "text(1)")
        await session.aclose()
        closing = asyncio.create_task(engine.aclose())
        for _ in range(turns):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])

    await bounded(use(1))
    await eventually(lambda: processes() == set())
    before = held()
    for turns in range(1, 6):
        await bounded(use(turns))
    await eventually(lambda: held() <= before)


@pytest.mark.parametrize("engine", ["WorkersEngine()", "WorkersEngine(start_method='spawn')"])
def test_an_application_that_is_killed_takes_its_workers_with_it(engine: str) -> None:
    process = application(engine, SPIN, "await asyncio.sleep(1000)")
    pids = {int(pid) for pid in said(process).split()}
    assert len(pids) >= 2
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    asyncio.run(eventually(lambda: alive(pids) == set()))


def test_a_stopped_zygote_goes_with_its_application() -> None:
    process = application("WorkersEngine()", SPIN, "await asyncio.sleep(1000)")
    pids = {int(pid) for pid in said(process).split()}
    zygote = min(pids)
    os.kill(zygote, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    asyncio.run(eventually(lambda: alive(pids) == set()))


@pytest.mark.parametrize(
    ("engine", "source"),
    [
        ("WorkersEngine()", SPIN),
        ("WorkersEngine()", STUCK),
        ("WorkersEngine(start_method='spawn')", SPIN),
    ],
)
def test_an_interpreter_ends_although_nobody_closed_the_engine(engine: str, source: str) -> None:
    process = application(engine, source, "")
    pids = {int(pid) for pid in said(process).split()}
    code = process.wait(WAIT_SECONDS)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        assert (process.stdout.read(), process.stderr.read(), code) == ("end\n", "", 0)
    asyncio.run(eventually(lambda: alive(pids) == set()))


async def test_an_engine_that_is_forgotten_warns_and_ends_its_processes() -> None:
    engine = WorkersEngine()
    session = engine.session(Limits())
    await run(session, "text(1)")
    await session.aclose()
    del session
    kept = [engine]
    del engine

    def forget() -> None:
        kept.clear()
        gc.collect()

    with pytest.warns(ResourceWarning, match=r"^unclosed .*WorkersEngine.*: call aclose"):
        forget()
    await eventually(lambda: processes() == set())
