"""The server itself: requests of MCP clients to calls of CodeMode, and the way back."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import anyio
import mcp_types as types
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from ...errors import CodeModeError
from ...surface.declaration import EXEC_TOOL_NAME
from ...surface.description import WAIT_TOOL_NAME
from .client import ServedClient
from .content import answer, refusal
from .definitions import SESSION_PARAMETER, exec_definition, wait_definition
from .envelopes import naming_parameters
from .observation import LEVEL, Observation, log_message
from .questions import RequestChannel, ResultChannel
from .relay import Relay
from .sessions import SESSION_HEADER, Key, ServedSession, Sessions

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from types import TracebackType
    from typing import Self

    from mcp.server.context import ServerRequestContext
    from mcp.server.models import InitializationOptions
    from mcp.server.session import ServerSession

    from ...protocol.types import ToolDefinition
    from ...surface.result import ExecResult
    from .definitions import DescriptionForm
    from .questions import Question
    from .sessions import MakeCodeMode

NAME: Final = "codemode"
INSTRUCTIONS: Final = (
    "Write a JavaScript program and run it with `exec`: it calls tools, combines their results and"
    " prints what matters. Call `wait` for a program that goes on in the background."
)
OBSERVATION_SECONDS: Final = 45.0
"""How long a request takes at most; many clients give up after 60 s."""

MAX_SESSIONS: Final = 32
MAX_SUBSCRIPTIONS: Final = 256

LIST_SECONDS: Final = 20.0
"""How long the list of tools waits for MCP servers that start; what comes later is announced."""

CANCEL_SECONDS: Final = 10.0
"""How long the end of a cancelled program may take; limits of CodeMode end it long before."""

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
        self.idle_seconds = idle_seconds
        self.sessions = Sessions(make, idle_seconds=idle_seconds, most=max_sessions)
        self.relay = Relay(self.sessions.clients)
        self._catalogue = make(ServedClient())  # it describes tools; no cell runs in it
        self._starting: asyncio.Task[None] | None = None
        self._told: types.Tool | None = None
        self._form: DescriptionForm = description
        self._observation_seconds = observation_seconds
        self._calls = itertools.count(1)
        self._clients: dict[Key, _Client] = {}
        self._bus = InMemorySubscriptionBus()
        self.protocol: Server[Any] = _Protocol(
            NAME,
            version=version("codemode"),
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
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

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every session and its cells. Idempotent."""
        if self._starting is not None:
            self._starting.cancel()
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
        await asyncio.wait({self._start()}, timeout=LIST_SECONDS)
        return self._catalogue.toolset.definitions

    async def end_session(self, http_session: str) -> None:
        """End the session of a client that took its leave over HTTP."""
        key = Key("http", http_session)
        self._clients.pop(key, None)
        await self.sessions.end(key)

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    async def _list_tools(
        self, context: ServerRequestContext[Any, Any], _: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        key = _owner(context)
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
        """Start what the tools come from, once; clients that cannot wait hear of it later."""

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
        key = _owner(context)
        if key is not None:
            self._client(key, context).level = params.level
        return types.EmptyResult()

    async def _call_tool(
        self, context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        if params.name not in (EXEC_TOOL_NAME, WAIT_TOOL_NAME):
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name!r}")
        call = _resumed(params) or _Call(params.name, dict(params.arguments or {}))
        key = _owner(context) or self._named(call)
        if isinstance(key, str):
            return refusal(key)
        is_known = key.kind != "name" or self.sessions.has(key)
        try:
            async with self.sessions.use(key) as session:
                session.client.questions.answered(params.input_responses or {})
                result = await self._observe(session, context, call)
                is_known = True
                return result
        except CodeModeError as error:  # the application's: a limit, an engine that cannot run
            log.warning("%s failed: %s", call.name, error)
            return refusal(str(error))
        finally:
            if not is_known:  # the request was cancelled or failed: nobody learns the name
                self.sessions.drop(key)

    async def _observe(
        self, session: ServedSession, context: ServerRequestContext[Any, Any], call: _Call
    ) -> types.CallToolResult | types.InputRequiredResult:
        client = session.client
        observation = Observation(context, self._heard_from(session, context))
        call_id = f"mcp-{next(self._calls)}"
        heard = str(call.arguments.get("cell_id")) if call.name == WAIT_TOOL_NAME else call_id
        asks: RequestChannel | ResultChannel = RequestChannel(context)
        if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            asks = ResultChannel(context, observation.due)
        with client.heard_by(heard, observation.hear), client.questions.asked_through(asks):
            async with observation.lasting(self._observation_seconds):
                result = await _whole(
                    session.code_mode.call(
                        call.name, call.arguments, call_id=call_id, preempt=observation.due
                    )
                )
            client.saw(result)
            if result.running and result.cell_id is not None:
                if isinstance(asks, ResultChannel) and asks.open:
                    client.keep(result)
                    return _asking(asks.open, session.key, result.cell_id)
                await observation.yielded(result.cell_id)
        return answer(client.whole(result), *self._notes(session, result))

    def _heard_from(
        self, session: ServedSession, context: ServerRequestContext[Any, Any]
    ) -> types.LoggingLevel:
        """From which level on this client wants log messages; lets it hear unobserved cells."""
        if context.protocol_version in MODERN_PROTOCOL_VERSIONS:  # it hears what it asked for
            return LEVEL
        client = self._client(session.key, context)
        session.client.aside = client.hear
        return client.level

    def _notes(self, session: ServedSession, result: ExecResult) -> list[str]:
        """Texts behind what the program wrote."""
        key, found = session.key, []
        if result.running:
            about = dict.fromkeys(each.about for each in session.client.questions.open)
            found += [f"A call waits for {each}: call wait." for each in about]
        if key.kind == "name":
            found.append(
                f"Session ID {key.id}: pass it as `{SESSION_PARAMETER}` to keep stored values."
            )
        elif self.sessions.take_idle_end(key):
            found.append("The session was unused for too long and began anew: nothing is stored.")
        return found

    def _named(self, call: _Call) -> Key | str:
        """The key of a client's session that the call names, or what is wrong with it."""
        wanted = call.arguments.pop(SESSION_PARAMETER, None)
        if wanted is None and call.name == EXEC_TOOL_NAME:
            return Key.new_name()
        if not isinstance(wanted, str):
            return (
                f"`{SESSION_PARAMETER}` is missing or no string.\nHint: pass the session ID from"
                " the answer that named the cell."
            )
        key = Key("name", wanted)
        if self.sessions.has(key):
            return key
        return (
            "There is no such session: it was unused for too long, or never was.\n"
            f"Hint: call exec without `{SESSION_PARAMETER}`."
        )

    def _client(self, key: Key, context: ServerRequestContext[Any, Any]) -> _Client:
        client = self._clients.pop(key, None) or _Client(context.session)
        client.session = context.session
        self._clients[key] = client
        while len(self._clients) > self.max_sessions:
            del self._clients[next(iter(self._clients))]
        return client


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of exec or wait."""

    name: str
    arguments: dict[str, Any]


class _Client:
    """A client that can be spoken to between its requests."""

    def __init__(self, session: ServerSession) -> None:
        self.session = session
        self.level: types.LoggingLevel = LEVEL

    async def hear(self, text: str) -> None:
        if self.level in ("debug", LEVEL):
            await self.session.send_notification(log_message(text))


class _Protocol(Server[Any]):
    """Says that the list of tools may change: the SDK's HTTP side asks nobody."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        options = notification_options or NotificationOptions(tools_changed=True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)


def _owner(context: ServerRequestContext[Any, Any]) -> Key | None:
    """Whose request it is; None for a client of the stateless protocol, which does not say."""
    if context.request is None:
        return Key("pipe")
    http_session = context.request.headers.get(SESSION_HEADER)
    if http_session is None or context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return None
    return Key("http", http_session)


def _asking(questions: Sequence[Question], key: Key, cell_id: str) -> types.InputRequiredResult:
    """The result that asks a client of the stateless protocol; the cell runs on."""
    return types.InputRequiredResult(
        input_requests={each.id: each.request for each in questions},
        request_state=json.dumps([cell_id, key.id if key.kind == "name" else None]),
    )


def _resumed(params: types.CallToolRequestParams) -> _Call | None:
    """The call that a request goes on with when it brings answers: that of its cell."""
    if params.request_state is None:
        return None
    cell_id, session = json.loads(params.request_state)  # ours: sealed on its way, and unsealed
    arguments = dict(params.arguments or {}) if params.name == WAIT_TOOL_NAME else {}
    arguments |= {"cell_id": cell_id}
    if session is not None:
        arguments[SESSION_PARAMETER] = session
    return _Call(WAIT_TOOL_NAME, arguments)


async def _whole(call: Coroutine[Any, Any, ExecResult]) -> ExecResult:
    """Run the call to its end, and if this task is cancelled to the end of its cancellation.

    The SDK cancels again at every await. What a cancelled exec does to leave no cell needs some;
    so it has a task of its own.
    """
    task = asyncio.create_task(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        with anyio.move_on_after(CANCEL_SECONDS, shield=True):
            await asyncio.gather(task, return_exceptions=True)
        raise
