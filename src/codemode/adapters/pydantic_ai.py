"""pydantic-ai: exec and wait as a toolset, and the tools of other toolsets as ``tools.*``.

    agent = Agent("openai:gpt-5", toolsets=[CodeModeToolset(FunctionToolset([search, refund]))])

Nested calls go through the wrapped toolset's own ``call_tool``, after its argument validation, so that whatever wraps a
tool there (approval, renaming, preparation) holds. A run has a session of its own: it begins with the run and ends with
it, so stored values last as long as one ``agent.run``. To keep them for a conversation, pass ``tools(cm)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic_ai import BinaryContent, RunContext, ToolReturn
from pydantic_ai.exceptions import (
    ApprovalRequired,
    CallDeferred,
    ModelRetry,
    ToolFailed,
)
from pydantic_ai.tools import Tool as AgentTool
from pydantic_ai.tools import ToolDefinition as AgentToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset

from ..code_mode import CodeMode
from ..errors import ToolError
from ..surface.parts import TextPart
from ..tools.schema_tool import Tool

if TYPE_CHECKING:
    from typing import Self

    from ..protocol.types import JsonValue, ToolCall
    from ..surface.result import ExecResult
    from ..surface.toolspec import ToolSpec

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
    _cm: CodeMode | None = field(default=None, init=False, repr=False)
    _context: list[RunContext[Any]] = field(default_factory=list, init=False, repr=False)
    _found: dict[str, ToolsetTool[Any]] = field(default_factory=dict, init=False, repr=False)

    async def for_run(self, ctx: RunContext[Any]) -> AbstractToolset[Any]:
        """This toolset for one run: with a session that ends with it."""
        return replace(self, wrapped=await self.wrapped.for_run(ctx))

    async def for_run_step(self, ctx: RunContext[Any]) -> AbstractToolset[Any]:
        """The same object at each step: its session lives as long as the run."""
        self.wrapped = await self.wrapped.for_run_step(ctx)
        return self

    async def __aexit__(self, *args: Any) -> bool | None:
        cm, self._cm = self._cm, None
        if cm is not None:
            await cm.aclose()
        return await self.wrapped.__aexit__(*args)

    async def __aenter__(self) -> Self:
        await self.wrapped.__aenter__()
        return self

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """``exec`` and ``wait``; what the wrapped toolset offers at this step is in the text of exec."""
        self._context = [ctx]
        found = await self.wrapped.get_tools(ctx)
        if self._cm is None or found.keys() != self._found.keys():
            await self._renew(found)
        self._found = found
        assert self._cm is not None
        return {spec.name: self._tool(spec) for spec in (self._cm.exec_tool, self._cm.wait_tool)}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """Run a program, or wait for one."""
        del tool
        assert self._cm is not None, "tools are listed before one is called"
        self._context = [ctx]
        return told(await self._cm.call(name, tool_args, call_id=ctx.tool_call_id))

    async def _renew(self, found: dict[str, ToolsetTool[Any]]) -> None:
        if self._cm is None:
            self._cm = CodeMode(tools=list(map(self._nested, found.values())), **self.options)
            return
        toolset = self._cm.toolset
        for name in self._found.keys() - found.keys():
            toolset.remove(name)
        for name in found.keys() - self._found.keys():
            toolset.add(self._nested(found[name]))

    def _nested(self, tool: ToolsetTool[Any]) -> Tool:
        definition = tool.tool_def

        async def invoke(arguments: dict[str, JsonValue], call: ToolCall) -> JsonValue:
            current = self._found.get(definition.name, tool)
            outer = self._context[0]
            context = replace(
                outer,
                tool_name=definition.name,
                tool_call_id=f"{outer.tool_call_id}/{call.runtime_tool_call_id}",
            )
            try:
                validated = current.args_validator.validate_python(arguments)
                value = await self.wrapped.call_tool(definition.name, validated, context, current)
            except (ApprovalRequired, CallDeferred) as error:
                raise ToolError(
                    f"`{definition.name}` needs the approval of a person, which a running program cannot get here"
                    "\nHint: go on without it, and tell the user what you would have done."
                ) from error
            except (ModelRetry, ToolFailed) as error:
                raise ToolError(error.message) from error
            return _plain(value)

        return Tool(
            definition.name,
            invoke,
            description=definition.description or "",
            input_schema=definition.parameters_json_schema,
            takes_call=True,
        )

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
