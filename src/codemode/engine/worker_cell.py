"""One program in a worker, seen from the event loop; see ``interfaces.EngineCell``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import EngineError
from .loss import KEPT, out_of_memory
from .records import Feed, longest
from .wire import NUMBER, WINDOW_BYTES, FromWorker, ToWorker, numbered

if TYPE_CHECKING:
    from .events import Sink
    from .worker_connection import WorkerConnection


class WorkerCell:
    """One program in a worker."""

    def __init__(self, worker: WorkerConnection, number: int, sink: Sink) -> None:
        self._worker = worker
        self.number = number
        self._sink = sink
        self._feed = Feed(sink, longest(worker.limits.value_bytes), WINDOW_BYTES, self._credit)
        self._flushes = 0
        self._answered = 0
        self._closing = False
        self._closed = asyncio.Event()

    @property
    def awaits_answer(self) -> bool:
        return self._flushes > 0

    def resolve(self, call: int, json: str) -> None:
        self._begin_turn(ToWorker.RESOLVE, call, json.encode("utf-8", "replace"))

    def reject(self, call: int, text: str) -> None:
        self._begin_turn(ToWorker.REJECT, call, text.encode("utf-8", "replace"))

    def fire_timer(self, timer: int) -> None:
        self._begin_turn(ToWorker.FIRE, timer)

    def _begin_turn(self, kind: ToWorker, number: int, text: bytes = b"") -> None:
        self._feed.expect_turn()
        self._worker.send_frame(numbered(kind, self.number, number, text))

    def load(self, json: bytes | None) -> None:
        # A cell waits for its answer. One that asks for more while the last is still here would
        # have us hold them all.
        if self._worker.handed_over < self._answered:
            self._worker.distrust(EngineError("a worker did not read what it had asked for"))
            return
        payload = b"" if json is None else b"=" + json
        self._worker.send(ToWorker.VALUE, self.number, payload)
        self._answered = self._worker.written

    def flush(self) -> None:
        if not self._closed.is_set():
            self._flushes += 1
            self._worker.send(ToWorker.FLUSH, self.number)
            self._worker.expect_answer()

    def pause(self) -> None:
        self._feed.pause()

    def resume(self) -> None:
        self._feed.resume()
        self._sink.share.do(self._step)

    async def close(self) -> bool:
        if not self._closed.is_set() and not self._closing:
            self._closing = True
            self._worker.send(ToWorker.CLOSE, self.number)
        try:
            # The cell's acknowledgement against ``termination_ms``; the worker may also die, which closes the cell.
            async with asyncio.timeout(self._worker.limits.termination_ms / 1000):
                await self._closed.wait()
        except TimeoutError:
            self.silence()
            self._worker.forget(self.number)
            self._worker.kill(
                self._worker.limits.message("termination_ms")
                + f"{KEPT}: that was another cell of this session.",
                "termination_ms",
            )
            return False
        return True

    def on_frame(self, kind: int, payload: bytes) -> None:
        if kind == FromWorker.RECORDS:
            self._feed.data(payload)
            self._sink.share.do(self._step)
            return
        if kind == FromWorker.FLUSHED and self._flushes > 0:
            self._flushes -= 1
            self._feed.after(self._sink.on_flushed)
            return
        self._feed.drain()  # an end comes after what was said before
        if kind == FromWorker.CLOSED and self._closing:
            self._end()
        elif kind == FromWorker.HEAP:
            self._lose(self._worker.limits.message("heap_bytes"), "heap_bytes")
        elif kind == FromWorker.MEMORY:
            # What this cell took may not be given back soon, and the next would meet the bound at once.
            self._worker.retire()
            self._lose(*out_of_memory(self._worker.limits))
        elif kind == FromWorker.FAILED:
            words = payload.decode("utf-8", "replace")
            self._lose(f"The cell could not be run: {words}.{KEPT}.", None)
        else:
            raise EngineError(f"a worker sent frame {kind}, which it was not to send now")

    def _step(self) -> bool:
        """Deal with some of what the cell has said; whether there is more."""
        try:
            more = self._feed.step()
        except EngineError as error:
            self._worker.distrust(error)
            return False
        if self._feed.finished:  # the worker has given the isolate back by itself
            self._end()
        return more and not self._closed.is_set()

    def on_disconnected(self) -> None:
        while self._step():
            pass
        if self._closing:
            self._end()

    def on_lost(self, reason: str, limit: str | None) -> None:
        if not self._closed.is_set():
            self._lose(reason, limit)

    def silence(self) -> None:
        self._closing = True
        self._closed.set()
        self._sink.share.forget(self._step)

    def _lose(self, reason: str, limit: str | None) -> None:
        self._end()
        if not self._closing:
            self._sink.on_lost(reason, limit)

    def _end(self) -> None:
        self._closed.set()
        self._sink.share.forget(self._step)
        self._worker.forget(self.number)

    def _credit(self, size: int) -> None:
        self._worker.send(ToWorker.CREDIT, self.number, NUMBER.pack(size))
