"""FastMCP: a transform that shows a server's clients exec and wait."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

pytest.importorskip("fastmcp", reason="FastMCP is in the environment of `make adapters`")

from fastmcp import Client, FastMCP

from codemode.adapters.fastmcp import CodeModeTransform

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
