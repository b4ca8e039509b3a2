"""The code-mode sessions of a server: who has which, how many there are, and when each one ends.

A key says whose a session is. A client at a pipe is alone and has one session. A client that shook
hands over HTTP has one for each MCP session. A client of the stateless protocol has none by itself:
a session is made when it asks for none, and is known by a name that nobody can guess.

A session ends when its owner says so, when it was idle for too long, or with the server. A nameless
client cannot be told to clean up; so when there is no room, the session of such a client that has
been idle longest makes some, unless a cell of it still runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ...errors import CodeModeError, LimitError, SessionClosedError
from .client import ServedClient

if TYPE_CHECKING:
    from ...code_mode import CodeMode

MakeCodeMode: TypeAlias = Callable[[ServedClient], "CodeMode"]
"""Makes the CodeMode of one session, for the client that it gets; that one may serve as ``on_notify``."""

SESSION_HEADER: Final = "mcp-session-id"
"""What names an MCP session over HTTP."""

REMEMBERED: Final = 1_024
"""How many sessions that ended while their owner was away are remembered, to tell the owner."""

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """Whose a session is."""

    kind: Literal["pipe", "http", "name"]
    id: str = ""

    @staticmethod
    def new_name() -> Key:
        """The key of a session for a client of the stateless protocol."""
        return Key("name", secrets.token_urlsafe(12))


class ServedSession:
    """One session: its client and its CodeMode."""

    def __init__(self, key: Key, make: MakeCodeMode) -> None:
        self.key = key
        self.client = ServedClient()
        self.code_mode = make(self.client)
        self.users = 0
        self.idle_end: asyncio.TimerHandle | None = None


class Sessions:
    """The sessions of one server. Belongs to one event loop.

    Args:
        make: makes the CodeMode of a session; cheap, since a CodeMode opens its session late.
        idle_seconds: how long a session may go unused; None: as long as the server lives.
        most: how many there may be at once.
    """

    def __init__(self, make: MakeCodeMode, *, idle_seconds: float | None, most: int) -> None:
        self._make = make
        self._idle_seconds = idle_seconds
        self._most = most
        self._sessions: dict[Key, ServedSession] = {}  # the one released last is last
        self._ended_idle: dict[Key, None] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"<{len(self._sessions)} sessions of at most {self._most}>"

    @contextlib.asynccontextmanager
    async def use(self, key: Key) -> AsyncIterator[ServedSession]:
        """The session of a key, made if it is not there; it does not become idle meanwhile.

        Raises:
            LimitError: there are too many.
            SessionClosedError: the server ends.
        """
        if self._closed:
            raise SessionClosedError
        session = self._sessions.get(key)
        if session is None:
            self._make_room()
            session = self._sessions[key] = ServedSession(key, self._make)
        session.users += 1
        if session.idle_end is not None:
            session.idle_end.cancel()
            session.idle_end = None
        try:
            yield session
        finally:
            session.users -= 1
            self._released(session)

    def has(self, key: Key) -> bool:
        """Whether there is a session of this key."""
        return key in self._sessions

    def clients(self) -> list[ServedClient]:
        """The clients of all sessions."""
        return [session.client for session in self._sessions.values()]

    def take_idle_end(self, key: Key) -> bool:
        """Whether the last session of this key ended because it was idle; says so once."""
        if key not in self._ended_idle:
            return False
        del self._ended_idle[key]
        return True

    async def end(self, key: Key) -> None:
        """End the session of a key and all its cells, if there is one."""
        session = self._sessions.pop(key, None)
        if session is not None:
            if session.idle_end is not None:
                session.idle_end.cancel()
            await self._close(session)

    def drop(self, key: Key) -> None:
        """End the session of a key without waiting for that, if there is one."""
        session = self._sessions.get(key)
        if session is not None:
            self._end_aside(session)

    async def aclose(self) -> None:
        """End all of them, side by side; nothing begins any more."""
        self._closed = True
        ends = [self.end(key) for key in list(self._sessions)]
        await asyncio.gather(*ends, *self._ending)

    def _released(self, session: ServedSession) -> None:
        if session.users or self._sessions.get(session.key) is not session:
            return
        self._sessions[session.key] = self._sessions.pop(session.key)
        if self._idle_seconds is not None:
            loop = asyncio.get_running_loop()
            session.idle_end = loop.call_later(self._idle_seconds, self._end_idle, session)

    def _end_idle(self, session: ServedSession) -> None:
        log.info("a session was idle for %s s and ends", self._idle_seconds)
        self._ended_idle[session.key] = None
        while len(self._ended_idle) > REMEMBERED:
            del self._ended_idle[next(iter(self._ended_idle))]
        self._end_aside(session)

    def _end_aside(self, session: ServedSession) -> None:
        self._sessions.pop(session.key)  # now: the key may be used again before the task runs
        if session.idle_end is not None:
            session.idle_end.cancel()
        task = asyncio.create_task(self._close(session), name="end of an MCP session")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _make_room(self) -> None:
        if len(self._sessions) < self._most:
            return
        for session in self._sessions.values():
            if session.key.kind == "name" and not session.users and not session.client.running:
                log.info("a session makes room for a new one")
                self._end_aside(session)
                return
        raise LimitError(
            f"Limit reached (max_sessions): {self._most} sessions are in use.\n"
            "Hint: try again when one of them has ended.",
            limit="max_sessions",
        )

    async def _close(self, session: ServedSession) -> None:
        try:
            await session.code_mode.aclose()
        except CodeModeError:
            log.exception("a session did not end well")
