"""One isolate running one program: start, deliver, flush, close; records out.

The same code serves a worker process and the in-process engine; both hand it a :class:`Port`.
Four threads meet here: the owner (start, deliver, flush, credit, answer), the isolate's own
thread (the two callbacks from V8), and whoever frees the isolate. The rules:

* ``_lock`` guards the shared buffer's read position and the order of records, so that what the
  owner peeks at while the script spins and what the script hands over never swap or double.
* The isolate's thread may block in a callback (for a stored value, for credit, after ``exit()``).
  ``release`` wakes it, and only then may the isolate be freed: freeing joins that thread.
* What fails in a callback would be swallowed by ctypes and leave a cell that hangs. It ends the
  cell instead, through ``Port.failed``.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final, Protocol

from ..errors import EngineError
from .isolate import ANSWER_BYTES, HEADER_UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .isolate import Isolate

_FLUSH, _LOAD, _MORE, _CATALOGUE, _EXIT, _OVER, _PART = range(7)

WINDOW_BYTES: Final = 512 * 1024
"""Records that a cell may have in flight before its thread waits: back-pressure into the cell."""

PEEK_SECONDS: Final = 0.05
"""How long a flush waits for records that are being handed over at this moment anyway."""


class Port(Protocol):
    """Where a cell's records go. Called on the isolate's thread, or on the owner's."""

    def records(self, data: bytes) -> None:
        """UTF-16 records, in order; may block while the other side is slow."""

    def over(self) -> None:
        """The program has ended by itself; the last record said how. Free the isolate."""

    def heap_exhausted(self) -> None:
        """The script hit its heap limit and was stopped. Free the isolate."""

    def failed(self, error: Exception) -> None:
        """The cell cannot go on, by our own fault or for want of memory. Free the isolate."""


class Cell:
    """A program in an isolate."""

    def __init__(self, isolate: Isolate, port: Port, catalogue: bytes) -> None:
        self._isolate = isolate
        self._port = port
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._read = HEADER_UNITS
        self._in_flight = 0
        self._credited = threading.Condition(threading.Lock())
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answer = memoryview(b"")
        self._released = threading.Event()
        isolate.on_call = self._on_call
        isolate.on_idle = self._on_idle
        isolate.on_broken = self._on_broken

    def start(self, head: bytes, script: bytes | None, check: Callable[[], bytes]) -> None:
        """Schedule the first turn of a program; see ``Program``."""
        if not self._released.is_set():
            self._isolate.start(head, script, check)

    def deliver(self, message: bytes) -> None:
        """Schedule a turn: the answer to a tool call, or a timer that is due."""
        if not self._released.is_set():
            self._isolate.send(message)

    def flush(self) -> None:
        """Hand over what the script has written so far, without the script's help."""
        if self._lock.acquire(timeout=PEEK_SECONDS):
            try:
                self._hand_over()
            finally:
                self._lock.release()

    def answer(self, value: bytes | None) -> None:
        """The stored value that the script waits for, as UTF-8 JSON; None if there is none."""
        self._answers.put(None if value is None else value.decode().encode("utf-16-le"))

    def credit(self, size: int) -> None:
        """The other side has dealt with ``size`` bytes of records."""
        with self._credited:
            self._in_flight -= size
            self._credited.notify_all()

    def release(self) -> None:
        """Wake the isolate's thread wherever it waits, for good."""
        self._released.set()
        self._answers.put(None)
        with self._credited:
            self._credited.notify_all()

    def free(self) -> None:
        """End the script and give the isolate back. Blocks until V8 obeys."""
        self.release()
        self._isolate.free()

    def _hand_over(self) -> None:
        data = self._isolate.take(self._read)
        self._read += len(data) // 2
        if data and not self._released.is_set():
            with self._credited:
                self._in_flight += len(data)
            self._port.records(data)

    def _emit(self) -> None:
        """Hand everything over and let the script write from the beginning again."""
        with self._lock:
            self._hand_over()
            self._read = HEADER_UNITS
            self._isolate.rewind()
        if self._in_flight > WINDOW_BYTES:
            with self._credited:
                while self._in_flight > WINDOW_BYTES and not self._released.is_set():
                    self._credited.wait()

    def _on_call(self) -> None:
        try:
            self._serve(self._isolate.reason)
        except Exception as error:  # noqa: BLE001 - see the head of this file
            self._fail(error)

    def _on_broken(self, words: str) -> None:
        if not self._released.is_set():
            self._fail(EngineError(words))

    def _on_idle(self, heap_exhausted: bool) -> None:  # noqa: FBT001 - the shape of a callback
        if self._released.is_set():
            return
        try:
            over = self._isolate.reason == _OVER
            self._emit()
            if heap_exhausted:
                self._port.heap_exhausted()
            elif over:
                self._port.over()
        except Exception as error:  # noqa: BLE001
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._port.failed(error)
        self._released.wait()  # the script must not go on: what it would read is not there

    def _serve(self, reason: int) -> None:
        if reason == _MORE:
            self._answer_chunk()
            return
        self._emit()
        if reason == _LOAD:
            value = self._answers.get()
            self._begin_answer(value)
        elif reason == _CATALOGUE:
            self._begin_answer(self._catalogue.decode().encode("utf-16-le"))
        elif reason == _EXIT:
            self._port.over()
            self._released.wait()
        elif reason >= _PART:
            self._begin_answer(self._isolate.part(reason - _PART))

    def _begin_answer(self, value: bytes | None) -> None:
        if value is None:
            self._isolate.answer_missing()
            return
        self._answer = memoryview(value)
        self._answer_chunk()

    def _answer_chunk(self) -> None:
        chunk, self._answer = self._answer[:ANSWER_BYTES], self._answer[ANSWER_BYTES:]
        self._isolate.answer(bytes(chunk), more=bool(self._answer))
