"""Nothing left: no descriptors, no processes, no threads. It passes, and so does the trouble."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codemode.errors import EngineError
from tests.engine.driving import eventually

from .stage import Stage, bounded, execute, texts

START_SCRIPT = """
import os, sys, json, threading
sys.path[:] = json.loads(sys.argv[1])
from codemode.engine import zygote

real = os.fork

def no_thread(_):
    raise RuntimeError("can't start new thread")

def fork():
    if os.path.exists({folder!r} + "/no processes"):
        raise BlockingIOError(11, "try again")
    threads = not os.path.exists({folder!r} + "/no threads")
    pid = real()
    if pid == 0 and not threads:
        threading.Thread.start = no_thread
    return pid

os.fork = fork
zygote.main(*map(int, sys.argv[2:]))
"""
"""A zygote that cannot fork, or whose workers cannot begin threads, while a file says so."""


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process cannot open anything."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open("/dev/null", os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 64, hard))
    try:
        try:
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            yield
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def no_ready_worker(stage: Stage) -> None:
    """Only a fresh worker would do."""
    assert stage.engine._ready is not None
    ready = await bounded(stage.engine._ready)
    os.kill(ready.pid, signal.SIGKILL)
    await bounded(ready.exited)


async def test_without_descriptors_cells_run_on_and_new_workers_say_why_there_are_none(
    stage: Stage,
) -> None:
    await no_ready_worker(stage)
    fresh = await stage.provider.create_session(stage.delegate)
    with no_descriptors():
        await stage.works_again()
        for _ in range(3):
            with pytest.raises(
                EngineError, match=r"^a worker could not be started: .*Too many open files$"
            ):
                await execute(fresh, "text(1)")
        await stage.neighbour_is_well()

    assert texts((await execute(fresh, "text(1)")).items) == ["1"]


async def test_without_descriptors_a_zygote_that_is_gone_is_an_error_until_there_are_some(
    stage: Stage,
) -> None:
    os.kill(stage.zygote, signal.SIGKILL)
    await stage.neighbour_ends()
    await stage.lost_its_worker()
    with no_descriptors():
        with pytest.raises(
            EngineError, match=r"^a worker could not be started: .*Too many open files"
        ):
            await stage.run("text(1)")
    await stage.works_again()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a file called ``no processes`` or ``no threads`` makes those fail."""
    from codemode.engine import process

    usual = process._command

    def command(function: str, fd: int) -> list[str]:
        *_, path, socket, parent = usual(function, fd)
        script = START_SCRIPT.format(folder=str(tmp_path))
        return [sys.executable, "-I", "-S", "-c", script, path, socket, parent]

    monkeypatch.setattr(process, "_command", command)
    return tmp_path


async def test_a_fork_that_fails_is_an_error_until_it_does_not(folder: Path, stage: Stage) -> None:
    await no_ready_worker(stage)
    fresh = await stage.provider.create_session(stage.delegate)
    (folder / "no processes").touch()
    for _ in range(3):
        with pytest.raises(EngineError, match=r"^no worker could be started: .* \(EAGAIN\)$"):
            await execute(fresh, "text(1)")
    await stage.works_again()
    await stage.neighbour_is_well()
    (folder / "no processes").unlink()

    assert texts((await execute(fresh, "text(1)")).items) == ["1"]


async def test_a_worker_without_threads_is_lost_with_its_own_words(
    folder: Path, stage: Stage
) -> None:
    (folder / "no threads").touch()
    os.kill(stage.worker, signal.SIGKILL)
    await stage.lost_its_worker()
    assert (await stage.ends("1")).error_text is None  # in the worker that was ready
    os.kill(stage.worker, signal.SIGKILL)
    await stage.lost_its_worker()
    try:
        how = (await stage.ends("1")).error_text
    except EngineError as error:  # it was seen before the program was handed over
        how = str(error)
    assert how is not None
    assert "can't start new thread" in how or how == "workers die before they are used"
    await stage.neighbour_is_well()
    (folder / "no threads").unlink()

    await eventually(lambda: not stage.engine._ready or stage.engine._ready.done())
    if stage.engine._ready is not None:
        await bounded((await stage.engine._ready).exited)
    await stage.works_again()


async def test_a_worker_that_gets_no_more_memory_for_threads_is_replaced(stage: Stage) -> None:
    resource.prlimit(stage.worker, resource.RLIMIT_AS, (1, 1))
    ends = [await stage.ends(f"text({n})") for n in range(6)]  # the ready isolates do for some

    for end in ends:
        assert end.error_text is None or end.error_text.startswith(
            ("The worker process of this session was lost (", "Limit reached (", "The cell could")
        )
    os.kill(stage.worker, signal.SIGKILL)
    await stage.lost_its_worker()
    await stage.works_again()
    await stage.neighbour_is_well()


async def test_a_failure_that_nobody_waited_for_is_not_told_to_the_next(
    folder: Path, stage: Stage
) -> None:
    engine = stage.engine
    assert engine._ready is not None
    await bounded(engine._ready)
    (folder / "no processes").touch()
    one = await stage.provider.create_session(stage.delegate)
    other = await stage.provider.create_session(stage.delegate)
    assert texts((await execute(one, "text(1)")).items) == ["1"]  # in the worker that was ready
    await eventually(lambda: engine._ready is not None and engine._ready.done())
    (folder / "no processes").unlink()

    assert texts((await execute(other, "text(2)")).items) == ["2"]
