"""One connection to one server, from its start to its end, in one task.

The SDK's transports and sessions are groups of tasks that must be left in the task that entered
them. So a connection is a task of its own: it opens, sets a future when it is ready, waits until it is to
close or the server is gone, and leaves everything in order. Requests are made from other tasks;
that is all that those may do.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final

import mcp_types
from mcp import Client, ClientSession, MCPError
from mcp.client.subscriptions import listen
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import RootModel

from ...surface.text import on_one_line
from .answers import AnswerTable
from .callbacks import ClientCallbacks
from .config import HttpServer, StdioServer
from .dispatcher import Dispatcher, whole
from .faults import AnswerError, HttpError, NoAnswerError, PeerError
from .http import http_streams
from .stdio import ProcessEnding, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..redaction import Redaction
    from .handlers import McpHandlers

CLOSE_SECONDS: Final = 6.0
"""How long closing may take: the graces of a process, and a little for the session."""
INPUT_ROUNDS: Final = 10
"""How often a server may answer one call by asking for more."""
PING_SECONDS: Final = 5.0
"""How long a server may take to show that it still knows us."""

_FORGOTTEN: Final = frozenset({400, 404})
"""Statuses that refuse a request because of its session, where the body is no answer to it."""
_FORGETFUL: Final = frozenset({400, 401, 404, 410})
"""Statuses that servers use for it, and for other things as well."""
_OTHER_PROTOCOL: Final = frozenset({404, 405})
"""Statuses with which servers of the newest protocol alone refuse to shake hands."""

_log: Final = logging.getLogger(__name__)

_Raw: Final = RootModel[dict[str, Any]]


class ServerConnection:
    """A session with a server.

    Args:
        name: the server's.
        target: how it is reached: a config, or an object of the SDK.
        on_tools_changed: called when the server announces a changed list of tools.
        on_end: called once when the connection is over, whichever side ended it.
    """

    def __init__(
        self,
        name: str,
        target: object,
        *,
        handlers: McpHandlers,
        redact: Redaction,
        on_tools_changed: Callable[[], None],
        on_end: Callable[[ServerConnection], None],
    ) -> None:
        self.ended = False
        """Whether it is over: requests fail from now on."""
        self._name = name
        self._target = target
        self._redact = redact
        self._callbacks = ClientCallbacks(name, handlers, redact, on_tools_changed)
        self._on_end = on_end
        self._answers = AnswerTable()
        self._process: ServerProcess | None = None
        self._said = ""
        """Why the connection to a server behind a URL broke."""
        self._leave = asyncio.Event()
        self._is_left = False
        """Whether it was closed from here before it was over."""
        self._task: asyncio.Task[None] | None = None
        self._session: ClientSession | None = None
        """Set once hands are shaken."""

    @property
    def instructions(self) -> str:
        """The server's description of itself."""
        return (self._session and self._session.instructions) or ""

    async def open(self) -> None:
        """Connect and shake hands. Cancelled, it leaves nothing behind.

        Raises:
            Exception: it cannot be opened; the error of the transport or the SDK.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # It outlives the call that opens it, and serves other users: it keeps no request's context.
        self._task = asyncio.create_task(
            self._live(ready), name=f"mcp {self._name}", context=Context()
        )
        try:
            await ready
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """End the server's process or the session with it. Idempotent, bounded."""
        self._is_left = self._is_left or not self.ended
        self._leave.set()
        task = self._task
        if task is None:
            return
        if self._session is None:  # it waits for the server, and not to be left
            task.cancel()
        # The orderly end of the session against its bound; then cancellation against the same.
        _, late = await asyncio.wait({task}, timeout=CLOSE_SECONDS)
        if late:
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_SECONDS)

    def kill(self) -> None:
        """End the server's process at once, if it is ours. From any thread."""
        if self._process is not None:
            self._process.kill()

    async def request(self, request: Any, on_progress: Any = None) -> dict[str, Any]:
        """Send a request; the result as the server gave it. A cancelled caller cancels it.

        Raises:
            MCPError: the server refused it, or the connection ended.
            ValidationError: the answer is none of the protocol.
        """
        assert self._session is not None, "opened before it is used"
        answer = await self._session.send_request(request, _Raw, progress_callback=on_progress)
        return whole(answer.root)

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        on_progress: Any,
        *,
        meta: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Call a tool; answer what the server asks for in between, where the handlers can.

        ``meta`` is the request's ``_meta``, to which the SDK adds the trace context and a token for progress.

        Raises:
            MCPError, ValidationError: as :meth:`request`.
        """
        with self._callbacks.calling():
            params = mcp_types.CallToolRequestParams(
                name=tool,
                arguments=dict(arguments),
                _meta=None if meta is None else dict(meta),  # type: ignore[arg-type]  # any members
            )
            return await self._called(params, on_progress)

    async def _called(
        self, params: mcp_types.CallToolRequestParams, on_progress: Any
    ) -> dict[str, Any]:
        for _ in range(INPUT_ROUNDS):
            request = mcp_types.CallToolRequest(params=params)
            raw = await self.request(request, on_progress)
            if raw.get("resultType") != "input_required":
                return raw
            wanted = mcp_types.InputRequiredResult.model_validate(raw, by_name=False)
            assert self._session is not None
            answers = await self._callbacks.answers(self._session, wanted.input_requests or {})
            params = params.model_copy(
                update={"input_responses": answers, "request_state": wanted.request_state}
            )
        raise AnswerError(f"it asked for input {INPUT_ROUNDS} times")

    async def is_lost(self, error: Exception) -> bool:
        """Whether ``error`` means that the connection, or the session on it, is over. Bounded.

        A status that servers use for a forgotten session and for other things is no proof, and
        neither is the SDK's error when an answer did not come: then the server is asked.
        """
        if self.ended:
            return True
        if not isinstance(error, MCPError) or isinstance(error, PeerError | AnswerError):
            return False
        if isinstance(error, HttpError):
            refusal = error.refusal
            if not refusal.has_session or refusal.status not in _FORGETFUL:
                return False
            if refusal.status in _FORGOTTEN and not refusal.is_answer:
                return True
        elif not isinstance(error, NoAnswerError) and error.code != mcp_types.CONNECTION_CLOSED:
            return False  # of a session that is the application's, which notes nothing
        return not await self._is_known()

    def ending(self) -> ProcessEnding:
        """How it ended, once closed, without secrets."""
        return ProcessEnding(self._said) if self._process is None else self._process.ending()

    async def _is_known(self) -> bool:
        """Whether the server answers in this session."""
        assert self._session is not None
        try:
            # The answer to a ping against its bound, which a lost session never gives.
            async with asyncio.timeout(PING_SECONDS):
                await self._session.send_request(mcp_types.PingRequest(), mcp_types.EmptyResult)
        except PeerError:
            return True  # it knows no ping, and it knows us
        except HttpError as fault:
            return fault.refusal.status not in _FORGETFUL
        except (MCPError, TimeoutError):
            return False
        return True

    async def _live(self, ready: asyncio.Future[None]) -> None:
        try:
            async with AsyncExitStack() as stack:
                session = await self._entered(stack)
                if session.protocol_version is None:
                    await _shake_hands(session)
                await _subscribe(session, stack)
                self._session = session
                if not ready.done():
                    ready.set_result(None)
                await self._leave.wait()
                self._over()
        except Exception as error:  # noqa: BLE001 - what transports raise is theirs to choose
            if not ready.done():
                ready.set_exception(error)
            elif not self.ended:
                self._said = on_one_line(self._redact(reason_of(error)))
        finally:
            if not ready.done():
                ready.set_exception(ConnectionError("the connection was closed"))
            if not self._is_left:
                self._log_ending()
            self._over()

    def _log_ending(self) -> None:
        """Tell people why a server went that was not left."""
        if self._session is not None:
            why = self.ending().for_people() or "it closed the connection"
            _log.warning("MCP server %s was lost: %s", on_one_line(self._name), on_one_line(why))
        if self._process is not None:
            self._process.log_words()

    def _over(self) -> None:
        if not self.ended:
            self.ended = True
            self._leave.set()
            self._on_end(self)

    async def _entered(self, stack: AsyncExitStack) -> ClientSession:
        target, options = self._target, self._callbacks.options()
        if isinstance(target, ClientSession):
            return target  # the application's, which has entered it and will leave it
        if isinstance(target, StdioServer):
            self._process = ServerProcess(self._name, self._redact, self._answers, self._over)
            streams = await stack.enter_async_context(self._process.running(target))
        elif isinstance(target, HttpServer):
            streams = await stack.enter_async_context(http_streams(target, self._answers))
        else:
            client = Client(target, mode="legacy", cache=None, **options)  # type: ignore[arg-type] # checked by SDK
            return (await stack.enter_async_context(client)).session
        session = ClientSession(dispatcher=Dispatcher(streams, self._answers), **options)
        return await stack.enter_async_context(session)


async def _shake_hands(session: ClientSession) -> None:
    """As every server understands it; then as only the newest do."""
    try:
        await session.initialize()
    except MCPError as error:
        newer = (mcp_types.UNSUPPORTED_PROTOCOL_VERSION, mcp_types.METHOD_NOT_FOUND)
        is_refused = isinstance(error, HttpError) and error.refusal.status in _OTHER_PROTOCOL
        if not (is_refused or error.code in newer):
            raise
        await session.discover()


async def _subscribe(session: ClientSession, stack: AsyncExitStack) -> None:
    """The newest servers announce changed tools only to subscribers."""
    if session.protocol_version in MODERN_PROTOCOL_VERSIONS:
        try:
            await stack.enter_async_context(listen(session, tools_list_changed=True))
        except MCPError as error:
            _log.debug("no word of changed tools: %s", on_one_line(str(error)))


def reason_of(error: BaseException) -> str:
    """What went wrong, of the groups in which the SDK's tasks wrap it; in a stranger's words."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
