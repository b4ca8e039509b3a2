"""The OpenAI Agents SDK: exec and wait as its tools, and its function tools as ``tools.*``.

    cm = CodeMode(tools=nested([search, refund]))
    agent = Agent(name="desk", tools=tools(cm))

A call of a nested function tool goes through the tool's own ``on_invoke_tool``, with a ``ToolContext`` of its own, so that
its argument checks, error function and timeout hold; ``needs_approval`` is asked for through codemode's approvals. The
SDK's run hooks see ``exec``: it has no way to be told of a call that its runner did not make.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from agents import (
    CustomTool,
    FunctionTool,
    ToolOutputImage,
    ToolOutputText,
)
from agents.tool_context import ToolContext

from ..errors import ToolError, UsageError
from ..protocol.types import ImageItem, TextItem
from ..tools.schema_tool import Tool

if TYPE_CHECKING:
    from ..code_mode import CodeMode
    from ..protocol.types import JsonValue, ToolCall
    from ..surface.result import ExecResult

_running: Final[ContextVar[ToolContext[Any] | None]] = ContextVar("codemode_agents", default=None)
"""The context of the exec whose program calls: nested tools get theirs from it."""


def tools(cm: CodeMode, *, free_form: bool = False) -> list[FunctionTool | CustomTool]:
    """``exec`` and ``wait`` for an agent.

    Args:
        cm: whose session the agent uses: one for each conversation.
        free_form: take raw JavaScript, for models of the Responses API. The SDK makes a text of what a custom tool
            returns, so images do not reach the model then; as a function they do.
    """
    exec_spec, wait_spec = cm.exec_tool, cm.wait_tool

    async def run_raw(context: ToolContext[Any], source: str) -> str:
        _running.set(context)
        return (await cm.exec(source, call_id=context.tool_call_id)).text

    async def run(context: ToolContext[Any], arguments: str) -> list[Any]:
        _running.set(context)
        return _outputs(await _call(cm, "exec", arguments, context.tool_call_id))

    async def wait(context: ToolContext[Any], arguments: str) -> list[Any]:
        return _outputs(await _call(cm, "wait", arguments, context.tool_call_id))

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
        outer = _running.get()
        if outer is None:
            raise ToolError(f"`{tool.name}` runs only in a run of the Agents SDK")
        text = json.dumps(arguments)
        context = ToolContext(
            outer.context,
            outer.usage,
            tool.name,
            f"{outer.tool_call_id}/{call.runtime_tool_call_id}",
            text,
            agent=outer.agent,
            run_config=outer.run_config,
        )
        if await _needs_approval(tool, context, arguments, call):
            raise ToolError(
                f"`{tool.name}` needs the approval of a person, which this conversation cannot get here"
                "\nHint: go on without it, and tell the user what you would have done."
            )
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


async def _call(cm: CodeMode, name: str, arguments: str, call_id: str) -> ExecResult:
    try:
        payload = json.loads(arguments)
    except (ValueError, RecursionError):
        payload = {}  # the error names what is missing
    return await cm.call(name, payload if isinstance(payload, dict) else {}, call_id=call_id)


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
