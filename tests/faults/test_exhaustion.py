"""Nothing left: no descriptors, no processes, no threads. It passes, and so does the trouble."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from codemode.errors import EngineError
from codemode.process_ledger import limit_process
from codemode.process_limits import ProcessLimits
from tests.engine.driving import eventually

from .stage import Stage, bounded, execute, texts


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process cannot open anything, and its ledger does not mind."""
    limit_process(ProcessLimits(descriptors=1_000_000))
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
        limit_process(ProcessLimits())


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


@contextmanager
def no_workers(zygote: int) -> Iterator[None]:
    """The zygote has no room for the descriptors of another worker."""
    soft, hard = resource.prlimit(zygote, resource.RLIMIT_NOFILE)
    resource.prlimit(zygote, resource.RLIMIT_NOFILE, (5, hard))
    try:
        yield
    finally:
        resource.prlimit(zygote, resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_start_that_fails_is_an_error_until_it_does_not(stage: Stage) -> None:
    await no_ready_worker(stage)
    fresh = await stage.provider.create_session(stage.delegate)
    with no_workers(stage.zygote):
        for _ in range(3):
            with pytest.raises(EngineError, match=r"^no worker could be started: .* \(EMFILE\)$"):
                await execute(fresh, "text(1)")
        await stage.works_again()
        await stage.neighbour_is_well()

    assert texts((await execute(fresh, "text(1)")).items) == ["1"]


async def test_a_worker_that_gets_no_more_memory_for_threads_is_replaced(stage: Stage) -> None:
    resource.prlimit(stage.worker, resource.RLIMIT_AS, (1, 1))
    ends = [await stage.ends(f"text({n})") for n in range(6)]  # the ready isolates do for some

    for end in ends:
        assert end.error_text is None or end.error_text.startswith(
            ("The worker process of this session was lost (", "Limit reached (", "The cell could")
        )
    if not ends[
        -1
    ].worker_lost:  # else the last of them has ended the worker, and there is none now
        os.kill(stage.worker, signal.SIGKILL)
        await stage.lost_its_worker()
    await stage.works_again()
    await stage.neighbour_is_well()


async def test_a_failure_that_nobody_waited_for_is_not_told_to_the_next(stage: Stage) -> None:
    engine = stage.engine
    assert engine._ready is not None
    await bounded(engine._ready)
    one = await stage.provider.create_session(stage.delegate)
    other = await stage.provider.create_session(stage.delegate)
    with no_workers(stage.zygote):
        assert texts((await execute(one, "text(1)")).items) == ["1"]  # in the worker that was ready
        await eventually(lambda: engine._ready is not None and engine._ready.done())

    assert texts((await execute(other, "text(2)")).items) == ["2"]
