"""Sessions whose cells run on this machine, each session's in a process of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ..engine.workers import WorkersEngine
from ..errors import SessionClosedError
from ..limits import Limits
from ..process_ledger import current_owner
from .session import SessionRuntime

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from ..engine.interfaces import EngineSession
    from ..protocol.session import SessionDelegate

CROWD: Final = 16
"""How many sessions to have before those that are shut are forgotten."""


class LocalSessionProvider:
    """Makes sessions on this machine.

    Args:
        limits: bounds for sessions that are created without their own.
    """

    def __init__(self, *, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._engine = WorkersEngine()
        self._sessions: list[SessionRuntime] = []
        self._crowd = CROWD
        self._closing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<local session provider, {len(self._sessions)} sessions>"

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> SessionRuntime:
        """Open a session whose cells call back to ``delegate``. Costs nothing until its first cell.

        Args:
            delegate: the application's side of callbacks.
            limits: the session's; None: those of the provider.

        Raises:
            SessionClosedError: the provider is closed.
        """
        return self._session_over(lambda engine: engine, delegate, limits)

    async def create_journalled_session(
        self,
        delegate: SessionDelegate,
        journalled: Callable[[EngineSession], EngineSession],
        *,
        limits: Limits | None = None,
    ) -> SessionRuntime:
        """Open a session over ``journalled(engine)``, which journals what passes between the two.

        ``delegate`` and ``limits`` are as for :meth:`create_session`.

        Raises:
            SessionClosedError: the provider is closed.
        """
        return self._session_over(journalled, delegate, limits)

    def _session_over(
        self,
        wrapped: Callable[[EngineSession], EngineSession],
        delegate: SessionDelegate,
        limits: Limits | None,
    ) -> SessionRuntime:
        if self._closing is not None:
            raise SessionClosedError("the session provider is closed")
        chosen = limits or self._limits
        session = SessionRuntime(
            wrapped(self._engine.session(chosen, current_owner())), delegate, chosen
        )
        self._sessions.append(session)
        if len(self._sessions) >= self._crowd:  # seldom: looking at all each time is quadratic
            self._sessions = [each for each in self._sessions if not each.is_shut]
            self._crowd = 2 * len(self._sessions) + CROWD
        return session

    @property
    def limits(self) -> Limits:
        """The bounds of sessions that are created without their own."""
        return self._limits

    @property
    def engine(self) -> WorkersEngine:
        """What runs its cells, for whoever counts workers."""
        return self._engine

    def warm_up(self) -> None:
        """Make ready what the first cell will need, where the engine can do that ahead of time."""
        self._engine.warm_up()

    async def aclose(self) -> None:
        """Shut every session down and end what they shared; every caller waits for the same end."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="provider close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        # Side by side, so that their graces are one grace; and each to its end, whatever others do.
        ends = [session.shutdown() for session in self._sessions]
        failures = await asyncio.gather(*ends, return_exceptions=True)
        self._sessions.clear()
        await self._engine.aclose()
        for failure in failures:
            if isinstance(failure, BaseException):
                raise failure

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
