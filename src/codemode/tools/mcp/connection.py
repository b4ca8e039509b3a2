"""One connection to one server, from its start to its end, in one task.

The SDK's transports and sessions are groups of tasks that must be left in the task that entered
them. So a connection is a task of its own: it opens, says that it is ready, waits until it is to
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

from .callbacks import Callbacks
from .config import HttpServer, StdioServer
from .http import http_streams
from .listing import Dispatcher
from .stdio import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..redaction import Redaction
    from .handlers import McpHandlers

CLOSE_SECONDS: Final = 6.0
"""How long closing may take: the graces of a process, and a little for the session."""
INPUT_ROUNDS: Final = 10
"""How often a server may answer one call by asking for more."""

_FORGOTTEN: Final = "Session terminated"
"""What the SDK says for a server behind a URL that does not know our session any more."""

_log: Final = logging.getLogger(__name__)

_Raw: Final = RootModel[dict[str, Any]]


class Connection:
    """A session with a server.

    Args:
        name: the server's.
        target: how it is reached: a config, or an object of the SDK.
        on_tools_changed: called when the server says that its tools are others now.
        on_end: called once when the connection is over, whoever ended it.
    """

    def __init__(
        self,
        name: str,
        target: object,
        *,
        handlers: McpHandlers,
        redact: Redaction,
        on_tools_changed: Callable[[], None],
        on_end: Callable[[Connection], None],
    ) -> None:
        self.ended = False
        """Whether it is over: requests fail from now on."""
        self._name = name
        self._target = target
        self._redact = redact
        self._callbacks = Callbacks(name, handlers, redact, on_tools_changed)
        self._on_end = on_end
        self._process: ServerProcess | None = None
        self._said = ""
        """Why a server behind a URL did not answer."""
        self._leave = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._session: ClientSession | None = None
        """Set once hands are shaken."""

    @property
    def instructions(self) -> str:
        """What the server says of itself."""
        return (self._session and self._session.instructions) or ""

    async def open(self) -> None:
        """Connect and shake hands. Cancelled, it leaves nothing behind.

        Raises:
            Exception: it cannot be had, as the transport or the SDK says it.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # It outlives whoever opens it, and serves other users: it keeps no request's context.
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
        self._leave.set()
        task = self._task
        if task is None:
            return
        if self._session is None:  # it waits for the server, and not to be left
            task.cancel()
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
        return answer.root

    async def call(
        self, tool: str, arguments: Mapping[str, Any], on_progress: Any
    ) -> dict[str, Any]:
        """Call a tool; answer what the server asks for in between, where the handlers can.

        Raises:
            MCPError, ValidationError: as :meth:`request`.
        """
        with self._callbacks.calling():
            return await self._called(tool, arguments, on_progress)

    async def _called(
        self, tool: str, arguments: Mapping[str, Any], on_progress: Any
    ) -> dict[str, Any]:
        params = mcp_types.CallToolRequestParams(name=tool, arguments=dict(arguments))
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
        raise MCPError(mcp_types.INVALID_REQUEST, f"it asked for input {INPUT_ROUNDS} times")

    def is_lost(self, error: Exception) -> bool:
        """Whether ``error`` is no answer, but the end of the connection."""
        if self.ended or isinstance(self._target, StdioServer) or not isinstance(error, MCPError):
            return self.ended
        forgotten = error.code == mcp_types.INVALID_REQUEST and error.message == _FORGOTTEN
        return error.code == mcp_types.CONNECTION_CLOSED or forgotten

    def end_reason(self) -> str:
        """What is known of why it ended, once closed, without secrets; may be empty."""
        return self._said if self._process is None else self._process.end()

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
                self._said = self._redact(reason_of(error))
                _log.warning("the connection to MCP server %s broke: %s", self._name, self._said)
        finally:
            if not ready.done():
                ready.set_exception(ConnectionError("the connection was closed"))
            self._over()

    def _refused(self, why: str) -> None:
        self._said = why

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
            self._process = ServerProcess(self._name, self._redact, self._over)
            streams = await stack.enter_async_context(self._process.running(target))
        elif isinstance(target, HttpServer):
            streams = await stack.enter_async_context(http_streams(target, self._refused))
        else:
            client = Client(target, mode="legacy", cache=None, **options)  # type: ignore[arg-type] # checked by SDK
            return (await stack.enter_async_context(client)).session
        session = ClientSession(dispatcher=Dispatcher(*streams), **options)
        return await stack.enter_async_context(session)


async def _shake_hands(session: ClientSession) -> None:
    """As every server understands it; then as only the newest do."""
    try:
        await session.initialize()
    except MCPError as error:
        newer = (mcp_types.UNSUPPORTED_PROTOCOL_VERSION, mcp_types.METHOD_NOT_FOUND)
        if error.code not in newer:
            raise
        await session.discover()


async def _subscribe(session: ClientSession, stack: AsyncExitStack) -> None:
    """The newest servers say that their tools changed to those only who ask to be told."""
    if session.protocol_version in MODERN_PROTOCOL_VERSIONS:
        try:
            await stack.enter_async_context(listen(session, tools_list_changed=True))
        except MCPError as error:
            _log.debug("no word of changed tools: %s", error)


def reason_of(error: BaseException) -> str:
    """What went wrong, of the groups in which the SDK's tasks wrap it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError) and error.code == mcp_types.CONNECTION_CLOSED:
        return "the connection ended"
    return str(error) or type(error).__name__
