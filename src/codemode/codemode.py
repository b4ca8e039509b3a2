"""CodeMode: tools and a session, as the two tools that a model gets.

What this module adds to a session is what a model reads: the pragma line, the header, the
truncation, error texts, and what became of a cell that is gone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Mapping
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
from .runtime.local import EngineName, LocalSessionProvider
from .surface.description import wait_tool
from .surface.output import model_items, status_of
from .surface.result import ExecResult
from .surface.source import parse_exec_source
from .tools.toolset import CATALOGUE_TOKENS, Toolset

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from .protocol.session import Session, SessionProvider, Signal
    from .protocol.types import RuntimeResponse, WaitOutcome
    from .surface.toolspec import ToolSpec
    from .tools.chain import Middleware
    from .tools.mcp.servers import McpServers
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

    The session is opened by the first ``exec``. Use it as an async context manager, or call
    ``aclose``.

    Raises:
        ToolDefinitionError: something cannot be a tool.
        UsageError: options exclude each other.

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
    ) -> None:
        if provider is not None and engine is not None:
            raise UsageError("give either provider or engine: a provider brings its own engine")
        if isinstance(tools, Toolset):
            given = (middleware, on_notify, namespaces, catalogue_tokens)
            if given != ((), None, None, CATALOGUE_TOKENS):
                raise UsageError(
                    "give middleware, on_notify, namespaces and catalogue_tokens to the Toolset"
                )
            self.toolset, self._owns_toolset = tools, False
        else:
            self.toolset = Toolset(
                tools,
                middleware=middleware,
                on_notify=on_notify,
                namespaces=namespaces,
                catalogue_tokens=catalogue_tokens,
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
        self._past = _Past(self._limits.result_kept_ms / 1000)

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
        response = await started.initial_response()
        return self._result(response, began, parsed.max_output_tokens)

    async def wait(
        self,
        cell_id: str,
        *,
        yield_time_ms: int = DEFAULT_WAIT_MS,
        max_tokens: int | None = None,
        terminate: bool = False,
        preempt: Signal | None = None,
    ) -> ExecResult:
        """Get what a running cell has written since, or its end; or end it.

        Args:
            cell_id: from a running result.
            yield_time_ms: how long to wait before the cell yields again.
            max_tokens: budget of this result; ``Limits.output_tokens`` if None.
            terminate: end the cell instead of waiting for it.
            preempt: ends the observation early; the cell runs on.

        Raises:
            SessionClosedError: this object is closed.
        """
        began = time.monotonic()
        session = await self._open()
        try:
            if terminate:
                outcome = await session.terminate(CellId(cell_id))
            else:
                request = WaitRequest(cell_id=CellId(cell_id), yield_time_ms=yield_time_ms)
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
            source = payload.get("code") if isinstance(payload, Mapping) else payload
            if not isinstance(source, str):
                return _refused("exec expects raw JavaScript source text")
            return await self.exec(source, call_id=call_id, preempt=preempt)
        if name != "wait":
            raise UsageError(f"code mode has the tools exec and wait, not {name!r}")
        try:
            arguments = json.loads(payload) if isinstance(payload, str) else payload
            wanted = msgspec.convert(arguments, _WaitArguments)
        except (ValueError, RecursionError, msgspec.ValidationError) as error:
            return _refused(f"failed to parse function arguments: {error}")
        return await self.wait(
            wanted.cell_id,
            yield_time_ms=wanted.yield_time_ms,
            max_tokens=wanted.max_tokens,
            terminate=wanted.terminate,
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
            if session is not None:
                await session.shutdown()
            owned, self._owned = self._owned, None
            if owned is not None:
                await owned.aclose()
            await self._end_servers()
            if self._owns_toolset:
                await self.toolset.aclose()

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
            self._has_servers = True
            self._servers.attach(self.toolset)

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
        error = f"{gone.error_text}\nHint: {self._past.fate(gone.cell_id)}"
        response = msgspec.structs.replace(gone, error_text=error)
        items = model_items(response, time.monotonic() - began)
        return ExecResult("failed", items, gone.cell_id, response)


class _WaitArguments(msgspec.Struct, forbid_unknown_fields=True):
    cell_id: str
    yield_time_ms: int = DEFAULT_WAIT_MS
    max_tokens: int | None = None
    terminate: bool = False


class _Past:
    """What became of cells, so that a model that asks again is told, and stops asking."""

    def __init__(self, kept_seconds: float) -> None:
        self._kept_seconds = kept_seconds
        self._started: dict[str, int] = {}  # highest number, by what stands before it
        self._ended: dict[CellId, tuple[ExecResult, float]] = {}

    def started(self, cell_id: CellId) -> None:
        generation, number = _numbered(cell_id)
        if number is not None:
            self._started[generation] = max(self._started.get(generation, 0), number)

    def ended(self, result: ExecResult) -> None:
        assert result.cell_id is not None
        self._forget()
        self._ended[result.cell_id] = (result, time.monotonic())

    def result(self, cell_id: CellId) -> ExecResult | None:
        self._forget()
        entry = self._ended.get(cell_id)
        return None if entry is None else entry[0]

    def fate(self, cell_id: CellId) -> str:
        """One sentence on a cell that is not there, and what to do."""
        self._forget()
        entry = self._ended.get(cell_id)
        if entry is not None:
            result, at = entry
            ago = round(time.monotonic() - at)
            return (
                f"cell {cell_id} {_PAST_TENSE[result.status]} {ago} s ago and its result was"
                " returned then. Do not wait for it again."
            )
        generation, number = _numbered(cell_id)
        if number is not None and 1 <= number <= self._started.get(generation, 0):
            return f"cell {cell_id} has ended. Do not wait for it again; start a new exec."
        return f"there never was a cell {cell_id} in this session. Start a new exec."

    def _forget(self) -> None:
        horizon = time.monotonic() - self._kept_seconds
        for cell_id, (_, at) in list(self._ended.items()):
            if at > horizon:
                break  # in order of ending
            del self._ended[cell_id]


def _numbered(cell_id: CellId) -> tuple[str, int | None]:
    """A cell id's generation (``"g2"``, or nothing) and number, if it has one."""
    generation, _, number = cell_id.rpartition(":")
    decimal = number.isascii() and number.isdecimal() and len(number) < 20
    return generation, int(number) if decimal else None


_PAST_TENSE: Final[dict[str, str]] = {
    "completed": "completed",
    "failed": "failed",
    "terminated": "was terminated",
}


def _servers(
    mcp: McpServers | str | os.PathLike[str] | Mapping[str, Any] | None,
) -> tuple[McpServers | None, bool]:
    """The servers, and whether they are ours to close."""
    if mcp is None:
        return None, False
    from .tools.mcp.servers import McpServers  # noqa: PLC0415 - only with the extra

    if isinstance(mcp, McpServers):
        return mcp, False
    return McpServers.from_config(mcp), True


def _refused(text: str) -> ExecResult:
    return ExecResult("refused", (TextItem(text),))
