"""The two tools that a model gets, ``exec`` and ``wait``, over one session.

What stands here is what a model reads and how its calls are taken: the pragma line, the header, the
truncation, error texts, and what became of a cell that is gone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, overload

import msgspec

from ..errors import (
    LimitError,
    SessionClosedError,
    SessionError,
    SourceError,
    UsageError,
    WorkerLostError,
)
from ..protocol.types import CellId, ExecuteRequest, LiveCell, Pending, WaitRequest
from ..signals import EitherSignal
from ..surface.arguments import parse_exec_arguments, parse_wait_arguments
from ..surface.description import wait_tool
from ..surface.model_call import read_call, read_calls
from ..surface.result import ExecResult
from ..surface.source import parse_exec_source
from .results import Results, refused
from .traced_calls import traced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthropic.types import ContentBlock, ToolResultBlockParam
    from anthropic.types.beta import BetaContentBlock
    from openai.types.chat import (
        ChatCompletionMessageToolCallUnion,
        ChatCompletionToolMessageParam,
    )
    from openai.types.responses import ResponseInputItemParam, ResponseOutputItem

    from ..protocol.session import Signal
    from ..protocol.types import WaitOutcome
    from ..surface.anthropic import ToolUse
    from ..surface.model_call import ModelCall
    from ..surface.openai import CallOutput, ChatCall, ResponsesCall
    from ..surface.result import Answer
    from ..surface.source import ExecSource
    from ..surface.toolspec import ToolSpec
    from ..tools.toolset import Toolset
    from ..trace.tracer import Tracer
    from .activity import Activity
    from .opening import SessionOpening

DEFAULT_WAIT_MS: Final = 10_000


class ModelTools:
    """``exec`` and ``wait``: their definitions, and calls of them.

    Args:
        toolset: what cells can call.
        opening: of the session.
        activity: the delegate of the session.
        yields_to_ask: whether a cell yields when one of its calls begins to wait for approval.

    Attributes:
        toolset: what cells can call.
    """

    def __init__(
        self, toolset: Toolset, opening: SessionOpening, activity: Activity, *, yields_to_ask: bool
    ) -> None:
        self.toolset = toolset
        self._yields_to_ask = yields_to_ask
        self._opening = opening
        self._activity = activity
        self._limits = opening.limits
        self._results = Results(activity, opening.limits)
        self._calls = itertools.count(1)

    @property
    def exec_tool(self) -> ToolSpec:
        """The definition of ``exec`` to hand to a model, with the tools of this moment."""
        return self.toolset.catalogue.exec_tool(self._limits.output_tokens)

    @property
    def wait_tool(self) -> ToolSpec:
        """The definition of ``wait`` to hand to a model."""
        return wait_tool(default_tokens=self._limits.output_tokens)

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
            parsed = parsed_source(source, yield_time_ms, max_output_tokens)
            session = await self._opening.session()
            request = self._request(parsed, call_id)
            asks = asyncio.Event() if self._yields_to_ask else None
            started = await session.execute(request, preempt=_either(preempt, asks))
        except (SourceError, LimitError, WorkerLostError) as error:
            return refused(error)
        self._results.started(started.cell_id)
        self._activity.started(started.cell_id, request.tool_call_id, asks=asks)
        try:
            response = await started.initial_response()
        except SessionClosedError:
            raise
        except (SessionError, WorkerLostError) as error:
            self._activity.forget(started.cell_id)
            return refused(error)
        return self._results.of(response, began, parsed.max_output_tokens)

    @traced("wait")
    async def wait(
        self,
        cell: ExecResult | str,
        *,
        call_id: str | None = None,
        yield_time_ms: int = DEFAULT_WAIT_MS,
        max_tokens: int | None = None,
        terminate: bool = False,
        preempt: Signal | None = None,
    ) -> ExecResult:
        """Get what a running cell has written since, or its end; or end it.

        Args:
            cell: a running result, or the ``cell_id`` of one.
            call_id: the model's call; a trace names it so.
            yield_time_ms: how long to wait before the cell yields again.
            max_tokens: budget of this result; ``Limits.output_tokens`` if None.
            terminate: end the cell instead of waiting for it.
            preempt: ends the observation early; the cell runs on.

        Raises:
            SessionClosedError: this object is closed.
            UsageError: ``cell`` is a result that has no cell, or ``max_tokens`` is negative.
        """
        del call_id  # only a trace wants it
        began = time.monotonic()
        cell_id = _cell_id(cell)
        check_count("max_tokens", max_tokens)
        session = await self._opening.session()
        try:
            if terminate:
                outcome = await session.terminate(cell_id)
            else:
                request = WaitRequest(cell_id=cell_id, yield_time_ms=yield_time_ms)
                asks = self._activity.asks(cell_id) if self._yields_to_ask else None
                outcome = await session.wait(request, preempt=_either(preempt, asks))
        except SessionClosedError:
            raise
        except (SessionError, UsageError, WorkerLostError) as error:
            self._activity.forget_closed(cell_id)
            return refused(error)
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
                return refused(error)
            return await self.exec(source, call_id=call_id, preempt=preempt)
        if name != "wait":
            raise UsageError(f"code mode has the tools exec and wait, not {name!r}")
        try:
            wanted = parse_wait_arguments(payload)
        except UsageError as error:
            return refused(error)
        asked_ms = wanted.yield_time_ms
        return await self.wait(
            wanted.cell_id,
            call_id=call_id,
            yield_time_ms=DEFAULT_WAIT_MS if asked_ms is None else asked_ms,
            max_tokens=wanted.max_tokens,
            terminate=wanted.terminate or False,
            preempt=preempt,
        )

    @overload
    async def answer(
        self, call: ResponsesCall, *, audio: bool = False, preempt: Signal | None = None
    ) -> CallOutput: ...

    @overload
    async def answer(
        self, call: ChatCall, *, audio: bool = False, preempt: Signal | None = None
    ) -> ChatCompletionToolMessageParam: ...

    @overload
    async def answer(
        self, call: ToolUse, *, audio: bool = False, preempt: Signal | None = None
    ) -> ToolResultBlockParam: ...

    @overload
    async def answer(
        self, call: Mapping[str, Any], *, audio: bool = False, preempt: Signal | None = None
    ) -> dict[str, Any]: ...

    @overload
    async def answer(
        self,
        call: Sequence[ResponseOutputItem],
        *,
        audio: bool = False,
        preempt: Signal | None = None,
    ) -> list[ResponseInputItemParam]: ...

    @overload
    async def answer(
        self,
        call: Sequence[ChatCompletionMessageToolCallUnion],
        *,
        audio: bool = False,
        preempt: Signal | None = None,
    ) -> list[ChatCompletionToolMessageParam]: ...

    @overload
    async def answer(
        self,
        call: Sequence[ContentBlock] | Sequence[BetaContentBlock],
        *,
        audio: bool = False,
        preempt: Signal | None = None,
    ) -> list[ToolResultBlockParam]: ...

    @overload
    async def answer(
        self,
        call: Sequence[Mapping[str, Any]],
        *,
        audio: bool = False,
        preempt: Signal | None = None,
    ) -> list[dict[str, Any]]: ...

    async def answer(
        self, call: object, *, audio: bool = False, preempt: Signal | None = None
    ) -> object:
        """Run a model's call, and give what goes back to the model.

        Args:
            call: a ``custom_tool_call`` or ``function_call`` of OpenAI's Responses, a tool call
                of Chat Completions, or a ``tool_use`` block of Anthropic's Messages; the object of
                the vendor's package, or a dictionary. Or a list of a turn's items: the calls
                among them are run one after another, the others are passed over.
            audio: pass sounds on to OpenAI's Responses, for a model that hears.
            preempt: ends each observation early; its cell runs on.

        Returns:
            The output item, message or block for the call; for a list, a list of those.

        What a model did wrong, such as arguments that are no JSON, is an answer that tells it.

        Raises:
            UsageError: this has not the form of a call, or it is one of another tool than
                ``exec`` and ``wait``; nothing has run.
            SessionClosedError: this object is closed.
            EngineError: no cell can run here.
        """
        if isinstance(call, list | tuple):
            read = [_of_code_mode(each) for each in read_calls(call)]
            return [await self._answered(each, audio=audio, preempt=preempt) for each in read]
        return await self._answered(_of_code_mode(read_call(call)), audio=audio, preempt=preempt)

    async def _answered(self, call: ModelCall, *, audio: bool, preempt: Signal | None) -> Answer:
        payload = call.payload
        if call.is_json and call.name == "exec" and isinstance(payload, str):
            try:
                payload = json.loads(payload)
            except (ValueError, RecursionError) as error:
                problem = UsageError(
                    f"failed to parse function arguments: {error}"
                    '\nHint: pass the program as `code`: {"code": "text(1)"}.'
                )
                return refused(problem).answer_to(call, audio=audio)
        result = await self.call(call.name, payload, call_id=call.call_id, preempt=preempt)
        return result.answer_to(call, audio=audio)

    def last_result(self, cell_id: str) -> ExecResult | None:
        """The last result of a cell that has ended, for ``Limits.result_kept_ms``; else None."""
        return self._results.last(CellId(cell_id))

    @property
    def tracer(self) -> Tracer | None:
        """What emits the events of the session; None where it is not traced."""
        return self._opening.tracer

    def new_call_id(self) -> str:
        """An id for a call of which the application gave none."""
        return f"exec-{next(self._calls)}"

    def _request(self, parsed: ExecSource, call_id: str | None) -> ExecuteRequest:
        return ExecuteRequest(
            tool_call_id=call_id or self.new_call_id(),
            enabled_tools=self.toolset.catalogue.tools,
            source=parsed.code,
            yield_time_ms=parsed.yield_time_ms,
            max_output_tokens=parsed.max_output_tokens,
        )

    def _outcome(self, outcome: WaitOutcome, began: float, max_tokens: int | None) -> ExecResult:
        if not isinstance(outcome, LiveCell):
            return self._results.missing(outcome, began)
        assert not isinstance(outcome.response, Pending), "no frontier was asked for"
        return self._results.of(outcome.response, began, max_tokens)


def parsed_source(
    source: str, yield_time_ms: int | None, max_output_tokens: int | None
) -> ExecSource:
    """The program and how to observe it; what is None is the pragma's."""
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


def _cell_id(cell: object) -> CellId:
    found = cell.cell_id if isinstance(cell, ExecResult) else cell
    if not isinstance(found, str):
        raise UsageError(f"there is no cell in {cell!r}\nHint: wait while result.running.")
    return CellId(found)


def _of_code_mode(call: ModelCall) -> ModelCall:
    """``call``, if it is one of our tools.

    Raises:
        UsageError: it is not.
    """
    if call.name in ("exec", "wait"):
        return call
    raise UsageError(
        f"code mode has the tools exec and wait, not {call.name!r}"
        "\nHint: answer calls of your own tools yourself, and hand over the others."
    )
