"""The servers of an ``mcp.json`` behind ``exec``."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp.client.session import IncomingMessage
from mcp.client.subscriptions import ToolsListChanged
from mcp_types import (
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequestParams,
    ElicitResult,
    TextContent,
    ToolListChangedNotification,
)

from .conftest import TERMINATE, Connect, Serving, over_http, over_stdio, texts, until

SECRET = "a-secret-of-the-server"
UPSTREAM = Path(__file__).with_name("upstream.py")


@pytest.fixture
def config(tmp_path: Path) -> str:
    """An ``mcp.json`` with one server."""
    entry = {
        "command": sys.executable,
        "args": [str(UPSTREAM), str(tmp_path / "pid")],
        "env": {"UPSTREAM_SECRET": SECRET},
    }
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"up": entry}}))
    return str(path)


@pytest.fixture
def own(config: str) -> str:
    """The same, of which each session has one for itself."""
    path = Path(config)
    said = json.loads(path.read_text())
    said["mcpServers"]["up"]["perSession"] = True
    path.write_text(json.dumps(said))
    return config


async def test_programs_call_the_tools_of_servers_and_do_not_see_their_secrets(
    connect: Connect, config: str
) -> None:
    program = "text((await tools.mcp__up__secret_length()).structuredContent.result)"
    async with connect("--mcp", config) as client:
        run = (await client.list_tools()).tools[0]
        assert "mcp__up__secret_length(" in (run.description or "")
        result = await client.call_tool("exec", {"code": program})
        assert texts(result) == [str(len(SECRET))]
        everything = "text([ALL_TOOLS, Object.getOwnPropertyNames(globalThis)])"
        seen = str(await client.call_tool("exec", {"code": everything}))
        assert SECRET not in seen and SECRET not in str(run)


@pytest.mark.parametrize("form", ["full", "short"])
async def test_a_client_hears_that_the_tools_of_a_server_have_changed(
    connect: Connect, config: str, form: str
) -> None:
    changed = asyncio.Event()

    async def hear(message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            changed.set()

    options = ("--mcp", config, "--description", form)
    async with connect(*options, message_handler=hear) as client:
        before = (await client.list_tools()).tools[0].description or ""
        await client.call_tool("exec", {"code": "await tools.mcp__up__grow()"})
        await changed.wait()
        after = (await client.list_tools()).tools[0].description or ""
        assert ("mcp__up__grown" in before, "mcp__up__grown" in after) == (False, True)
        result = await client.call_tool(
            "exec", {"code": "text((await tools.mcp__up__grown()).content[0].text)"}
        )
        assert texts(result) == ["tall"]


async def test_a_stateless_client_that_listens_hears_it_too(
    shared: Callable[..., Serving], config: str
) -> None:
    async with over_http(shared("--mcp", config).url, mode="2026-07-28") as client:
        await client.list_tools()
        async with client.listen(tools_list_changed=True) as events:
            await client.call_tool("exec", {"code": "await tools.mcp__up__grow()"})
            assert await anext(aiter(events)) == ToolsListChanged()


async def test_a_short_description_leads_to_a_search(connect: Connect, config: str) -> None:
    async with connect("--mcp", config, "--description", "short") as client:
        run = (await client.list_tools()).tools[0]
        assert "tools.search_tools(" in (run.description or "")
        program = "text((await tools.search_tools({query: 'secret'}))[0].name)"
        result = await client.call_tool("exec", {"code": program})
        assert texts(result) == ["mcp__up__secret_length"]


async def test_servers_end_with_the_client(config: str, tmp_path: Path) -> None:
    async with over_stdio("--mcp", config) as client:
        await client.list_tools()
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, 0)
    await until(lambda: not _lives(pid))


async def test_a_second_signal_leaves_no_server_either(
    serving: Callable[..., Serving], tmp_path: Path
) -> None:
    """One that hears nothing, for whose end the first signal would wait."""
    deaf = (
        "import os, signal, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))\n"
        "time.sleep(600)"
    )
    note, path = tmp_path / "pid", tmp_path / "mcp.json"
    entry = {"command": sys.executable, "args": ["-c", deaf, str(note)], "startupTimeout": 3600000}
    path.write_text(json.dumps({"mcpServers": {"deaf": entry}}))
    server = serving("--mcp", str(path))
    await until(lambda: note.exists() and note.read_text() != "")

    def ended() -> bool:
        server.child.send_signal(TERMINATE)  # two at once may arrive as one
        return server.child.poll() is not None

    await until(ended)

    assert server.child.returncode == 128 + TERMINATE
    await until(lambda: not _lives(int(note.read_text())))


async def test_a_server_that_cannot_start_is_named_and_the_others_work(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"gone": {"command": "/no/such/program"}}}))
    async with over_stdio("--mcp", str(path)) as client:
        run = (await client.list_tools()).tools[0]
        assert "MCP server `gone` is not available" in (run.description or "")
        result = await client.call_tool("exec", {"code": "text(await tools.add({a: 1, b: 1}))"})
        assert texts(result) == ["2"]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# ── what a server asks ───────────────────────────────────────────────────────────────────────────

PAINT = "text((await tools.mcp__up__paint()).content[0].text)"
RHYME = "text((await tools.mcp__up__rhyme({word: 'cell'})).content[0].text)"
CAUGHT = "text(await tools.mcp__up__paint().catch((error) => error))"


class Human:
    """Answers what a server asks, with a colour or a rhyme."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def choose(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return ElicitResult(action="accept", content={"colour": "red"})

    async def rhyme(self, context: Any, params: CreateMessageRequestParams) -> CreateMessageResult:
        block = params.messages[0].content
        assert isinstance(block, TextContent)
        self.asked.append(block.text)
        return CreateMessageResult(role="assistant", content=TextContent(text="bell"), model="m")


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_what_a_server_asks_reaches_the_user_and_the_model_of_the_client(
    connect: Connect, config: str, mode: str
) -> None:
    human = Human()
    asked = {"elicitation_callback": human.choose, "sampling_callback": human.rhyme}
    async with connect("--mcp", config, mode=mode, **asked) as client:
        painted = await client.call_tool("exec", {"code": PAINT})
        rhymed = await client.call_tool("exec", {"code": RHYME})
        assert [texts(each)[0] for each in (painted, rhymed)] == ["red", "bell"]
    assert human.asked == ["MCP server up: Which colour?", "Rhyme cell"]


async def test_a_server_is_told_that_a_client_cannot_be_asked(config: str) -> None:
    async with over_stdio("--mcp", config) as client:
        (said,) = texts(await client.call_tool("exec", {"code": CAUGHT}))
        assert "this MCP client cannot ask its user (it has not declared elicitation)" in said


async def test_of_two_clients_that_a_server_works_for_none_is_asked(
    shared: Callable[..., Serving], config: str
) -> None:
    url, one, two = shared("--mcp", config).url, Human(), Human()
    waits = asyncio.Event()

    async def think(context: Any, params: ElicitRequestParams) -> ElicitResult:
        one.asked.append(params.message)
        waits.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with (
        over_http(url, elicitation_callback=think) as first,
        over_http(url, elicitation_callback=two.choose) as second,
    ):
        calling = asyncio.create_task(first.call_tool("exec", {"code": PAINT}))
        await waits.wait()
        (said,) = texts(await second.call_tool("exec", {"code": CAUGHT}))
        assert '"perSession": true in the configuration' in said
        calling.cancel()
        await asyncio.wait({calling})
    assert (len(one.asked), two.asked) == (1, [])


@pytest.mark.parametrize("calls", [1, 2], ids=["one call each", "two calls each"])
async def test_each_of_two_clients_is_asked_by_the_server_that_is_its_own(
    shared: Callable[..., Serving], own: str, calls: int
) -> None:
    url = shared("--mcp", own).url
    all_asked = asyncio.Barrier(2 * calls)

    def asked_for(colour: str) -> Callable[..., Any]:
        async def choose(context: Any, params: ElicitRequestParams) -> ElicitResult:
            await all_asked.wait()  # calls of both clients are under way now
            return ElicitResult(action="accept", content={"colour": colour})

        return choose

    program = (
        f"const all = await Promise.all(Array.from({{length: {calls}}}, () => tools.mcp__up__paint()));"
        "text(all.map(each => each.content[0].text).join())"
    )
    async with (
        over_http(url, elicitation_callback=asked_for("red")) as first,
        over_http(url, elicitation_callback=asked_for("blue")) as second,
    ):
        painted = await asyncio.gather(
            *(each.call_tool("exec", {"code": program}) for each in (first, second))
        )

    assert [texts(each) for each in painted] == [
        [",".join(["red"] * calls)],
        [",".join(["blue"] * calls)],
    ]
