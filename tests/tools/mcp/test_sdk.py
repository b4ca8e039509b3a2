"""Servers that are objects of the SDK, and servers behind a URL."""

import asyncio
import socket

import pytest
from mcp import Client, MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from codemode.errors import ToolError
from codemode.tools.mcp import HttpServer, McpProgress

from .conftest import Stage
from .paper import served


def made() -> MCPServer:
    server = MCPServer("made")

    @server.tool()
    def double(x: int) -> int:
        "Twice x."
        return 2 * x

    @server.tool()
    async def walk(steps: int, context: Context) -> str:
        for step in range(steps):
            await context.report_progress(step, steps)
        return "there"

    @server.tool()
    def limited() -> str:
        raise MCPError(-32000, "quota used up, try again in 30 s", {"seconds": 30})

    @server.tool()
    async def stay() -> str:
        await asyncio.Event().wait()
        return ""

    return server


async def test_a_server_of_this_process_can_be_called(stage: Stage) -> None:
    await stage.start({"made": made()})

    assert stage.names() == [f"mcp__made__{name}" for name in ("double", "walk", "limited", "stay")]
    assert await stage.call("double", "made", x=21) == {
        "content": [{"type": "text", "text": "42"}],
        "structuredContent": {"result": 42},
        "isError": False,
    }


async def test_a_session_of_the_application_is_used_and_not_closed(stage: Stage) -> None:
    async with Client(made(), mode="legacy") as client:
        servers = await stage.start({"made": client.session})
        assert (await stage.call("double", "made", x=1))["structuredContent"] == {"result": 2}

        await servers.aclose()

        assert (await client.call_tool("double", {"x": 3})).structured_content == {"result": 6}


async def test_a_server_behind_a_url_can_be_called(stage: Stage) -> None:
    told: list[McpProgress] = []
    async with served(made().streamable_http_app()) as url:
        servers = await stage.start({"made": HttpServer(url)}, on_progress=told.append)

        assert (await stage.call("double", "made", x=21))["structuredContent"] == {"result": 42}
        assert (await stage.call("walk", "made", steps=3))["content"][0]["text"] == "there"
        assert [each.progress for each in told] == [0, 1, 2]
        calling = asyncio.create_task(stage.call("stay", "made"))
        await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert (await stage.call("double", "made", x=1))["structuredContent"] == {"result": 2}
        await servers.aclose()


async def test_a_server_behind_a_url_that_is_not_there_is_named(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"

    servers = await stage.start({"gone": HttpServer(url)})

    assert servers.unavailable == {"gone": "All connection attempts failed"}


LIMITED = (
    'MCP server `made` refused `limited`: quota used up, try again in 30 s\n  data: {"seconds": 30}'
)


async def test_an_error_of_a_servers_own_is_not_the_end_of_a_session(stage: Stage) -> None:
    """Its code is the one that the SDK has for closed connections."""
    async with Client(made(), mode="legacy") as client:
        await stage.start({"made": client.session})
        with pytest.raises(ToolError) as caught:
            await stage.call("limited", "made")

        assert (await stage.call("double", "made", x=1))["structuredContent"] == {"result": 2}

    assert str(caught.value) == LIMITED
