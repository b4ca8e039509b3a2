"""What providers of remote sessions have in common: sessions that open, and all of it that ends."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from ..errors import SessionClosedError
from ..limits import Limits
from .session import RemoteSession

if TYPE_CHECKING:
    from typing import Self

    from ..protocol.session import SessionDelegate
    from .seam import Connection

_CLOSED: Final = "the session provider is closed"


class RemoteProvider(ABC):
    """Makes sessions at hosts (``session.Hosts``)."""

    def __init__(self, limits: Limits | None) -> None:
        self._limits = limits or Limits()
        self._sessions: set[RemoteSession] = set()
        self._closing: asyncio.Task[None] | None = None

    @property
    def limits(self) -> Limits:
        """The bounds of sessions that are created without their own."""
        return self._limits

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> RemoteSession:
        """Open a session whose cells call back to ``delegate``. A cancelled caller leaves none.

        Raises:
            EngineError: there is no host, or it does not speak our protocol; another call tries again.
            SessionClosedError: the provider is closed.
        """
        self._check_open()
        session = RemoteSession(self, delegate, limits or self._limits)
        self._sessions.add(session)
        try:
            await session.open()
        except BaseException:
            session.begin_shutdown()
            raise
        finally:
            self._sessions = {s for s in self._sessions if not s.is_shut}
        return session

    @abstractmethod
    async def connection(self) -> Connection:
        """Where a session can be opened now (``session.Hosts``)."""

    async def another(self, refused: Connection) -> Connection | None:
        """Where a session may be opened that could not be opened there (``session.Hosts``); None: nowhere."""
        del refused
        return None

    @abstractmethod
    async def _end_connections(self) -> None:
        """End what sessions have used; all of them are shut."""

    def _check_open(self) -> None:
        if self._closing is not None:
            raise SessionClosedError(_CLOSED)

    async def aclose(self) -> None:
        """Shut every session down and end what they used; every caller waits for the same end."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="provider close")
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _close(self) -> None:
        # Side by side, so that their graces are one grace; and each to its end, whatever others do.
        ends = [session.begin_shutdown() for session in self._sessions]
        failures = await asyncio.gather(*ends, return_exceptions=True)
        self._sessions.clear()
        await self._end_connections()
        for failure in failures:
            if isinstance(failure, BaseException):
                raise failure
