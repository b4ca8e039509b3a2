"""The MCP servers of an application: started side by side, offered to toolsets, closed."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, WeakSet

import msgspec

from ...errors import UsageError
from ...surface.text import on_one_line
from .config import HttpServer, StdioServer, UnusableServer
from .config_file import read_config
from .handlers import McpHandlers
from .naming import Naming, namespace_of
from .server import Server

if TYPE_CHECKING:
    import os
    from typing import Self

    from ...protocol.types import ToolDefinition
    from ..tool import ToolInterface
    from ..toolset import Toolset
    from .tool import McpTool

_log: Final = logging.getLogger(__name__)

_ATTACHED: Final[WeakKeyDictionary[Toolset, WeakSet[McpServers]]] = WeakKeyDictionary()
"""Whose tools a toolset has, so that no two of them take a namespace for their own."""


class McpServers:
    """Servers by name, whose tools cells can call as ``tools.mcp__<server>__<tool>``.

    Args:
        servers: for each name a :class:`StdioServer`, an :class:`HttpServer`, or an object of
            the SDK: an entered ``ClientSession``, or a server to run in this process.
        handlers: what the application does for its servers, and the events of them that it receives.

    Nothing starts before :meth:`start`, which ``CodeMode`` calls. A server that cannot be started
    is named in ``unavailable``; the others work. Servers that are ``per_session`` are started by
    :meth:`for_session` alone, of which every ``CodeMode`` makes use. Use it in one event loop.

    Raises:
        UsageError: the SDK is not installed, a name is empty, or a value is no server.

    Example:
        >>> McpServers.from_config({"mcpServers": {"time": {"command": "mcp-server-time"}}})
        <McpServers time>
    """

    def __init__(
        self, servers: Mapping[str, object], *, handlers: McpHandlers | None = None
    ) -> None:
        if importlib.util.find_spec("mcp") is None:
            raise UsageError(
                "MCP servers need the MCP SDK\nHint: pip install 'codemode[mcp]' brings it."
            )
        if not isinstance(servers.get("", UnusableServer("")), UnusableServer):
            raise UsageError("an MCP server has an empty name\nHint: tools are named after it.")
        for name, target in servers.items():
            if target is None or isinstance(target, str | bytes | int | float | Mapping | Sequence):
                raise UsageError(
                    f"MCP server `{name}` is of type {type(target).__name__}\nHint: give a"
                    " StdioServer, an HttpServer or an object of the SDK; from_config reads JSON."
                )
        self._handlers = handlers or McpHandlers()
        names = tuple(servers)
        self._servers = {name: self._made(name, target, names) for name, target in servers.items()}
        self._own = tuple(each for each in self._servers.values() if not _is_private(each))
        """The servers that this starts and ends."""
        self._shared: McpServers | None = None
        """Whose the others are, if this is for one session."""
        self._sessions: WeakSet[McpServers] = WeakSet()
        self._toolsets: dict[Toolset, Mapping[str, str]] = {}
        """Each with the application's descriptions of its namespaces."""
        self._starting: asyncio.Task[None] | None = None
        """The last start; None, too, if that one was cancelled."""
        self._waiting = 0
        self._closed = False

    def __repr__(self) -> str:
        return f"<McpServers {', '.join(self._servers)}>"

    @classmethod
    def from_config(
        cls,
        source: str | os.PathLike[str] | Mapping[str, Any],
        *,
        handlers: McpHandlers | None = None,
    ) -> Self:
        """The servers of an ``mcp.json``, or of an object of the same form.

        Args:
            source: the path of the file, or the object.
            handlers: as for the class.

        Raises:
            UsageError: it cannot be read or is wrong; tells where.
        """
        return cls(read_config(source), handlers=handlers)

    def for_session(self) -> McpServers:
        """These servers for one session: with processes of its own of those that are ``per_session``.

        It is the caller's to close, which ends these and leaves the others running. Where no server
        is ``per_session`` it is this very object.
        """
        if self._shared is not None or not any(map(_is_private, self._servers.values())):
            return self
        self._check_open()
        made = McpServers({}, handlers=self._handlers)
        made._shared = self
        made._servers = {
            name: made._made(name, each.target, self.names) if _is_private(each) else each
            for name, each in self._servers.items()
        }
        made._own = tuple(each for each in made._servers.values() if _is_private(each))
        self._sessions.add(made)
        return made

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def names(self) -> tuple[str, ...]:
        """The servers, in order."""
        return tuple(self._servers)

    @property
    def tools(self) -> tuple[ToolInterface, ...]:
        """The tools of all servers that were started, in order."""
        return tuple(each for server in self._servers.values() for each in server.tools)

    @property
    def unavailable(self) -> Mapping[str, str]:
        """The servers that could not be started, each with the reason, without secrets."""
        return {name: each.problem for name, each in self._servers.items() if each.problem}

    async def start(self) -> None:
        """Start all that do not run, side by side, each within its ``start_timeout``.

        What fails is in ``unavailable`` and was told to ``on_status``; called again, this tries
        it again. Those who call it at the same time share a start, which ends when all of them
        are cancelled.

        Raises:
            UsageError: it was closed, before or meanwhile.
        """
        self._check_open()
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start(), name="start of MCP servers")
        await self._have_started(self._starting)

    async def started(self) -> None:
        """Wait for the first start of all, which begins with the first to call this.

        Who comes later does not wait again for what failed then; that is tried again aside.

        Raises:
            UsageError: it was closed, before or meanwhile.
        """
        self._check_open()
        if self._starting is None:
            await self.start()
        elif self._starting.done():
            self.revive()
        else:
            await self._have_started(self._starting)

    def revive(self) -> None:
        """Try those again that could not be started, aside; calls under way do not wait.

        Each has pauses between its tries, up to a minute, so this may be called at any time. Their
        tools come into the toolsets when they are there.
        """
        if not self._closed:
            for server in self._servers.values():
                server.revive()

    def kill(self) -> None:
        """End all processes of servers with SIGKILL, without a wait and from any thread.

        For a process that is about to end and cannot wait for :meth:`aclose`: servers are in
        process groups of their own, and one that hangs would stay.
        """
        for server in self._own:
            server.kill()
        for session in tuple(self._sessions):
            session.kill()

    async def aclose(self) -> None:
        """End every server that was started, side by side. Idempotent, bounded."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            # Those who wait for the start see it cancelled, and ``closed`` behind it.
            await asyncio.wait({self._starting})
        for toolset in tuple(self._toolsets):
            self.detach(toolset)
        async with asyncio.TaskGroup() as group:
            for server in self._own:
                group.create_task(server.aclose())
            for session in tuple(self._sessions):
                group.create_task(session.aclose())

    def attach(self, toolset: Toolset) -> None:
        """Put the tools into ``toolset``, and keep them there as servers change them.

        Cells that run keep the tools they started with; those that start later get the new ones.

        Raises:
            UsageError: the toolset has the tools of another ``McpServers``, and a server there is
                called like one here.
        """
        attached = _ATTACHED.setdefault(toolset, WeakSet())
        for other in attached - {self}:
            if common := [f"`{name}`" for name in self.names if name in other.names]:
                raise UsageError(
                    f"the toolset has MCP servers of the same name already: {', '.join(common)}"
                    "\nHint: give these another name, or detach the other McpServers first."
                )
        attached.add(self)
        self._toolsets[toolset] = toolset.namespaces
        for server in self._servers.values():
            self._offer(toolset, server, server.tools)

    async def attached(self, toolset: Toolset) -> None:
        """Put the tools into ``toolset``, as :meth:`attach` does, and have them read.

        What takes long is done outside of the event loop, and once for all toolsets with the same.

        Raises:
            UsageError: as :meth:`attach`.
        """
        kept = await toolset.named_with([tool.definition for tool in self.tools])
        self.attach(toolset)
        del kept  # the toolset has it now
        await toolset.read()

    def detach(self, toolset: Toolset) -> None:
        """Take the tools out of ``toolset`` again, if they were put there."""
        if toolset in self._toolsets:
            _ATTACHED[toolset].discard(self)
            said = self._toolsets.pop(toolset)
            for name in self._servers:
                namespace = namespace_of(name)
                _put(toolset, namespace, ())
                toolset.describe(namespace, said.get(namespace, ""))

    def _made(self, name: str, target: object, names: Sequence[str]) -> Server:
        return Server(name, target, Naming(name, names), self._handlers, self._changed)

    def _check_open(self) -> None:
        if self._closed or (self._shared is not None and self._shared._closed):
            raise UsageError("these MCP servers were closed\nHint: make a new McpServers.")

    async def _start(self) -> None:
        async with asyncio.TaskGroup() as group:
            for server in self._own:
                group.create_task(server.start())
            if self._shared is not None:
                group.create_task(self._shared.started())

    async def _have_started(self, starting: asyncio.Task[None]) -> None:
        self._waiting += 1
        try:
            await asyncio.wait({starting})  # which leaves it alone when this is cancelled
        finally:
            self._waiting -= 1
            if not self._waiting and not starting.done():
                self._starting = None
                starting.cancel()
                # The last waiter is gone; a call that comes during this wait begins a start of its own.
                await asyncio.wait({starting})
        self._check_open()
        starting.result()

    async def _changed(self, server: Server) -> None:
        """Give the tools of ``server`` to all who follow it, one after the other."""
        for toolset in tuple(self._toolsets):
            if toolset not in self._toolsets:  # it was detached meanwhile
                continue
            try:
                self._offer(toolset, server, server.tools)
                await toolset.read()
            except Exception:  # noqa: BLE001 - it ends neither the server nor those who follow it
                name = on_one_line(server.name)
                _log.exception("a toolset refused the tools of MCP server %s", name)
        for session in tuple(self._sessions):
            await session._changed(server)

    def _offer(self, toolset: Toolset, server: Server, tools: Sequence[McpTool]) -> None:
        """Put in the tools, and why there are none, or what they are for."""
        namespace = namespace_of(server.name)
        _put(toolset, namespace, tools)
        said = self._toolsets[toolset].get(namespace)
        about = (said or server.instructions, server.left_out)
        toolset.describe(namespace, server.complaint or "\n".join(part for part in about if part))


def _put(toolset: Toolset, namespace: str, tools: Sequence[McpTool]) -> None:
    """Make ``tools`` those of the namespace; what has not changed stays where it is."""
    wanted = {tool.definition.tool_name: tool for tool in tools}
    there = {d.tool_name: d for d in toolset.definitions if d.tool_name.namespace == namespace}
    same = {
        name
        for name, definition in there.items()
        if name in wanted
        and (definition is wanted[name].definition or _is_same(definition, wanted[name].definition))
    }
    toolset.remove(*(name for name in there if name not in same))
    toolset.add(*(tool for name, tool in wanted.items() if name not in same))


def _is_same(one: ToolDefinition, other: ToolDefinition) -> bool:
    """Whether they differ in nothing but the number that a toolset gives to a name that is taken."""
    is_named_alike = one.name == other.name or one.name.startswith(f"{other.name}_")
    return is_named_alike and one == msgspec.structs.replace(other, name=one.name)


def _is_private(server: Server) -> bool:
    """Whether each session has a process of its own."""
    return isinstance(server.target, StdioServer | HttpServer) and server.target.per_session
