"""The session of one CodeMode: opened once, when it is first needed or ahead of that, and closed.

Opening is a task that this object owns: callers that need the session wait for it, and one that is
cancelled leaves it to the others. A failure of an opening that was begun ahead is raised to the
caller that first needs the session; the next one tries again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Hashable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from ..errors import SessionClosedError, UsageError
from ..limits import Limits
from ..process_ledger import owned_by
from ..protocol.session import TellsNews
from ..sessions.waits import retrieved
from .tracing_option import tracing

if TYPE_CHECKING:
    from ..protocol.session import Session, SessionProvider
    from ..runtime.local import LocalSessionProvider
    from ..tools.mcp.servers import McpServers
    from ..tools.toolset import Toolset
    from ..trace.tracer import Sink, Tracer
    from .activity import Activity
    from .durable_session import DurableSession
    from .inspection import InspectedCodeMode

    Mcp = McpServers | str | os.PathLike[str] | Mapping[str, Any] | None


def _local() -> type[LocalSessionProvider]:
    from ..runtime.local import LocalSessionProvider  # noqa: PLC0415 - not for who only imports this

    return LocalSessionProvider


class SessionOpening:
    """Opens a session for ``delegate``, and the MCP servers whose tools its cells call.

    Args:
        delegate: the session's.
        toolset: gets the tools of the servers.
        limits: of the session; the provider's own if None.
        provider: makes the session; it stays the caller's to close. None: this machine.
        mcp: servers, or what to make them of.
        trace: takes the events of the session, or the folder to record them in; None: what
            ``CODEMODE_TRACE`` names, or nothing.
        durable: brings the session back from a store, and keeps it there.
        owner: answers for what the session uses up of the process; None: no particular owner.

    Raises:
        UsageError: an option is not what it should be, or options exclude each other.
    """

    def __init__(  # noqa: PLR0913 - options by keyword
        self,
        delegate: Activity,
        toolset: Toolset,
        *,
        limits: Limits | None,
        provider: SessionProvider | None,
        mcp: Mcp,
        trace: Sink | str | os.PathLike[str] | None = None,
        durable: DurableSession | None = None,
        owner: Hashable = None,
    ) -> None:
        _check_options(limits, provider)
        if durable is not None and provider is not None:
            durable.at(provider)
        self.durable = durable
        self._tracing = tracing(trace)
        self.limits = limits or _limits_of(provider)
        self._owner = owner
        self._delegate = delegate
        self._toolset = toolset
        self._servers, self._owns_servers = _servers(mcp)
        self._starting: asyncio.Task[None] | None = None
        self._has_servers = False
        self._provider = provider
        if provider is None:
            _local()  # while nothing waits for it
        self._owned: LocalSessionProvider | None = None
        self._opening: asyncio.Task[Session] | None = None
        self._session: Session | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """``closed``, ``not in use`` or ``in use``."""
        if self._closing is not None:
            return "closed"
        return "not in use" if self._session is None else "in use"

    @property
    def tracer(self) -> Tracer | None:
        """What emits the events of the session; None where it is not traced."""
        return None if self._tracing is None else self._tracing.tracer

    def show_in_inspector(self, code_mode: InspectedCodeMode) -> None:
        """Have an inspector look at ``code_mode`` and act upon it, where one may; before the session is opened."""
        if self._tracing is not None:
            self._tracing.inspected = code_mode

    @property
    def current(self) -> Session | None:
        """The session, if it is open already.

        Raises:
            SessionClosedError: it is closed.
        """
        self._refuse_if_closed()
        return self._session

    def begin(self) -> None:
        """Begin to open the session, and the engine if it is on this machine."""
        if self._opening is None and self._session is None:
            self._opening = asyncio.create_task(self._open(), name="session opening")
            self._opening.add_done_callback(retrieved)

    async def session(self) -> Session:
        """The session, with all servers started.

        Raises:
            SessionClosedError: it is closed.
            EngineError: there is no engine or host.
        """
        if self._session is not None:
            if self._servers is not None:
                self._servers.revive()
            return self._session
        self._refuse_if_closed()
        await self.start_servers()
        self.begin()
        opening = self._opening
        if opening is not None:  # else the servers took so long that another caller has opened it
            # A cancelled caller leaves the opening to the others; a close meanwhile is checked behind it.
            await asyncio.wait({opening})
            self._refuse_if_closed()
            self._opening = None
            self._session = opening.result()
        assert self._session is not None
        return self._session

    async def start_servers(self) -> None:
        """Start the MCP servers, and have their tools.

        Raises:
            SessionClosedError: this was closed meanwhile.
            UsageError: the servers cannot be used.
        """
        if self._servers is None or self._has_servers:
            return
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(self._servers), name="MCP servers")
        # As above: the start belongs to all callers, and ``aclose`` may cancel it.
        await asyncio.wait({self._starting})
        self._refuse_if_closed()
        self._starting.result()
        self._has_servers = True

    async def _start(self, servers: McpServers) -> None:
        await servers.started()
        await servers.attached(self._toolset)

    async def aclose(self, *, toolset: Toolset | None) -> None:
        """Close the session, and what was opened for it; then ``toolset``. Idempotent."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(toolset), name="session closing")
        # A second caller, or a cancelled one, must not stop a close that is under way.
        await asyncio.shield(self._closing)

    async def _close(self, toolset: Toolset | None) -> None:
        under_way = {task for task in (self._starting, self._opening) if task is not None}
        for task in under_way:
            task.cancel()  # an exec may be waiting for it
        if under_way:
            # An opening that completes in spite of its cancellation has a session, which is closed below.
            await asyncio.wait(under_way)
        opening, self._opening = self._opening, None
        session, self._session = self._session, None
        if opening is not None and not opening.cancelled() and opening.exception() is None:
            session = opening.result()
        owned, self._owned = self._owned, None
        async with AsyncExitStack() as ends:  # each ends, whatever becomes of those before it
            if self._tracing is not None:
                ends.push_async_callback(self._tracing.aclose)
            if toolset is not None:
                ends.push_async_callback(toolset.aclose)
            ends.push_async_callback(self._end_servers)
            if owned is not None:
                ends.push_async_callback(owned.aclose)
            if self.durable is not None:
                ends.push_async_callback(self.durable.aclose)
            if session is not None:
                ends.push_async_callback(session.shutdown)

    async def _open(self) -> Session:
        provider = self._provider
        if provider is None:
            provider = self._owned
        if provider is None:
            provider = self._owned = _local()(limits=self.limits)
        if isinstance(provider, _local()):
            provider.warm_up()
        if self.durable is not None:
            provider = self.durable.at(provider)
        with owned_by(self._owner):
            if self._tracing is not None:
                session = await self._tracing.open(provider, self._delegate, self.limits)
            else:
                session = await provider.create_session(self._delegate, limits=self.limits)
        if isinstance(session, TellsNews):
            session.on_news(self._delegate.news)
        return session

    async def _end_servers(self) -> None:
        if self._servers is not None:
            self._servers.detach(self._toolset)
            if self._owns_servers:
                await self._servers.aclose()

    def _refuse_if_closed(self) -> None:
        if self._closing is not None:
            raise SessionClosedError


def _check_options(limits: object, provider: object) -> None:
    """Raise UsageError where one of these is not what it should be."""
    if limits is not None and not isinstance(limits, Limits):
        raise UsageError(
            f"limits must be a Limits, got a {type(limits).__name__}"
            "\nHint: limits=Limits(heap_bytes=64 * 2**20)"
        )
    makes_sessions = callable(getattr(provider, "create_session", None))
    if provider is not None and (isinstance(provider, type) or not makes_sessions):
        raise UsageError(
            f"provider must be a SessionProvider, got {provider!r}"
            '\nHint: provider=ProcessSessionProvider("codemode host")'
        )


def _limits_of(provider: SessionProvider | None) -> Limits:
    """The limits that were given to the provider: a restriction as good as one of ours."""
    limits = getattr(provider, "limits", None)
    return limits if isinstance(limits, Limits) else Limits()


def _servers(mcp: Mcp) -> tuple[McpServers | None, bool]:
    """The servers, and whether they are ours to close."""
    if mcp is None:
        return None, False
    from ..tools.mcp.servers import McpServers  # noqa: PLC0415 - only with the extra

    if isinstance(mcp, McpServers):
        own = mcp.for_session()
        return own, own is not mcp
    if not isinstance(mcp, str | os.PathLike | Mapping):
        raise UsageError(
            f"mcp must be a path, what an mcp.json would say, or McpServers, got a"
            f' {type(mcp).__name__}\nHint: mcp="mcp.json"'
        )
    return McpServers.from_config(mcp), True
