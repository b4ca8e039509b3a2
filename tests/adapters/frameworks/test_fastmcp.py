"""FastMCP: a transform that shows a server's clients exec and wait."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

pytest.importorskip("fastmcp", reason="FastMCP is in the environment of `make adapters`")

from fastmcp import Client, FastMCP
from openai import AsyncOpenAI

from codemode import Approval, Policy, ToolError, ask
from codemode.adapters.fastmcp import CodeModeTransform
from examples.agents.scripted_model import ScriptedModel

from .cases import Desk, FrameworkCases
from .media import PNG


@pytest.fixture
async def client() -> AsyncIterator[Client]:  # type: ignore[type-arg]
    server = FastMCP("desk")

    @server.tool
    def lookup(key: str) -> dict[str, str]:
        "Look up a key."
        return {"key": key}

    @server.tool
    def fail() -> str:
        "Always fails."
        raise ValueError("not today")

    transform = CodeModeTransform()
    server.add_transform(transform)
    async with Client(server) as connected:
        yield connected
    await transform.aclose()


class TestFastMcp(FrameworkCases):
    cannot: ClassVar[dict[str, str]] = {
        "streaming": "MCP has no streamed results of tools; notifications reach the client as they come"
    }

    async def converse(self, model: ScriptedModel, desk: Desk) -> str:
        """A client of the server that hands its tools to a model."""
        server = FastMCP("desk")

        @server.tool
        async def lookup(key: str) -> dict[str, str]:
            "Look up a key."
            return desk.lookup(key, desk.user)

        @server.tool
        async def refund(cents: int) -> str:
            "Give money back."
            return desk.refund(cents)

        @server.tool
        async def hang() -> str:
            "Never answers."
            return await desk.hang()

        async def decide(approval: Approval) -> None:
            desk.asked.append(approval.name)
            if not desk.approve:
                raise ToolError("the user said no")

        transform = CodeModeTransform(
            limits=desk.limits, policy=Policy([ask("refund")]), on_approval=decide
        )
        server.add_transform(transform)
        api = AsyncOpenAI(base_url=f"{model.url}/v1", api_key="none", max_retries=0)
        said: list[Any] = [{"role": "user", "content": "hi"}]
        try:
            async with api, Client(server) as connected:
                listed = await connected.list_tools()
                offered: list[Any] = [
                    {"type": "function", "name": each.name, "parameters": each.inputSchema}
                    for each in listed
                ]
                while True:
                    response = await api.responses.create(
                        model="scripted", input=said, tools=offered
                    )
                    said += response.output
                    calls = [each for each in response.output if each.type == "function_call"]
                    if not calls:
                        return response.output_text
                    for call in calls:
                        result = await connected.call_tool(
                            call.name, json.loads(call.arguments), raise_on_error=False
                        )
                        output = [
                            {"type": "input_text", "text": block.text}
                            if block.type == "text"
                            else {
                                "type": "input_image",
                                "image_url": f"data:{block.mimeType};base64,{block.data}",
                            }
                            for block in result.content
                        ]
                        said.append(
                            {
                                "type": "function_call_output",
                                "call_id": call.call_id,
                                "output": output,
                            }
                        )
        finally:
            await transform.aclose()


async def test_clients_see_exec_and_wait_with_the_servers_tools_in_the_text(client: Client) -> None:  # type: ignore[type-arg]
    listed = await client.list_tools()

    assert [tool.name for tool in listed] == ["exec", "wait"]
    assert "lookup(args: { key: string; })" in (listed[0].description or "")


async def test_a_program_calls_the_servers_tools_and_keeps_values(client: Client) -> None:  # type: ignore[type-arg]
    first = await client.call_tool(
        "exec", {"code": "store('k', (await tools.lookup({key: 'a'})).key)"}
    )
    second = await client.call_tool("exec", {"code": "text(load('k'))"})

    assert not first.is_error
    assert second.content[-1].text == "a"


async def test_failures_and_images_reach_the_client(client: Client) -> None:  # type: ignore[type-arg]
    caught = await client.call_tool(
        "exec", {"code": "try { await tools.fail({}) } catch (e) { text(String(e)) }"}
    )
    thrown = await client.call_tool(
        "exec", {"code": "throw new Error('boom')"}, raise_on_error=False
    )
    image = await client.call_tool("exec", {"code": f"image('{PNG}')"})

    assert "not today" in caught.content[-1].text
    assert thrown.is_error
    assert image.content[-1].type == "image"
