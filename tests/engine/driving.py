"""A program run on an engine without sessions: a sink that keeps what it hears and answers calls."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

from codemode.engine import events as ev
from codemode.engine.catalogue import Catalogue
from codemode.engine.interfaces import EngineCell, EngineSession
from codemode.loop_share import LoopShare
from codemode.protocol.types import TextItem

T = TypeVar("T")

WAIT_SECONDS = 30.0
"""The bound on every wait; it is never used up."""

NO_TOOLS = Catalogue.of(())
ECHO = Catalogue.of([("echo", "Returns its argument."), ("never", "Returns nothing, ever.")])


class Run:
    """A cell on its way, as its sink. ``echo`` is answered, ``never`` is not."""

    def __init__(self) -> None:
        self.cell: EngineCell
        self.events: list[ev.Event] = []
        self.lost: tuple[str, str | None] | None = None
        self.flushed = 0
        self.share = LoopShare()
        self._changed = asyncio.Event()

    def on_events(self, events: list[ev.Event]) -> None:
        for event in events:
            self.events.append(event)
            if isinstance(event, ev.ToolCalled) and event.index == 0:
                assert event.input_json is not None
                self.cell.resolve(event.number, event.input_json)
            elif isinstance(event, ev.TimerSet) and event.delay_ms == 0:
                self.cell.fire_timer(event.number)
        self._changed.set()

    def on_unfinished(self, size: int) -> None:
        assert size >= 0

    def on_flushed(self) -> None:
        self.flushed += 1
        self._changed.set()

    def on_lost(self, reason: str, limit: str | None) -> None:
        assert self.lost is None, "a cell is lost once"
        self.lost = (reason, limit)
        self._changed.set()

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, TextItem)]

    @property
    def finished(self) -> bool:
        return any(isinstance(event, ev.Finished) for event in self.events)

    @property
    def error(self) -> str | None:
        """The program's error; it must have finished."""
        last = self.events[-1]
        assert isinstance(last, ev.Finished), self.events[-4:]
        return last.error_text

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that follows from what is heard."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def heard(self, kind: type) -> None:
        """Wait until an event of this kind has come."""
        await self.until(lambda: any(isinstance(event, kind) for event in self.events))

    async def writes(self) -> None:
        """Look until a program that computes has written something."""
        while not self.texts:
            seen = self.flushed
            self.cell.flush()
            await self.until(lambda seen=seen: self.flushed > seen)  # type: ignore[misc]

    async def end(self) -> None:
        """Wait until it has finished or is lost."""
        await self.until(lambda: self.finished or self.lost)


async def begin(session: EngineSession, source: str, catalogue: Catalogue = ECHO) -> Run:
    """Start a program."""
    run = Run()
    run.cell = await session.start(source, catalogue, run)
    return run


async def run(session: EngineSession, source: str, catalogue: Catalogue = ECHO) -> Run:
    """Start a program and wait for its end."""
    started = await begin(session, source, catalogue)
    await started.end()
    return started


async def texts(session: EngineSession, source: str) -> list[str]:
    """What a program that succeeds writes."""
    ended = await run(session, source)
    assert ended.lost is None
    assert ended.error is None
    return ended.texts


async def eventually(condition: Callable[[], object]) -> None:
    """Wait for something that only /proc can tell."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - /proc rings no bell
            await asyncio.sleep(0.005)


async def bounded(work: Awaitable[T]) -> T:
    """Wait for ``work``, not for ever."""
    async with asyncio.timeout(WAIT_SECONDS):
        return await work


def processes(parent: int | None = None) -> set[int]:
    """The living descendants of a process, by default of this one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) is not None:
            children.setdefault(stat, []).append(int(entry.name))
    found: set[int] = set()
    open_ends = [parent or os.getpid()]
    while open_ends:
        for child in children.get(open_ends.pop(), ()):
            found.add(child)
            open_ends.append(child)
    return found


def alive(pids: Iterable[int]) -> set[int]:
    """Those of the processes that still live; a zombie does not."""
    return {pid for pid in pids if _stat(pid) is not None}


def _stat(pid: int) -> int | None:
    """The parent of a process that lives."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in "ZX" else int(fields[1])


def threads() -> set[int]:
    """The threads of this process, V8's included."""
    return {int(task) for task in os.listdir("/proc/self/task")}


def descriptors() -> set[str]:
    """What this process has open, each with its number."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{entry}: {os.readlink(f'/proc/self/fd/{entry}')}")
        except FileNotFoundError:  # the listing itself
            continue
    return found


def held() -> set[str]:
    """Everything that this process could leave behind: children, threads, descriptors.

    To be compared as sets: what somebody else's test left, and what ends meanwhile, is no leak.
    """
    children = {f"process {pid}" for pid in processes()}
    return children | {f"thread {tid}" for tid in threads()} | descriptors()
