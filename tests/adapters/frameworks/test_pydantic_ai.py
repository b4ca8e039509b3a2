"""pydantic-ai: an agent's tools behind exec and wait, through its own validation and dispatch."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="pydantic-ai is in the environment of `make adapters`")

from openai import AsyncOpenAI
from pydantic_ai import (
    Agent,
    BinaryContent,
    DeferredToolRequests,
    DeferredToolResults,
    RunContext,
    ToolDenied,
)
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.toolsets import FunctionToolset

from codemode import CodeMode
from codemode.adapters.pydantic_ai import CodeModeToolset, tools
from examples.agents.scripted_model import ScriptedModel

from .cases import Desk, FrameworkCases
from .media import PNG


class Script:
    """A model that answers with these parts, one a turn, and keeps what it was shown."""

    def __init__(self, *programs: str) -> None:
        self._parts: list[Any] = [ToolCallPart("exec", {"code": each}) for each in programs]
        self._parts.append(TextPart("done"))
        self.shown: list[AgentInfo] = []
        self.model = FunctionModel(self._answer)

    def _answer(self, _messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.shown.append(info)
        return ModelResponse(parts=[self._parts.pop(0)])


def returned(messages: list[ModelMessage]) -> list[Any]:
    return [
        part.content
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]


def toolset() -> FunctionToolset[str]:
    made: FunctionToolset[str] = FunctionToolset()

    @made.tool
    async def lookup(ctx: RunContext[str], key: str) -> dict[str, str]:
        "Look up a key."
        return {"key": key, "user": ctx.deps}

    return made


async def test_programs_call_the_wrapped_tools_with_the_dependencies_of_the_run() -> None:
    script = Script("text(await tools.lookup({key: 'a'}))")
    agent = Agent(script.model, toolsets=[CodeModeToolset(toolset())], deps_type=str)
    result = await agent.run("hi", deps="ann")

    assert result.output == "done"
    assert [tool.name for tool in script.shown[0].function_tools] == ["exec", "wait"]
    assert "lookup(args: { key: string; })" in (script.shown[0].function_tools[0].description or "")
    [told] = returned(result.all_messages())
    assert told.endswith('{"key":"a","user":"ann"}')


async def test_arguments_are_validated_as_pydantic_ai_validates_them() -> None:
    script = Script("try { await tools.lookup({key: 1}) } catch (error) { text(error) }")
    agent = Agent(script.model, toolsets=[CodeModeToolset(toolset())], deps_type=str)
    [told] = returned((await agent.run("hi", deps="ann")).all_messages())

    assert "Input should be a valid string" in told


async def test_stored_values_last_for_a_run_and_no_longer() -> None:
    made = CodeModeToolset(toolset())
    first = Script("store('k', 1)", "text(load('k'))")
    second = Script("text(load('k'))")
    told = [
        returned((await Agent(script.model, toolsets=[made]).run("hi")).all_messages())[-1]
        for script in (first, second)
    ]

    assert [text.splitlines()[-1] for text in told] == ["1", "undefined"]


async def test_images_reach_the_model_as_binary_content() -> None:
    script = Script(f"image('{PNG}')")
    async with CodeMode() as cm:
        result = await Agent(script.model, tools=tools(cm)).run("hi")
    [told] = returned(result.all_messages())

    assert [type(part) for part in told] == [str, BinaryContent]
    assert told[1].media_type == "image/png"


async def test_a_program_that_fails_is_a_failed_tool_call() -> None:
    script = Script("throw new Error('boom')")
    async with CodeMode() as cm:
        result = await Agent(script.model, tools=tools(cm)).run("hi")
    [part] = [
        part
        for message in result.all_messages()
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]

    assert (part.outcome, "Error: boom" in str(part.content)) == ("failed", True)


class TestPydanticAi(FrameworkCases):
    async def converse(self, model: ScriptedModel, desk: Desk) -> str:
        client = AsyncOpenAI(base_url=f"{model.url}/v1", api_key="none", max_retries=0)
        made: FunctionToolset[str] = FunctionToolset()

        @made.tool
        async def lookup(ctx: RunContext[str], key: str) -> dict[str, str]:
            "Look up a key."
            return desk.lookup(key, ctx.deps)

        @made.tool_plain(requires_approval=True)
        async def refund(cents: int) -> str:
            "Give money back."
            return desk.refund(cents)

        @made.tool_plain
        async def hang() -> str:
            "Never answers."
            return await desk.hang()

        toolset = CodeModeToolset(made, {"limits": desk.limits})
        agent = Agent(
            OpenAIResponsesModel("scripted", provider=OpenAIProvider(openai_client=client)),
            toolsets=[toolset],
            deps_type=str,
            output_type=[str, DeferredToolRequests],
        )
        options: dict[str, Any] = {"user_prompt": "hi"}
        async with client:
            while True:
                if desk.streamed:
                    async with agent.run_stream(deps=desk.user, **options) as run:
                        output = await run.get_output()
                else:
                    run = await agent.run(deps=desk.user, **options)
                    output = run.output
                if isinstance(output, str):
                    return output
                [call] = output.approvals
                wanted = output.metadata[call.tool_call_id]["calls"]
                desk.asked += [each["name"] for each in wanted]
                answers = {call.tool_call_id: desk.approve or ToolDenied("the user said no")}
                results = DeferredToolResults(approvals=answers)
                options = {"message_history": run.all_messages(), "deferred_tool_results": results}

    async def test_approval_refused(self) -> None:
        desk = Desk(approve=False)
        [told] = await self._told(desk, "await tools.refund({cents: 5}); text('went on')")

        # A denial is the answer to the model: the framework does not call the tool, so the program ends.
        assert (told.text, desk.asked, desk.refunds) == ("the user said no", ["refund"], [])


async def test_two_runs_at_once_keep_their_own_dependencies() -> None:
    import asyncio

    made = CodeModeToolset(toolset())

    async def run(user: str) -> str:
        script = Script("text((await tools.lookup({key: 'a'})).user)")
        result = await Agent(script.model, toolsets=[made], deps_type=str).run("hi", deps=user)
        text: str = returned(result.all_messages())[-1]
        return text.splitlines()[-1]

    users = ["ann", "bob", "cyd", "dan"]
    assert await asyncio.gather(*map(run, users)) == users
