"""The OpenAI Agents SDK: exec and wait as its tools, and its function tools as ``tools.*``.

    cm = CodeMode(tools=nested([search, refund]))
    agent = Agent(name="desk", tools=tools(cm))

A call of a nested function tool goes through the tool's own ``on_invoke_tool``, with a ``ToolContext`` of its own, so that
its argument checks, error function and timeout hold. The SDK's run hooks see ``exec``: it has no way to be told of a call
that its runner did not make.

A nested tool with ``needs_approval`` interrupts the run, as it does in an agent that is a tool: ``result.interruptions`` has
the nested call, the program waits, and goes on in the run of the ``RunState`` in which it was approved or rejected. With
``free_form=True`` there is no place for that in the SDK, and the call is refused to the program.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agents import (
    Agent,
    CustomTool,
    FunctionTool,
    RunContextWrapper,
    ToolOutputImage,
    ToolOutputText,
)
from agents.agent_tool_state import (
    consume_agent_tool_run_result,
    get_agent_tool_state_scope,
    record_agent_tool_run_result,
)
from agents.items import ToolApprovalItem
from agents.run_internal.run_steps import NextStepInterruption
from agents.run_state import RunState
from agents.tool_context import ToolContext
from openai.types.responses import ResponseFunctionToolCall

from ..errors import ToolError, UsageError
from ..protocol.types import ImageItem, TextItem
from ..tools.schema_tool import Tool
from .interruption import InterruptibleCells, running_program

if TYPE_CHECKING:
    from ..code_mode import CodeMode
    from ..protocol.types import JsonValue, ToolCall
    from ..surface.result import ExecResult
    from .interruption import InterruptingCall

_PROGRAM: Final[Agent[Any]] = Agent(name="program")
"""Who makes nested calls, for the SDK: their approvals are looked for at the agent that makes them."""

_NO_PERSON: Final = (
    "needs the approval of a person, which this conversation cannot get here"
    "\nHint: go on without it, and tell the user what you would have done."
)


def tools(cm: CodeMode, *, free_form: bool = False) -> list[FunctionTool | CustomTool]:
    """``exec`` and ``wait`` for an agent.

    Args:
        cm: whose session the agent uses: one for each conversation.
        free_form: take raw JavaScript, for models of the Responses API. The SDK makes a text of what a custom tool
            returns, so images do not reach the model then; as a function they do.
    """
    exec_spec, wait_spec = cm.exec_tool, cm.wait_tool
    cells = InterruptibleCells(cm)

    async def run_raw(context: ToolContext[Any], source: str) -> str:
        result = await cells.call(
            "exec", source, call_id=context.tool_call_id, context=_Caller(context, asks=False)
        )
        return result.text

    async def run(context: ToolContext[Any], arguments: str) -> list[Any]:
        return await _observed(cells, "exec", arguments, context)

    async def wait(context: ToolContext[Any], arguments: str) -> list[Any]:
        return await _observed(cells, "wait", arguments, context)

    first: FunctionTool | CustomTool
    if free_form:
        raw: Any = exec_spec.openai()
        first = CustomTool(
            name=exec_spec.name,
            description=raw["description"],
            on_invoke_tool=run_raw,
            format=raw["format"],
        )
    else:
        first = _function(exec_spec.function(), run)
    return [first, _function(wait_spec.function(), wait)]


def nested(function_tools: Iterable[FunctionTool]) -> list[Tool]:
    """Function tools of the SDK as tools that programs call.

    Raises:
        UsageError: one is no function tool: hosted tools run at the model's vendor, and no program can call them.
    """
    return [_nested(each) for each in function_tools]


def _nested(tool: FunctionTool) -> Tool:
    if not isinstance(tool, FunctionTool):
        raise UsageError(
            f"{type(tool).__name__} is no FunctionTool, and only those can be called by programs"
            "\nHint: give it to the agent itself, beside exec and wait."
        )

    async def invoke(arguments: dict[str, JsonValue], call: ToolCall) -> JsonValue:
        program = running_program.get()
        if program is None:
            raise ToolError(f"`{tool.name}` runs only in a run of the Agents SDK")
        caller: _Caller = program.context
        text = json.dumps(arguments)
        context = _nested_context(caller.context, tool, call, text)
        if await _needs_approval(tool, context, arguments, call):
            if not caller.asks:
                raise ToolError(f"`{tool.name}` {_NO_PERSON}")
            refusal: str | None = await program.ask(call.runtime_tool_call_id, tool.name, arguments)
            if refusal is not None:
                raise ToolError(refusal)
            context = _nested_context(program.context.context, tool, call, text)
        work = tool.on_invoke_tool(context, text)
        # The tool against its own timeout, as the SDK does it.
        return _plain(await asyncio.wait_for(work, tool.timeout_seconds))

    return Tool(
        tool.name,
        invoke,
        description=tool.description,
        input_schema=tool.params_json_schema,
        takes_call=True,
    )


@dataclass(frozen=True)
class _Caller:
    """Whose program it is, and whether the SDK can ask a person for it."""

    context: ToolContext[Any]
    asks: bool


class _InterruptedRun:
    """What the SDK takes for the run of an agent that is a tool, and that waits for approvals."""

    def __init__(self, interruptions: list[ToolApprovalItem], context: ToolContext[Any]) -> None:
        self.interruptions = interruptions
        state: RunState[Any, Any] = RunState(RunContextWrapper(context.context), "", _PROGRAM)
        state._current_step = NextStepInterruption(interruptions)
        self._state = state

    def to_state(self) -> RunState[Any, Any]:
        """Where the decisions are kept: the SDK looks for the state that owns an interruption."""
        return self._state


async def _observed(
    cells: InterruptibleCells, name: str, arguments: str, context: ToolContext[Any]
) -> list[Any]:
    """Run a model's call, or go on with it after an interruption of the run."""
    call_id, scope = context.tool_call_id, get_agent_tool_state_scope(context)
    model_call: Any = context.tool_call
    before: Any = consume_agent_tool_run_result(model_call, scope_id=scope)
    if before is not None:
        decided = before.to_state()._context
        for waiting in cells.questions(call_id):
            item = _approval_item(waiting, context)
            nested_id = _nested_id(waiting, context)
            status = decided.get_approval_status(waiting.name, nested_id, existing_pending=item)
            if status is not None:
                refusal = f"the call of `{waiting.name}` was rejected by a person"
                cells.answer(call_id, waiting.call_id, None if status else refusal)
    caller = _Caller(context, asks=True)
    result = await cells.call(name, _payload(arguments), call_id=call_id, context=caller)
    questions = cells.questions(call_id)
    if questions:
        items = [_approval_item(each, context) for each in questions]
        interrupted: Any = _InterruptedRun(items, context)
        record_agent_tool_run_result(model_call, interrupted, scope_id=scope)
    return _outputs(result)


def _approval_item(waiting: InterruptingCall, context: ToolContext[Any]) -> ToolApprovalItem:
    call = ResponseFunctionToolCall(
        type="function_call",
        call_id=_nested_id(waiting, context),
        name=waiting.name,
        arguments=json.dumps(dict(waiting.arguments)),
    )
    return ToolApprovalItem(agent=_PROGRAM, raw_item=call, tool_name=waiting.name)


def _nested_id(waiting: InterruptingCall, context: ToolContext[Any]) -> str:
    return f"{context.tool_call_id}/{waiting.call_id}"


def _nested_context(
    outer: ToolContext[Any], tool: FunctionTool, call: ToolCall, arguments: str
) -> ToolContext[Any]:
    return ToolContext(
        outer.context,
        outer.usage,
        tool.name,
        f"{outer.tool_call_id}/{call.runtime_tool_call_id}",
        arguments,
        agent=outer.agent,
        run_config=outer.run_config,
    )


async def _needs_approval(
    tool: FunctionTool, context: ToolContext[Any], arguments: dict[str, JsonValue], call: ToolCall
) -> bool:
    needs = tool.needs_approval
    if callable(needs):
        return await needs(context, dict(arguments), call.runtime_tool_call_id)
    return needs


def _function(spec: Any, invoke: Callable[[ToolContext[Any], str], Any]) -> FunctionTool:
    return FunctionTool(
        name=spec["name"],
        description=spec["description"],
        params_json_schema=spec["parameters"],
        on_invoke_tool=invoke,
        strict_json_schema=False,
    )


def _payload(arguments: str) -> dict[str, Any]:
    try:
        payload = json.loads(arguments)
    except (ValueError, RecursionError):
        return {}  # the error names what is missing
    return payload if isinstance(payload, dict) else {}


def _outputs(result: ExecResult) -> list[Any]:
    found: list[Any] = []
    for item in result.items:
        if isinstance(item, TextItem):
            found.append(ToolOutputText(text=item.text))
        elif isinstance(item, ImageItem):
            detail = item.detail if item.detail in ("low", "high", "auto") else None
            found.append(ToolOutputImage(image_url=item.image_url, detail=detail))
        else:
            found.append(
                ToolOutputText(text="[a sound was left out: this interface has no place for it]")
            )
    return found


def _plain(value: Any) -> JsonValue:
    """What a function tool returns, as JSON."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, ToolOutputText):
        return value.text
    dump = getattr(value, "model_dump", None)
    return dump(mode="json", exclude_none=True) if dump is not None else value
