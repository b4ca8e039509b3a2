"""The Anthropic SDK's tool runner, and the Claude Agent SDK's server, with exec and wait."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip(
    "anthropic", reason="the Anthropic SDK is in the environment of `make adapters`"
)
pytest.importorskip(
    "httpx2", reason="the SDK's HTTP client is in the environment of `make adapters`"
)
pytest.importorskip("claude_agent_sdk", reason="the SDK is in the environment of `make adapters`")

import anthropic
import httpx2

from codemode import CodeMode
from codemode.adapters import claude_agent
from codemode.adapters.anthropic import tools

from .media import PNG


class Messages:
    """The Messages API, scripted: answers with these programs, one a turn."""

    def __init__(self, *programs: str) -> None:
        self._contents: list[Any] = [
            [{"type": "tool_use", "id": f"toolu_{at}", "name": "exec", "input": {"code": each}}]
            for at, each in enumerate(programs, 1)
        ]
        self._contents.append([{"type": "text", "text": "done"}])
        self.requests: list[Any] = []

    def client(self) -> anthropic.AsyncAnthropic:
        transport = httpx2.MockTransport(self._answer)
        http = httpx2.AsyncClient(transport=transport)
        return anthropic.AsyncAnthropic(api_key="none", http_client=http)

    def results(self) -> list[Any]:
        """The tool results that it was sent."""
        return [request["messages"][-1]["content"][0] for request in self.requests[1:]]

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(json.loads(request.content))
        content = self._contents.pop(0)
        message = {
            "id": "msg",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
            "content": content,
            "stop_reason": "tool_use" if self._contents else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        return httpx2.Response(200, json=message)


async def test_the_tool_runner_runs_programs_and_sends_images_and_errors() -> None:
    api = Messages(f"image('{PNG}')", "throw new Error('boom')")
    async with CodeMode() as cm:
        runner = api.client().beta.messages.tool_runner(
            model="scripted",
            max_tokens=100,
            tools=tools(cm),
            messages=[{"role": "user", "content": "hi"}],
        )
        last = await runner.until_done()

    assert last.content[0].type == "text"
    [image, error] = api.results()
    assert [block["type"] for block in image["content"]] == ["text", "image"]
    assert (error["is_error"], "Error: boom" in error["content"][-1]["text"]) == (True, True)
    assert [tool["name"] for tool in api.requests[0]["tools"]] == ["exec", "wait"]


async def test_claude_gets_both_tools_from_a_server_in_this_process() -> None:
    async with CodeMode() as cm:
        options = claude_agent.server(cm)
        [run, _] = claude_agent.tools(cm)
        answered = await run.handler({"code": "text(1 + 1)"})

    assert options["allowed_tools"] == ["mcp__codemode__exec", "mcp__codemode__wait"]
    assert answered["content"][-1] == {"type": "text", "text": "2"}
    assert answered["is_error"] is False
