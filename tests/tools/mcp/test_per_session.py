"""Servers that remember something: a process for each session, the others shared by all."""

import asyncio

from codemode import CodeMode, McpHandlers, McpStatus
from codemode.tools.mcp import McpServers
from codemode.tools.toolset import Toolset

from .conftest import Stage
from .test_life import gone

ECHO = "text((await tools.mcp__{}__pid({{}})).content[0].text)"


async def pids(cm: CodeMode) -> list[str]:
    """The processes that answer a session: of the server that is its own, and of the shared one."""
    result = await cm.exec(f"{ECHO.format('own')}; {ECHO.format('shared')}")
    return result.output.split()


async def test_each_session_has_a_process_of_its_own_and_shares_the_others(stage: Stage) -> None:
    servers = McpServers({"own": stage.puppet(per_session=True), "shared": stage.puppet()})
    async with servers:
        assert [tool.definition.tool_name.namespace for tool in servers.tools[:1]] == [
            "mcp__shared"
        ]
        async with CodeMode(mcp=servers) as ann, CodeMode(mcp=servers) as bob:
            anns, bobs = await asyncio.gather(pids(ann), pids(bob))
            again = await pids(ann)
        await gone(anns[0])
        await gone(bobs[0])
        assert len(stage.lines("started ")) == 3
        async with CodeMode(mcp=servers) as cy:
            cys = await pids(cy)

    assert again == anns
    assert anns[1] == bobs[1] == cys[1]
    assert len({anns[0], bobs[0], cys[0]}) == 3
    await gone(anns[1])


async def test_ending_all_servers_ends_those_of_sessions(stage: Stage) -> None:
    servers = McpServers({"own": stage.puppet(per_session=True)})
    async with CodeMode(mcp=servers) as cm:
        first = await cm.exec(ECHO.format("own"))
        await servers.aclose()
        await gone(first.output)
        result = await cm.exec("text('mcp__own__echo' in tools)")

    assert result.output == "false"


async def test_killing_reaches_the_servers_of_sessions(stage: Stage) -> None:
    servers = McpServers({"own": stage.puppet(per_session=True)})
    async with CodeMode(mcp=servers) as cm:
        first = await cm.exec(ECHO.format("own"))
        servers.kill()
        await gone(first.output)


async def test_a_change_of_a_shared_server_reaches_all_sessions(stage: Stage) -> None:
    told: asyncio.Queue[McpStatus] = asyncio.Queue()
    servers = McpServers(
        {"own": stage.puppet(per_session=True), "shared": stage.puppet()},
        handlers=McpHandlers(on_status=told.put_nowait),
    )
    one, two = servers.for_session(), servers.for_session()
    async with one, two, Toolset() as other:
        one.attach(stage.toolset)
        two.attach(other)
        await stage.call("grows", "shared", name="born")
        while (await told.get()).added != ("mcp__shared__born",):
            pass

        assert "mcp__shared__born" in stage.names()
        assert "mcp__shared__born" in {each.name for each in other.definitions}

    assert one.for_session() is one
    assert servers.for_session() is not one
    await servers.aclose()


async def test_servers_that_are_all_shared_need_no_session(stage: Stage) -> None:
    servers = McpServers({"shared": stage.puppet()})

    assert servers.for_session() is servers
