"""Thousands of programs through one session: what it holds afterwards is what it held before."""

from __future__ import annotations

import asyncio
import gc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codemode.engine.workers import WorkersSession
from codemode.limits import MIB
from codemode.protocol.types import Result, TextItem
from codemode.runtime.local import LocalSessionProvider
from codemode.runtime.session import SessionRuntime
from tests.engine.driving import descriptors, threads
from tests.runtime.doubles import Recorder, echo, request

from .cell import WrongError, answered

SOURCE: Final = """
text('x'.repeat(100)); store('key', {n: [1, 2, 3]}); load('key');
await Promise.all([tools.echo(1), tools.echo({a: 'b'})]);
await new Promise(done => setTimeout(done, 0)); text('end');
"""

TRIES: Final = 100
TRY_SECONDS: Final = 0.05
"""What is freed behind a program's end is freed within this time many times over."""


@dataclass(frozen=True)
class Holdings:
    """What the application and the session's worker hold; ``worker_bytes`` without shared pages."""

    descriptors: int
    threads: int
    objects: int
    worker_descriptors: int
    worker_threads: int
    worker_bytes: int

    def exceeds(self, before: Holdings) -> list[str]:
        """What has grown, by more than is noise."""
        noise = {"objects": 500, "worker_threads": 2, "worker_bytes": 8 * MIB}
        grown = {
            name: getattr(self, name) - getattr(before, name) for name in self.__dataclass_fields__
        }
        return [f"{name}: +{by}" for name, by in grown.items() if by > noise.get(name, 0)]


async def grow(first: int, last: int) -> tuple[Holdings, Holdings]:
    """What is held after ``first`` programs, and after ``last``.

    Raises:
        WrongError: it has grown, or a program gave something else.
    """
    delegate = Recorder(echo=echo)
    async with LocalSessionProvider() as provider:
        session = await provider.create_session(delegate)
        await _run(session, delegate, first)
        before = _holdings(session)
        await _run(session, delegate, last - first)
        after = _holdings(session)
        for _ in range(TRIES):
            if not after.exceeds(before):
                break
            await asyncio.sleep(TRY_SECONDS)
            after = _holdings(session)
        else:
            grown = ", ".join(after.exceeds(before))
            raise WrongError(f"from {first} to {last} programs, this has grown: {grown}")
        await answered(session.shutdown(), "shutdown")
    return before, after


async def _run(session: SessionRuntime, delegate: Recorder, times: int) -> None:
    for _ in range(times):
        started = await answered(session.execute(request(SOURCE, "echo")), "exec")
        end = await answered(started.initial_response(), "the program")
        assert isinstance(end, Result)
        said = [item.text for item in end.items if isinstance(item, TextItem)]
        if (said, end.error_text) != (["x" * 100, "end"], None):
            raise WrongError(f"a program gave {end}")
        delegate.log.clear()


def _holdings(session: SessionRuntime) -> Holdings:
    engine = session._engine
    assert isinstance(engine, WorkersSession)
    assert engine._link is not None
    process = Path(f"/proc/{engine._link._worker.pid}")
    _, resident, shared, *_ = map(int, (process / "statm").read_text().split())
    gc.collect()
    return Holdings(
        descriptors=len(descriptors()),
        threads=len(threads()),
        objects=len(gc.get_objects()),
        worker_descriptors=_descriptors_of(process),
        worker_threads=len(list((process / "task").iterdir())),
        worker_bytes=(resident - shared) * os.sysconf("SC_PAGESIZE"),
    )


def _descriptors_of(process: Path) -> int:
    try:
        return len(list((process / "fd").iterdir()))
    except PermissionError:  # it is not to be looked into, unless by root
        return 0
