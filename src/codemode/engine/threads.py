"""The in-process engine: isolates in this process, for trusted code and for tests.

Lowest latency and no protection: a heap that V8 cannot bound, or a builtin that it cannot
interrupt, is this process's trouble. The cell code is the same as in a worker.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Final

from ..errors import EngineError
from . import v8
from .cell import WINDOW_BYTES, Cell
from .events import RECORD_OVERHEAD, Feed
from .isolates import Isolates
from .program import compose, is_quick, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..limits import Limits
    from .events import Sink
    from .isolate import Isolate
    from .program import Catalogue

_log = logging.getLogger(__name__)

READY_ISOLATES: Final = 2
JOIN_SECONDS: Final = 1.0


class ThreadsEngine:
    """Shares its ready isolates among its sessions."""

    def __init__(self) -> None:
        self._isolates: Isolates | None = None
        self._closed = False

    def session(self, limits: Limits) -> ThreadsSession:
        if self._closed:
            raise EngineError("the engine is closed")
        if self._isolates is None:
            v8.load(shared_process=True)
            self._isolates = Isolates(ahead=READY_ISOLATES)
        return ThreadsSession(self._isolates, limits)

    def warm_up(self) -> None:
        """Nothing: what a session needs is begun when it is made."""

    async def aclose(self) -> None:
        self._closed = True
        isolates, self._isolates = self._isolates, None
        if isolates is not None and not await _in_thread(lambda: isolates.close(JOIN_SECONDS)):
            _log.warning("a thread stays behind: V8 does not interrupt what it runs")

    def __del__(self) -> None:
        if self._isolates is not None:
            self._isolates.close(0)


async def _in_thread(job: Callable[[], bool]) -> bool:
    """Run ``job`` in a thread that ends with it; the loop's executor would keep one."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bool] = loop.create_future()

    def run() -> None:
        result = job()
        try:
            loop.call_soon_threadsafe(_settle, done, result)
        except RuntimeError:
            _log.debug("the event loop is closed; nobody waits for the end of its isolates")

    threading.Thread(target=run, name="close", daemon=True).start()
    return await done


def _settle(done: asyncio.Future[bool], result: bool) -> None:  # noqa: FBT001 - a callback
    if not done.done():
        done.set_result(result)


class ThreadsSession:
    """Cells of one session."""

    def __init__(self, isolates: Isolates, limits: Limits) -> None:
        self._isolates = isolates
        self._limits = limits
        self._settings = settings_of(limits)
        self._cells: set[ThreadsCell] = set()
        self._closed = False

    async def start(self, source: str, catalogue: Catalogue, sink: Sink) -> ThreadsCell:
        if self._closed:
            raise EngineError("the engine session is closed")
        cell = ThreadsCell(self._isolates, self._limits, sink, self._cells.discard)
        self._cells.add(cell)
        cell.start(source, catalogue, self._settings)
        return cell

    async def aclose(self) -> None:
        self._closed = True
        await asyncio.gather(*[cell.close() for cell in self._cells])


class ThreadsCell:
    """One program; also the port of its :class:`Cell`, whose calls come from other threads."""

    def __init__(
        self,
        isolates: Isolates,
        limits: Limits,
        sink: Sink,
        forget: Callable[[ThreadsCell], None],
    ) -> None:
        self._isolates = isolates
        self._limits = limits
        self._sink = sink
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        max_units = limits.value_bytes + RECORD_OVERHEAD
        self._feed = Feed(sink, max_units, WINDOW_BYTES, self._credit)
        self._lock = threading.Lock()
        self._cell: Cell | None = None
        self._freeing = False
        self._freed = asyncio.Event()
        self._closed = False

    def start(self, source: str, catalogue: Catalogue, settings: str) -> None:
        def begin(isolate: Isolate) -> None:
            program = compose(source, catalogue, settings)
            isolate.limit_heap(self._limits.heap_bytes)
            cell = Cell(isolate, self, catalogue.descriptions)
            with self._lock:
                self._cell = cell
            if self._closed:
                self._free(self._isolates.free)
            else:
                cell.start(*program)

        self._isolates.start(begin, self.failed, quick=is_quick(source))

    def deliver(self, message: str) -> None:
        if self._cell is not None:
            self._feed.expect_turn()
            self._cell.deliver(message.encode("utf-8", "replace"))

    def answer(self, json: bytes | None) -> None:
        if self._cell is not None:
            self._cell.answer(json)

    def flush(self) -> None:
        if self._cell is not None:
            self._cell.flush()
        self._soon(self._on_flushed)

    def pause(self) -> None:
        self._feed.pause()

    def resume(self) -> None:
        self._try(self._feed.resume)

    async def close(self) -> bool:
        self._closed = True
        with self._lock:
            begun = self._cell is not None
        if begun:
            self._free(self._isolates.stop)
        try:
            async with asyncio.timeout(self._limits.termination_ms / 1000):
                await self._freed.wait()
        except TimeoutError:
            return False
        return True

    # The port: other threads from here on.

    def records(self, data: bytes) -> None:
        self._soon(self._on_records, data)

    def over(self) -> None:
        self._free(self._isolates.free)

    def heap_exhausted(self) -> None:
        self._soon(self._lose, self._limits.message("heap_bytes"), "heap_bytes")
        self._free(self._isolates.free)

    def failed(self, error: Exception) -> None:
        reason = f"The cell could not be run: {type(error).__name__}: {error}."
        self._soon(self._lose, reason, None)
        self._free(self._isolates.free)

    def _free(self, run: Callable[[Callable[[], None]], None]) -> None:
        with self._lock:
            if self._freeing:
                return
            self._freeing = True
            cell = self._cell
        if cell is None:  # its isolate could not be made, or is given back already
            self._soon(self._on_freed)
            return
        cell.release()

        def free() -> None:
            cell.free()
            self._soon(self._on_freed)

        run(free)

    def _soon(self, callback: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            _log.debug("the event loop is closed; a cell's words are lost")

    # On the event loop again.

    def _on_records(self, data: bytes) -> None:
        if not self._closed:
            self._try(lambda: self._feed.data(data))

    def _try(self, feed: Callable[[], None]) -> None:
        try:
            feed()
        except EngineError as error:
            self._lose(f"The cell was stopped: {error}.", None)
            self._free(self._isolates.stop)

    def _lose(self, reason: str, limit: str | None) -> None:
        if not self._closed and not self._feed.finished:
            self._closed = True
            self._sink.on_lost(reason, limit)

    def _on_flushed(self) -> None:
        if not self._closed:
            self._sink.on_flushed()

    def _on_freed(self) -> None:
        self._freed.set()
        self._forget(self)

    def _credit(self, size: int) -> None:
        if self._cell is not None:
            self._cell.credit(size)
