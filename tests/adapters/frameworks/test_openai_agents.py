"""The OpenAI Agents SDK: exec and wait as tools, function tools as ``tools.*``."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("agents", reason="the Agents SDK is in the environment of `make adapters`")

from agents import (
    Agent,
    OpenAIResponsesModel,
    RunContextWrapper,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from agents.items import ModelResponse
from agents.models.interface import Model
from agents.usage import Usage
from openai import AsyncOpenAI
from openai.types.responses import (
    ResponseCustomToolCall,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from codemode import CodeMode, UsageError
from codemode.adapters.openai_agents import nested, tools
from examples.agents.scripted_model import ScriptedModel

from .cases import Desk, FrameworkCases
from .media import PNG

set_tracing_disabled(True)


class Scripted(Model):
    """A model that answers with these items, one a turn, and keeps what it was given."""

    def __init__(self, *items: Any) -> None:
        text = ResponseOutputText(text="done", type="output_text", annotations=[])
        last = ResponseOutputMessage(
            id="m", type="message", role="assistant", status="completed", content=[text]
        )
        self._items = [*items, last]
        self.inputs: list[Any] = []

    async def get_response(
        self, system_instructions: Any, input: Any, *rest: Any, **_: Any
    ) -> ModelResponse:
        self.inputs.append(input)
        return ModelResponse(output=[self._items.pop(0)], usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def program(source: str, call_id: str = "call_1") -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        type="function_call", call_id=call_id, name="exec", arguments=json.dumps({"code": source})
    )


@function_tool
async def lookup(key: str) -> dict[str, str]:
    "Look up a key."
    return {"key": key}


@function_tool(needs_approval=True)
async def refund(cents: int) -> str:
    "Give money back."
    return f"refunded {cents}"


async def outputs(cm: CodeMode, *items: Any, free_form: bool = False) -> list[Any]:
    """What the model was answered, call by call."""
    model = Scripted(*items)
    agent = Agent(name="desk", model=model, tools=list(tools(cm, free_form=free_form)))
    result = await Runner.run(agent, "hi")
    assert result.final_output == "done"
    return [item["output"] for item in model.inputs[-1] if item.get("type", "").endswith("_output")]


async def test_a_program_calls_function_tools_and_an_image_reaches_the_model() -> None:
    async with CodeMode(tools=nested([lookup])) as cm:
        [output] = await outputs(
            cm, program(f"text(await tools.lookup({{key: 'a'}})); image('{PNG}')")
        )

    assert [part["type"] for part in output] == ["input_text", "input_text", "input_image"]
    assert output[1]["text"] == '{"key":"a"}'
    assert output[2]["image_url"] == PNG


async def test_a_model_of_the_responses_api_writes_raw_javascript() -> None:
    call = ResponseCustomToolCall(
        type="custom_tool_call", call_id="call_1", name="exec", input="text(1 + 1)"
    )
    async with CodeMode() as cm:
        [output] = await outputs(cm, call, free_form=True)

    assert output.endswith("\n2")


class TestOpenAiAgents(FrameworkCases):
    async def converse(self, model: ScriptedModel, desk: Desk) -> str:
        @function_tool
        async def lookup(ctx: RunContextWrapper[str], key: str) -> dict[str, str]:
            "Look up a key."
            return desk.lookup(key, ctx.context)

        @function_tool(needs_approval=True)
        async def refund(cents: int) -> str:
            "Give money back."
            return desk.refund(cents)

        @function_tool
        async def hang() -> str:
            "Never answers."
            return await desk.hang()

        client = AsyncOpenAI(base_url=f"{model.url}/v1", api_key="none", max_retries=0)
        async with client, CodeMode(tools=nested([lookup, refund, hang]), limits=desk.limits) as cm:
            agent = Agent[str](
                name="desk", model=OpenAIResponsesModel("scripted", client), tools=list(tools(cm))
            )
            said: Any = "hi"
            while True:
                result: Any
                if desk.streamed:
                    result = Runner.run_streamed(agent, said, context=desk.user)
                    async for _ in result.stream_events():
                        pass
                else:
                    result = await Runner.run(agent, said, context=desk.user)
                if not result.interruptions:
                    text: str = result.final_output
                    return text
                said = result.to_state()
                for item in result.interruptions:
                    desk.asked.append(item.tool_name)
                    (said.approve if desk.approve else said.reject)(item)

    async def test_several_questions_of_one_program_interrupt_the_run_together(self) -> None:
        desk = Desk()
        program = """
            const both = [tools.refund({cents: 1}), tools.refund({cents: 2})];
            for (const each of await Promise.all(both)) text(each);
            text(await tools.refund({cents: 3}));
        """
        [told] = await self._told(desk, program)

        assert told.text.splitlines() == ["refunded 1", "refunded 2", "refunded 3"]
        assert (desk.asked, sorted(desk.refunds)) == (["refund"] * 3, [1, 2, 3])


async def test_a_raw_exec_cannot_ask_so_a_tool_that_needs_approval_is_refused() -> None:
    source = "try { await tools.refund({cents: 5}) } catch (error) { text(String(error)) }"
    call = ResponseCustomToolCall(
        type="custom_tool_call", call_id="call_1", name="exec", input=source
    )
    async with CodeMode(tools=nested([refund])) as cm:
        [output] = await outputs(cm, call, free_form=True)

    assert "`refund` needs the approval of a person" in output


async def test_arguments_that_are_no_json_are_answered_and_the_run_goes_on() -> None:
    call = ResponseFunctionToolCall(
        type="function_call", call_id="call_1", name="exec", arguments="{"
    )
    async with CodeMode() as cm:
        [output] = await outputs(cm, call)

    assert "code" in output[0]["text"]


def test_a_hosted_tool_is_refused_with_what_to_do() -> None:
    from agents import WebSearchTool

    with pytest.raises(UsageError, match="WebSearchTool is no FunctionTool"):
        nested([WebSearchTool()])  # type: ignore[list-item]
