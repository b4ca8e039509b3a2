"""LangChain and LangGraph: exec and wait as tools, an agent's own tools as ``tools.*``.

    agent = create_agent(model, tools=[search, refund], middleware=[CodeModeMiddleware()])

:class:`CodeModeMiddleware` hides the agent's tools from the model and gives it ``exec`` and ``wait``. A nested call goes
through the middleware's ``handler``, LangChain's own dispatch of tool calls, so that the ``wrap_tool_call`` of every
middleware inside sees it. A session belongs to a thread of the checkpointer (``thread_id``), and its stored values last
as long as this middleware.

``interrupt()`` in a nested tool interrupts the graph, and the program waits. LangGraph then runs the node of ``exec`` again,
with the answer: the program goes on where it was, and only the tool that has asked begins again, as everywhere in LangGraph.
In another process the program is gone: that is told to the model, and nothing runs twice.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.types import interrupt

from ..code_mode import CodeMode
from ..errors import ToolError
from ..surface.parts import TextPart
from ..tools.schema_tool import Tool
from .interruption import InterruptedProgram, InterruptibleCells, running_program

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from langchain.agents.middleware.types import ModelRequest, ToolCallRequest

    from ..protocol.types import JsonValue, ToolCall
    from ..surface.result import ExecResult
    from ..surface.toolspec import ToolSpec

_GONE: Final = (
    "the program that asked this question is gone: it ran in a process that has ended"
    "\nHint: run it again; what it did before it asked is done."
)


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
        self._sessions: dict[str, InterruptibleCells] = {}
        self._consumed: dict[tuple[str, str], int] = {}
        self._listed: list[BaseTool] = []
        # The agent must know both tools before it has a thread: these are never called.
        idle = CodeMode()
        self.tools: Sequence[BaseTool] = tools(idle)

    async def aclose(self) -> None:
        """End every session."""
        sessions, self._sessions = self._sessions, {}
        for cells in sessions.values():
            await cells.aclose()

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[Any]]
    ) -> Any:
        """Show the model ``exec`` and ``wait``, and what is direct."""
        own = {tool.name for tool in self.tools}
        listed = [tool for tool in request.tools if isinstance(tool, BaseTool)]
        self._listed = [
            tool for tool in listed if tool.name not in own and tool.name not in self._direct
        ]
        cm = self._session(_thread(request.runtime)).cm
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
        thread, call_id = _thread(request.runtime), call["id"] or ""
        cells = self._session(thread)
        by_name = {tool.name: tool for tool in self._listed}
        execution = _Execution(request, handler, by_name)
        if cells.is_kept(call_id):
            execution.consumed = self._consumed.pop((thread, call_id), 0)
            for _ in range(execution.consumed):
                interrupt(None)  # those of calls that are over: each has its answer already
        elif _is_resumed():
            return _message_of(_GONE, call["name"], call_id)
        else:
            result = await cells.call(
                call["name"], call["args"], call_id=call_id, context=execution
            )
        while waiting := cells.questions(call_id):
            asked: _Asked = waiting[0].detail
            if asked.execution is execution:
                self._consumed[thread, call_id] = execution.consumed
                raise asked.interrupt
            turn = _Turn(execution)
            cells.answer(call_id, waiting[0].call_id, turn)
            # The answers come in the order of the questions: the tool that has begun again must take its own first.
            await turn.settled.wait()
            result = await cells.call(
                call["name"], call["args"], call_id=call_id, context=execution
            )
        return _message(result, call["name"], call_id)

    def _session(self, thread: str) -> InterruptibleCells:
        cells = self._sessions.get(thread)
        if cells is None:
            cm = CodeMode(tools=nested(self._listed), **self._options)
            cells = self._sessions[thread] = InterruptibleCells(cm)
        return cells


@dataclass(eq=False)
class _Execution:
    """One execution of the node that has the model's call.

    Attributes:
        request: of the model's call.
        handler: LangChain's dispatch.
        tools: what programs can call.
        consumed: the answers that nested calls have taken which are over.
    """

    request: ToolCallRequest
    handler: Callable[[ToolCallRequest], Awaitable[Any]]
    tools: dict[str, BaseTool]
    consumed: int = 0

    async def dispatch(self, name: str, arguments: dict[str, JsonValue], call_id: str) -> JsonValue:
        """Call a tool of the agent."""
        nested_id = f"{self.request.tool_call['id']}/{call_id}"
        asked = {"name": name, "args": dict(arguments), "id": nested_id, "type": "tool_call"}
        request = self.request.override(tool_call=asked, tool=self.tools[name])  # type: ignore[typeddict-item]
        return _answered(await self.handler(request))


@dataclass(frozen=True, eq=False)
class _Asked:
    """A nested tool has interrupted the graph, in this execution."""

    interrupt: GraphInterrupt
    execution: _Execution


@dataclass(frozen=True, eq=False)
class _Turn:
    """A nested tool that had interrupted the graph begins again, in an execution that has its answer."""

    execution: _Execution
    settled: asyncio.Event = field(default_factory=asyncio.Event)


async def _called(
    program: InterruptedProgram, name: str, arguments: dict[str, JsonValue], call_id: str
) -> JsonValue:
    """A nested call, begun again for each answer of a person."""
    execution: _Execution = program.context
    turn: _Turn | None = None
    taken = 0
    while True:
        try:
            value = await execution.dispatch(name, arguments, call_id)
            execution.consumed += taken
            return value
        except GraphInterrupt as error:
            asked = _Asked(error, execution)
        except BaseException:
            execution.consumed += taken
            raise
        finally:
            if turn is not None:
                turn.settled.set()
        turn = await program.ask(call_id, name, arguments, asked)
        # Answers are counted within one node; a call that asked under exec may be answered under wait.
        same = execution.request.tool_call["id"] == turn.execution.request.tool_call["id"]
        taken = taken + 1 if same else 1
        execution = turn.execution


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
        call_id = call.runtime_tool_call_id
        program = running_program.get()
        if program is not None:
            return await _called(program, tool.name, arguments, call_id)
        asked = {"name": tool.name, "args": dict(arguments), "id": call_id, "type": "tool_call"}
        try:
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


def _message_of(error: str, name: str, call_id: str) -> ToolMessage:
    return ToolMessage(content=error, name=name, tool_call_id=call_id, status="error")


def _is_resumed() -> bool:
    """Whether this node runs again because of an interrupt in it."""
    scratchpad = get_config()["configurable"].get("__pregel_scratchpad")
    if scratchpad is None:
        return False
    return bool(scratchpad.resume) or scratchpad.get_null_resume(False) is not None  # noqa: FBT003 - theirs


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
        try:
            config = get_config()
        except RuntimeError:
            config = {}
    return str((config.get("configurable") or {}).get("thread_id", ""))
