"""pydantic-ai: exec and wait as a toolset, and the tools of other toolsets as ``tools.*``.

    agent = Agent("openai:gpt-5", toolsets=[CodeModeToolset(FunctionToolset([search, refund]))])

Nested calls go through the wrapped toolset's own ``call_tool``, after its argument validation, so that whatever wraps a
tool there (approval, renaming, preparation) holds. A run has a session of its own: it begins with the run and ends with
it, so stored values last as long as one ``agent.run``. To keep them for a conversation, pass ``tools(cm)``.

A nested call that needs approval defers ``exec``: the run ends with ``DeferredToolRequests``, and the program waits. The run
that is given the ``DeferredToolResults`` goes on with it, and with the session; a denial ends both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter
from pydantic_ai import BinaryContent, RunContext, ToolReturn
from pydantic_ai.exceptions import (
    ApprovalRequired,
    CallDeferred,
    ModelRetry,
    ToolFailed,
)
from pydantic_ai.messages import RetryPromptPart, ToolReturnPart
from pydantic_ai.tools import Tool as AgentTool
from pydantic_ai.tools import ToolDefinition as AgentToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset

from ..code_mode import CodeMode
from ..errors import ToolError
from ..surface.parts import TextPart
from ..tools.schema_tool import Tool
from .interruption import InterruptibleCells, running_program

if TYPE_CHECKING:
    from typing import Self

    from ..protocol.types import JsonValue, ToolCall
    from ..surface.result import ExecResult
    from ..surface.toolspec import ToolSpec

_GONE: Final = (
    "the program that asked for this approval is gone: it ran in a process that has ended"
    "\nHint: run it again; what it did before it asked is done."
)

_ARGUMENTS = TypeAdapter(dict[str, Any])


def tools(cm: CodeMode) -> list[AgentTool[Any]]:
    """``exec`` and ``wait`` for an agent; ``cm`` is the conversation's, and the application's to close."""
    return [_agent_tool(cm, spec) for spec in (cm.exec_tool, cm.wait_tool)]


def _agent_tool(cm: CodeMode, spec: ToolSpec) -> AgentTool[Any]:
    async def call(context: RunContext[Any], **arguments: Any) -> ToolReturn[Any]:
        return told(await cm.call(spec.name, arguments, call_id=context.tool_call_id))

    return AgentTool.from_schema(call, spec.name, spec.description, spec.parameters, takes_ctx=True)


@dataclass
class CodeModeToolset(WrapperToolset[Any]):
    """The tools of a toolset behind ``exec`` and ``wait``.

    Attributes:
        wrapped: whose tools programs call.
        options: of the ``CodeMode`` of each run, such as ``limits``, ``policy``, ``provider`` and ``trace``.
    """

    wrapped: AbstractToolset[Any]
    options: dict[str, Any] = field(default_factory=dict)
    _cells: InterruptibleCells | None = field(default=None, init=False, repr=False)
    _found: dict[str, ToolsetTool[Any]] = field(default_factory=dict, init=False, repr=False)
    _interrupted: dict[str, InterruptibleCells] = field(
        default_factory=dict, init=False, repr=False
    )

    async def for_run(self, ctx: RunContext[Any]) -> AbstractToolset[Any]:
        """This toolset for one run: with a session that ends with it, or that an earlier run has left for it."""
        made = replace(self, wrapped=await self.wrapped.for_run(ctx))
        made._interrupted = self._interrupted  # of all runs: by the model's call that was deferred
        return made

    async def for_run_step(self, ctx: RunContext[Any]) -> AbstractToolset[Any]:
        """The same object at each step: its session lives as long as the run."""
        self.wrapped = await self.wrapped.for_run_step(ctx)
        return self

    async def aclose(self) -> None:
        """End the sessions whose programs wait for an approval that will not come."""
        for call_id in list(self._interrupted):
            await self._interrupted.pop(call_id).aclose()

    async def __aexit__(self, *args: Any) -> bool | None:
        cells, self._cells = self._cells, None
        if cells is not None and cells not in self._interrupted.values():
            await cells.aclose()
        return await self.wrapped.__aexit__(*args)

    async def __aenter__(self) -> Self:
        await self.wrapped.__aenter__()
        return self

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """``exec`` and ``wait``; what the wrapped toolset offers at this step is in the text of exec."""
        await self._drop_denied(ctx)
        found = await self.wrapped.get_tools(ctx)
        if self._cells is None or found.keys() != self._found.keys():
            self._renew(found)
        self._found = found
        assert self._cells is not None
        cm = self._cells.cm
        return {spec.name: self._tool(spec) for spec in (cm.exec_tool, cm.wait_tool)}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """Run a program, or wait for one.

        Raises:
            ApprovalRequired: a nested call needs approval; its metadata tells which calls wait.
        """
        del tool
        assert self._cells is not None, "tools are listed before one is called"
        call_id = ctx.tool_call_id or ""
        left = self._interrupted.pop(call_id, None)
        if left is not None:
            fresh, self._cells = self._cells, left
            if fresh is not left:
                await fresh.aclose()
        elif ctx.tool_call_approved:
            raise ToolFailed(_GONE)
        cells = self._cells
        for question in cells.questions(call_id):
            cells.answer(call_id, question.call_id, True)  # noqa: FBT003 - the answer of a person
        context = (self, ctx)
        result = await cells.call(name, tool_args, call_id=call_id, context=context)
        waiting = cells.questions(call_id)
        if waiting:
            self._interrupted[call_id] = cells
            calls = [{"name": each.name, "arguments": dict(each.arguments)} for each in waiting]
            raise ApprovalRequired(metadata={"calls": calls})
        return told(result)

    async def _drop_denied(self, ctx: RunContext[Any]) -> None:
        """End the sessions of calls that this conversation has answered without them."""
        if not self._interrupted:
            return
        answered = {
            part.tool_call_id
            for message in ctx.messages
            for part in message.parts
            if isinstance(part, ToolReturnPart | RetryPromptPart)
        }
        for call_id in answered & self._interrupted.keys():
            await self._interrupted.pop(call_id).aclose()

    def _renew(self, found: dict[str, ToolsetTool[Any]]) -> None:
        if self._cells is None:
            cm = CodeMode(tools=list(map(_nested, found.values())), **self.options)
            self._cells = InterruptibleCells(cm)
            return
        toolset = self._cells.cm.toolset
        for name in self._found.keys() - found.keys():
            toolset.remove(name)
        for name in found.keys() - self._found.keys():
            toolset.add(_nested(found[name]))

    async def _dispatch(
        self, name: str, arguments: dict[str, JsonValue], ctx: RunContext[Any]
    ) -> JsonValue:
        """A nested call, by the tool that the wrapped toolset offers at this step."""
        tool = self._found[name]
        # The agent looks at the kind before it calls a tool of its own; nobody else does.
        if tool.tool_def.kind == "unapproved" and not ctx.tool_call_approved:
            raise ApprovalRequired
        if tool.tool_def.kind == "external":
            raise CallDeferred
        validated = tool.args_validator.validate_python(arguments)
        return _plain(await self.wrapped.call_tool(name, validated, ctx, tool))

    def _tool(self, spec: ToolSpec) -> ToolsetTool[Any]:
        definition = AgentToolDefinition(
            name=spec.name,
            description=spec.description,
            parameters_json_schema=spec.parameters,
            strict=False,
        )
        return ToolsetTool(
            toolset=self,
            tool_def=definition,
            max_retries=1,
            args_validator=_ARGUMENTS.validator,
        )


def _nested(tool: ToolsetTool[Any]) -> Tool:
    definition = tool.tool_def
    name = definition.name

    async def invoke(arguments: dict[str, JsonValue], call: ToolCall) -> JsonValue:
        program = running_program.get()
        assert program is not None, "only programs of this toolset call it"
        approved = False
        while True:
            toolset, outer = program.context
            call_id = f"{outer.tool_call_id}/{call.runtime_tool_call_id}"
            context = replace(
                outer, tool_name=name, tool_call_id=call_id, tool_call_approved=approved
            )
            try:
                return await toolset._dispatch(name, arguments, context)
            except ApprovalRequired as error:
                approved = await program.ask(
                    call.runtime_tool_call_id, name, arguments, error.metadata
                )
            except CallDeferred as error:
                raise ToolError(
                    f"`{name}` is answered outside of this conversation, which a running program cannot wait for"
                    "\nHint: go on without it, and tell the user what you would have done."
                ) from error
            except (ModelRetry, ToolFailed) as error:
                raise ToolError(error.message) from error

    return Tool(
        name,
        invoke,
        description=definition.description or "",
        input_schema=definition.parameters_json_schema,
        takes_call=True,
    )


def told(result: ExecResult) -> ToolReturn[Any]:
    """A result as pydantic-ai hands it to a model: texts, and images and sounds as binary content.

    Raises:
        ToolFailed: it failed and holds nothing but text: the model reads it as a failure.
    """
    parts = result.parts()
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    if result.failed and len(texts) == len(parts):
        raise ToolFailed("\n".join(texts))
    content: list[Any] = [
        part.text
        if isinstance(part, TextPart)
        else BinaryContent(part.data, media_type=part.mime_type)
        for part in parts
    ]
    value = "\n".join(texts) if len(texts) == len(parts) else content
    return ToolReturn(
        return_value=value, metadata={"cell_id": result.cell_id, "status": result.status}
    )


def _plain(value: Any) -> JsonValue:
    if isinstance(value, ToolReturn):
        value = value.return_value
    plain: JsonValue = TypeAdapter(Any).dump_python(value, mode="json")
    return plain
