"""LangChain and LangGraph: exec and wait as tools, an agent's own tools as ``tools.*``.

    agent = create_agent(model, tools=[search, refund], middleware=[CodeModeMiddleware()])

:class:`CodeModeMiddleware` hides the agent's tools from the model and gives it ``exec`` and ``wait``. A nested call goes
through the middleware's ``handler``, LangChain's own dispatch of tool calls, so that the ``wrap_tool_call`` of every
middleware inside sees it. A session belongs to a thread of the checkpointer (``thread_id``), and its stored values last
as long as this middleware. A running cell does not outlive a checkpoint: ``interrupt()`` in a nested tool is refused.
"""

from __future__ import annotations

import base64
import itertools
import json
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.errors import GraphInterrupt

from ..code_mode import CodeMode
from ..errors import ToolError
from ..surface.parts import TextPart
from ..tools.schema_tool import Tool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from langchain.agents.middleware.types import ModelRequest, ToolCallRequest

    from ..protocol.types import JsonValue, ToolCall
    from ..surface.result import ExecResult
    from ..surface.toolspec import ToolSpec

_dispatch: Final[ContextVar[Any]] = ContextVar("codemode_langchain", default=None)
"""How the program that runs calls a tool of its agent."""


def tools(cm: CodeMode) -> list[BaseTool]:
    """``exec`` and ``wait`` for an agent; ``cm`` is the conversation's, and the application's to close."""
    return [_tool(cm, spec) for spec in (cm.exec_tool, cm.wait_tool)]


def nested(agent_tools: Iterable[BaseTool]) -> list[Tool]:
    """Tools of LangChain as tools that programs call, through each tool's own ``ainvoke``."""
    return [_nested(each) for each in agent_tools]


class CodeModeMiddleware(AgentMiddleware[Any, Any]):
    """Gives an agent ``exec`` and ``wait`` in place of its tools, which programs call.

    Args:
        direct: names of tools that the model calls itself, as before.
        options: of the ``CodeMode`` of each thread, such as ``limits``, ``policy``, ``provider`` and ``trace``.

    Close it with ``aclose`` when no thread will go on.
    """

    def __init__(self, *, direct: Iterable[str] = (), **options: Any) -> None:
        super().__init__()
        self._direct = frozenset(direct)
        self._options = options
        self._sessions: dict[str, CodeMode] = {}
        self._listed: list[BaseTool] = []
        # The agent must know both tools before it has a thread: these are never called.
        idle = CodeMode()
        self.tools: Sequence[BaseTool] = tools(idle)

    async def aclose(self) -> None:
        """End every session."""
        sessions, self._sessions = self._sessions, {}
        for cm in sessions.values():
            await cm.aclose()

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[Any]]
    ) -> Any:
        """Show the model ``exec`` and ``wait``, and what is direct."""
        own = {tool.name for tool in self.tools}
        listed = [tool for tool in request.tools if isinstance(tool, BaseTool)]
        self._listed = [
            tool for tool in listed if tool.name not in own and tool.name not in self._direct
        ]
        cm = self._session(_thread(request.runtime))
        kept = [
            tool
            for tool in request.tools
            if not isinstance(tool, BaseTool) or tool.name in self._direct
        ]
        return await handler(request.override(tools=[*kept, *tools(cm)]))

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Any]]
    ) -> Any:
        """Run ``exec`` and ``wait``; other calls go their way."""
        call = request.tool_call
        if call["name"] not in {tool.name for tool in self.tools}:
            return await handler(request)
        cm = self._session(_thread(request.runtime))
        by_name = {tool.name: tool for tool in self._listed}
        numbers = itertools.count(1)

        async def dispatch(name: str, arguments: dict[str, JsonValue], _call_id: str) -> JsonValue:
            call_id = f"{call['id']}/{next(numbers)}"
            asked = {"name": name, "args": dict(arguments), "id": call_id, "type": "tool_call"}
            answer = await handler(request.override(tool_call=asked, tool=by_name[name]))  # type: ignore[typeddict-item]
            return _answered(answer)

        _dispatch.set(dispatch)
        result = await cm.call(call["name"], call["args"], call_id=call["id"])
        return _message(result, call["name"], call["id"] or "")

    def _session(self, thread: str) -> CodeMode:
        cm = self._sessions.get(thread)
        if cm is None:
            cm = self._sessions[thread] = CodeMode(tools=nested(self._listed), **self._options)
        return cm


def _tool(cm: CodeMode, spec: ToolSpec) -> BaseTool:
    async def call(**arguments: Any) -> tuple[list[Any], dict[str, Any]]:
        result = await cm.call(spec.name, arguments)
        return _blocks(result), {"cell_id": result.cell_id, "status": result.status}

    return StructuredTool(
        name=spec.name,
        description=spec.description,
        args_schema=spec.parameters,
        coroutine=call,
        response_format="content_and_artifact",
    )


def _nested(tool: BaseTool) -> Tool:
    schema = tool.tool_call_schema
    parameters = schema if isinstance(schema, dict) else schema.model_json_schema()

    async def invoke(arguments: dict[str, JsonValue], call: ToolCall) -> JsonValue:
        dispatch = _dispatch.get()
        try:
            if dispatch is not None:
                return await dispatch(tool.name, arguments, call.runtime_tool_call_id)
            asked = {
                "name": tool.name,
                "args": dict(arguments),
                "id": call.runtime_tool_call_id,
                "type": "tool_call",
            }
            return _answered(await tool.ainvoke(asked))
        except GraphInterrupt as error:
            raise ToolError(
                f"`{tool.name}` interrupts the graph to ask a person, and a running program cannot wait for that"
                "\nHint: go on without it, and tell the user what you would have done."
            ) from error

    return Tool(
        tool.name,
        invoke,
        description=tool.description,
        input_schema=parameters,
        takes_call=True,
    )


def _answered(answer: Any) -> JsonValue:
    if not isinstance(answer, ToolMessage):
        return answer if isinstance(answer, str | int | float | bool | list | dict) else str(answer)
    if answer.status == "error":
        raise ToolError(str(answer.content))
    content: Any = answer.content
    if isinstance(content, str) and content[:1] in ("{", "["):
        # LangChain writes what a tool returns as JSON into the message: for the program it is a value again.
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            pass
    return content


def _message(result: ExecResult, name: str, call_id: str) -> ToolMessage:
    return ToolMessage(
        content=_blocks(result),
        name=name,
        tool_call_id=call_id,
        status="error" if result.failed else "success",
        artifact={"cell_id": result.cell_id, "status": result.status},
    )


def _blocks(result: ExecResult) -> list[Any]:
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, TextPart)
        else {
            "type": part.mime_type.partition("/")[0],
            "base64": base64.b64encode(part.data).decode(),
            "mime_type": part.mime_type,
        }
        for part in result.parts()
    ]


def _thread(runtime: Any) -> str:
    """The conversation: the thread of the checkpointer, or the one of an agent without one."""
    config = getattr(runtime, "config", None) or {}
    if not config:
        from langgraph.config import get_config  # noqa: PLC0415 - only where the runtime has none

        try:
            config = get_config()
        except RuntimeError:
            config = {}
    return str((config.get("configurable") or {}).get("thread_id", ""))
