"""A handler knows for whom a server asks: it runs in the context (contextvars) of the call."""

import asyncio
from contextvars import ContextVar
from typing import Any, Final

import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from pydantic import BaseModel

from codemode.tools.mcp import HttpServer, McpProgress

from .conftest import Stage
from .paper import served

USER: Final[ContextVar[str]] = ContextVar("user", default="nobody")


class Answer(BaseModel):
    name: str


def asking() -> MCPServer:
    server = MCPServer("made")

    @server.tool()
    async def elicits(context: Context) -> str:
        await context.report_progress(1, 2)
        result: Any = await context.elicit("who?", Answer)
        return str(result.data.name)

    @server.tool()
    async def sees() -> str:
        "Whom a server in this process sees."
        return USER.get()

    return server


async def elicit(server: str, params: Any) -> Any:
    return {"action": "accept", "content": {"name": USER.get()}}


async def as_user(name: str, stage: Stage, tool: str, server: str) -> str:
    async def call() -> str:
        USER.set(name)
        result = await stage.call(tool, server)
        return str(result["content"][0]["text"])

    return await asyncio.create_task(call())


def named(name: str) -> str:
    return f'{{"action": "accept", "content": {{"name": "{name}"}}}}'


@pytest.mark.parametrize("behaviour", ["", "newest"])
async def test_a_server_that_asks_over_a_pipe_asks_the_user_whose_call_is_under_way(
    stage: Stage, behaviour: str
) -> None:
    await stage.start({"puppet": stage.puppet(*behaviour.split())}, elicitation=elicit)

    said = [await as_user(name, stage, "elicits", "puppet") for name in ("ann", "bob", "cyd")]

    assert all(named(name) in text for name, text in zip(("ann", "bob", "cyd"), said, strict=True))


async def test_over_a_pipe_a_request_beside_calls_of_other_users_belongs_to_none(
    stage: Stage,
) -> None:
    await stage.start(elicitation=elicit)
    waiting = asyncio.create_task(as_user("ann", stage, "silent", "puppet"))
    await stage.logged("silent ")

    said = [await as_user(name, stage, "elicits", "puppet") for name in ("bob", "ann")]
    waiting.cancel()

    assert said == [named("nobody"), named("ann")]


@pytest.mark.parametrize("kind", ["http", "object"])
async def test_servers_that_say_for_which_call_they_ask_reach_its_user_beside_others(
    stage: Stage, kind: str
) -> None:
    names = [f"user-{number}" for number in range(6)]
    heard: list[tuple[str, str]] = []

    def told(progress: McpProgress) -> None:
        heard.append((progress.server, USER.get()))

    async def use(target: Any) -> list[str]:
        servers = await stage.start({"made": target}, elicitation=elicit, on_progress=told)
        calls = [as_user(name, stage, "elicits", "made") for name in names]
        said = await asyncio.gather(*calls)
        await servers.aclose()
        return list(said)

    if kind == "object":
        said = await use(asking())
    else:
        async with served(asking().streamable_http_app()) as url:
            said = await use(HttpServer(url))

    assert said == names
    assert sorted(heard) == [("made", name) for name in names]


async def test_the_tools_of_a_server_in_this_process_see_the_user(stage: Stage) -> None:
    await stage.start({"made": asking()})

    assert [await as_user(n, stage, "sees", "made") for n in ("ann", "bob")] == ["ann", "bob"]
