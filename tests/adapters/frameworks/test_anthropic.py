"""The Anthropic SDK's tool runner with exec and wait."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("agents", reason="frameworks are tried in the environment of `make adapters`")

import anthropic

from codemode.adapters.anthropic import tools
from examples.agents.scripted_model import ScriptedModel

from .cases import Desk, FrameworkCases
from .plain import code_mode
from .wire import Answer, answers


class TestAnthropic(FrameworkCases):
    says_failure = True

    async def converse(self, model: ScriptedModel, desk: Desk) -> str:
        client = anthropic.AsyncAnthropic(base_url=model.url, api_key="none", max_retries=0)
        async with client, code_mode(desk) as cm:
            runner: Any = client.beta.messages.tool_runner(
                model="scripted",
                max_tokens=100,
                tools=tools(cm),
                messages=[{"role": "user", "content": "hi"}],
                stream=desk.streamed,
            )
            if desk.streamed:
                async for stream in runner:
                    last = await stream.get_final_message()
            else:
                last = await runner.until_done()
        text: str = last.content[0].text
        return text

    def read_answers(self, model: ScriptedModel) -> list[Answer]:
        # The runner sends what is new since the last request.
        return [answers(body)[-1] for body in model.requests[1:]]
