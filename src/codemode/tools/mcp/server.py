"""One server: started when it is needed, called, lost, and started again.

Its tools stay in the catalogue when its process is gone: the call that was under way fails and
says so, and the next one starts it again. That is bounded: the first time at once, then after
one second, two, four, up to a minute; a call that comes too early fails and says when to come.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ...errors import ToolError
from ...surface.text import on_one_line
from .confidential import redaction_for
from .config import (
    CALL_SECONDS,
    START_SECONDS,
    HttpServer,
    StdioServer,
    UnusableServer,
    filter_of,
)
from .handlers import McpProgress, McpStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...protocol.types import JsonValue, ToolCall, ToolDefinition
    from ..tool import ToolContext
    from .connection import Connection
    from .handlers import McpHandlers, McpState

FIRST_DELAY_S: Final = 1.0
LONGEST_DELAY_S: Final = 60.0
LONGEST_CALL_S: Final = 60 * 60.0
"""How long a call may take, however often the server says that it goes on."""
LIST_PAUSE_S: Final = 0.25
"""A server may say that its tools changed as often as it likes; it is asked no more often."""
REASON_CHARACTERS: Final = 600
INSTRUCTION_CHARACTERS: Final = 4_000

SDK: Final = f"{__package__}.connection"
"""Our module that loads the SDK."""
CLOSED: Final = "the tools of this session are closed"

_RESULT_KEYS: Final = ("content", "structuredContent", "isError")
_log: Final = logging.getLogger(__name__)


class Server:
    """A server by its name, whatever has become of its process.

    Args:
        name: as in the configuration.
        target: how it is reached.
        handlers: what the application does for it.
        on_tools: called when ``tools`` or ``problem`` has changed; must not raise.
    """

    def __init__(
        self,
        name: str,
        target: object,
        handlers: McpHandlers,
        on_tools: Callable[[Server], None],
    ) -> None:
        self.name = name
        self.tools: tuple[McpTool, ...] = ()
        self.problem = ""
        """Why it has no tools to offer; empty if it is well or was not started yet."""
        self.instructions = ""
        """What the server says of itself, for the model."""
        self._target = target
        self._handlers = handlers
        self._on_tools = on_tools
        self._redact = redaction_for(target)
        self._filter = filter_of(target)
        if isinstance(target, UnusableServer):
            self.problem = target.reason
        self._timeout, self._start_timeout = CALL_SECONDS, START_SECONDS
        if isinstance(target, StdioServer | HttpServer):
            self._timeout, self._start_timeout = target.timeout, target.start_timeout
        self._connection: Connection | None = None
        self._coming: Connection | None = None
        """The one that is being opened."""
        self._opening = asyncio.Lock()
        self._failures = 0
        self._next_try = 0.0
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._reviving: asyncio.Task[None] | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Server {self.name!r}, {len(self.tools)} tools, {self.problem or 'well'}>"

    @property
    def complaint(self) -> str:
        """Why it is not there, as a sentence for the model; empty if it is."""
        if isinstance(self._target, UnusableServer):  # the reason is for whoever wrote the file
            return f"MCP server `{self.name}` is not available: its configuration is wrong"
        return f"MCP server `{self.name}` is not available: {self.problem}" if self.problem else ""

    async def start(self) -> None:
        """Start it if it does not run; what goes wrong is its ``problem``."""
        if isinstance(self._target, UnusableServer):
            reason = on_one_line(self.problem)
            _log.warning("MCP server %s is not available: %s", on_one_line(self.name), reason)
            self._tell("failed", self.problem)
            self._on_tools(self)
            return
        try:
            await self._connected()
        except ToolError:
            self._on_tools(self)

    def revive(self) -> None:
        """Try it again, aside, if it could not be started and its pause is over."""
        is_due = self.problem and time.monotonic() >= self._next_try
        is_tried = self._opening.locked() or (self._reviving and not self._reviving.done())
        is_usable = not isinstance(self._target, UnusableServer)
        if is_usable and is_due and not is_tried and not self._closed:
            name = f"mcp {self.name} again"
            self._reviving = asyncio.create_task(self.start(), name=name, context=Context())

    def kill(self) -> None:
        """End its process at once, if it has one. From any thread."""
        for connection in (self._coming, self._connection):
            if connection is not None:
                connection.kill()

    async def call(self, tool: str, call: ToolCall) -> JsonValue:
        """Call a tool: its result without what is meant for clients only.

        Raises:
            ToolError: the server refused the call, did not answer, or is not there.
        """
        connection = await self._connected()
        try:
            raw = await self._answered(connection, tool, call)
        except TimeoutError:
            raise ToolError(
                f"MCP server `{self.name}` did not answer `{tool}` within"
                f" {self._timeout:g} s, and the call was cancelled"
                "\nHint: ask for less, or go on without it; it may have had its effect."
            ) from None
        except Exception as error:
            raise await self._failure(connection, tool, error) from error
        self._failures = 0
        return {key: raw[key] for key in _RESULT_KEYS if key in raw}

    async def aclose(self) -> None:
        """End it for good. Idempotent, bounded."""
        self._closed = True
        for task in (self._watching, self._reviving):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        if self._coming is not None:
            await self._coming.aclose()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()
            self._tell("closed")

    # ── a call ───────────────────────────────────────────────────────────────────────────────

    async def _answered(self, connection: Connection, tool: str, call: ToolCall) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        last = loop.time() + LONGEST_CALL_S
        waiting = True
        context = copy_context()  # progress comes in the connection's, which is nobody's

        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            if not waiting or clock.expired():
                return
            clock.reschedule(min(last, loop.time() + self._timeout))
            if self._handlers.on_progress is not None:
                said = McpProgress(self.name, call, progress, total, message)
                context.run(self._handlers.on_progress, said)

        async with asyncio.timeout(self._timeout) as clock:
            try:
                return await connection.call(tool, call.input, progressed)
            finally:
                waiting = False

    async def _failure(self, connection: Connection, tool: str, error: Exception) -> ToolError:
        from mcp import MCPError  # noqa: PLC0415 - what raised it has loaded it
        from pydantic import ValidationError  # noqa: PLC0415 - the same

        from .connection import reason_of  # noqa: PLC0415 - it loads the SDK, which is loaded
        from .message import TOO_LARGE  # noqa: PLC0415 - the same

        if self._closed:
            return ToolError(CLOSED)
        if not connection.is_lost(error):
            said = self._redact(reason_of(error))[:REASON_CHARACTERS]
            if isinstance(error, MCPError):
                hint = "\nHint: ask it for less at once." if error.code == TOO_LARGE else ""
                return ToolError(f"MCP server `{self.name}` refused `{tool}`: {said}{hint}")
            if isinstance(error, ValidationError):
                return ToolError(
                    f"MCP server `{self.name}` answered `{tool}` with what is no tool result"
                    "\nHint: the server is at fault; another tool may do."
                )
            return ToolError(f"`{tool}` of MCP server `{self.name}` cannot be called: {said}")
        await connection.aclose()
        why = connection.end_reason() or "the connection was closed"
        return ToolError(
            f"MCP server `{self.name}` was lost while `{tool}` ran: {why}"
            "\nHint: the next call starts it again; find out first whether this one had its effect."
        )

    # ── its life ─────────────────────────────────────────────────────────────────────────────

    async def _connected(self) -> Connection:
        """The connection, made now if there is none.

        Raises:
            ToolError: it cannot be had, or not yet again.
        """
        connection = self._connection
        if connection is not None and not connection.ended:
            return connection
        await asyncio.to_thread(importlib.import_module, SDK)  # half a second, the first time
        async with self._opening:
            if self._closed:
                raise ToolError(CLOSED)
            if self._connection is not None and not self._connection.ended:
                return self._connection
            if (wait := self._next_try - time.monotonic()) > 0:
                raise ToolError(
                    f"MCP server `{self.name}` is not available: {self.problem or 'it was lost'}"
                    f"\nHint: it can be tried again in {wait:.0f} s; go on without it."
                )
            return await self._open()

    async def _open(self) -> Connection:
        from .connection import Connection  # noqa: PLC0415 - it loads the SDK

        self._tell("starting")
        connection = Connection(
            self.name,
            self._target,
            handlers=self._handlers,
            redact=self._redact,
            on_tools_changed=self._changed.set,
            on_end=self._lost,
        )
        self._coming = connection
        try:
            async with asyncio.timeout(self._start_timeout):
                await connection.open()
                problems = await self._list(connection)
        except Exception as error:
            reason = await self._start_failed(connection, error)
            raise ToolError(f"MCP server `{self.name}` is not available: {reason}") from error
        except asyncio.CancelledError:
            await connection.aclose()
            raise
        finally:
            self._coming = None
        if self._closed:
            await connection.aclose()
            raise ToolError(CLOSED)
        self._connection, self.problem = connection, ""
        if self._watching is None:
            name = f"mcp {self.name} tools"
            self._watching = asyncio.create_task(self._watch(), name=name, context=Context())
        self._tell("ready", problems=problems)
        self._on_tools(self)
        return connection

    async def _start_failed(self, connection: Connection, error: Exception) -> str:
        """Count it, clean up, and say why."""
        from .connection import reason_of  # noqa: PLC0415 - it loads the SDK, which is loaded

        await connection.aclose()
        self._count_failure()
        if isinstance(error, TimeoutError):
            reason = f"it was not ready within {self._start_timeout:g} s"
        else:
            reason = self._redact(reason_of(error))[:REASON_CHARACTERS]
        if end := connection.end_reason():
            reason = f"{reason} ({end})"
        is_news = reason != self.problem
        self.problem = reason
        if is_news:
            _log.warning("MCP server %s is not available: %s", self.name, reason)
        self._tell("failed", reason)
        return reason

    def _lost(self, connection: Connection) -> None:
        if connection is self._connection and not self._closed:
            self._count_failure()
            _log.warning("MCP server %s was lost", self.name)
            self._tell("lost", "the connection ended")

    def _count_failure(self) -> None:
        delay = FIRST_DELAY_S * 2.0 ** (self._failures - 1) if self._failures else 0.0
        self._next_try = time.monotonic() + min(delay, LONGEST_DELAY_S)
        self._failures = min(self._failures + 1, 32)

    async def _list(self, connection: Connection) -> tuple[str, ...]:
        """Read its tools; the problems with them."""
        from .listing import listed  # noqa: PLC0415 - it loads the SDK, which is loaded

        listing = await listed(self.name, connection.request, self._redact)
        for each in self._filter.misses(listing.definitions):
            listing.problem(f"it has no tool `{each}`, which its configuration names")
        self.tools = tuple(
            McpTool(self, name, definition)
            for name, definition in listing.definitions.items()
            if self._filter.admits(name)
        )
        self.instructions = connection.instructions[:INSTRUCTION_CHARACTERS]
        problems = listing.told()
        for each in problems:
            _log.warning("MCP server %s: %s", self.name, each)
        return problems

    async def _watch(self) -> None:
        """Read the tools again whenever the server says that they are others."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            connection = self._connection
            if connection is not None and not connection.ended:
                await self._list_again(connection)
            await asyncio.sleep(LIST_PAUSE_S)

    async def _list_again(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(self._start_timeout):
                problems = await self._list(connection)
        except Exception as error:  # noqa: BLE001 - it keeps the tools that it had
            said = self._redact(repr(error))[:REASON_CHARACTERS]
            _log.warning("MCP server %s: its new tools are not known: %s", self.name, said)
            return
        self._tell("ready", problems=problems)
        self._on_tools(self)

    def _tell(self, state: McpState, reason: str = "", problems: tuple[str, ...] = ()) -> None:
        if self._handlers.on_status is None:
            return
        try:
            self._handlers.on_status(McpStatus(self.name, state, reason, len(self.tools), problems))
        except Exception:  # noqa: BLE001 - the application's code must not end the server
            _log.exception("the application's on_status failed")


class McpTool:
    """A tool of a server; a :class:`~codemode.tools.tool.ToolInterface`."""

    __slots__ = ("_name", "_server", "definition")

    def __init__(self, server: Server, name: str, definition: ToolDefinition) -> None:
        self._server = server
        self._name = name
        self.definition = definition

    def __repr__(self) -> str:
        return f"<McpTool {self.definition.name}>"

    def prepare(self, call: ToolCall, context: ToolContext) -> ToolCall:
        """The call; its arguments are its input, which the server checks.

        Raises:
            ToolError: the input is no object.
        """
        if not isinstance(call.input, dict):
            raise ToolError(f"tool `{context.name}` expects a JSON object for arguments")
        return msgspec.structs.replace(call, arguments=call.input)

    def change(
        self, call: ToolCall, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolCall:
        """The call with another input."""
        return self.prepare(msgspec.structs.replace(call, input=dict(arguments)), context)

    async def invoke(self, call: ToolCall, context: ToolContext) -> JsonValue:
        """Have the server run it; the whole result, ``isError`` ones too.

        Raises:
            ToolError: there is no result.
        """
        return await self._server.call(self._name, self.prepare(call, context))
