"""Google's Agent Development Kit: exec and wait in a toolset, an agent's tools as ``tools.*``.

    agent = Agent(name="desk", model="gemini-3-pro", tools=[CodeModeAdkToolset([search, refund])])

A nested call goes through the kit's own handling of function calls, so that callbacks and plugins around tools, state
and confirmation hold. A tool that requires confirmation has ``exec`` ask for it: the program waits meanwhile, and goes on
when the user has answered. A session belongs to a session of the kit, and lasts until the toolset is closed, which
``Runner.close`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.adk.flows.llm_flows.functions import handle_function_call_list_async
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.base_toolset import BaseToolset
from google.adk.tools.function_tool import FunctionTool
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.genai import types

from ..code_mode import CodeMode
from ..errors import ToolError
from ..surface.parts import TextPart
from ..tools.media import Audio, Image
from ..tools.schema_tool import Tool
from .interruption import InterruptibleCells, running_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from google.adk.agents.readonly_context import ReadonlyContext
    from google.adk.events.event import Event
    from google.adk.tools.tool_context import ToolContext

    from ..protocol.types import JsonValue, ToolCall
    from ..surface.result import ExecResult
    from ..surface.toolspec import ToolSpec

_GONE: Final = (
    "the program that asked for this confirmation is gone: it ran in a process that has ended"
    "\nHint: run it again; what it did before it asked is done."
)


def tools(cm: CodeMode) -> list[BaseTool]:
    """``exec`` and ``wait`` for an agent; ``cm`` is the conversation's, and the application's to close."""
    return _tools(InterruptibleCells(cm))


def nested(agent_tools: Iterable[BaseTool | Callable[..., Any]]) -> list[Tool]:
    """Tools of the kit, and functions that it would take for tools, as tools that programs call."""
    return [
        _nested(each if isinstance(each, BaseTool) else FunctionTool(each)) for each in agent_tools
    ]


class CodeModeAdkToolset(BaseToolset):
    """``exec`` and ``wait`` over other tools, which programs call.

    Args:
        wrapped: tools, functions and toolsets, as an agent takes them.
        options: of the ``CodeMode`` of each session, such as ``limits``, ``policy``, ``provider`` and ``trace``.
    """

    def __init__(
        self, wrapped: Sequence[BaseTool | BaseToolset | Callable[..., Any]], **options: Any
    ) -> None:
        super().__init__()
        self._wrapped = tuple(wrapped)
        self._options = options
        self._sessions: dict[tuple[str, str, str], InterruptibleCells] = {}

    async def get_tools(self, readonly_context: ReadonlyContext | None = None) -> list[BaseTool]:
        """``exec``, with the wrapped tools in its text, and ``wait``, for the session of this context."""
        found = [tool for each in self._wrapped for tool in await _listed(each, readonly_context)]
        key = _session_of(readonly_context)
        cells = self._sessions.get(key)
        if cells is None:
            cells = InterruptibleCells(CodeMode(tools=nested(found), **self._options))
            self._sessions[key] = cells
            return _tools(cells)
        toolset = cells.cm.toolset
        made = {tool.definition.tool_name.name: tool for tool in nested(found)}
        known = {each.tool_name.name for each in toolset.catalogue.tools}
        for name in known - made.keys():
            toolset.remove(name)
        for name in made.keys() - known:
            toolset.add(made[name])
        return _tools(cells)

    async def close(self) -> None:
        """End every session, and close the toolsets inside."""
        sessions, self._sessions = self._sessions, {}
        for cells in sessions.values():
            await cells.aclose()
        for each in self._wrapped:
            if isinstance(each, BaseToolset):
                await each.close()


async def _listed(
    each: BaseTool | BaseToolset | Callable[..., Any], context: ReadonlyContext | None
) -> list[BaseTool]:
    if isinstance(each, BaseToolset):
        return list(await each.get_tools_with_prefix(context))
    return [each if isinstance(each, BaseTool) else FunctionTool(each)]


def _session_of(context: ReadonlyContext | None) -> tuple[str, str, str]:
    if context is None:
        return "", "", ""
    session = context.session
    return session.app_name, session.user_id, session.id


def _tools(cells: InterruptibleCells) -> list[BaseTool]:
    return [_CellTool(cells, spec) for spec in (cells.cm.exec_tool, cells.cm.wait_tool)]


class _CellTool(BaseTool):
    """One of the two tools, as the kit calls it."""

    def __init__(self, cells: InterruptibleCells, spec: ToolSpec) -> None:
        super().__init__(name=spec.name, description=spec.description)
        self._cells = cells
        self._spec = spec

    def _get_declaration(self) -> types.FunctionDeclaration:
        return types.FunctionDeclaration(
            name=self.name,
            description=self.description,
            parameters_json_schema=self._spec.parameters,
        )

    async def run_async(self, *, args: dict[str, Any], tool_context: ToolContext) -> Any:
        call_id = tool_context.function_call_id or ""
        confirmation = tool_context.tool_confirmation
        if confirmation is not None:
            if not self._cells.is_kept(call_id):
                return {"error": _GONE}
            for question in self._cells.questions(call_id):
                self._cells.answer(call_id, question.call_id, confirmation)
        result = await self._cells.call(self.name, args, call_id=call_id, context=tool_context)
        questions = self._cells.questions(call_id)
        if not questions:
            return _response(result)
        calls = [
            {"name": each.name, "arguments": dict(each.arguments), "hint": each.detail.hint}
            for each in questions
        ]
        names = ", ".join(f"`{each.name}`" for each in questions)
        tool_context.request_confirmation(
            hint=f"The program wants to call {names}. Approve or reject it.",
            payload={"calls": calls},
        )
        tool_context.actions.skip_summarization = (
            True  # the run ends here, until the user has answered
        )
        return {"error": f"{names} waits for the user's confirmation"}


def _nested(tool: BaseTool) -> Tool:
    declaration = tool._get_declaration()

    async def invoke(arguments: dict[str, JsonValue], call: ToolCall) -> JsonValue:
        program = running_program.get()
        if program is None:
            raise ToolError(f"`{tool.name}` runs only in a run of the Agent Development Kit")
        event = await _dispatched(tool, arguments, call, program.context, None)
        asked = event.actions.requested_tool_confirmations if event is not None else {}
        if not asked:
            return _value(event)
        [detail] = asked.values()
        said: ToolConfirmation = await program.ask(
            call.runtime_tool_call_id, tool.name, arguments, detail
        )
        event = await _dispatched(tool, arguments, call, program.context, said)
        value = _value(event)
        if not said.confirmed and isinstance(value, dict) and value.keys() == {"error"}:
            raise ToolError(str(value["error"]))
        return value

    return Tool(
        tool.name,
        invoke,
        description=tool.description,
        input_schema=_schema(declaration),
        takes_call=True,
    )


async def _dispatched(
    tool: BaseTool,
    arguments: dict[str, JsonValue],
    call: ToolCall,
    outer: ToolContext,
    confirmation: ToolConfirmation | None,
) -> Event | None:
    """The kit's own event for this call, with the changes of state that it made."""
    call_id = f"{outer.function_call_id}/{call.runtime_tool_call_id}"
    asked = types.FunctionCall(id=call_id, name=tool.name, args=dict(arguments))
    try:
        event = await handle_function_call_list_async(
            outer.get_invocation_context(),
            [asked],
            {tool.name: tool},
            tool_confirmation_dict=None if confirmation is None else {call_id: confirmation},
        )
    except Exception as error:
        raise ToolError(str(error)) from error
    if event is not None:
        outer.actions.state_delta.update(event.actions.state_delta)
        outer.actions.artifact_delta.update(event.actions.artifact_delta)
        outer.actions.transfer_to_agent = (
            event.actions.transfer_to_agent or outer.actions.transfer_to_agent
        )
        outer.actions.escalate = event.actions.escalate or outer.actions.escalate
    return event


def _value(event: Event | None) -> Any:
    """What the tool has returned, as the kit keeps it: media behind the rest."""
    [answer] = event.get_function_responses() if event is not None else [None]
    if answer is None:
        return None
    response = answer.response or {}
    value = response["result"] if response.keys() == {"result"} else response
    blobs = [part.inline_data for part in answer.parts or () if part.inline_data is not None]
    if not blobs:
        return value
    media = [_media(blob).block() for blob in blobs]
    if value in ({}, []):
        return media[0] if len(media) == 1 else media
    return [value, *media]


def _media(blob: types.FunctionResponseBlob) -> Image | Audio:
    kind = blob.mime_type or ""
    made = Audio if kind.startswith("audio/") else Image
    return made(blob.data or b"", kind)


def _schema(declaration: types.FunctionDeclaration | None) -> dict[str, Any] | None:
    if declaration is None:
        return None
    if declaration.parameters_json_schema is not None:
        schema: dict[str, Any] = declaration.parameters_json_schema
        return schema
    if declaration.parameters is None:
        return None
    return declaration.parameters.json_schema.model_dump(
        exclude_none=True, mode="json", by_alias=True
    )


def _response(result: ExecResult) -> dict[str, Any]:
    parts = result.parts()
    content: list[Any] = [
        part.text
        if isinstance(part, TextPart)
        else types.Part.from_bytes(data=part.data, mime_type=part.mime_type)
        for part in parts
    ]
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    told = "\n".join(texts) if len(texts) == len(parts) else content
    return {"error" if result.failed else "result": told}
