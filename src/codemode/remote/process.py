"""Sessions whose cells run in a host process: one process, started when it is first needed."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Final

from ..errors import CodeModeError
from ..sessions.waits import retrieved
from .child import command_line, least_environment, shown
from .connection import HostConnection
from .provider import RemoteProvider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..limits import Limits

HANDSHAKE_SECONDS: Final = 10.0


class ProcessSessionProvider(RemoteProvider):
    """Makes sessions in a code-mode host: ours (``codemode host``), or OpenAI's.

    The host is started by the first session, shared by all, and replaced when it dies: then the
    next ``execute`` of each session says once what was lost, and the one after it goes on.
    A session here runs no cell to its pending frontier (``execute_to_pending``).

    Args:
        command: the host's program and arguments; a string is a program's path, or a line as
            in a shell. Without arguments both hosts serve V1 over standard input and output.
            ``codemode`` and ``codemode-host`` are those that were installed with this package,
            whatever the ``PATH``; other names are looked for there.
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
        super().__init__(limits)
        self._command = command_line(command)
        self._environment = least_environment() if env is None else dict(env)
        self._handshake_seconds = handshake_seconds
        self._connection: HostConnection | None = None
        self._opening: asyncio.Task[HostConnection] | None = None
        self._burials: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        host = "no host" if self.host_pid is None else f"host {self.host_pid}"
        name = shown(self._command[0])
        return f"<process session provider for {name}, {host}, {len(self._sessions)} sessions>"

    @property
    def host_pid(self) -> int | None:
        """The process id of the host that runs now, or None."""
        return None if self._connection is None else self._connection.pid

    async def connection(self) -> HostConnection:
        """The host that lives, or another one (``session.Hosts``)."""
        self._check_open()
        if self._connection is not None and self._connection.is_alive:
            return self._connection
        if self._opening is None:
            self._opening = asyncio.create_task(
                self._open(), name="host start", context=Context()
            )  # a host is shared: its pipes are read in no request's context
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        try:
            return await asyncio.shield(opening)
        except CodeModeError as error:
            raise type(error)(str(error)) from error  # each caller has a traceback of its own

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

    async def _end_connections(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._connection is not None:
            await self._connection.aclose()
        if self._burials:
            await asyncio.wait(self._burials)
