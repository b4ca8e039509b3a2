"""A worker: a process that holds the isolates of one session behind a socket.

It knows programs and messages, nothing of sessions, tools or observations. The main thread reads
frames; isolates write theirs from their own threads. It ends when the socket does, or when it is
killed: nothing that it holds is needed by anybody afterwards.
"""

from __future__ import annotations

import os
import resource
import threading
from typing import TYPE_CHECKING, Final

from .cell import Cell
from .isolates import Isolates
from .module import needs_parsing
from .program import Catalogue, compose
from .wire import HEADER, START_HEAD, FromWorker, ToWorker, frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from .v8 import Isolate

READY_ISOLATES: Final = 2


class _CellPort:
    """Sends what one cell says over the worker's socket."""

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker = worker
        self._number = number

    def records(self, data: bytes) -> None:
        self._worker.send(FromWorker.RECORDS, self._number, data)

    def over(self) -> None:
        self._worker.drop(self._number, None)

    def heap_exhausted(self) -> None:
        self._worker.drop(self._number, FromWorker.HEAP)


class Worker:
    """Serves one socket until it ends."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._stream = connection.makefile("rb", buffering=64 * 1024)
        self._write_lock = threading.Lock()
        self._isolates = Isolates(ahead=READY_ISOLATES)
        self._catalogues: dict[int, Catalogue] = {}
        self._cells: dict[int, Cell] = {}
        self._starting: set[int] = set()
        self._cells_lock = threading.Lock()
        self._handlers: dict[int, Callable[[int, bytes], None]] = {
            ToWorker.SETTINGS: self._on_settings,
            ToWorker.CATALOGUE: self._on_catalogue,
            ToWorker.START: self._on_start,
            ToWorker.DELIVER: self._on_deliver,
            ToWorker.FLUSH: self._on_flush,
            ToWorker.CLOSE: self._on_close,
            ToWorker.VALUE: self._on_value,
            ToWorker.CREDIT: self._on_credit,
        }

    def run(self) -> None:
        """Read frames until the application closes the socket."""
        while len(head := self._stream.read(HEADER.size)) == HEADER.size:
            length, kind, number = HEADER.unpack(head)
            self._handlers[kind](number, self._stream.read(length))

    def send(self, kind: FromWorker, number: int, payload: bytes = b"") -> None:
        """Write one frame; any thread. Blocks while the application is slow."""
        try:
            with self._write_lock:
                self._socket.sendall(frame(kind, number, payload))
        except OSError:
            os._exit(0)  # nobody is there any more

    def drop(self, number: int, say: FromWorker | None) -> None:
        """Free the cell's isolate on the thread for that; then send ``say``."""
        with self._cells_lock:
            cell = self._cells.pop(number, None)
            self._starting.discard(number)

        def free() -> None:
            if cell is not None:
                cell.free()
            if say is not None:
                self.send(say, number)

        if cell is not None:
            cell.release()
        self._isolates.free(free)

    def _on_settings(self, _: int, payload: bytes) -> None:
        size = int.from_bytes(payload, "little")
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        soft = resource.RLIM_INFINITY if size == 0 else size
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

    def _on_catalogue(self, number: int, payload: bytes) -> None:
        self._catalogues.clear()
        self._catalogues[number] = Catalogue.unpack(payload)

    def _on_start(self, number: int, payload: bytes) -> None:
        catalogue_number, heap_bytes, settings_length = START_HEAD.unpack_from(payload)
        settings_end = START_HEAD.size + settings_length
        settings = payload[START_HEAD.size : settings_end].decode()
        source = payload[settings_end:].decode()
        catalogue = self._catalogues[catalogue_number]
        with self._cells_lock:
            self._starting.add(number)

        def start(isolate: Isolate) -> None:
            isolate.limit_heap(heap_bytes)
            cell = Cell(isolate, _CellPort(self, number), catalogue.descriptions)
            with self._cells_lock:
                if number not in self._starting:  # closed before it began
                    self._isolates.free(cell.free)
                    return
                self._starting.discard(number)
                self._cells[number] = cell
            cell.deliver(compose(source, catalogue, settings))

        self._isolates.start(start, quick=not needs_parsing(source))

    def _on_deliver(self, number: int, payload: bytes) -> None:
        if cell := self._cells.get(number):
            cell.deliver(payload)

    def _on_flush(self, number: int, _: bytes) -> None:
        if cell := self._cells.get(number):
            cell.flush()
        self.send(FromWorker.FLUSHED, number)

    def _on_close(self, number: int, _: bytes) -> None:
        if cell := self._cells.get(number):
            cell.flush()
        self.drop(number, FromWorker.CLOSED)

    def _on_value(self, number: int, payload: bytes) -> None:
        if cell := self._cells.get(number):
            cell.answer(payload[1:] if payload else None)

    def _on_credit(self, number: int, payload: bytes) -> None:
        if cell := self._cells.get(number):
            cell.credit(int.from_bytes(payload, "little"))
