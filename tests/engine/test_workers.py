"""Workers: how they die, what they may use, and what they can see."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from codemode.engine import events as ev
from codemode.engine import installed, launching, spawners
from codemode.engine.installed import Installed
from codemode.engine.process import WorkerProcess, taken
from codemode.engine.supply import StartMethod
from codemode.engine.workers import WorkersEngine, WorkersSession
from codemode.errors import EngineError, EngineMissingError
from codemode.limits import MIB, Limits

from .driving import (
    alive,
    begin,
    bounded,
    eventually,
    processes,
    run,
    texts,
)

STUCK = "text('stuck'); yield_control(); await 0; new Array(2 ** 32 - 1).sort()"
"""V8 cannot be told to stop this."""


async def worker_of(session: WorkersSession) -> int:
    """The process that runs the session's cells."""
    await texts(session, "text(1)")
    link = session._link
    assert link is not None
    return link._worker.pid


async def test_an_uninterruptible_program_is_killed_with_its_worker(engine: WorkersEngine) -> None:
    session = engine.session(Limits(worker_memory_bytes=None))
    cell = await begin(session, STUCK)
    other = await begin(session, "await tools.never()")
    await cell.heard(ev.YieldAsked)
    await other.heard(ev.Idle)

    while await bounded(cell.cell.close()):  # it was stopped before it had begun to sort
        cell = await begin(session, STUCK)
        await cell.heard(ev.YieldAsked)
    assert await texts(session, "text('at once')") == ["at once"]
    await other.end()
    assert other.lost is not None and other.lost[1] == "termination_ms"
    assert cell.lost is None
    assert await texts(session, "text('still')") == ["still"]


async def test_a_worker_that_is_killed_ends_its_cells_and_no_others(engine: WorkersEngine) -> None:
    mine, theirs = engine.session(Limits()), engine.session(Limits())
    pid = await worker_of(mine)
    cell = await begin(mine, "await tools.never()")
    other = await begin(theirs, "await tools.never()")
    await cell.heard(ev.Idle)
    await other.heard(ev.Idle)
    os.kill(pid, signal.SIGKILL)
    await cell.end()

    assert cell.lost == (
        "The worker process of this session was lost (killed by SIGKILL)."
        "\nHint: stored values are kept; run the program again, with less data at a time if it"
        " used much.",
        None,
    )
    assert other.lost is None
    assert await texts(mine, "text('fresh')") == ["fresh"]


async def test_memory_outside_the_heap_is_bounded(engine: WorkersEngine) -> None:
    session = engine.session(Limits(worker_memory_bytes=128 * MIB))
    ended = await run(session, "const a = []; for (;;) a.push(new Uint8Array(1e7).fill(1))")

    if ended.lost is None:
        assert (ended.error or "").startswith("RangeError: "), ended.error
    else:
        assert ended.lost[1] == "worker_memory_bytes"
    assert await texts(session, "text('still')") == ["still"]


async def test_v8_running_out_of_memory_names_the_limit(engine: WorkersEngine) -> None:
    limits = Limits(worker_memory_bytes=64 * MIB, heap_bytes=2**33)
    ended = await run(engine.session(limits), "const a = []; for (;;) a.push({a})")

    assert ended.lost is not None
    reason, limit = ended.lost
    assert limit == "worker_memory_bytes"
    assert reason.startswith(
        "Limit reached (worker_memory_bytes): the cells of this session used more than 64 MiB of"
        " memory together. (The worker was killed by SIG"
    )


async def test_the_bound_on_memory_is_what_a_worker_may_take_beyond_its_own(
    engine: WorkersEngine,
) -> None:
    source = "const a = []; for (let i = 0; i < 9; i++) a.push(new Uint8Array(1e7).fill(1)); text(a.length)"

    assert await texts(engine.session(Limits(worker_memory_bytes=128 * MIB)), source) == ["9"]


@pytest.mark.skipif(os.geteuid() != 0, reason="others may not look into what is not dumpable")
async def test_a_worker_sees_nothing_of_the_application(engine: WorkersEngine) -> None:
    os.environ["CODEMODE_TEST_SECRET"] = "secret"
    mine = os.open(__file__, os.O_RDONLY)
    pid = await worker_of(engine.session(Limits()))
    os.close(mine)
    process = Path(f"/proc/{pid}")
    numbers = sorted(int(fd.name) for fd in (process / "fd").iterdir())
    kinds = [str((process / "fd" / str(fd)).readlink()).split(":")[0] for fd in numbers]

    assert numbers[0] == 2
    assert kinds == ["pipe", "socket"]
    assert (process / "environ").read_bytes() == b""
    assert os.getpgid(pid) != os.getpgid(0)
    limits = (process / "limits").read_text().splitlines()
    assert next(line for line in limits if "core" in line).split()[4:6] == ["0", "0"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux chooses whom to end for memory")
async def test_where_memory_runs_out_a_worker_is_ended_before_the_application(
    engine: WorkersEngine,
) -> None:
    pid = await worker_of(engine.session(Limits()))

    assert oom_score(pid) == min(oom_score(os.getpid()) + 500, 1000)


def oom_score(pid: int) -> int:
    """How readily the system ends a process for memory."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


async def test_ctrl_c_and_terminal_signals_leave_a_worker_alone(engine: WorkersEngine) -> None:
    session = engine.session(Limits())
    pid = await worker_of(session)
    os.kill(pid, signal.SIGINT)

    assert await texts(session, "text('still')") == ["still"]


async def test_a_ready_worker_that_died_is_not_used(engine: WorkersEngine) -> None:
    session = engine.session(Limits())
    used = await worker_of(session)
    assert engine._ready is not None
    ready = await engine._ready
    os.kill(ready.pid, signal.SIGKILL)
    await bounded(asyncio.shield(ready.exited))

    assert await texts(engine.session(Limits()), "text('fresh')") == ["fresh"]
    assert alive([used]) == {used}


async def test_many_sessions_may_want_their_first_worker_at_once(engine: WorkersEngine) -> None:
    said = await bounded(
        asyncio.gather(*[texts(engine.session(Limits()), f"text({n})") for n in range(6)])
    )

    assert said == [[str(n)] for n in range(6)]


async def test_cells_that_start_at_once_share_one_worker(forked: WorkersEngine) -> None:
    session = forked.session(Limits())
    await bounded(asyncio.gather(*[texts(session, "text(1)") for _ in range(5)]))

    assert forked._ready is not None
    await forked._ready
    assert len(processes()) == 3  # the zygote, the session's worker, and the ready one


async def test_a_cancelled_first_start_leaves_no_worker_behind(engine: WorkersEngine) -> None:
    session = engine.session(Limits())
    for turns in range(12):
        task = asyncio.create_task(run(session, "text(1)"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await session.aclose()
        session = engine.session(Limits())

    assert await texts(session, "text('still')") == ["still"]


async def test_an_engine_that_is_closed_during_its_first_start_ends_it() -> None:
    for turns in range(8):
        engine = WorkersEngine()
        task = asyncio.create_task(run(engine.session(Limits()), "text(1)"))
        for _ in range(turns):
            await asyncio.sleep(0)
        await bounded(engine.aclose())
        with pytest.raises(EngineError):
            await bounded(task)
    assert processes() == set()


def test_an_engine_may_be_used_in_one_event_loop_after_another() -> None:
    engine = WorkersEngine()

    async def once() -> list[str]:
        session = engine.session(Limits())
        said = await texts(session, "text(1)")
        await session.aclose()
        return said

    assert [asyncio.run(once()) for _ in range(3)] == [["1"]] * 3
    asyncio.run(engine.aclose())
    assert processes() == set()


async def test_workers_of_a_zygote_that_was_killed_end_and_it_is_replaced(
    forked: WorkersEngine,
) -> None:
    session = forked.session(Limits())
    pid = await worker_of(session)
    cell = await begin(session, "for (;;);")
    zygote = _zygote(forked)
    os.kill(zygote, signal.SIGKILL)
    await cell.end()

    assert cell.lost is not None
    await eventually(lambda: alive([pid, zygote]) == set())
    assert await texts(session, "text('fresh')") == ["fresh"]


async def test_a_zygote_that_is_stopped_does_not_keep_the_engine_from_closing() -> None:
    engine = WorkersEngine()
    session = engine.session(Limits())
    await worker_of(session)
    os.kill(_zygote(engine), signal.SIGSTOP)
    await bounded(session.aclose())
    await bounded(engine.aclose())

    assert processes() == set()


async def test_a_worker_that_does_not_come_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawners, "START_SECONDS", 0.1)
    monkeypatch.setattr(Installed, "command", lambda *_: ["/bin/sleep", "60"])
    engine = WorkersEngine()
    with pytest.raises(EngineError, match=r"^no worker could be started"):
        await bounded(run(engine.session(Limits()), "text(1)"))
    await engine.aclose()


@pytest.mark.parametrize("method", ["zygote", "spawn"])
async def test_a_launcher_that_cannot_be_run_is_an_error(
    method: StartMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Installed, "command", lambda *_: ["/nowhere/launcher"])
    engine = WorkersEngine(start_method=method)
    with pytest.raises(EngineError, match=r"^a worker could not be started: .*No such file"):
        await bounded(run(engine.session(Limits()), "text(1)"))
    await engine.aclose()


async def test_a_worker_that_is_not_built_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "BUILT", tmp_path)
    engine = WorkersEngine()
    with pytest.raises(EngineMissingError, match=r"^the worker is not built: .*\nHint: "):
        await bounded(run(engine.session(Limits()), "text(1)"))
    await engine.aclose()


async def test_a_worker_without_its_v8_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = installed.find()
    monkeypatch.setattr(
        launching, "find", lambda: found._replace(v8=str(tmp_path / "libmini_racer.so"))
    )
    engine = WorkersEngine()
    with pytest.raises(
        EngineError, match=r"^no worker could be started: V8 cannot be loaded: libmini_racer\.so: "
    ):
        await bounded(run(engine.session(Limits()), "text(1)"))
    await engine.aclose()


async def test_a_worker_of_another_version_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "VERSION", 0)
    engine = WorkersEngine()
    with pytest.raises(EngineError, match=r"^no worker could be started: the worker was built for"):
        await bounded(run(engine.session(Limits()), "text(1)"))
    await engine.aclose()


async def test_a_system_without_processes_left_is_an_error_and_not_the_end(
    forked: WorkersEngine,
) -> None:
    import resource

    session = forked.session(Limits())
    await worker_of(session)
    zygote = _zygote(forked)
    resource.prlimit(zygote, resource.RLIMIT_NOFILE, (5, 5))
    assert forked._supply is not None
    with pytest.raises(EngineError, match=r"^no worker could be started: .* \((EMFILE|EAGAIN)\)$"):
        await bounded(forked._supply.spawner.start())

    assert alive([zygote]) == {zygote}
    assert await texts(session, "text('still')") == ["still"]


async def test_programs_see_the_time_zone_of_the_application(
    engine: WorkersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    assert await texts(engine.session(Limits()), "text(new Date(0).getHours())") == ["9"]


async def test_a_worker_without_a_cell_is_given_back(
    engine: WorkersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.engine.worker_connection.IDLE_SECONDS", 0.0)
    session = engine.session(Limits(termination_ms=60_000))
    cell = await begin(session, "await tools.never()")
    first = session.pid
    await texts(session, "text('beside it')")
    await asyncio.sleep(0.001)
    kept = session.pid
    await cell.cell.close()
    await eventually(lambda: session.pid is None)

    assert first is not None and kept == first
    await eventually(lambda: not alive([first]))
    assert await texts(session, "text('in another')") == ["in another"]


async def test_of_many_workers_without_a_cell_the_one_that_has_rested_longest_is_given_back(
    engine: WorkersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.engine.worker_connection.IDLE_WORKERS", 2)
    sessions = [engine.session(Limits()) for _ in range(4)]
    for session in (*sessions[:2], sessions[0], *sessions[2:]):
        await texts(session, "text(1)")

    await eventually(
        lambda: [session.pid is None for session in sessions] == [True, True, False, False]
    )
    assert await texts(sessions[0], "text('again')") == ["again"]


async def test_whoever_is_cancelled_as_his_worker_comes_leaves_none_behind(
    forked: WorkersEngine,
) -> None:
    worker = await bounded(forked.take())
    coming: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
    taking = asyncio.create_task(taken(coming))
    await asyncio.sleep(0)
    coming.set_result(worker)
    taking.cancel()
    await asyncio.wait([taking])

    assert taking.cancelled() and worker.released
    assert (await bounded(worker.exited)).signal == signal.SIGKILL


def _zygote(engine: WorkersEngine) -> int:
    spawner = None if engine._supply is None else engine._supply.spawner
    assert isinstance(spawner, spawners.ZygoteSpawner)
    assert spawner._zygote is not None
    return spawner._zygote.pid
