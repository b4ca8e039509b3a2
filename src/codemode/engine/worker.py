"""A worker: a process that holds the isolates of one session behind a socket.

It knows programs and messages, nothing of sessions, tools or observations. The main thread reads
frames; isolates write theirs from their own threads. It ends when the socket does, or when it is
killed: nothing that it holds is needed by anybody afterwards. So it has one answer to trouble of
its own: end at once, with the trouble on standard error, where the application finds it. A worker
that is half dead would leave cells that never end.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Final, NoReturn

from .bounds import Bounds
from .cage import close_cage, packed
from .cell import Cell
from .isolate import Isolate
from .isolates import Isolates
from .program import Catalogue, compose, is_quick
from .wire import HEADER, START_HEAD, FromWorker, ToWorker, frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

READY_ISOLATES: Final = 2
"""One for the next program, one while that is being made up for. More only cost memory."""

SWITCH_SECONDS: Final = 0.0005
"""How long a thread may keep the GIL when another wants it: the default, 5 ms, is ten execs."""

CRASHED: Final = 70
"""Exit status after trouble of its own (EX_SOFTWARE)."""


def serve(connection: socket.socket) -> NoReturn:
    """Be a worker until the application closes the connection."""
    sys.unraisablehook = lambda args: _crash(args.exc_value)  # a callback from V8 raised
    threading.excepthook = lambda args: _crash(args.exc_value)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        bounds = Bounds()
        cage = packed(close_cage())
        worker = Worker(connection, bounds)
        worker.send(FromWorker.CAGE, 0, cage)
        worker.run()
    except BaseException as error:  # noqa: BLE001 - and ends the process
        _crash(error)
    os._exit(0)


def _crash(error: BaseException | None) -> NoReturn:
    try:
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="replace")[:4096])
    finally:
        os._exit(CRASHED)


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

    def failed(self, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        self._worker.drop(self._number, FromWorker.FAILED, reason.encode("utf-8", "replace")[:4096])


class Worker:
    """Serves one socket until it ends."""

    def __init__(self, connection: socket.socket, bounds: Bounds) -> None:
        self._socket = connection
        self._bounds = bounds
        self._stream = connection.makefile("rb", buffering=64 * 1024)
        self._write_lock = threading.Lock()
        # The first isolate is made before there is a second thread, and before memory is bounded:
        # with it V8 reserves what all share.
        self._isolates = Isolates(ahead=READY_ISOLATES, first=Isolate())
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
            payload = self._stream.read(length)
            if kind != ToWorker.FLUSH:  # which only looks
                self._bounds.work_arrives(len(self._cells) + len(self._starting) + 1)
            self._handlers[kind](number, payload)

    def send(self, kind: FromWorker, number: int, payload: bytes = b"") -> None:
        """Write one frame; any thread. Blocks while the application is slow."""
        try:
            with self._write_lock:
                self._socket.sendall(frame(kind, number, payload))
        except OSError:
            os._exit(0)  # nobody is there any more

    def drop(self, number: int, say: FromWorker | None, payload: bytes = b"") -> None:
        """Free the cell's isolate where it delays nobody; then send ``say``."""
        with self._cells_lock:
            cell = self._cells.pop(number, None)
            self._starting.discard(number)

        def free() -> None:
            if cell is not None:
                cell.free()
            if say is not None:
                self.send(say, number, payload)

        if cell is not None:
            cell.release()
        if say is FromWorker.CLOSED:  # it may not obey
            self._isolates.stop(free)
        else:
            self._isolates.free(free)

    def _on_settings(self, _: int, payload: bytes) -> None:
        self._bounds.apply(payload)

    def _on_catalogue(self, number: int, payload: bytes) -> None:
        self._catalogues.clear()
        self._catalogues[number] = Catalogue.unpack(payload)

    def _on_start(self, number: int, payload: bytes) -> None:
        catalogue_number, heap_bytes, settings_length = START_HEAD.unpack_from(payload)
        settings_end = START_HEAD.size + settings_length
        settings = payload[START_HEAD.size : settings_end].decode()
        source = payload[settings_end:].decode()
        catalogue = self._catalogues[catalogue_number]
        port = _CellPort(self, number)
        with self._cells_lock:
            self._starting.add(number)

        def begin(isolate: Isolate) -> None:
            program = compose(source, catalogue, settings)
            isolate.limit_heap(heap_bytes)
            cell = Cell(isolate, port, catalogue.descriptions)
            with self._cells_lock:
                if number not in self._starting:  # closed before it began
                    self._isolates.free(cell.free)
                    return
                self._starting.discard(number)
                self._cells[number] = cell
            cell.start(*program)

        self._isolates.start(begin, port.failed, quick=is_quick(source))

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
