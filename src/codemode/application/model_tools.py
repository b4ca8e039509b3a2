"""The two tools that a model gets, ``exec`` and ``wait``, over one session.

What stands here is what a model reads and how its calls are taken: the pragma line, the header, the
truncation, error texts, and what became of a cell that is gone.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..errors import (
    CodeModeError,
    LimitError,
    SessionClosedError,
    SessionError,
    SourceError,
    UsageError,
    WorkerLostError,
)
from ..protocol.types import CellId, ExecuteRequest, LiveCell, Terminated, WaitRequest
from ..signals import EitherSignal
from ..surface.arguments import (
    ConditionalWaitArguments,
    parse_exec_arguments,
    parse_wait_arguments,
)
from ..surface.description import wait_tool
from ..surface.result import ExecResult
from ..surface.source import parse_exec_source
from .results import Results, refused
from .traced_calls import traced
from .waiting import MODEL_CONDITIONS, CellWait, with_items_before

if TYPE_CHECKING:
    from ..protocol.session import Session, Signal, StartedCell
    from ..protocol.types import Pending, RuntimeResponse, ToolDefinition, WaitOutcome
    from ..surface.source import ExecSource
    from ..surface.toolspec import ToolSpec
    from ..tools.toolset import Toolset
    from ..trace.tracer import Tracer
    from .activity import Activity
    from .durable_session import DurableSession
    from .opening import SessionOpening
    from .waiting import Condition

DEFAULT_WAIT_MS: Final = 10_000


class ModelTools:
    """``exec`` and ``wait``: their definitions, and calls of them.

    Args:
        toolset: what cells can call.
        opening: of the session.
        activity: the delegate of the session.
        yields_to_ask: whether a cell yields when one of its calls begins to wait for approval.
        wait_conditions: whether a model may wait for conditions.

    Attributes:
        toolset: what cells can call.
    """

    def __init__(
        self,
        toolset: Toolset,
        opening: SessionOpening,
        activity: Activity,
        *,
        yields_to_ask: bool,
        wait_conditions: bool,
    ) -> None:
        self.toolset = toolset
        self._yields_to_ask = yields_to_ask
        self._opening = opening
        self._activity = activity
        self._limits = opening.limits
        self._durable = opening.durable
        self._wait_conditions = wait_conditions
        self._results = Results(activity, opening.limits, tells_waiting=wait_conditions)
        self._calls = itertools.count(1)

    @property
    def exec_tool(self) -> ToolSpec:
        """The definition of ``exec`` to hand to a model, with the tools of this moment."""
        return self.toolset.catalogue.exec_tool(self._limits.output_tokens)

    @property
    def wait_tool(self) -> ToolSpec:
        """The definition of ``wait`` to hand to a model."""
        conditions = MODEL_CONDITIONS if self._wait_conditions else ()
        return wait_tool(default_tokens=self._limits.output_tokens, conditions=conditions)

    @traced("exec")
    async def exec(
        self,
        source: str,
        *,
        call_id: str | None = None,
        yield_time_ms: int | None = None,
        max_output_tokens: int | None = None,
        preempt: Signal | None = None,
    ) -> ExecResult:
        """Run a program, until it ends or its yield time is up.

        Args:
            source: raw JavaScript; the first line may be a pragma
                ``// @exec: {"yield_time_ms": 10000, "max_output_tokens": 1000}``.
            call_id: the model's call; notifications carry it.
            yield_time_ms: how long to wait before the cell yields; wins over the pragma.
            max_output_tokens: budget of this result; wins over the pragma.
            preempt: ends the observation early; the cell runs on.

        A program's failure is a result, and so is a source or a request that a limit refuses, and
        the word that a host was lost and replaced. A cancelled call leaves no cell.

        Raises:
            SessionClosedError: this object is closed.
            EngineError: no cell can run here.
            UsageError: a time or a budget is no non-negative integer.
        """
        began = time.monotonic()
        check_count("yield_time_ms", yield_time_ms)
        check_count("max_output_tokens", max_output_tokens)
        try:
            parsed = self._with_floor(
                parsed_source(source, yield_time_ms, max_output_tokens), yield_time_ms
            )
            session = await self._opening.session()
            catalogue = await self.toolset.read()
            request = self._request(parsed, call_id, catalogue.tools)
            asks = asyncio.Event() if self._yields_to_ask else None
            started = await session.execute(request, preempt=_either(preempt, asks))
        except (SourceError, LimitError, WorkerLostError) as error:
            if isinstance(error, WorkerLostError):
                self._activity.host_lost()
            return refused(error)
        self._results.finished.started(started.cell_id)
        self._activity.started(
            started.cell_id, request.tool_call_id, source=request.source, asks=asks
        )
        return await self._first_result(started, began, parsed.max_output_tokens)

    async def _first_result(
        self, started: StartedCell, began: float, max_tokens: int | None
    ) -> ExecResult:
        """The first result of a cell that was admitted."""
        cell_id = started.cell_id
        try:
            response = await started.initial_response()
        except (SessionClosedError, asyncio.CancelledError) as error:
            self._activity.forget(cell_id)
            if self._durable is not None and not isinstance(error, SessionClosedError):
                self._durable.given_up(cell_id)
            raise
        except (SessionError, WorkerLostError) as error:
            self._activity.forget(cell_id)
            return refused(error)
        return await self._handed_over(response, began, max_tokens)

    async def _handed_over(
        self, response: RuntimeResponse | Pending, began: float, max_tokens: int | None
    ) -> ExecResult:
        """The result of a response, once a store has what it rests on."""
        if self._durable is not None:
            # Before the result is made: where this fails, or is cancelled, the output is given again.
            await self._durable.handed_over(response)
        return self._results.of(response, began, max_tokens)

    async def _wake(
        self, durable: DurableSession, cell_id: CellId, *, tries_again: bool = False
    ) -> None:
        """Bring a cell back that another process has left, or this one; observe nothing of it."""
        asks = asyncio.Event() if self._yields_to_ask else None
        started, request = await durable.wake(cell_id, tries_again=tries_again)
        self._results.finished.started(cell_id)
        self._activity.started(cell_id, request.tool_call_id, source=request.source, asks=asks)
        started.unobserved()

    @traced("wait")
    async def wait(  # noqa: PLR0913 - options by keyword
        self,
        cell: ExecResult | str,
        *,
        call_id: str | None = None,
        yield_time_ms: int = DEFAULT_WAIT_MS,
        max_tokens: int | None = None,
        until: Condition | str | None = None,
        terminate: bool = False,
        preempt: Signal | None = None,
    ) -> ExecResult:
        """Get what a running cell has written since, or its end; or end it.

        Args:
            cell: a running result, or the ``cell_id`` of one.
            call_id: the model's call; a trace names it so.
            yield_time_ms: how long to wait before the cell yields again.
            max_tokens: budget of this result; ``Limits.output_tokens`` if None.
            until: what to wait for, at most so long: ``"output"``, whatever the cell writes next;
                ``"calls"``, the answers of the nested calls that run now; a call's id or the name
                of a tool, the answer of that; ``"end"``, the end of the cell, through all its
                yields; ``"pending"``, the cell's pending frontier, where it stays frozen until
                the next wait (on this machine only). None: until the cell yields.
            terminate: end the cell instead of waiting for it.
            preempt: ends the observation early; the cell runs on.

        Raises:
            SessionClosedError: this object is closed.
            UsageError: ``cell`` is a result that has no cell, or ``max_tokens`` is negative.
        """
        del call_id  # only a trace wants it
        began = time.monotonic()
        cell_id = cell_id_of(cell)
        check_count("max_tokens", max_tokens)
        session = await self._opening.session()
        durable = self._durable
        if durable is not None and durable.is_asleep(cell_id):
            if terminate:
                durable.drop(cell_id)
                return self._results.of(Terminated(cell_id=cell_id, items=()), began, max_tokens)
            try:
                await self._wake(durable, cell_id)
            except CodeModeError as error:  # it stays asleep, and its journal as it was
                return refused(error)
        try:
            if terminate:
                outcome = await session.terminate(cell_id)
            else:
                asks = self._activity.asks(cell_id) if self._yields_to_ask else None
                ends = _either(preempt, asks)
                outcome = await self._waited(session, cell_id, yield_time_ms, until, ends)
        except SessionClosedError:
            raise
        except (SessionError, UsageError, WorkerLostError) as error:
            if isinstance(error, WorkerLostError):
                self._activity.host_lost()
            self._activity.forget_closed(cell_id)
            return refused(error)
        record = self._activity.find(cell_id)
        if record is not None:
            outcome = with_items_before(outcome, record.take_left_over())
        if not isinstance(outcome, LiveCell):
            return self._results.missing(outcome, began)
        return await self._handed_over(outcome.response, began, max_tokens)

    async def _waited(
        self,
        session: Session,
        cell_id: CellId,
        yield_time_ms: int,
        until: str | None,
        preempt: Signal | None,
    ) -> WaitOutcome:
        record = None if until is None else self._activity.find(cell_id)
        if until is None or record is None:
            request = WaitRequest(cell_id=cell_id, yield_time_ms=yield_time_ms)
            return await session.wait(request, preempt=preempt)
        waiting = CellWait(
            session,
            record,
            until,
            seconds=yield_time_ms / 1000,
            max_bytes=self._limits.output_bytes,
            preempt=preempt,
        )
        return await waiting.outcome()

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
                return refused(error)
            return await self.exec(source, call_id=call_id, preempt=preempt)
        if name != "wait":
            raise UsageError(f"code mode has the tools exec and wait, not {name!r}")
        try:
            wanted = parse_wait_arguments(payload, conditions=self._wait_conditions)
        except UsageError as error:
            return refused(error)
        asked_ms = wanted.yield_time_ms
        return await self.wait(
            wanted.cell_id,
            call_id=call_id,
            yield_time_ms=DEFAULT_WAIT_MS if asked_ms is None else self._floored(asked_ms),
            max_tokens=wanted.max_tokens,
            until=wanted.until if isinstance(wanted, ConditionalWaitArguments) else None,
            terminate=wanted.terminate or False,
            preempt=preempt,
        )

    def last_result(self, cell_id: str) -> ExecResult | None:
        """The last result of a cell that has ended, for ``Limits.result_kept_ms``; else None."""
        return self._results.finished.result(CellId(cell_id))

    @property
    def tracer(self) -> Tracer | None:
        """What emits the events of the session; None where it is not traced."""
        return self._opening.tracer

    def new_call_id(self) -> str:
        """An id for a call of which the application gave none."""
        return f"exec-{next(self._calls)}"

    def _floored(self, yield_time_ms: int) -> int:
        """A time that a model asked for, or the least one."""
        return max(yield_time_ms, self._limits.min_yield_time_ms)

    def _with_floor(self, parsed: ExecSource, given_ms: int | None) -> ExecSource:
        """``parsed`` with the least yield time, where the pragma asks for less."""
        asked_ms = parsed.yield_time_ms
        if asked_ms is None or given_ms is not None:
            return parsed
        return msgspec.structs.replace(parsed, yield_time_ms=self._floored(asked_ms))

    def _request(
        self, parsed: ExecSource, call_id: str | None, tools: tuple[ToolDefinition, ...]
    ) -> ExecuteRequest:
        return ExecuteRequest(
            tool_call_id=call_id or self.new_call_id(),
            enabled_tools=tools,
            source=parsed.code,
            yield_time_ms=parsed.yield_time_ms,
            max_output_tokens=parsed.max_output_tokens,
        )


def parsed_source(
    source: str, yield_time_ms: int | None, max_output_tokens: int | None
) -> ExecSource:
    """The program and how to observe it; what is None is the pragma's.

    Raises:
        UsageError: ``source`` is no text.
        SourceError: it is no program.
    """
    if not isinstance(source, str):
        raise UsageError(
            f"a program is a text, got a {type(source).__name__}\nHint: pass its source, a str."
        )
    found = parse_exec_source(source)
    given = {"yield_time_ms": yield_time_ms, "max_output_tokens": max_output_tokens}
    said = {name: value for name, value in given.items() if value is not None}
    return msgspec.structs.replace(found, **said)


def check_count(name: str, value: object) -> None:
    """Raise UsageError if this is neither None nor a count."""
    if value is None:
        return
    if type(value) is not int:
        raise UsageError(f"{name} must be an integer, got {value!r}")
    if value < 0:
        raise UsageError(f"{name} must not be negative, got {value}")


def _either(one: Signal | None, other: Signal | None) -> Signal | None:
    """A signal that is set when one of the two is."""
    if one is None or other is None:
        return one or other
    return EitherSignal(one, other)


def cell_id_of(cell: object) -> CellId:
    """The id that is meant; raise UsageError if there is none."""
    found = cell.cell_id if isinstance(cell, ExecResult) else cell
    if not isinstance(found, str):
        raise UsageError(f"there is no cell in {cell!r}\nHint: wait while result.running.")
    return CellId(found)
