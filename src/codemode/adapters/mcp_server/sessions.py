"""The code-mode sessions of a server: who has which, how many there are, and when each one ends.

A key names the owner of a session. A client at a pipe is alone and has one session. A client that shook
hands over HTTP has one for each MCP session in which it runs something. A client of the stateless
protocol has none by itself: a session is made when it asks for none, and is known by a name that
cannot be guessed. Principals, which are tokens, know nothing of each other's sessions, and have equal
shares of what there is.

A session ends when its client ends it, when it was idle for too long, or with the server. One with a
name ends at once when nothing of it is left: no cell that runs, and nothing stored. Its client cannot
be told to clean up; so where there is no room, a session makes some of which nothing is left, or else
the one with a name that has been idle longest, unless it was used lately or a cell of it runs. Each
end is remembered for a while, so that the client can be told what happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ...errors import CodeModeError, LimitError, SessionClosedError
from ...process_ledger import owned_by
from .client import ServedClient

if TYPE_CHECKING:
    from ...code_mode import CodeMode

MakeCodeMode: TypeAlias = Callable[[ServedClient], "CodeMode"]
"""Makes the CodeMode of one session, for the client that it gets; that one may serve as ``on_notify``."""

SESSION_HEADER: Final = "mcp-session-id"
"""What names an MCP session over HTTP."""

REMEMBERED: Final = 1_024
"""How many sessions that ended while their client was away are remembered, to tell the client."""

LATELY_SECONDS: Final = 600.0
"""A session that was used in this time is not ended to make room: its client may be about to come back."""

log: Final = logging.getLogger(__name__)

EndReason: TypeAlias = Literal["idle", "room", "empty"]
"""It was idle; it made room for another one; nothing of it was left."""


@dataclass(frozen=True, slots=True)
class Key:
    """Whose a session is."""

    kind: Literal["pipe", "http", "name"]
    id: str = ""
    principal: str = ""

    @staticmethod
    def new_name(principal: str = "") -> Key:
        """The key of a session for a client of the stateless protocol."""
        return Key("name", secrets.token_urlsafe(12), principal)


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How a session ended while its client was away.

    Attributes:
        reason: why.
        unused_seconds: how long it had not been used.
    """

    reason: EndReason
    unused_seconds: float


class ServedSession:
    """One session: its client and its CodeMode.

    Attributes:
        users: requests that use it now.
        used_at: when the last one left it.
    """

    def __init__(self, key: Key, make: MakeCodeMode, now: float) -> None:
        self.key = key
        self.client = ServedClient()
        with owned_by(key.principal or None):  # of several, each has a share of the workers
            self.code_mode = make(self.client)
        self.users = 0
        self.used_at = now
        self.idle_end: asyncio.TimerHandle | None = None

    @property
    def is_at_rest(self) -> bool:
        """Whether no request uses it and no cell of it runs."""
        return not self.users and not self.client.running

    @property
    def is_empty(self) -> bool:
        """Whether nothing is lost with it."""
        return self.is_at_rest and not self.client.has_stored


class ServedSessions:
    """The sessions of one server. Belongs to one event loop.

    Args:
        make: makes the CodeMode of a session; cheap, since a CodeMode opens its session late.
        idle_seconds: how long a session may go unused; None: as long as the server lives.
        most: how many there may be at once.
        clock: seconds that only grow.

    Attributes:
        principals: gives how many share the server; each has an equal share of ``most``.
    """

    def __init__(
        self,
        make: MakeCodeMode,
        *,
        idle_seconds: float | None,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.principals: Callable[[], int] = lambda: 1
        self._make = make
        self._idle_seconds = idle_seconds
        self._most = most
        self._clock = clock
        self._sessions: dict[Key, ServedSession] = {}  # the one released last is last
        self._ended: dict[Key, SessionEnd] = {}
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
            self._make_room(key.principal)
            session = self._sessions[key] = ServedSession(key, self._make, self._clock())
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

    def ended(self, key: Key) -> SessionEnd | None:
        """How the last session of this key ended, if its client was away."""
        return self._ended.get(key)

    def forget(self, key: Key) -> None:
        """The client has been told how the last session of this key ended."""
        self._ended.pop(key, None)

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
        # Sessions that end by themselves at this moment are in ``_ending``, and are awaited as well.
        await asyncio.gather(*ends, *self._ending)

    def _released(self, session: ServedSession) -> None:
        if session.users or self._sessions.get(session.key) is not session:
            return
        session.used_at = self._clock()
        self._sessions[session.key] = self._sessions.pop(session.key)
        if session.key.kind == "name" and session.is_empty:
            self._end_unseen(session, "empty")
        elif self._idle_seconds is not None:
            loop = asyncio.get_running_loop()
            session.idle_end = loop.call_later(
                self._idle_seconds, self._end_unseen, session, "idle"
            )

    def _end_unseen(self, session: ServedSession, reason: EndReason) -> None:
        """End a session whose client is away, and remember it."""
        unused = self._clock() - session.used_at
        if reason != "empty":
            log.info("a session ends (%s) that was not used for %.0f s", reason, unused)
        self._ended[session.key] = SessionEnd(reason, unused)
        while len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]
        self._end_aside(session)

    def _end_aside(self, session: ServedSession) -> None:
        self._sessions.pop(session.key)  # now: the key may be used again before the task runs
        if session.idle_end is not None:
            session.idle_end.cancel()
        task = asyncio.create_task(self._close(session), name="end of an MCP session")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _make_room(self, principal: str) -> None:
        share = max(1, self._most // self.principals())
        own = [each for each in self._sessions.values() if each.key.principal == principal]
        if len(own) < share:
            return
        at_rest = [each for each in own if each.is_at_rest]
        for session in at_rest:
            if session.is_empty:
                self._end_unseen(session, "empty")
                return
        named = [each for each in at_rest if each.key.kind == "name"]
        if not named:
            raise self._full(share, "each has a cell that runs, or values that its client may want")
        left = named[0].used_at + LATELY_SECONDS - self._clock()
        if left > 0:
            raise self._full(share, f"each was used in the last {LATELY_SECONDS:g} s", left)
        self._end_unseen(named[0], "room")

    def _full(self, share: int, why: str, seconds: float | None = None) -> LimitError:
        later = "when one of them has ended" if seconds is None else f"in {math.ceil(seconds)} s"
        return LimitError(
            f"Limit reached (max_sessions): {share} sessions are in use, and {why}.\n"
            f"Hint: try again {later}, or go on in a session that you have.",
            limit="max_sessions",
        )

    async def _close(self, session: ServedSession) -> None:
        try:
            await session.code_mode.aclose()
        except CodeModeError:
            log.exception("a session did not end well")
