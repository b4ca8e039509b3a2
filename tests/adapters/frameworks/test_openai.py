"""The OpenAI SDK in a loop of one's own: no adapter, `cm.answer`."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("agents", reason="frameworks are tried in the environment of `make adapters`")

from openai import AsyncOpenAI

from examples.agents.scripted_model import ScriptedModel

from .cases import Desk, FrameworkCases
from .plain import code_mode


class TestOpenAi(FrameworkCases):
    async def converse(self, model: ScriptedModel, desk: Desk) -> str:
        client = AsyncOpenAI(base_url=f"{model.url}/v1", api_key="none", max_retries=0)
        said: list[Any] = [{"role": "user", "content": "hi"}]
        async with client, code_mode(desk) as cm:
            tools: Any = [cm.exec_tool.openai(), cm.wait_tool.openai()]
            while True:
                options: Any = {"model": "scripted", "input": said, "tools": tools}
                if desk.streamed:
                    async with client.responses.stream(**options) as stream:
                        response = await stream.get_final_response()
                else:
                    response = await client.responses.create(**options)
                said += response.output
                calls: list[Any] = [each for each in response.output if each.type.endswith("_call")]
                if not calls:
                    return response.output_text
                said += [await cm.answer(call) for call in calls]
