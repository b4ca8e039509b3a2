"""The tools of a served program run in the context (contextvars) of the request that started it."""

import asyncio
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from opentelemetry import context as telemetry
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from codemode import CodeMode, LocalSessionProvider, OnNotify
from codemode.adapters.mcp_server import McpServer, http_app
from tests.tools.mcp.paper import served

from .conftest import Connect, cell_of, over_http, texts

USER: Final[ContextVar[str]] = ContextVar("user", default="nobody")
MODES: Final = ("legacy", "2026-07-28")
TRACED: Final = Path(__file__).with_name("traced_tools.py")


def who() -> str:
    "The user whose request this is."
    return USER.get()


class Authentication:
    """What a web application puts in front: it notes the user of each request."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            USER.set(dict(scope["headers"])[b"x-user"].decode())
        await self.app(scope, receive, send)


PROGRAM: Final = "yield_control(); text(await tools.who({}));"


@pytest.mark.parametrize("mode", MODES)
async def test_each_request_of_a_web_application_has_its_own_user(mode: str) -> None:
    async with LocalSessionProvider() as provider:

        def make(on_notify: OnNotify) -> CodeMode:
            return CodeMode(tools=[who], provider=provider, on_notify=on_notify)

        async def conversation(url: str, name: str) -> list[str]:
            async with over_http(url, mode=mode, headers={"x-user": name}) as client:
                ran = await client.call_tool("exec", {"code": "text(await tools.who({}))"})
                return texts(ran)[:1]

        names = [f"user-{number}" for number in range(8)]
        async with McpServer(make) as server:
            async with served(Authentication(http_app(server))) as url:
                said = await asyncio.gather(*(conversation(url, name) for name in names))

    assert said == [[name] for name in names]


async def test_a_session_whose_requests_come_from_several_users_tells_them_apart() -> None:
    async with LocalSessionProvider() as provider:

        def make(on_notify: OnNotify) -> CodeMode:
            return CodeMode(tools=[who], provider=provider, on_notify=on_notify)

        said: dict[str, list[str]] = {}
        headers = {"x-user": "ann"}
        async with McpServer(make) as server:
            async with served(Authentication(http_app(server))) as url:
                async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
                    transport = streamable_http_client(url, http_client=http)
                    async with Client(transport, mode="legacy") as client:
                        for name in ("ann", "bob"):
                            http.headers["x-user"] = name
                            ran = await client.call_tool("exec", {"code": PROGRAM})
                            http.headers["x-user"] = "eve"
                            waited = await client.call_tool("wait", {"cell_id": cell_of(ran)})
                            said[name] = texts(ran) + texts(waited)

    assert said == {"ann": ["ann"], "bob": ["bob"]}


async def test_a_served_tool_belongs_to_the_trace_of_its_request(connect: Connect) -> None:
    said = []
    async with connect("--tools", str(TRACED)) as client:
        for trace_id in (0xA, 0xB):
            span = SpanContext(trace_id, 1, is_remote=False, trace_flags=TraceFlags(1))
            token = telemetry.attach(trace.set_span_in_context(NonRecordingSpan(span)))
            ran = await client.call_tool("exec", {"code": "text(await tools.current_trace({}))"})
            telemetry.detach(token)
            said.append(int(texts(ran)[0], 16))

    assert said == [0xA, 0xB]
