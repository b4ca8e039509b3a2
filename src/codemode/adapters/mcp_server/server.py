"""The server itself: requests of MCP clients to calls of CodeMode, and the way back."""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import mcp_types as types
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from ...errors import CodeModeError
from .calls import ServedCalls, owner
from .client import ServedClient
from .definitions import exec_definition, wait_definition
from .envelopes import naming_parameters
from .relay import Relay
from .request_progress import LEVEL, log_message
from .sessions import Key, ServedSessions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from mcp.server.context import ServerRequestContext
    from mcp.server.models import InitializationOptions
    from mcp.server.session import ServerSession

    from ...protocol.types import ToolDefinition
    from .definitions import DescriptionForm
    from .sessions import MakeCodeMode, ServedSession

NAME: Final = "codemode"
INSTRUCTIONS: Final = (
    "Write a JavaScript program and run it with `exec`: it calls tools, combines their results and"
    " prints what matters. Call `wait` for a program that goes on in the background."
)
OBSERVATION_SECONDS: Final = 45.0
"""How long a request takes at most; many clients give up after 60 s."""

MAX_SESSIONS: Final = 32
HANDSHAKES_PER_SESSION: Final = 8
"""MCP sessions that may be open for each one that may run programs."""

MAX_SUBSCRIPTIONS: Final = 256

LIST_SECONDS: Final = 20.0
"""How long the list of tools waits for MCP servers that start; what comes later is announced."""

log: Final = logging.getLogger(__name__)


class McpServer:
    """``exec`` and ``wait`` for MCP clients, over any transport.

    Args:
        make: makes the CodeMode of a session, for the client that it is given, which may serve as
            ``on_notify``. The server closes what it made. Let them share a provider and MCP
            servers: those stay the caller's.
        description: ``"full"`` describes every tool in the text of ``exec``; ``"short"`` stays
            below 1,000 bytes for clients that cut descriptions.
        idle_seconds: a session that was not used for so long ends; None: never.
        max_sessions: how many sessions there may be at once.
        observation_seconds: a request takes at most so long, then its cell yields.

    Use it as an async context manager, or call ``aclose``. Belongs to one event loop.

    Attributes:
        relay: handlers for MCP servers that the sessions share: hands what these ask to the client
            that has a call to them under way. It needs :meth:`ServedClient.watch` as middleware.
    """

    def __init__(
        self,
        make: MakeCodeMode,
        *,
        description: DescriptionForm = "full",
        idle_seconds: float | None = None,
        max_sessions: int = MAX_SESSIONS,
        observation_seconds: float = OBSERVATION_SECONDS,
    ) -> None:
        self.max_sessions = max_sessions
        self.max_handshakes = max_sessions * HANDSHAKES_PER_SESSION
        self.idle_seconds = idle_seconds
        self.sessions = ServedSessions(make, idle_seconds=idle_seconds, most=max_sessions)
        self.relay = Relay(self.sessions.clients)
        self._catalogue = make(ServedClient())  # it describes tools; no cell runs in it
        self._starting: asyncio.Task[None] | None = None
        self._told: types.Tool | None = None
        self._form: DescriptionForm = description
        self._calls = ServedCalls(
            self.sessions,
            without_cells=self._catalogue,
            level=self._heard_from,
            seconds=observation_seconds,
        )
        self._clients: dict[Key, _Client] = {}
        self._bus = InMemorySubscriptionBus()
        self.protocol: Server[Any] = _Protocol(
            NAME,
            version=version("codemode"),
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._calls.answer,
            on_subscriptions_listen=ListenHandler(self._bus, max_subscriptions=MAX_SUBSCRIPTIONS),
        )
        sealed = RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=NAME)
        self.protocol.middleware += [naming_parameters, sealed]
        self.protocol.add_request_handler(
            "logging/setLevel", types.SetLevelRequestParams, self._set_level
        )

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every session and its cells. Idempotent."""
        if self._starting is not None:
            self._starting.cancel()
            # Requests that wait for the servers see the start cancelled; their sessions are closed next.
            await asyncio.wait({self._starting})
        await self.sessions.aclose()
        await self._catalogue.aclose()

    async def tools_changed(self) -> None:
        """Tell the clients if ``exec`` is described anew since one of them asked."""
        if self._told is None or self._told == self._exec(by_name=False):
            return
        self._told = None
        for client in list(self._clients.values()):
            await client.session.send_tool_list_changed()
        await self._bus.publish(ToolsListChanged())

    async def tools(self) -> Sequence[ToolDefinition]:
        """What programs may call, once the MCP servers have had their time to start."""
        # The start of all servers against the patience of a client; the start goes on.
        await asyncio.wait({self._start()}, timeout=LIST_SECONDS)
        return self._catalogue.toolset.definitions

    async def end_session(self, principal: str, http_session: str) -> None:
        """End the session of a client that took its leave over HTTP."""
        key = Key("http", http_session, principal)
        self._clients.pop(key, None)
        await self.sessions.end(key)

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    async def _list_tools(
        self, context: ServerRequestContext[Any, Any], _: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        key = owner(context)
        if key is not None:
            self._client(key, context)
        await asyncio.wait({self._start()}, timeout=LIST_SECONDS)
        by_name = key is None
        self._told = self._exec(by_name=False)
        wait = wait_definition(self._catalogue.wait_tool, by_name=by_name)
        return types.ListToolsResult(tools=[self._exec(by_name=by_name), wait])

    def _exec(self, *, by_name: bool) -> types.Tool:
        described = self._catalogue
        catalogue = described.toolset.catalogue
        return exec_definition(described.exec_tool, catalogue, self._form, by_name=by_name)

    def _start(self) -> asyncio.Task[None]:
        """Start what the tools come from, once; clients that cannot wait are notified later."""

        async def start() -> None:
            try:
                await self._catalogue.__aenter__()
            except CodeModeError as error:
                log.warning("the tools are not known: %s", error)
            await self.tools_changed()

        if self._starting is None:
            self._starting = asyncio.create_task(start(), name="start of the MCP server's tools")
        return self._starting

    async def _set_level(
        self, context: ServerRequestContext[Any, Any], params: types.SetLevelRequestParams
    ) -> types.EmptyResult:
        key = owner(context)
        if key is not None:
            self._client(key, context).level = params.level
        return types.EmptyResult()

    def _heard_from(
        self, session: ServedSession, context: ServerRequestContext[Any, Any]
    ) -> types.LoggingLevel:
        """From which level on this client wants log messages; lets it receive notifications of unobserved cells."""
        if (
            context.protocol_version in MODERN_PROTOCOL_VERSIONS
        ):  # it gets the messages that it asked for
            return LEVEL
        client = self._client(session.key, context)
        session.client.aside = client.hear
        return client.level

    def _client(self, key: Key, context: ServerRequestContext[Any, Any]) -> _Client:
        client = self._clients.pop(key, None) or _Client(context.session)
        client.session = context.session
        self._clients[key] = client
        while len(self._clients) > self.max_handshakes:
            del self._clients[next(iter(self._clients))]
        return client


class _Client:
    """A client that can be spoken to between its requests."""

    def __init__(self, session: ServerSession) -> None:
        self.session = session
        self.level: types.LoggingLevel = LEVEL

    async def hear(self, text: str) -> None:
        if self.level in ("debug", LEVEL):
            await self.session.send_notification(log_message(text))


class _Protocol(Server[Any]):
    """Announces that the list of tools may change; the SDK's HTTP side has no option for it."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        options = notification_options or NotificationOptions(tools_changed=True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)
