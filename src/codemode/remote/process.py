"""Sessions whose cells run in a host process: one process, started when it is first needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ..errors import CodeModeError, SessionClosedError
from ..limits import Limits
from .child import command_line, least_environment, shown
from .connection import HostConnection
from .operations import retrieved
from .session import RemoteSession

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from ..protocol.session import SessionDelegate

HANDSHAKE_SECONDS: Final = 10.0

_CLOSED: Final = "the session provider is closed"


class ProcessSessionProvider:
    """Makes sessions in a code-mode host: ours (``codemode host``), or OpenAI's.

    The host is started by the first session, shared by all, and replaced when it dies: then the
    next ``execute`` of each session says once what was lost, and the one after it goes on.
    A session here runs no cell to its pending frontier (``execute_to_pending``).

    Args:
        command: the host's program and arguments; a string is a program's path, or a line as
            in a shell. Without arguments both hosts serve V1 over standard input and output.
        limits: bounds for sessions that are created without their own. The host keeps its own
            too, and is told of ``heap_bytes`` and ``max_yield_time_ms``.
        env: the host's environment; only ``PATH`` of ours if left out.
        handshake_seconds: how long a host may take to answer the first message.

    Raises:
        UsageError: the command says nothing.

    Example:
        >>> provider = ProcessSessionProvider(["codemode", "host"])
        >>> provider
        <process session provider for codemode, no host, 0 sessions>
    """

    def __init__(
        self,
        command: Sequence[str] | str,
        *,
        limits: Limits | None = None,
        env: Mapping[str, str] | None = None,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self._command = command_line(command)
        self._limits = limits or Limits()
        self._environment = least_environment() if env is None else dict(env)
        self._handshake_seconds = handshake_seconds
        self._connection: HostConnection | None = None
        self._opening: asyncio.Task[HostConnection] | None = None
        self._burials: set[asyncio.Task[None]] = set()
        self._sessions: set[RemoteSession] = set()
        self._closing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        host = "no host" if self.host_pid is None else f"host {self.host_pid}"
        name = shown(self._command[0])
        return f"<process session provider for {name}, {host}, {len(self._sessions)} sessions>"

    @property
    def host_pid(self) -> int | None:
        """The process id of the host that runs now, or None."""
        return None if self._connection is None else self._connection.pid

    async def create_session(
        self, delegate: SessionDelegate, *, limits: Limits | None = None
    ) -> RemoteSession:
        """Open a session whose cells call back to ``delegate``. A cancelled caller leaves none.

        Raises:
            EngineError: the host cannot be started, or does not speak V1; another call tries again.
            SessionClosedError: the provider is closed.
        """
        if self._closing is not None:
            raise SessionClosedError(_CLOSED)
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

    async def connection(self) -> HostConnection:
        """The host that lives, or another one (``session.Hosts``)."""
        if self._closing is not None:
            raise SessionClosedError(_CLOSED)
        if self._connection is not None and self._connection.is_alive:
            return self._connection
        if self._opening is None:
            self._opening = asyncio.create_task(self._open(), name="host start")
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        try:
            return await asyncio.shield(opening)
        except CodeModeError as error:
            raise type(error)(str(error)) from error  # each caller has a traceback of its own

    async def aclose(self) -> None:
        """Shut every session down, end the host; every caller waits for the same end."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="provider close")
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _open(self) -> HostConnection:
        connection = await HostConnection.open(
            self._command, self._environment, self._handshake_seconds
        )
        self._connection = connection
        connection.when_over(self._bury)
        return connection

    def _opened(self, opening: asyncio.Task[HostConnection]) -> None:
        self._opening = None
        retrieved(opening)

    def _bury(self, connection: HostConnection) -> None:
        """Take leave of a host that is over."""
        burial = asyncio.get_running_loop().create_task(connection.aclose(), name="host burial")
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

    async def _close(self) -> None:
        # Side by side, so that their graces are one grace; and each to its end, whatever others do.
        ends = [session.begin_shutdown() for session in self._sessions]
        failures = await asyncio.gather(*ends, return_exceptions=True)
        self._sessions.clear()
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._connection is not None:
            await self._connection.aclose()
        if self._burials:
            await asyncio.wait(self._burials)
        for failure in failures:
            if isinstance(failure, BaseException):
                raise failure
