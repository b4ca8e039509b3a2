"""The connection to one worker, seen from the event loop.

The frames of a worker are hostile: sizes, kinds, and whether they were asked for are checked. A worker
that breaks the rules is killed, and its cells learn why.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import TYPE_CHECKING, Final, Protocol

from ..errors import EngineError
from .loss import KEPT, explain
from .process import Exit
from .records import SLACK_BYTES
from .sandbox import read_report
from .wire import (
    HEADER,
    SETTINGS_HEAD,
    START_HEAD,
    WINDOW_BYTES,
    Frames,
    FromWorker,
    ToWorker,
    frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..limits import Limits
    from .catalogue import Catalogue
    from .census import Census
    from .interfaces import Repeatable
    from .process import WorkerProcess
    from .sandbox import Part

_log = logging.getLogger(__name__)
_said: set[str] = set()
"""Parts of the sandbox whose absence is in the log; once a process is enough."""

REPORT_SECONDS: Final = 0.5
"""How long to wait for a worker's exit status, once its socket has."""

READ_BYTES: Final = 64 * 1024
"""How much is taken from a worker before others have their turn: a stream's own 256 KiB can be
tens of thousands of records, and a neighbour waits for several such turns."""

ANSWER_SECONDS: Final = 10.0
"""A worker's main thread answers in a moment, whatever its scripts do. A worker that was asked and
sends nothing at all for so long does not run any more, and no cell in it will ever end by itself."""

UNREAD_SECONDS: Final = 10.0
"""Nor does it read nothing for so long, while there is more for it than its socket holds."""


IDLE_SECONDS: Final = 30.0
"""How long a worker without a cell is kept. It holds 6 MB and nothing that is needed, and the next one
comes in 15 ms: a host has many sessions, and most of them wait for a model."""

IDLE_WORKERS: Final = 64
"""How many an engine keeps so: one client may open thousands of sessions in that time. Beyond, the one that
has been without a cell for longest is given back."""


def settings_of(limits: Limits) -> bytes:
    """What holds for all cells of a worker."""
    members = {
        "valueBytes": limits.value_bytes,
        "valueError": limits.message("value_bytes", what="a value"),
        "timers": limits.timers,
        "timersError": limits.message("timers"),
        "toolCalls": -1 if limits.tool_calls is None else limits.tool_calls,
        "toolCallsError": "" if limits.tool_calls is None else limits.message("tool_calls"),
    }
    memory, compute_ms = limits.worker_memory_bytes or 0, limits.compute_ms or 0
    head = SETTINGS_HEAD.pack(memory, compute_ms, limits.heap_bytes, limits.value_bytes)
    return head + json.dumps(members).encode()


class ConnectedCell(Protocol):
    """A program in a worker, as its connection knows it; see ``worker_cell.py``."""

    number: int

    @property
    def awaits_answer(self) -> bool:
        """Whether a ``flush`` is unanswered."""

    def on_frame(self, kind: int, payload: bytes) -> None:
        """Handle a frame of the worker about this cell.

        Raises:
            EngineError: it has no right to.
        """

    def on_disconnected(self) -> None:
        """Nothing more comes: complete the waits for the end of this cell."""

    def on_lost(self, reason: str, limit: str | None) -> None:
        """The worker is gone; tell the sink, unless the cell has ended."""

    def silence(self) -> None:
        """It is over; its sink is not told."""


class WorkerConnection(asyncio.BufferedProtocol):
    """Frames in, frames out, and how it ends."""

    def __init__(
        self,
        worker: WorkerProcess,
        limits: Limits,
        settings: bytes,
        on_lost: Callable[[WorkerConnection], None],
        census: Census,
    ) -> None:
        self.lost = False
        self.gone = asyncio.Event()
        self.limits = limits
        self.written = 0
        self.loop = asyncio.get_running_loop()
        self._worker = worker
        self._settings = settings
        self._on_lost = on_lost
        self._census = census
        self._resting = census.resting
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._frames = Frames()
        self._cells: dict[int, ConnectedCell] = {}
        self._catalogue = 0
        self._killed_for: tuple[str, str | None] | None = None
        self._distrusted = False
        self._retired = False
        self._stray = WINDOW_BYTES + SLACK_BYTES
        self._unread: asyncio.TimerHandle | None = None
        self.sandbox: tuple[Part, ...] | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._heard = False
        self._ending: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    @property
    def pid(self) -> int:
        """The worker's process."""
        return self._worker.pid

    def start(
        self,
        cell: ConnectedCell,
        source: str,
        catalogue: Catalogue,
        repeatable: Repeatable | None,
    ) -> None:
        """Start a program as ``cell``."""
        before = b""
        if catalogue.number != self._catalogue:  # sent once, however many cells share it
            self._catalogue = catalogue.number
            before = frame(ToWorker.CATALOGUE, catalogue.number, catalogue.pack())
        if repeatable is None:
            readings = b""
            head = START_HEAD.pack(catalogue.number, 0, int.from_bytes(os.urandom(8), "little"), 0)
        else:
            readings = repeatable.readings
            head = START_HEAD.pack(catalogue.number, 1, repeatable.seed, len(readings))
        body = head + readings + source.encode("utf-8", "replace")
        self._cells[cell.number] = cell
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
            self._resting.pop(self, None)
        self._write(before + frame(ToWorker.START, cell.number, body))

    def send(self, kind: ToWorker, number: int, payload: bytes = b"") -> None:
        self.send_frame(frame(kind, number, payload))

    def send_frame(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._write(data)

    def _write(self, data: bytes) -> None:
        if self._distrusted:
            return
        self.written += len(data)
        self._transport.write(data)
        # What is on its way to a worker will be its memory, or never.
        bound = self.limits.worker_memory_bytes
        if bound is not None and self.written - self.handed_over > bound:
            self._distrusted = True
            self.kill(self.limits.message("worker_memory_bytes"), "worker_memory_bytes")

    def pause_writing(self) -> None:
        """Its socket is full: it may be slow, but it has to read."""
        self._unread = self.loop.call_later(UNREAD_SECONDS, self._mind_unread, self.handed_over)

    def resume_writing(self) -> None:
        """It has read."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _mind_unread(self, before: int) -> None:
        if self.handed_over > before:
            self.pause_writing()
        else:
            self.distrust(EngineError(f"it read nothing for {UNREAD_SECONDS:g} s"))

    @property
    def handed_over(self) -> int:
        """How many of the bytes ``written`` the system has taken."""
        return self.written - self._transport.get_write_buffer_size()

    def expect_answer(self) -> None:
        """Kill the worker if it keeps silent from now on."""
        if self._silence is None and not self.lost:
            self._heard = False
            self._silence = self.loop.call_later(ANSWER_SECONDS, self._mind_silence)

    def _mind_silence(self) -> None:
        self._silence = None
        if not any(cell.awaits_answer for cell in self._cells.values()):
            return
        if self._heard:  # it may have much to say before, or this process may have been stopped
            self.expect_answer()
        else:
            self.kill(
                "The worker process of this session was killed: it did not answer for"
                f" {ANSWER_SECONDS:g} s.{KEPT}."
            )

    def kill(self, reason: str, limit: str | None = None) -> None:
        """End the worker; its cells learn ``reason``."""
        if self._killed_for is None:
            self._killed_for = (reason, limit)
        self._worker.kill()
        self._on_lost(self)  # no program may start in it, although its socket is still open
        # Its end closes the socket, unless the system keeps it from dying, or another process holds the socket.
        self.loop.call_later(REPORT_SECONDS, self._transport.abort)

    def distrust(self, error: EngineError) -> None:
        """It broke the rules: listen to it no more."""
        self._distrusted = True
        self.kill(f"The worker process of this session was killed: {error}.{KEPT}.")

    def abandon(self) -> None:
        """End the worker without calling ``on_end``."""
        for cell in self._cells.values():
            cell.silence()
        self._cells.clear()
        self._resting.pop(self, None)
        self._worker.kill()
        if self.loop.is_closed():  # which would have told us of its end
            self.lost = True
            self._worker.release()
        elif not self.lost:
            self._transport.abort()  # so that no close waits for a process that does not die

    def forget(self, number: int) -> None:
        if self._cells.pop(number, None) is not None:
            self._stray += WINDOW_BYTES + SLACK_BYTES  # which may be under way
            if not self._cells and self._retired:
                self.abandon()
            elif not self._cells and not self.lost:
                self._idle = self.loop.call_later(IDLE_SECONDS, self.leave)
                self._resting[self] = None
                if len(self._resting) > IDLE_WORKERS:
                    next(iter(self._resting)).leave()

    def retire(self) -> None:
        """Start nothing more in this worker; it goes with the last of its cells."""
        self._retired = True
        self._on_lost(self)

    def leave(self) -> None:
        """End this worker, which has no cell."""
        self._on_lost(self)
        self.abandon()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.send(ToWorker.SETTINGS, 0, self._settings)

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint  # it is always "any"
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.hear(bytes(self._buffer[:nbytes]))

    def hear(self, data: bytes) -> None:
        """The worker has sent ``data``, frames in any pieces."""
        self._heard = True
        try:
            for kind, number, payload in self._frames.feed(data):
                if self._distrusted:
                    return
                cell = self._cells.get(number)
                if kind == FromWorker.READY:
                    self._on_ready(payload)
                elif cell is not None:
                    cell.on_frame(kind, payload)
                else:
                    self._pass_over(payload)
        except EngineError as error:
            self.distrust(error)

    def _pass_over(self, payload: bytes) -> None:
        """A frame of no cell: one that has just ended, which had credit for some."""
        self._stray -= HEADER.size + len(payload)
        if self._stray < 0:
            raise EngineError("a worker spoke for a cell that it does not have")

    def _on_ready(self, payload: bytes) -> None:
        if self.sandbox is not None:
            raise EngineError("a worker described its sandbox twice")
        self.sandbox = read_report(payload)
        for part in self.sandbox:
            if not part.in_force and part.name not in _said:
                _said.add(part.name)
                _log.warning("a worker runs without %s: %s", part.name, part.note)

    def connection_lost(self, error: Exception | None) -> None:
        del error  # the exit of the worker is the better reason
        self.lost = True
        self._resting.pop(self, None)
        for timer in (self._silence, self._idle):
            if timer is not None:
                timer.cancel()
        self.resume_writing()
        self._worker.kill()
        self._on_lost(self)
        for cell in list(self._cells.values()):
            cell.on_disconnected()
        self._ending = self.loop.create_task(self._end(), name="end of a worker")

    async def _end(self) -> None:
        """Learn how the worker ended, then tell its cells."""
        try:
            # The closed socket is seen before the exit status: wait for that, for the reason of the end.
            async with asyncio.timeout(REPORT_SECONDS):
                how = await asyncio.shield(self._worker.exited)
        except TimeoutError:
            how = Exit(None)
        reason, limit = self._killed_for or explain(how, self.limits)
        self._worker.release()
        cells, self._cells = list(self._cells.values()), {}
        self._census.lost += bool(cells)
        self.gone.set()
        for cell in cells:
            cell.on_lost(reason, limit)
