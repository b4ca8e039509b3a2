"""LiteLLM: exec takes raw JavaScript through its bridge to Chat Completions, so with any OpenAI-compatible endpoint."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("litellm", reason="LiteLLM is in the environment of `make adapters`")

import litellm

from examples.agents.scripted_model import Say, ScriptedModel

from .cases import Desk, FrameworkCases
from .plain import code_mode
from .wire import answers


class TestLiteLlm(FrameworkCases):
    cannot = {  # noqa: RUF012 - read only
        "images": "Chat Completions has no place for an image in the result of a tool",
        "streaming": "not tried: the loop of these cases takes whole answers",
    }

    async def converse(self, model: ScriptedModel, desk: Desk) -> str:
        async with code_mode(desk) as cm:
            said: list[Any] = [{"role": "user", "content": "hi"}]
            while True:
                response = await litellm.acompletion(
                    model="openai/scripted",
                    api_base=f"{model.url}/v1",
                    api_key="none",
                    messages=said,
                    tools=[cm.exec_tool.openai_chat(), cm.wait_tool.openai_chat()],
                )
                message = response.choices[0].message
                said.append(message.model_dump(exclude_none=True))
                if not message.tool_calls:
                    text: str = message.content
                    return text
                said += [await cm.answer(call) for call in message.tool_calls]


async def test_raw_javascript_through_the_responses_bridge() -> None:
    with ScriptedModel("text(await tools.lookup({key: 'a'}))", Say("done")) as model:
        async with code_mode(Desk()) as cm:
            said: list[Any] = [{"role": "user", "content": "hi"}]
            kinds = []
            for _ in range(2):
                response = await litellm.aresponses(
                    model="hosted_vllm/scripted",
                    api_base=f"{model.url}/v1",
                    api_key="none",
                    input=said,
                    tools=[cm.exec_tool.openai(), cm.wait_tool.openai()],
                )
                items = [
                    each if isinstance(each, dict) else each.model_dump()
                    for each in response.output
                ]
                kinds += [item["type"] for item in items]
                said += items
                said += [await cm.answer(each) for each in items if each["type"].endswith("_call")]
        [told] = answers(model.requests[-1])

    assert kinds == ["custom_tool_call", "message"]
    assert told.text == '{"key":"a","user":"ann"}'
