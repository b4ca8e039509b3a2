"""Whether cells can run here: the engine is tried, in a process of its own, and within a bound.

An engine that aborts its process or hangs is what this self test is for, so nothing of it happens in
the process that asks.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import CodeModeError, EngineError
from ..limits import Limits
from ..loop_share import LoopShare
from ..protocol.types import TextItem
from .catalogue import Catalogue
from .events import Finished
from .installed import V8
from .sandbox import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from .events import Event
    from .workers import WorkersSession

ANSWER_SECONDS: Final = 20.0
"""An engine answers within 0.2 s of nothing; on a machine out of breath within a few seconds."""

PROCESS_SECONDS: Final = ANSWER_SECONDS + 10

_PROGRAM: Final = (
    "import sys,json; sys.path[:]=json.loads(sys.argv[1]);"
    "from codemode.engine.self_test import answer; answer()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What became of the engine.

    Attributes:
        works: whether it computed 1+1.
        error: why not.
        v8: the version that the worker was made for, and has found.
        start_method: how workers start.
        first_ms: from nothing to the first result.
        next_ms: the same for the next session.
        worker_bytes: resident memory of a worker, shared pages included.
        zygote_bytes: the same for what workers are forked from.
        sandbox: the parts of a worker's sandbox; None if it said nothing.
    """

    works: bool
    error: str = ""
    v8: str = ""
    start_method: str = ""
    first_ms: float | None = None
    next_ms: float | None = None
    worker_bytes: int | None = None
    zygote_bytes: int | None = None
    sandbox: tuple[Part, ...] | None = None


def examine() -> SelfTest:
    """Try the engine; never raises, and returns within ``PROCESS_SECONDS``."""
    path = json.dumps([os.path.abspath(entry) for entry in sys.path])
    try:
        done = subprocess.run(
            [sys.executable or "python3", "-I", "-c", _PROGRAM, path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PROCESS_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return SelfTest(works=False, error=f"it did not end within {PROCESS_SECONDS:g} s")
    except (OSError, MemoryError) as error:
        return SelfTest(works=False, error=f"no process could be started: {error}")
    try:
        found: dict[str, Any] = json.loads(done.stdout)
        parts = found.pop("sandbox")
        return SelfTest(**found, sandbox=parts and tuple(Part(*part) for part in parts))
    except (ValueError, TypeError, KeyError):
        words = done.stderr.decode(errors="replace").strip().splitlines()
        how = f"its process ended with {done.returncode}"
        return SelfTest(works=False, error=": ".join([how, *words[-1:]]))


def answer() -> None:
    """The process that tries the engine: the outcome as JSON on standard output."""
    try:
        found = asyncio.run(_tried())
    except (CodeModeError, OSError, MemoryError) as error:
        found = SelfTest(works=False, error=str(error) or type(error).__name__)
    except TimeoutError:
        found = SelfTest(works=False, error=f"it did not answer within {ANSWER_SECONDS:g} s")
    print(json.dumps(asdict(found)))  # noqa: T201 - that is what it is for
    sys.stdout.flush()
    os._exit(0)  # whatever the engine has left in this process


async def _tried() -> SelfTest:
    from .workers import WorkersEngine  # noqa: PLC0415 - if it cannot be loaded, that is a finding

    engine = WorkersEngine()
    try:
        # The cells against a bound: an engine that hangs is a finding.
        async with asyncio.timeout(ANSWER_SECONDS):
            first_ms, _ = await _first_result(lambda: engine.session(Limits()))
            next_ms, following = await _first_result(lambda: engine.session(Limits()))
        return SelfTest(
            works=True,
            v8=V8,
            start_method=engine.start_method,
            first_ms=first_ms,
            next_ms=next_ms,
            sandbox=following.sandbox,
            worker_bytes=_resident(following.pid),
            zygote_bytes=_resident(_parent(following.pid)),
        )
    finally:
        await engine.aclose()


async def _first_result(make: Callable[[], WorkersSession]) -> tuple[float, WorkersSession]:
    """How long until a program that computes 1+1 in a new session has said so."""
    began = time.perf_counter()
    session, sink = make(), _Sink()
    await session.start("text(1+1)", Catalogue.of(()), sink)
    said = await sink.ended
    if said != ["2"]:
        raise EngineError(f"text(1+1) gave {said!r}")
    return round((time.perf_counter() - began) * 1000, 1), session


class _Sink:
    """What a program writes until it ends."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._texts: list[str] = []
        self.share = LoopShare()

    def on_events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, TextItem):
                self._texts.append(event.text)
            elif isinstance(event, Finished) and not self.ended.done():
                self.ended.set_result([*self._texts, *filter(None, [event.error_text])])

    def on_unfinished(self, size: int) -> None:
        """It will be finished."""

    def on_flushed(self) -> None:
        """Not used by the self test."""

    def on_lost(self, reason: str, limit: str | None) -> None:
        del limit
        if not self.ended.done():
            self.ended.set_exception(EngineError(reason))


def _resident(pid: int | None) -> int | None:
    """The command in /proc of a live process."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _parent(pid: int | None) -> int | None:
    """What a worker was forked from, unless that is this process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        parent = int(stat.rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return None if parent == os.getpid() else parent
