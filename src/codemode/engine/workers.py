"""The asyncio side of workers: start them through the zygote, talk to them, kill and replace them.

A worker belongs to one session and may die at any moment: it holds nothing that is needed. Its
cells then end with a reason, and the session's next program gets a fresh worker.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ..errors import EngineError
from .events import Feed
from .program import settings_of
from .wire import START_HEAD, Frames, FromWorker, ToWorker, frame
from .zygote import ENDED, STARTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..limits import Limits
    from .events import Sink
    from .program import Catalogue

_log = logging.getLogger(__name__)

START_SECONDS: Final = 30.0
"""A worker comes within 0.1 s of nothing; one that has not by now never will."""

REPORT_SECONDS: Final = 0.5
"""How long to wait for the zygote to say how a worker ended, once its socket has."""

_ABORTS: Final = frozenset({signal.SIGTRAP, signal.SIGABRT, signal.SIGILL})
"""How V8 ends its process; in practice always for want of memory."""

StartMethod: TypeAlias = Literal["zygote", "spawn"]


@dataclass(frozen=True, slots=True)
class Exit:
    """How a worker ended: wait status and largest resident size in bytes, where known."""

    status: int | None
    max_rss: int = 0

    @property
    def signal(self) -> int | None:
        """The signal that ended it, if one did."""
        if self.status is None or not os.WIFSIGNALED(self.status):
            return None
        return os.WTERMSIG(self.status)

    def reason(self) -> str:
        if self.status is None:
            return "it is gone without a trace"
        code = os.waitstatus_to_exitcode(self.status)
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit status {code}"


class WorkerProcess:
    """A worker that runs: its socket and a handle to kill it that no other process can inherit."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.socket = connection
        self.pid = pid
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._pidfd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None

    def kill(self) -> None:
        """End it at once; harmless if it has ended."""
        try:
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            elif not self.exited.done():
                os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def ended(self, how: Exit) -> None:
        if not self.exited.done():
            self.exited.set_result(how)

    def release(self) -> None:
        self.socket.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


def _python(function: str, fd: int) -> list[str]:
    """A command that runs ``function`` of the zygote module with nothing of this process's.

    The import path is handed over as it is: isolated mode would lose what was added to it.
    """
    path = [entry or os.getcwd() for entry in sys.path]
    code = (
        "import sys,json; sys.path[:]=json.loads(sys.argv[1]);"
        f"from codemode.engine.zygote import {function} as run; run(int(sys.argv[2]))"
    )
    return [sys.executable, "-I", "-S", "-c", code, json.dumps(path), str(fd)]


def _popen(function: str, theirs: socket.socket) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            _python(function, theirs.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            pass_fds=(theirs.fileno(),),
            process_group=0,
        )
    except OSError as error:
        raise EngineError(f"a worker could not be started: {error}") from error


class Zygote:
    """The process that forks workers, and the connection to it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting: asyncio.Queue[int | None] = asyncio.Queue()
        self._fork_lock = asyncio.Lock()
        self._workers: dict[int, WorkerProcess] = {}
        self._buffer = bytearray()

    async def fork(self) -> WorkerProcess:
        """A fresh worker.

        Raises:
            EngineError: it could not be started.
        """
        async with self._fork_lock:
            if self._control is None:
                self._start()
            assert self._control is not None
            ours, theirs = socket.socketpair()
            try:
                with theirs:
                    socket.send_fds(self._control, [b"F"], [theirs.fileno()])
                async with asyncio.timeout(START_SECONDS):
                    pid = await self._starting.get()
                if pid is None:
                    raise EngineError("the zygote ended before it started a worker")
                worker = WorkerProcess(ours, pid)
            except (OSError, TimeoutError) as error:
                ours.close()
                self._stop()
                raise EngineError(f"no worker could be started: {error!r}") from error
            except BaseException:
                ours.close()  # its worker ends with it; ids of later ones must not be mixed up
                self._stop()
                raise
            ours.setblocking(False)
            self._workers[pid] = worker
            return worker

    async def aclose(self) -> None:
        """End the zygote and every worker it has."""
        async with self._fork_lock:
            process = self._process
            self._stop()
            if process is not None:
                await asyncio.to_thread(_reap, process)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _popen("main", theirs)
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        self._control = ours
        self._buffer.clear()
        self._starting = asyncio.Queue()
        asyncio.get_running_loop().add_reader(ours.fileno(), self._on_readable)

    def _stop(self) -> None:
        """Let go of the zygote: its end of the socket ends it, and its workers with it."""
        control, self._control = self._control, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control.fileno())
            control.close()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.poll()
        for worker in self._workers.values():
            worker.kill()
            worker.ended(Exit(None))
        self._workers.clear()
        self._starting.put_nowait(None)

    def _on_readable(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._stop()
            return
        self._buffer += data
        while self._buffer:
            layout = STARTED if self._buffer[:1] == b"S" else ENDED
            if len(self._buffer) < layout.size:
                return
            _, pid, *how = layout.unpack_from(self._buffer)
            del self._buffer[: layout.size]
            if how:
                worker = self._workers.pop(pid, None)
                if worker is not None:
                    worker.ended(Exit(how[0], how[1]))
            else:
                self._starting.put_nowait(pid)


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Spawner:
    """Starts each worker by itself, where there is no fork. Same interface as the zygote."""

    def __init__(self) -> None:
        self._watchers: dict[WorkerProcess, asyncio.Task[None]] = {}

    async def fork(self) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = _popen("serve", theirs)
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        worker = WorkerProcess(ours, process.pid)
        self._watchers[worker] = asyncio.create_task(self._watch(worker, process))
        return worker

    async def aclose(self) -> None:
        for worker in list(self._watchers):
            worker.kill()
        await asyncio.gather(*self._watchers.values())

    async def _watch(self, worker: WorkerProcess, process: subprocess.Popen[bytes]) -> None:
        code = await asyncio.to_thread(process.wait)
        worker.ended(Exit(-code if code < 0 else code << 8))
        del self._watchers[worker]


class WorkersEngine:
    """Makes sessions whose cells run in a worker each session has for itself."""

    def __init__(self, *, start_method: StartMethod | None = None) -> None:
        self._source: Zygote | Spawner | None = None
        self._start_method = start_method or ("zygote" if hasattr(os, "fork") else "spawn")
        self._ready: asyncio.Task[WorkerProcess] | None = None
        self._closed = False

    def session(self, limits: Limits) -> WorkersSession:
        return WorkersSession(self, limits)

    def warm_up(self) -> None:
        """Have a worker made ready, unless there is one."""
        if self._ready is None and not self._closed:
            if self._source is None:
                self._source = Zygote() if self._start_method == "zygote" else Spawner()
            self._ready = asyncio.create_task(self._source.fork(), name="ready worker")
            self._ready.add_done_callback(_retrieve)

    async def take(self) -> WorkerProcess:
        """A worker, ready if there is one.

        Raises:
            EngineError: none could be started.
        """
        if self._closed:
            raise EngineError("the engine is closed")
        for _ in range(2):
            self.warm_up()
            ready = self._ready
            assert ready is not None
            worker = await asyncio.shield(ready)
            if self._ready is ready:
                self._ready = None
                self.warm_up()
                if not worker.exited.done():
                    return worker
                worker.release()  # it died while it waited: try once more
        raise EngineError("workers die before they are used")

    async def aclose(self) -> None:
        self._closed = True
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.cancel()
            done, _ = await asyncio.wait([ready], timeout=START_SECONDS)
            if done and not ready.cancelled() and ready.exception() is None:
                worker = ready.result()
                worker.kill()
                worker.release()
        if self._source is not None:
            await self._source.aclose()


def _retrieve(task: asyncio.Task[WorkerProcess]) -> None:
    if not task.cancelled():
        task.exception()


class WorkersSession:
    """The cells of one session and the worker they run in, replaced when it dies."""

    def __init__(self, engine: WorkersEngine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self._settings = settings_of(limits).encode()
        self._link: _Link | None = None
        self._linking = asyncio.Lock()
        self._numbers = 0

    async def start(self, source: str, catalogue: Catalogue, sink: Sink) -> WorkersCell:
        link = self._link
        if link is None:
            async with self._linking:
                link = self._link
                if link is None:
                    link = self._link = await self._connect()
        self._numbers += 1
        return link.start(self._numbers, source, catalogue, sink)

    async def aclose(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.abandon()
            await link.gone.wait()

    async def _connect(self) -> _Link:
        worker = await self._engine.take()
        link = _Link(worker, self._limits, self._settings, self._on_gone)
        try:
            await asyncio.get_running_loop().create_connection(lambda: link, sock=worker.socket)
        except BaseException:
            worker.kill()
            worker.release()
            raise
        return link

    def _on_gone(self, link: _Link) -> None:
        if self._link is link:
            self._link = None


class _Link(asyncio.Protocol):
    """The connection to one worker: frames in, frames out, and its end."""

    def __init__(
        self,
        worker: WorkerProcess,
        limits: Limits,
        settings: bytes,
        on_gone: Callable[[_Link], None],
    ) -> None:
        self.gone = asyncio.Event()
        self.limits = limits
        self._worker = worker
        self._settings = settings
        self._on_gone = on_gone
        self._frames = Frames()
        self._cells: dict[int, WorkersCell] = {}
        self._catalogue = 0
        self._killed_for: tuple[str, str | None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def start(
        self, number: int, source: str, catalogue: Catalogue, sink: Sink
    ) -> WorkersCell:
        if catalogue.number != self._catalogue:
            self._catalogue = catalogue.number
            self.send(ToWorker.CATALOGUE, catalogue.number, catalogue.pack())
        head = START_HEAD.pack(catalogue.number, self.limits.heap_bytes, len(self._settings))
        cell = self._cells[number] = WorkersCell(self, number, sink)
        self.send(
            ToWorker.START, number, head + self._settings + source.encode("utf-8", "replace")
        )
        return cell

    def send(self, kind: ToWorker, number: int, payload: bytes = b"") -> None:
        self._transport.write(frame(kind, number, payload))

    def kill(self, reason: str, limit: str | None = None) -> None:
        """End the worker; its cells learn ``reason``."""
        if self._killed_for is None:
            self._killed_for = (reason, limit)
        self._worker.kill()

    def abandon(self) -> None:
        """End the worker; nobody is told."""
        self._cells.clear()
        self._worker.kill()

    def forget(self, number: int) -> None:
        self._cells.pop(number, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        memory = self.limits.worker_memory_bytes or 0
        self.send(ToWorker.SETTINGS, 0, memory.to_bytes(8, "little"))

    def data_received(self, data: bytes) -> None:
        try:
            for kind, number, payload in self._frames.feed(data):
                cell = self._cells.get(number)
                if cell is not None:
                    cell.on_frame(kind, payload)
        except EngineError as error:
            self.kill(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        self._worker.kill()
        self._on_gone(self)
        self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        """Learn how the worker ended, then tell its cells."""
        try:
            async with asyncio.timeout(REPORT_SECONDS):
                how = await asyncio.shield(self._worker.exited)
        except TimeoutError:
            how = Exit(None)
        reason, limit = self._killed_for or self._explain(how)
        self._worker.release()
        cells, self._cells = list(self._cells.values()), {}
        for cell in cells:
            cell.on_lost(reason, limit)
        self.gone.set()

    def _explain(self, how: Exit) -> tuple[str, str | None]:
        bound = self.limits.worker_memory_bytes
        # V8 aborts when the system gives it no memory; near the bound, that was the bound.
        if bound is not None and (how.max_rss > bound * 0.6 or how.signal in _ABORTS):
            message = self.limits.message("worker_memory_bytes")
            return message.replace("\n", f" (The worker was {how.reason()}.)\n", 1), "worker_memory_bytes"
        return (
            f"The worker process of this session was lost ({how.reason()})."
            "\nHint: stored values are kept; run the program again, with less data at a time if it used much.",
            None,
        )


class WorkersCell:
    """One program in a worker."""

    def __init__(self, link: _Link, number: int, sink: Sink) -> None:
        self._link = link
        self._number = number
        self._sink = sink
        self._feed = Feed(sink, link.limits.value_bytes + 65536, self._credit)
        self._closed = asyncio.Event()
        self._closing = False

    def deliver(self, message: str) -> None:
        self._link.send(ToWorker.DELIVER, self._number, message.encode("utf-8", "replace"))

    def answer(self, json: str | None) -> None:
        payload = b"" if json is None else b"=" + json.encode("utf-8", "replace")
        self._link.send(ToWorker.VALUE, self._number, payload)

    def flush(self) -> None:
        self._link.send(ToWorker.FLUSH, self._number)

    def pause(self) -> None:
        self._feed.pause()

    def resume(self) -> None:
        self._feed.resume()

    async def close(self) -> bool:
        if not self._closed.is_set() and not self._closing:
            self._closing = True
            self._link.send(ToWorker.CLOSE, self._number)
        try:
            async with asyncio.timeout(self._link.limits.termination_ms / 1000):
                await self._closed.wait()
        except TimeoutError:
            self._link.forget(self._number)
            self._link.kill(
                "The worker process of this session was killed, because another of its cells"
                " did not stop when it was told to."
                "\nHint: stored values are kept; run the program again.",
                "termination_ms",
            )
            return False
        return True

    def on_frame(self, kind: int, payload: bytes) -> None:
        if kind == FromWorker.RECORDS:
            self._feed.data(payload)
        elif kind == FromWorker.FLUSHED:
            self._sink.on_flushed()
        else:
            self._end()
            if kind == FromWorker.HEAP:
                self._sink.on_lost(self._link.limits.message("heap_bytes"), "heap_bytes")

    def on_lost(self, reason: str, limit: str | None) -> None:
        self._closed.set()
        if not self._closing:
            self._sink.on_lost(reason, limit)

    def _end(self) -> None:
        self._closed.set()
        self._link.forget(self._number)

    def _credit(self, size: int) -> None:
        self._link.send(ToWorker.CREDIT, self._number, size.to_bytes(4, "little"))
