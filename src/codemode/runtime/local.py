"""Sessions whose cells run on this machine, in workers or in this process's threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from ..errors import SessionClosedError, UsageError
from ..limits import Limits
from .session import SessionRuntime

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ..engine.seam import Engine
    from ..protocol.session import SessionDelegate

EngineName: TypeAlias = Literal["workers", "threads"]


class LocalSessionProvider:
    """Makes sessions on this machine.

    Args:
        limits: bounds for sessions that are created without their own.
        engine: ``"workers"`` runs each session's cells in a process of their own; ``"threads"``
            runs them in this process, quicker and for trusted code only.

    Raises:
        UsageError: there is no such engine.
    """

    def __init__(self, *, limits: Limits | None = None, engine: EngineName = "workers") -> None:
        self._limits = limits or Limits()
        self._engine = _make_engine(engine)
        self._sessions: list[SessionRuntime] = []
        self._closed = False

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> SessionRuntime:
        """Open a session whose cells call back to ``delegate``. Costs nothing until its first cell.

        Raises:
            SessionClosedError: the provider is closed.
        """
        if self._closed:
            raise SessionClosedError("the session provider is closed")
        chosen = limits or self._limits
        session = SessionRuntime(self._engine.session(chosen), delegate, chosen)
        self._sessions = [s for s in self._sessions if not s.is_shut]
        self._sessions.append(session)
        return session

    async def aclose(self) -> None:
        """Shut every session down and end what they shared. Idempotent."""
        self._closed = True
        for session in self._sessions:
            await session.shutdown()
        self._sessions.clear()
        await self._engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def _make_engine(name: str) -> Engine:
    # Each loads only what it needs: the in-process one brings V8 into this process.
    if name == "workers":
        from ..engine.workers import WorkersEngine

        return WorkersEngine()
    if name == "threads":
        from ..engine.threads import ThreadsEngine

        return ThreadsEngine()
    raise UsageError(f"there is no engine {name!r}: choose 'workers' or 'threads'")
