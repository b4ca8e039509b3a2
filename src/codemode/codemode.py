"""CodeMode: tools and a session, as the two tools that a model gets.

What this module adds to a session is what a model reads: the pragma line, the header, the
truncation, error texts, and what became of a cell that is gone.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

import msgspec

from .errors import (
    LimitError,
    SessionClosedError,
    SessionError,
    SourceError,
    UsageError,
    WorkerLostError,
)
from .limits import Limits
from .past import Past
from .protocol.types import (
    CellId,
    ExecuteRequest,
    LiveCell,
    MissingCell,
    Pending,
    TextItem,
    WaitRequest,
    Yielded,
)
from .runtime.local import EngineName, LocalSessionProvider, check_engine
from .surface.arguments import parse_exec_arguments, parse_wait_arguments
from .surface.description import wait_tool
from .surface.output import model_items, status_of
from .surface.result import ExecResult
from .surface.source import parse_exec_source
from .surface.text import well_formed
from .tools.toolset import CATALOGUE_TOKENS, Toolset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from .protocol.session import Session, SessionProvider, Signal
    from .protocol.types import RuntimeResponse, WaitOutcome
    from .surface.toolspec import ToolSpec
    from .tools.chain import Middleware
    from .tools.mcp.servers import McpServers
    from .tools.policy import OnApproval, Policy
    from .tools.tool import Tool
    from .tools.toolset import OnNotify

DEFAULT_WAIT_MS: Final = 10_000


class CodeMode:
    """Tools and a session: ``exec`` and ``wait``, ready for a model.

    Args:
        tools: tools, and functions to make tools of (see :func:`codemode.tool`); or a Toolset,
            which then stays the caller's to close.
        engine: ``"workers"`` runs cells in a process of their own, ``"threads"`` in this one.
        limits: bounds on what cells may use; all are on by default.
        provider: makes the session instead of ``engine``; it stays the caller's to close.
        middleware: what every nested call passes before its tool, in order.
        on_notify: gets ``(call_id, cell_id, text)`` of each ``notify``; sync or async.
        namespaces: what namespaces of tools are for, by name; a heading that the model reads.
        mcp: MCP servers whose tools cells can call: the path of an ``mcp.json``, what one would
            say, or :class:`codemode.McpServers`, which then stay the caller's to close. Entering
            this object starts them, or else the first ``exec``.
        catalogue_tokens: how much of the text of exec the tools may take; what does not fit is
            deferred, see :class:`codemode.Toolset`. None lists every tool.
        policy: judges every nested call, behind the middleware; None allows all.
        on_approval: gets approval for calls that the policy asks about; without it they are
            refused.

    The session is opened by the first ``exec``. Use it as an async context manager, or call
    ``aclose``.

    Raises:
        ToolDefinitionError: something cannot be a tool.
        UsageError: an option is not what it should be, or options exclude each other.

    Example:
        >>> import asyncio
        >>> def double(x: int) -> int:
        ...     "Twice x."
        ...     return 2 * x
        >>> async def main() -> str:
        ...     async with CodeMode(tools=[double]) as cm:
        ...         result = await cm.exec("text(await tools.double({x: 21}))")
        ...         return result.items[-1].text
        >>> asyncio.run(main())
        '42'
    """

    def __init__(  # noqa: PLR0913 - options by keyword
        self,
        *,
        tools: Toolset | Iterable[Tool | Callable[..., object]] = (),
        engine: EngineName | None = None,
        limits: Limits | None = None,
        provider: SessionProvider | None = None,
        middleware: Iterable[Middleware] = (),
        on_notify: OnNotify | None = None,
        namespaces: Mapping[str, str] | None = None,
        catalogue_tokens: int | None = CATALOGUE_TOKENS,
        mcp: McpServers | str | os.PathLike[str] | Mapping[str, Any] | None = None,
        policy: Policy | None = None,
        on_approval: OnApproval | None = None,
    ) -> None:
        _check_options(engine, limits, provider)
        if isinstance(tools, Toolset):
            given = (middleware, on_notify, namespaces, catalogue_tokens, policy, on_approval)
            if given != ((), None, None, CATALOGUE_TOKENS, None, None):
                raise UsageError(
                    "give middleware, on_notify, namespaces, catalogue_tokens, policy and"
                    " on_approval to the Toolset"
                )
            self.toolset, self._owns_toolset = tools, False
        else:
            self.toolset = Toolset(
                tools,
                middleware=middleware,
                on_notify=on_notify,
                namespaces=namespaces,
                catalogue_tokens=catalogue_tokens,
                policy=policy,
                on_approval=on_approval,
            )
            self._owns_toolset = True
        self._servers, self._owns_servers = _servers(mcp)
        self._starting: asyncio.Task[None] | None = None
        self._has_servers = False
        self._limits = limits or Limits()
        self._provider = provider
        self._engine: EngineName = engine or "workers"
        self._owned: LocalSessionProvider | None = None
        self._opening = asyncio.Lock()
        self._session: Session | None = None
        self._closed = False
        self._calls = itertools.count(1)
        self._past = Past(self._limits)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "not in use" if self._session is None else "in use"
        return f"<code mode, {state}, {len(self.toolset.catalogue.tools)} tools>"

    async def __aenter__(self) -> Self:
        try:
            await self._start_servers()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    @property
    def exec_tool(self) -> ToolSpec:
        """The definition of ``exec`` to hand to a model, with the tools of this moment."""
        return self.toolset.catalogue.exec_tool(self._limits.output_tokens)

    @property
    def wait_tool(self) -> ToolSpec:
        """The definition of ``wait`` to hand to a model."""
        return wait_tool(default_tokens=self._limits.output_tokens)

    async def exec(
        self, source: str, *, call_id: str | None = None, preempt: Signal | None = None
    ) -> ExecResult:
        """Run a program, until it ends or its yield time is up.

        Args:
            source: raw JavaScript; the first line may be a pragma
                ``// @exec: {"yield_time_ms": 10000, "max_output_tokens": 1000}``.
            call_id: the model's call; notifications carry it.
            preempt: ends the observation early; the cell runs on.

        A program's failure is a result, and so is a source or a request that a limit refuses, and
        the word that a host was lost and replaced. A cancelled call leaves no cell.

        Raises:
            SessionClosedError: this object is closed.
            EngineError: no cell can run here.
        """
        began = time.monotonic()
        try:
            parsed = parse_exec_source(source)
            session = await self._open()
            started = await session.execute(
                ExecuteRequest(
                    tool_call_id=call_id or f"exec-{next(self._calls)}",
                    enabled_tools=self.toolset.catalogue.tools,
                    source=parsed.code,
                    yield_time_ms=parsed.yield_time_ms,
                    max_output_tokens=parsed.max_output_tokens,
                ),
                preempt=preempt,
            )
        except (SourceError, LimitError, WorkerLostError) as error:
            return _refused(str(error))
        self._past.started(started.cell_id)
        try:
            response = await started.initial_response()
        except SessionClosedError:
            raise
        except (SessionError, WorkerLostError) as error:
            return _refused(str(error))
        return self._result(response, began, parsed.max_output_tokens)

    async def wait(
        self,
        cell: ExecResult | str,
        *,
        yield_time_ms: int = DEFAULT_WAIT_MS,
        max_tokens: int | None = None,
        terminate: bool = False,
        preempt: Signal | None = None,
    ) -> ExecResult:
        """Get what a running cell has written since, or its end; or end it.

        Args:
            cell: a running result, or the ``cell_id`` of one.
            yield_time_ms: how long to wait before the cell yields again.
            max_tokens: budget of this result; ``Limits.output_tokens`` if None.
            terminate: end the cell instead of waiting for it.
            preempt: ends the observation early; the cell runs on.

        Raises:
            SessionClosedError: this object is closed.
            UsageError: ``cell`` is a result that has no cell, or ``max_tokens`` is negative.
        """
        began = time.monotonic()
        cell_id = _cell_id(cell)
        if max_tokens is not None and max_tokens < 0:
            raise UsageError(f"max_tokens must not be negative, got {max_tokens}")
        session = await self._open()
        try:
            if terminate:
                outcome = await session.terminate(cell_id)
            else:
                request = WaitRequest(cell_id=cell_id, yield_time_ms=yield_time_ms)
                outcome = await session.wait(request, preempt=preempt)
        except SessionClosedError:
            raise
        except (SessionError, UsageError, WorkerLostError) as error:
            return _refused(str(error))
        return self._outcome(outcome, began, max_tokens)

    async def call(
        self,
        name: str,
        payload: str | Mapping[str, Any],
        *,
        call_id: str | None = None,
        preempt: Signal | None = None,
    ) -> ExecResult:
        """Run a model's tool call, whichever of the two it is, in whichever form it came.

        Args:
            name: ``exec`` or ``wait``.
            payload: for exec raw source, or a mapping with ``code``; for wait a mapping, or JSON.
            call_id: the model's call.
            preempt: ends the observation early; the cell runs on.

        Raises:
            UsageError: ``name`` is neither.
        """
        if name == "exec":
            try:
                source = parse_exec_arguments(payload)
            except UsageError as error:
                return _refused(str(error))
            return await self.exec(source, call_id=call_id, preempt=preempt)
        if name != "wait":
            raise UsageError(f"code mode has the tools exec and wait, not {name!r}")
        try:
            wanted = parse_wait_arguments(payload)
        except UsageError as error:
            return _refused(str(error))
        asked_ms = wanted.yield_time_ms
        return await self.wait(
            wanted.cell_id,
            yield_time_ms=DEFAULT_WAIT_MS if asked_ms is None else asked_ms,
            max_tokens=wanted.max_tokens,
            terminate=wanted.terminate or False,
            preempt=preempt,
        )

    def last_result(self, cell_id: str) -> ExecResult | None:
        """The last result of a cell that has ended, for ``Limits.result_kept_ms``; else None."""
        return self._past.result(CellId(cell_id))

    async def aclose(self) -> None:
        """End every cell and release everything that is this object's. Idempotent."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()  # the first exec may be waiting for it
            await asyncio.wait({self._starting})
        async with self._opening:
            session, self._session = self._session, None
            owned, self._owned = self._owned, None
            async with AsyncExitStack() as ends:  # each ends, whatever becomes of those before it
                if self._owns_toolset:
                    ends.push_async_callback(self.toolset.aclose)
                ends.push_async_callback(self._end_servers)
                if owned is not None:
                    ends.push_async_callback(owned.aclose)
                if session is not None:
                    ends.push_async_callback(session.shutdown)

    async def _open(self) -> Session:
        if self._session is not None:
            if self._servers is not None:
                self._servers.revive()
            return self._session
        async with self._opening:
            if self._closed:
                raise SessionClosedError
            if self._session is None:
                await self._start_servers()
                provider = self._provider
                if provider is None:
                    provider = self._owned = LocalSessionProvider(
                        limits=self._limits, engine=self._engine
                    )
                self._session = await provider.create_session(self.toolset, limits=self._limits)
            return self._session

    async def _start_servers(self) -> None:
        if self._servers is None or self._has_servers:
            return
        if self._starting is None:
            self._starting = asyncio.create_task(self._servers.started())
        await asyncio.wait({self._starting})
        if self._closed:
            raise SessionClosedError
        self._starting.result()
        if not self._has_servers:  # several may have waited
            self._servers.attach(self.toolset)
            self._has_servers = True

    async def _end_servers(self) -> None:
        if self._servers is not None:
            self._servers.detach(self.toolset)
            if self._owns_servers:
                await self._servers.aclose()

    def _outcome(self, outcome: WaitOutcome, began: float, max_tokens: int | None) -> ExecResult:
        if isinstance(outcome, LiveCell):
            response = outcome.response
            assert not isinstance(response, Pending), "no frontier was asked for"
            return self._result(response, began, max_tokens)
        return self._missing(outcome, began)

    def _result(
        self, response: RuntimeResponse, began: float, max_tokens: int | None
    ) -> ExecResult:
        budget = self._limits.output_tokens if max_tokens is None else max_tokens
        items = model_items(response, time.monotonic() - began, max_tokens=budget)
        result = ExecResult(status_of(response), items, response.cell_id, response)
        if not isinstance(response, Yielded):
            self._past.ended(result)
        return result

    def _missing(self, outcome: MissingCell, began: float) -> ExecResult:
        gone = outcome.response
        error = well_formed(f"{gone.error_text}\nHint: {self._past.fate(gone.cell_id)}")
        response = msgspec.structs.replace(gone, error_text=error)
        items = model_items(response, time.monotonic() - began)
        return ExecResult("failed", items, gone.cell_id, response)


def _check_options(engine: object, limits: object, provider: object) -> None:
    """Raise UsageError where one of these is not what it should be."""
    if provider is not None and engine is not None:
        raise UsageError("give either provider or engine: a provider brings its own engine")
    if engine is not None:
        check_engine(engine)
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


def _cell_id(cell: object) -> CellId:
    found = cell.cell_id if isinstance(cell, ExecResult) else cell
    if not isinstance(found, str):
        raise UsageError(f"there is no cell in {cell!r}\nHint: wait while result.running.")
    return CellId(found)


def _servers(
    mcp: McpServers | str | os.PathLike[str] | Mapping[str, Any] | None,
) -> tuple[McpServers | None, bool]:
    """The servers, and whether they are ours to close."""
    if mcp is None:
        return None, False
    from .tools.mcp.servers import McpServers  # noqa: PLC0415 - only with the extra

    if isinstance(mcp, McpServers):
        return mcp, False
    if not isinstance(mcp, str | os.PathLike | Mapping):
        raise UsageError(
            f"mcp must be a path, what an mcp.json would say, or McpServers, got a"
            f' {type(mcp).__name__}\nHint: mcp="mcp.json"'
        )
    return McpServers.from_config(mcp), True


def _refused(text: str) -> ExecResult:
    # It may quote what a model wrote.
    return ExecResult("refused", (TextItem(well_formed(text)),))
