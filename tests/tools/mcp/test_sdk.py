"""Servers that are objects of the SDK, and servers behind a URL."""

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from mcp import Client
from mcp.client import streamable_http
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp_types import jsonrpc_message_adapter

from codemode.errors import ToolError
from codemode.tools.mcp import HttpServer, McpProgress

from .conftest import Stage


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
    async def stay() -> str:
        await asyncio.Event().wait()
        return ""

    return server


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The URL of a server of this app."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await running
        listening.close()


async def test_a_server_of_this_process_can_be_called(stage: Stage) -> None:
    await stage.start({"made": made()})

    assert stage.names() == ["mcp__made__double", "mcp__made__walk", "mcp__made__stay"]
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


LOST = "MCP server `paper` was lost while `{}` ran"
AGAIN = "\nHint: the next call starts it again; find out first whether this one had its effect."
TOKEN = "Bearer hunter2-hunter2-hunter2"


class Paper:
    """A server on paper: JSON answers by hand, as an ASGI app."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while (part := await receive()).get("more_body"):
            body += part["body"]
        body += part.get("body", b"")
        headers = dict(scope["headers"])
        if headers.get(b"authorization", b"").decode() != TOKEN:
            await self._send(send, 401)
            return
        if scope["method"] != "POST":
            await self._send(send, 405)
            return
        said = json.loads(body)
        if "id" not in said:
            await self._send(send, 202)
            return
        match said["method"]:
            case "initialize":
                result: Any = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "paper", "version": "1"},
                }
            case "tools/list":
                names = "fine plain tells huge packed forgets says streams floods".split()
                result = {"tools": [{"name": n, "inputSchema": {"type": "object"}} for n in names]}
            case "tools/call":
                result = await self._call(said, send)
        if result is not None:
            await self._send(send, 200, {"jsonrpc": "2.0", "id": said["id"], "result": result})

    async def _call(self, said: Any, send: Any) -> Any:
        match said["params"]["name"]:
            case "fine":
                return {"content": []}
            case "plain":
                plain = {"jsonrpc": "2.0", "id": said["id"], "result": {"content": []}}
                await self._begin(send, 200, [(b"content-encoding", b"Identity")])
                await send({"type": "http.response.body", "body": json.dumps(plain).encode()})
            case "says" | "streams" as how:
                many = "[" + "[]," * said["params"]["arguments"]["lists"] + "[]]"
                result = f'{{"content":[],"structuredContent":{{"a":{many}}}}}'
                message = f'{{"jsonrpc":"2.0","id":{said["id"]},"result":{result}}}'
                await self._say(send, message.encode(), stream=how == "streams")
            case "floods":
                await self._begin(send, 200, [(b"content-type", b"text/event-stream")])
                for piece in [b"data: ", *[b" " * 65536] * 64]:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            case "tells":
                error = {"code": -32602, "message": f"I do not like {TOKEN} from {said['id']}"}
                await self._send(send, 200, {"jsonrpc": "2.0", "id": said["id"], "error": error})
            case "huge":
                await self._begin(send, 200)
                for _ in range(64):
                    part = {"type": "http.response.body", "body": b" " * 65536, "more_body": True}
                    await send(part)
            case "packed":
                body = gzip.compress(b"{}")
                await self._begin(send, 200, [(b"content-encoding", b"gzip")])
                await send({"type": "http.response.body", "body": body})
            case "forgets":
                await self._send(send, 404)
        return None

    async def _say(self, send: Any, message: bytes, *, stream: bool) -> None:
        """As JSON, or as an event in parts, whose first and last break in the midst of a line end."""
        if not stream:
            await self._begin(send, 200)
            await send({"type": "http.response.body", "body": message})
            return
        await self._begin(send, 200, [(b"content-type", b"text/event-stream; charset=utf-16")])
        for part in (b': it"s\r\n\r', b"\ndata: ", message, b"\r\n\r", b"\n"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    async def _begin(self, send: Any, status: int, more: Any = ()) -> None:
        headers = {
            b"content-type": b"application/json",
            b"mcp-session-id": b"one",
            **dict(more),
        }.items()
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send(self, send: Any, status: int, said: Any = None) -> None:
        await self._begin(send, status)
        body = b"" if said is None else json.dumps(said).encode()
        await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("tells", "MCP server `paper` refused `tells`: I do not like *** from 3"),
        ("huge", f"{LOST.format('huge')}: the answer is longer than 1 MiB{AGAIN}"),
        (
            "packed",
            f"{LOST.format('packed')}: the server packed its answer without being asked to{AGAIN}",
        ),
        ("forgets", f"{LOST.format('forgets')}: HTTP 404 Not Found{AGAIN}"),
    ],
)
async def test_a_call_over_http_that_fails_says_so_and_the_next_one_works(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tool: str, expected: str
) -> None:
    monkeypatch.setattr("codemode.tools.mcp.http.MESSAGE_BYTES", 2**20)
    async with served(Paper()) as url:
        config = HttpServer(url, headers={"Authorization": TOKEN})
        servers = await stage.start({"paper": config})

        with pytest.raises(ToolError) as caught:
            await stage.call(tool, "paper")
        assert str(caught.value) == expected
        assert await stage.call("fine", "paper") == {"content": []}
        await servers.aclose()


TOO_LARGE = "MCP server `paper` refused `{}`: its answer has more than {}"


@pytest.mark.parametrize(
    ("tool", "most"),
    [("says", "100,000 members"), ("streams", "100,000 members"), ("floods", "1 MiB")],
)
async def test_an_answer_over_http_that_is_too_large_is_refused_unread(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tool: str, most: str
) -> None:
    monkeypatch.setattr("codemode.tools.mcp.http.MESSAGE_BYTES", 2**20)
    read: list[int] = []
    real = jsonrpc_message_adapter

    class Reader:
        def validate_json(self, text: str | bytes, **options: Any) -> Any:
            read.append(len(text))
            return real.validate_json(text, **options)

    monkeypatch.setattr(streamable_http, "jsonrpc_message_adapter", Reader())
    async with served(Paper()) as url:
        config = HttpServer(url, headers={"Authorization": TOKEN})
        servers = await stage.start({"paper": config})

        with pytest.raises(ToolError) as caught:
            await stage.call(tool, "paper", lists=150_000)
        small = await stage.call("streams", "paper", lists=20_000)

        assert str(caught.value) == (
            TOO_LARGE.format(tool, most) + "\nHint: ask it for less at once."
        )
        assert len(small["structuredContent"]["a"]) == 20_001
        assert max(read) < 100_000
        await servers.aclose()


async def test_an_answer_that_says_that_it_is_not_packed_is_read(stage: Stage) -> None:
    async with served(Paper()) as url:
        config = HttpServer(url, headers={"Authorization": TOKEN})
        servers = await stage.start({"paper": config})

        assert await stage.call("plain", "paper") == {"content": []}
        await servers.aclose()


async def test_a_server_that_wants_another_token_is_named(stage: Stage) -> None:
    async with served(Paper()) as url:
        servers = await stage.start({"paper": HttpServer(url, headers={"Authorization": "no"})})

        assert servers.unavailable == {
            "paper": "Server returned an error response (HTTP 401 Unauthorized)"
        }
