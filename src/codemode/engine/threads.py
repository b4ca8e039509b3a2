"""The in-process engine: isolates in this process, for trusted code and for tests.

Lowest latency and no protection: a heap that V8 cannot bound, or a builtin that it cannot
interrupt, is this process's trouble. The cell code is the same as in a worker.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ..errors import EngineError
from . import v8
from .cell import Cell
from .events import Feed
from .isolates import Isolates
from .module import needs_parsing
from .program import compose, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..limits import Limits
    from .events import Sink
    from .program import Catalogue
    from .v8 import Isolate

_log = logging.getLogger(__name__)

READY_ISOLATES: Final = 2
JOIN_SECONDS: Final = 1.0


class ThreadsEngine:
    """Shares its ready isolates among its sessions."""

    def __init__(self) -> None:
        self._isolates: Isolates | None = None

    def session(self, limits: Limits) -> ThreadsSession:
        if self._isolates is None:
            v8.load(shared_process=True)
            self._isolates = Isolates(ahead=READY_ISOLATES)
        return ThreadsSession(self._isolates, limits)

    async def aclose(self) -> None:
        isolates, self._isolates = self._isolates, None
        if isolates is not None:
            ended = await asyncio.to_thread(isolates.close, JOIN_SECONDS)
            if not ended:
                _log.warning("a thread stays behind: V8 does not interrupt what it runs")


class ThreadsSession:
    """Cells of one session."""

    def __init__(self, isolates: Isolates, limits: Limits) -> None:
        self._isolates = isolates
        self._limits = limits
        self._settings = settings_of(limits)
        self._cells: set[ThreadsCell] = set()

    async def start(self, source: str, catalogue: Catalogue, sink: Sink) -> ThreadsCell:
        cell = ThreadsCell(self._isolates, self._limits, sink, self._cells.discard)
        self._cells.add(cell)
        cell.start(source, catalogue, self._settings)
        return cell

    async def aclose(self) -> None:
        for cell in list(self._cells):
            await cell.close()


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
        self._feed = Feed(sink, limits.value_bytes + 65536, self._credit)
        self._cell: Cell | None = None
        self._freed = asyncio.Event()
        self._closed = False

    def start(self, source: str, catalogue: Catalogue, settings: str) -> None:
        def begin(isolate: Isolate) -> None:
            isolate.limit_heap(self._limits.heap_bytes)
            cell = Cell(isolate, self, catalogue.descriptions)
            self._cell = cell
            if self._closed:
                self._free(self._isolates.free)
            else:
                cell.deliver(compose(source, catalogue, settings))

        self._isolates.start(begin, quick=not needs_parsing(source))

    def deliver(self, message: str) -> None:
        if self._cell is not None:
            self._cell.deliver(message.encode("utf-8", "replace"))

    def answer(self, json: str | None) -> None:
        if self._cell is not None:
            self._cell.answer(None if json is None else json.encode("utf-8", "replace"))

    def flush(self) -> None:
        if self._cell is not None:
            self._cell.flush()
        self._soon(self._on_flushed)

    def pause(self) -> None:
        self._feed.pause()

    def resume(self) -> None:
        self._feed.resume()

    async def close(self) -> bool:
        if not self._closed:
            self._closed = True
            if self._cell is not None:
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
        self._soon(self._on_heap)
        self._free(self._isolates.free)

    def _free(self, run: Callable[[Callable[[], None]], None]) -> None:
        cell = self._cell
        assert cell is not None
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
        if self._closed:
            return
        try:
            self._feed.data(data)
        except EngineError as error:
            self._lose(str(error), None)

    def _on_heap(self) -> None:
        self._lose(self._limits.message("heap_bytes"), "heap_bytes")

    def _lose(self, reason: str, limit: str | None) -> None:
        if not self._closed:
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
