"""One server: started when it is needed, called, lost, and started again.

Its tools stay in the catalogue when its process is gone: the call that was under way fails
with that reason, and the next one starts it again. That is bounded: the first time at once, then after
one second, two, four, up to a minute; a call that comes too early fails with the time to wait.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final

from ...errors import ToolError
from ...surface.text import on_one_line, without_controls
from .call_meta import observed_meta
from .config import (
    CALL_SECONDS,
    START_SECONDS,
    HttpServer,
    StdioServer,
    UnusableServer,
    filter_of,
    redaction_for,
)
from .handlers import McpProgress, McpStatus
from .offer import NO_CHANGE, Offer
from .opening import LIMIT_S, Opening
from .restarts import ListPauses, Restarts
from .result import result_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...protocol.types import JsonValue, ToolCall
    from .connection import ServerConnection
    from .handlers import McpHandlers, McpState
    from .naming import Naming
    from .offer import Change
    from .tool import McpTool

LONGEST_CALL_S: Final = 60 * 60.0
"""How long a call may take, however often the server reports progress."""
REASON_CHARACTERS: Final = 600
INSTRUCTION_CHARACTERS: Final = 4_000

SDK: Final = f"{__package__}.connection"
"""Our module that loads the SDK."""
CLOSED: Final = "the tools of this session are closed"

_log: Final = logging.getLogger(__name__)


class Server:
    """A server by its name, whatever has become of its process.

    Args:
        name: as in the configuration.
        target: how it is reached.
        naming: gives names to its tools.
        handlers: what the application does for it.
        on_tools: awaited when ``tools`` or ``problem`` has changed; must not raise.
    """

    def __init__(
        self,
        name: str,
        target: object,
        naming: Naming,
        handlers: McpHandlers,
        on_tools: Callable[[Server], Awaitable[None]],
    ) -> None:
        self.name = name
        self.target = target
        self.tools: tuple[McpTool, ...] = ()
        self.problem = ""
        """Why it has no tools to offer, for people; empty if it is well or was not started yet."""
        self.instructions = ""
        """The server's description of itself, for the model."""
        self.left_out = ""
        """How many of its tools are not used and why, for the model; empty if all are."""
        self._told = ""
        """``problem`` for the model: without what the server has written."""
        self._label = on_one_line(name)
        self._naming = naming
        self._handlers = handlers
        self._on_tools = on_tools
        self._redact = redaction_for(target)
        self._filter = filter_of(target)
        if isinstance(target, UnusableServer):
            self.problem, self._told = target.reason, "its configuration is wrong"
        self._timeout, self._start_timeout = CALL_SECONDS, START_SECONDS
        if isinstance(target, StdioServer | HttpServer):
            self._timeout, self._start_timeout = target.timeout, target.start_timeout
        self._connection: ServerConnection | None = None
        self._coming: ServerConnection | None = None
        """The one that is being opened."""
        self._opening: Opening | None = None
        self._restarts = Restarts()
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._reviving: asyncio.Task[None] | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Server {self.name!r}, {len(self.tools)} tools, {self.problem or 'well'}>"

    @property
    def complaint(self) -> str:
        """Why it is not there, as a sentence for the model; empty if it is."""
        return f"MCP server `{self._label}` is not available: {self._told}" if self._told else ""

    async def start(self) -> None:
        """Start it if it does not run; what goes wrong is its ``problem``."""
        if isinstance(self.target, UnusableServer):
            _log.warning("MCP server %s is not available: %s", self._label, self._line())
            self._tell("failed", self.problem)
            await self._on_tools(self)
            return
        try:
            await self._connected()
        except ToolError:
            await self._on_tools(self)

    def revive(self) -> None:
        """Try it again, aside, if it could not be started and its pause is over."""
        is_usable = not isinstance(self.target, UnusableServer) and not self._closed
        is_due = self.problem and not self._restarts.pause(time.monotonic())
        is_tried = self._opening or (self._reviving and not self._reviving.done())
        if is_usable and is_due and not is_tried:
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
        from . import failure  # noqa: PLC0415 - it loads the SDK, which is loaded

        try:
            raw = await self._answered(connection, tool, call)
        except TimeoutError:
            raise failure.silent(self.name, tool, self._timeout) from None
        except Exception as error:
            if self._closed:
                raise ToolError(CLOSED) from error
            if not await connection.is_lost(error):
                raise failure.refused(self.name, tool, error, self._redact) from error
            await connection.aclose()
            pause = self._restarts.pause(time.monotonic())
            ending = connection.ending()
            raise failure.lost(self.name, tool, error, self._redact, ending, pause) from error
        self._restarts.worked()
        return result_of(raw)

    async def aclose(self) -> None:
        """End it for good. Idempotent, bounded."""
        self._closed = True
        for task in (self._watching, self._reviving):
            if task is not None:
                task.cancel()
                # Already cancelled, and each of them is bounded by itself.
                await asyncio.wait({task})
        if self._opening is not None:
            await self._opening.aclose()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()
            self._tell("closed")

    # ── a call ───────────────────────────────────────────────────────────────────────────────

    async def _answered(
        self, connection: ServerConnection, tool: str, call: ToolCall
    ) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        last = loop.time() + LONGEST_CALL_S
        waiting = True
        context = copy_context()  # progress arrives in the connection's own, empty context

        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            if not waiting or clock.expired():
                return
            clock.reschedule(min(last, loop.time() + self._timeout))
            if self._handlers.on_progress is not None:
                said = McpProgress(self.name, call, progress, total, message)
                context.run(self._handlers.on_progress, said)

        # The answer against a time limit that progress moves on, up to ``last``.
        async with asyncio.timeout(self._timeout) as clock:
            try:
                return await connection.call(
                    tool, call.input, progressed, meta=observed_meta(self.name, tool)
                )
            finally:
                waiting = False

    # ── its life ─────────────────────────────────────────────────────────────────────────────

    async def _connected(self) -> ServerConnection:
        """The connection, made now if there is none.

        Raises:
            ToolError: it cannot be had, or not yet.
        """
        if (connection := self._live()) is not None:
            return connection
        await asyncio.to_thread(importlib.import_module, SDK)  # half a second, the first time
        # From here to the opening nothing is awaited: of those who come together one begins it.
        if (connection := self._live()) is not None:
            return connection
        if self._opening is None:
            self._check_startable()
            self._opening = Opening(self._open(), f"mcp {self.name} start")
        if not await self._opening.wait(self._start_timeout):
            raise self._slow()
        if (connection := self._live()) is not None:
            return connection
        raise self._unavailable("" if self._closed else self._told)

    def _live(self) -> ServerConnection | None:
        connection = self._connection
        return connection if connection is not None and not connection.ended else None

    def _check_startable(self) -> None:
        if self._closed:
            raise ToolError(CLOSED)
        if pause := self._restarts.pause(time.monotonic()):
            raise self._unavailable(
                self._told or "it was lost",
                f"\nHint: it can be tried again in {pause:.0f} s; go on without it.",
            )

    def _unavailable(self, why: str, hint: str = "") -> ToolError:
        if self._closed:
            return ToolError(CLOSED)
        why = why or "it was lost while it started"
        return ToolError(f"MCP server `{self._label}` is not available: {why}{hint}")

    def _slow(self) -> ToolError:
        """Those who wait go on without it; it goes on starting."""
        self._told = f"it was not ready within {self._start_timeout:g} s; it goes on starting"
        if self.problem != self._told:
            self.problem = self._told
            _log.warning("MCP server %s is not available: %s", self._label, self.problem)
            self._tell("starting", self.problem)
        return self._unavailable(self._told, "\nHint: call it again later, or go on without it.")

    async def _open(self) -> None:
        """Open a connection; what becomes of it is in this server's members."""
        from .connection import ServerConnection  # noqa: PLC0415 - it loads the SDK, which is loaded

        self._tell("starting")
        connection = self._coming = ServerConnection(
            self.name,
            self.target,
            handlers=self._handlers,
            redact=self._redact,
            on_tools_changed=self._changed.set,
            on_end=self._lost,
        )
        try:
            # The start against its bound, and against ``aclose``, which cancels it.
            async with asyncio.timeout(LIMIT_S):
                await connection.open()
                change, problems = await self._list(connection)
        except Exception as error:  # noqa: BLE001 - what transports raise is theirs to choose
            await connection.aclose()
            await self._start_failed(connection, error)
        except asyncio.CancelledError:
            await connection.aclose()
            raise
        else:
            self._connection, self.problem, self._told = connection, "", ""
            if self._watching is None:
                name = f"mcp {self.name} tools"
                self._watching = asyncio.create_task(self._watch(), name=name, context=Context())
            await self._on_tools(self)
            self._tell("ready", change=change, problems=problems)
        finally:
            self._opening = self._coming = None

    async def _start_failed(self, connection: ServerConnection, error: Exception) -> None:
        """Count it, and note why: all for people, no word of a dead program for a model."""
        from .connection import reason_of  # noqa: PLC0415 - it loads the SDK, which is loaded

        self._restarts.failed(time.monotonic())
        ending = connection.ending()
        if isinstance(error, TimeoutError):
            reason = f"it was not ready within {LIMIT_S:g} s"
        elif ending.how:
            reason = f"it ended: {ending.how}"
        else:
            reason = on_one_line(without_controls(self._redact(reason_of(error))))
        reason = reason[:REASON_CHARACTERS]
        words = ending.words if ending.how or isinstance(error, TimeoutError) else ""
        self._told = (
            f"{reason}; what it wrote is in the log of the application" if words else reason
        )
        problem = f"{reason}; it wrote: {words}" if words else reason
        is_news = problem != self.problem
        self.problem = problem
        if is_news:
            _log.warning("MCP server %s is not available: %s", self._label, self._line())
        self._tell("failed", self.problem)
        await self._on_tools(self)

    def _line(self) -> str:
        return on_one_line(self.problem)

    def _lost(self, connection: ServerConnection) -> None:
        if connection is self._connection and not self._closed:
            self._restarts.failed(time.monotonic())
            self._tell("lost", "the connection ended")

    async def _list(self, connection: ServerConnection) -> tuple[Change, tuple[str, ...]]:
        """Read its tools; what has changed, and the problems with them."""
        from .listing import listed  # noqa: PLC0415 - what needs it has loaded the SDK

        listing = await listed(connection.request, self._redact)
        for each in self._filter.misses(listing.tools):
            listing.problem(f"it has no tool `{on_one_line(each)}`, which its configuration names")
        before = self.tools
        offer = Offer(self, self.name, self._naming, self._filter)
        self.tools, change = await offer.of(listing.tools, before)
        self.instructions = without_controls(connection.instructions[:INSTRUCTION_CHARACTERS])
        self.left_out = listing.summary()
        problems = listing.told()
        for each in problems:
            _log.warning("MCP server %s: %s", self._label, each)
        if before and change != NO_CHANGE:
            _log.info("MCP server %s has other tools: %s", self._label, change)
        return change, problems

    async def _watch(self) -> None:
        """Read the tools again whenever the server announces a change."""
        pauses = ListPauses()
        while True:
            is_restless = self._changed.is_set()
            await self._changed.wait()
            self._changed.clear()
            if (connection := self._live()) is not None:
                await self._list_again(connection)
            await asyncio.sleep(pauses.after(is_restless=is_restless))

    async def _list_again(self, connection: ServerConnection) -> None:
        try:
            # The new list against its bound; a connection that ends meanwhile is an error here and not a loss of tools.
            async with asyncio.timeout(self._start_timeout):
                change, problems = await self._list(connection)
        except Exception as error:  # noqa: BLE001 - it keeps the tools that it had
            said = on_one_line(self._redact(repr(error))[:REASON_CHARACTERS])
            _log.warning("MCP server %s: its new tools are not known: %s", self._label, said)
            return
        await self._on_tools(self)
        self._tell("ready", change=change, problems=problems)

    def _tell(
        self,
        state: McpState,
        reason: str = "",
        change: Change = NO_CHANGE,
        problems: tuple[str, ...] = (),
    ) -> None:
        if self._handlers.on_status is None:
            return
        status = McpStatus(
            self.name,
            state,
            reason,
            len(self.tools),
            problems,
            digests={tool.definition.name: tool.definition.digest for tool in self.tools},
            added=change.added,
            changed=change.changed,
            removed=change.removed,
        )
        try:
            self._handlers.on_status(status)
        except Exception:  # noqa: BLE001 - the application's code must not end the server
            _log.exception("the application's on_status failed")
