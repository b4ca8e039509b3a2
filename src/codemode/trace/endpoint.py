"""Where a running process can be looked at: a unix socket of its own, if somebody has asked for one.

    FOLDER/PID.sock     answers questions: a JSON object a line in, one a line out
    FOLDER/PID.token    what a question that changes something must bring along

Both belong to the user, in a folder that nobody else can enter; a client of another user is turned away besides.
The endpoint is a sink: it keeps the latest events, bounded by number and size, and gives them to whoever asks. What
sessions hold at this moment, and what ends a cell or answers an approval, comes from the sessions, each in the event
loop that is its own.

The server has a thread with an event loop, so that a program that blocks its own loop can still be looked at.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import hmac
import logging
import os
import secrets
import sys
import threading
import time
from collections import deque
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ..errors import CodeModeError, UsageError
from .environment import process_folder
from .memory import process_memory
from .own_socket import is_own, listening_at, own_folder, write_private

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from .events import TraceEvent

_log = logging.getLogger(__name__)

KEPT_EVENTS: Final = 50_000
KEPT_BYTES: Final = 32 * 1024 * 1024
"""What is kept of the past; older events are forgotten."""

EVENTS_A_TIME: Final = 2_000
BYTES_A_TIME: Final = 8 * 1024 * 1024
"""What stands in one answer; it has one event at least."""

EVENT_BYTES: Final = 1024 * 1024
"""An event whose texts are larger is kept without them."""

QUESTION_BYTES: Final = 64 * 1024
CLIENTS: Final = 16
WAIT_SECONDS: Final = 20.0
"""How long a question for events may wait for some."""

ACT_SECONDS: Final = 10.0
"""How long a session may take to answer."""


class Inspected(Protocol):
    """A session that can be looked at and acted upon; every call is made in the session's event loop."""

    def state(self) -> dict[str, Any]:
        """What the session holds now, as JSON values: cells, stored values, approvals."""

    async def terminate(self, cell_id: str) -> str:
        """End a cell; the status that it has then."""

    async def approve(self, approval: str) -> None:
        """Let a call go on that waits for approval."""

    async def refuse(self, approval: str, reason: str) -> None:
        """Refuse it."""


class ProcessEndpoint:
    """Answers questions about this process.

    Args:
        folder: for the socket and the token; made, for this user only, where it is not there.

    Raises:
        OSError: the socket cannot be made there.
        UsageError: the folder is somebody else's, or others can enter it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        place = own_folder(Path(folder))
        self.path = place / f"{os.getpid()}.sock"
        self._token = secrets.token_urlsafe(24)
        self._began_ms = time.time() * 1000
        self._events: deque[tuple[bytes, int]] = deque()
        self._bytes = 0
        self._first = 1  # the number of the first event that is kept
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[Inspected, asyncio.AbstractEventLoop]] = {}
        self._encoder = msgspec.json.Encoder()
        self._clients: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()
        self._waiters = 0
        listening = listening_at(self.path, CLIENTS)
        write_private(self.path.with_suffix(".token"), self._token)
        self._thread = threading.Thread(
            target=self._serve, args=(listening,), name="codemode inspection", daemon=True
        )
        self._thread.start()
        atexit.register(self.close)

    def __repr__(self) -> str:
        return f"<endpoint {self.path}>"

    # ── for sessions, from any thread ────────────────────────────────────────────────────────

    def __call__(self, event: TraceEvent) -> None:
        """Take an event."""
        line = self._encoder.encode(event)
        if len(line) > EVENT_BYTES:
            line = self._encoder.encode(_without_texts(event))
        with self._lock:
            self._events.append((line, len(line)))
            self._bytes += len(line)
            while self._bytes > KEPT_BYTES or len(self._events) > KEPT_EVENTS:
                self._bytes -= self._events.popleft()[1]
                self._first += 1
        if self._waiters:
            # The loop may have closed since: then nobody waits.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._news.set)

    def register(self, name: str, session: Inspected) -> Callable[[], None]:
        """Have a session looked at and acted upon, in the event loop that runs; returns what ends that."""
        self._sessions[name] = session, asyncio.get_running_loop()
        return lambda: self._sessions.pop(name, None) and None

    def close(self) -> None:
        """End the server and remove its files. Idempotent, bounded."""
        atexit.unregister(self.close)
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop)
            self._thread.join(ACT_SECONDS)
        for path in (self.path, self.path.with_suffix(".token")):
            path.unlink(missing_ok=True)

    # ── the server's thread ──────────────────────────────────────────────────────────────────

    def _serve(self, listening: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._stopping = asyncio.Event()
            self._loop.run_until_complete(self._serve_until_stopped(listening))
        finally:
            self._loop.close()

    def _stop(self) -> None:
        self._stopping.set()

    async def _serve_until_stopped(self, listening: socket.socket) -> None:
        server = await asyncio.start_unix_server(
            self._connected, sock=listening, limit=QUESTION_BYTES
        )
        await self._stopping.wait()
        server.close()
        for client in self._clients:
            client.cancel()
        if self._clients:
            await asyncio.wait(self._clients, timeout=1)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.ensure_future(self._client(reader, writer))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(self._clients) > CLIENTS or not is_own(writer):
                return
            while line := await reader.readline():
                writer.write(await self._answer(line) + b"\n")
                await writer.drain()
        except (ValueError, OSError):
            pass  # a question without an end, or a client that is gone
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            question = msgspec.json.decode(line, type=_Question)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return _error(f"this is no question: {error}")
        try:
            return await _ANSWERS[question.ask](self, question)
        except KeyError:
            return _error(f"nothing is known here of {question.ask!r}")
        except (CodeModeError, TimeoutError) as error:
            return _error(str(error) or "the session did not answer in time")

    async def _about(self, question: _Question) -> bytes:
        del question
        from importlib.metadata import version  # noqa: PLC0415 - slow, and only for what is attached

        return _json(
            {
                "process": os.getpid(),
                "started": self._began_ms,
                "command": " ".join(sys.argv)[:400],
                "codemode": version("codemode"),
            }
        )

    async def _events_after(self, question: _Question) -> bytes:
        deadline = self._loop.time() + min(question.wait_ms / 1000, WAIT_SECONDS)
        while True:
            self._news.clear()
            self._waiters += 1
            try:
                # Looked at behind the counting: what comes from now on sets the event.
                begin, found = self._kept_after(question.after)
                if found or self._loop.time() >= deadline:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(deadline):
                        await self._news.wait()
            finally:
                self._waiters -= 1
        return b'{"forgotten":%d,"next":%d,"events":[%s]}' % (
            begin - 1 - question.after,
            begin - 1 + len(found),
            b",".join(found),
        )

    def _kept_after(self, after: int) -> tuple[int, list[bytes]]:
        """The number of the first event that is kept behind ``after``, and the events from there."""
        with self._lock:
            begin = max(after + 1, self._first)
            found: list[bytes] = []
            size = 0
            for line, line_size in islice(self._events, begin - self._first, None):
                size += line_size
                if found and (size > BYTES_A_TIME or len(found) == EVENTS_A_TIME):
                    break
                found.append(line)
        return begin, found

    async def _state(self, question: _Question) -> bytes:
        del question
        names = list(self._sessions)
        states = await asyncio.gather(
            *(self._in_session(name, _state_of) for name in names), return_exceptions=True
        )
        told = {
            name: {"error": str(state) or "it did not answer in time"}
            if isinstance(state, BaseException)
            else state
            for name, state in zip(names, states, strict=True)
        }
        return _json({"sessions": told, "memory": process_memory()})

    async def _terminate(self, question: _Question) -> bytes:
        self._check_token(question)
        return _json(
            await self._in_session(question.session, lambda each: each.terminate(question.cell))
        )

    async def _approve(self, question: _Question) -> bytes:
        self._check_token(question)
        return _json(
            await self._in_session(question.session, lambda each: each.approve(question.approval))
        )

    async def _refuse(self, question: _Question) -> bytes:
        self._check_token(question)
        reason = question.reason
        return _json(
            await self._in_session(
                question.session, lambda each: each.refuse(question.approval, reason)
            )
        )

    def _check_token(self, question: _Question) -> None:
        if not hmac.compare_digest(question.token.encode(), self._token.encode()):
            raise UsageError(
                f"this needs the token in {self.path.with_suffix('.token')}, which was not given"
            )

    async def _in_session(self, name: str, act: Callable[[Inspected], Awaitable[Any]]) -> Any:
        """What ``act`` gives in the event loop of a session.

        Raises:
            UsageError: there is no such session, or what it was asked is no good.
            TimeoutError: it does not answer in time.
        """
        found = self._sessions.get(name)
        if found is None:
            raise UsageError(f"the session {name!r} is over, or cannot be acted upon from here")
        session, loop = found

        async def act_there() -> Any:
            return await act(session)

        coroutine = act_there()
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError as error:
            coroutine.close()
            raise UsageError(f"the event loop of session {name!r} is closed") from error
        async with asyncio.timeout(ACT_SECONDS):
            return await asyncio.wrap_future(future)


class _Question(msgspec.Struct):
    """What a client asks; the fields that a question has no use for are left at their defaults."""

    ask: str
    after: int = 0
    wait_ms: int = 0
    token: str = ""
    session: str = ""
    cell: str = ""
    approval: str = ""
    reason: str = ""


_ANSWERS: Final[dict[str, Callable[[ProcessEndpoint, _Question], Awaitable[bytes]]]] = {
    "about": ProcessEndpoint._about,
    "events": ProcessEndpoint._events_after,
    "state": ProcessEndpoint._state,
    "terminate": ProcessEndpoint._terminate,
    "approve": ProcessEndpoint._approve,
    "refuse": ProcessEndpoint._refuse,
}


async def _state_of(session: Inspected) -> dict[str, Any]:
    return session.state()


def _json(value: object) -> bytes:
    return msgspec.json.encode({"ok": value})


def _error(text: str) -> bytes:
    return msgspec.json.encode({"error": text})


def _without_texts(event: TraceEvent) -> TraceEvent:
    changes = {
        name: msgspec.structs.replace(told, text=None, left_out="size")
        for name in event.__struct_fields__
        if hasattr(told := getattr(event, name), "left_out")
    }
    return msgspec.structs.replace(event, **changes)


_endpoints: Final[dict[int, ProcessEndpoint]] = {}
_making: Final = threading.Lock()


def endpoint_of_process() -> ProcessEndpoint | None:
    """The endpoint of this process, made for the first who asks; None: nobody has opted in, or it cannot be made."""
    folder = process_folder()
    if folder is None:
        return None
    with _making:
        process = os.getpid()  # a fork has its own
        if process not in _endpoints:
            try:
                _endpoints[process] = ProcessEndpoint(folder)
            except (OSError, UsageError) as error:
                _log.warning("this process cannot be inspected: %s", error)
                return None
        return _endpoints[process]
