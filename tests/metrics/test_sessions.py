"""What sessions do becomes figures, whatever way it goes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from codemode import CodeMode, Limits
from codemode.metrics.reporting import Reporting
from codemode.runtime.local import LocalSessionProvider

from .pages import page, samples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FOREVER = "await new Promise(() => {})"


@asynccontextmanager
async def reported(*, max_sessions: int = 9) -> AsyncIterator[tuple[Any, int]]:
    """A provider whose sessions are counted, and the port that tells."""
    async with LocalSessionProvider() as provider:
        provider.warm_up()
        reporting = Reporting(provider, max_sessions=max_sessions)
        port = await reporting.listen("127.0.0.1", 0)
        try:
            yield reporting.sessions, port
        finally:
            await reporting.aclose()


async def figures(port: int) -> dict[str, float]:
    status, text = await page(port, "/metrics")
    assert status == 200
    return samples(text)


async def test_each_way_that_an_exec_ends_is_counted_once() -> None:
    async def double(n: int) -> int:
        """Double."""
        if n < 0:
            raise ValueError("no")
        return 2 * n

    limits = Limits(source_bytes=500, heap_bytes=32 * 2**20)
    async with reported() as (provider, port):
        async with CodeMode(tools=[double], provider=provider, limits=limits) as cm:
            await cm.exec("text(await tools.double({n: 2})); text(await tools.double({n: 3}))")
            await cm.exec("await tools.double({n: -1})")
            await cm.exec("throw new Error('x')")
            await cm.exec("/*" + "x" * 500 + "*/")
            await cm.exec("const a = []; for (;;) a.push(new Array(1000).fill(1.5))")
            live = await cm.exec('// @exec: {"yield_time_ms": 1}\n' + FOREVER)
            during = await figures(port)
            await cm.terminate(live)
        after = await figures(port)

    wanted = {
        "codemode_sessions": 1,
        "codemode_sessions_opened_total": 1,
        "codemode_live_cells": 1,
        "codemode_execs_total{completed}": 1,
        "codemode_execs_total{failed}": 2,
        "codemode_execs_total{limit}": 1,
        "codemode_execs_total{refused}": 1,
        "codemode_execs_total{terminated}": 0,
        "codemode_nested_calls_total{ok}": 2,
        "codemode_nested_calls_total{failed}": 1,
        "codemode_limits_reached_total{source_bytes}": 1,
        "codemode_limits_reached_total{heap_bytes}": 1,
        "codemode_workers{busy}": 1,
        "codemode_exec_queue_seconds_count": 5,
        "codemode_exec_run_seconds_count": 4,
        "codemode_session_capacity": 9,
        "codemode_draining": 0,
    }
    assert {name: during.get(name) for name in wanted} == wanted
    ended = {
        "codemode_sessions": 0,
        "codemode_live_cells": 0,
        "codemode_execs_total{terminated}": 1,
        "codemode_execs_total{unread}": 0,
        "codemode_exec_run_seconds_count": 5,
    }
    assert {name: after.get(name) for name in ended} == ended


async def test_a_worker_that_is_lost_is_counted_and_so_is_the_next() -> None:
    import os
    import signal

    async with reported() as (provider, port):
        async with CodeMode(provider=provider) as cm:
            live = await cm.exec('// @exec: {"yield_time_ms": 1}\n' + FOREVER)
            session = provider._provider._sessions[0]
            os.kill(session._engine.pid, signal.SIGKILL)
            lost = await cm.wait(live)
            again = await cm.exec("text(1)")
        found = await figures(port)

    assert lost.failed and again.output == "1"
    assert found["codemode_worker_losses_total"] == 1
    assert found["codemode_execs_total{worker_lost}"] == 1
    assert found["codemode_execs_total{completed}"] == 1


async def test_a_cell_whose_end_nobody_asks_for_is_counted_when_its_session_ends() -> None:
    async with reported() as (provider, port):
        async with CodeMode(provider=provider) as cm:
            assert (await cm.exec('// @exec: {"yield_time_ms": 1}\n' + FOREVER)).running
        found = await figures(port)

    assert found["codemode_execs_total{unread}"] == 1
    assert found["codemode_live_cells"] == 0


async def test_a_process_without_room_is_alive_and_not_ready() -> None:
    async with reported(max_sessions=1) as (provider, port):
        before = await page(port, "/readyz")
        async with CodeMode(provider=provider) as cm:
            await cm.exec("text(1)")
            during = [await page(port, "/readyz"), await page(port, "/livez")]
        after = await page(port, "/readyz")

    assert before == after == (200, "ok\n")
    assert during == [(503, "no room: 1 sessions are open\n"), (200, "ok\n")]
