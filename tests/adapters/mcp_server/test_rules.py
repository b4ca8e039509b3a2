"""Which calls programs may make, and who is asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from mcp import Client
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, ErrorData

from .conftest import (
    Serving,
    cell_of,
    command,
    environment,
    over_http,
    over_stdio,
    status_of,
    texts,
)

GUARDS = Path(__file__).with_name("guards.py")
ADD = "text(await tools.add({a: 1, b: 1}).catch((error) => error))"
HINT = "\nHint: go on without it, or tell the user what you would have called it for."

Start: TypeAlias = Callable[..., Serving]


class User:
    """Whoever sits before the client, and answers as told."""

    def __init__(self, *actions: str) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._actions = list(actions)

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        self.asked.append(params.message)
        await self.may_answer.wait()
        action = self._actions.pop(0)
        if action == "error":
            return ErrorData(code=-32000, message="the window is closed")
        return ElicitResult.model_validate({"action": action})


Connect: TypeAlias = Callable[..., Any]


@pytest.fixture(params=["stdio", "http", "http-2026-07-28", "stdio-2026-07-28"])
def connect(request: pytest.FixtureRequest, shared: Start) -> Connect:
    """A client over each transport and protocol."""
    transport, _, mode = request.param.partition("-")

    @asynccontextmanager
    async def connect(*options: str, **client: Any) -> AsyncIterator[Client]:
        kind = {"mode": mode or "legacy", **client}
        over = (
            over_stdio(*options, **kind)
            if transport == "stdio"
            else over_http(shared(*options).url, **kind)
        )
        async with over as connected:
            yield connected

    return connect


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--deny", "ad*"], f"the call of `add` is refused: it is denied here (--deny ad*){HINT}"),
        (
            ["--deny", "add", "--allow", "*"],
            f"the call of `add` is refused: it is denied here (--deny add){HINT}",
        ),
        (["--deny", "hold"], "2"),
        (["--allow", "add"], "2"),
        (
            ["--allow", "hold"],
            "the call of `add` is refused: it is not among the tools that are allowed here (--allow)"
            + HINT,
        ),
        (
            ["--ask", "add", "--allow", "*"],
            "the call of `add` needs approval: this MCP client cannot ask its user"
            f" (it has not declared elicitation){HINT}",
        ),
        (
            ["--description", "short", "--deny", "add"],
            f"the call of `add` is refused: it is denied here (--deny add){HINT}",
        ),
        (["--middleware", f"{GUARDS}:shout"], "2.0!"),
        (["--middleware", f"{GUARDS}:guards"], "2.0!"),
    ],
)
async def test_the_command_line_says_what_programs_may_call(options: list[str], text: str) -> None:
    async with over_stdio(*options) as client:
        assert texts(await client.call_tool("exec", {"code": ADD})) == [text]


async def test_the_search_is_allowed_with_the_tools_that_it_finds() -> None:
    search = "text((await tools.search_tools('add numbers'))[0].name)"
    async with over_stdio("--description", "short", "--allow", "add") as client:
        assert texts(await client.call_tool("exec", {"code": search})) == ["add"]
    async with over_stdio("--description", "short", "--deny", "search_tools") as client:
        result = await client.call_tool("exec", {"code": search})
        assert status_of(result) == "failed"


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("accept", "2"),
        ("decline", "the user did not approve the call of `add`" + HINT),
        ("cancel", "the user did not approve the call of `add`" + HINT),
    ],
)
async def test_the_user_is_asked_and_decides(connect: Connect, action: str, text: str) -> None:
    user = User(action)
    async with connect("--ask", "add", elicitation_callback=user) as client:
        result = await client.call_tool("exec", {"code": f"text('first'); {ADD}"})
        assert texts(result)[:2] == ["first", text]
        assert user.asked == ['A program wants to call add.\nadd({"a": 1, "b": 1})']


async def test_a_client_that_fails_to_ask_gets_no_approval() -> None:
    async with over_stdio("--ask", "add", elicitation_callback=User("error")) as client:
        assert texts(await client.call_tool("exec", {"code": ADD})) == [
            f"the call of `add` needs approval: the client refused: the window is closed{HINT}"
        ]


async def test_several_calls_ask_each_for_itself(connect: Connect) -> None:
    user = User("accept", "decline", "accept")
    code = "text((await Promise.allSettled([1, 2, 3].map((a) => tools.add({a, b: 0})))).map((r) => r.status))"
    async with connect("--ask", "add", elicitation_callback=user) as client:
        result = await client.call_tool("exec", {"code": code})
        assert texts(result)[0] == '["fulfilled","rejected","fulfilled"]'
    assert len(user.asked) == 3


@pytest.mark.parametrize("over", ["stdio", "http"])
async def test_an_answer_may_come_after_the_request_has_ended(over: str, shared: Start) -> None:
    user = User("accept")
    user.may_answer.clear()
    options = ("--ask", "add", "--max-wait-seconds", "0.2")
    client_of = (
        over_stdio(*options, elicitation_callback=user)
        if over == "stdio"
        else over_http(shared(*options).url, elicitation_callback=user)
    )
    async with client_of as client:
        running = await client.call_tool("exec", {"code": ADD})
        cell = {"cell_id": cell_of(running)}
        while not user.asked:
            running = await client.call_tool("wait", cell)
        running = await client.call_tool("wait", cell)
        assert (status_of(running), texts(running)) == (
            "running",
            ["A call waits for the user's approval of `add`: call wait."],
        )
        user.may_answer.set()
        assert (await ended(client, running), len(user.asked)) == (["2"], 1)


def named(result: CallToolResult) -> dict[str, str]:
    """The session of a client of the stateless protocol, if the result names one."""
    found = [each.split()[2].rstrip(":") for each in texts(result) if each.startswith("Session ID")]
    return {"session": found[0]} if found else {}


async def ended(client: Client, result: CallToolResult) -> list[str]:
    """What the program wrote until it was over."""
    seen = texts(result) if status_of(result) != "running" else []
    while status_of(result) == "running":
        result = await client.call_tool("wait", {"cell_id": cell_of(result)})
        seen += texts(result)
    return [each for each in seen if not each.startswith("A call waits")]


async def test_a_call_that_is_ended_is_no_longer_asked_about(connect: Connect) -> None:
    user = User("accept")
    code = "tools.add({a: 1, b: 1}); await new Promise((done) => setTimeout(done, 1)); exit()"
    async with connect("--ask", "add", elicitation_callback=user) as client:
        result = await client.call_tool("exec", {"code": code})
        if status_of(result) == "running":  # it was asked about in the moment before
            await client.call_tool("wait", {"cell_id": cell_of(result), **named(result)})
        assert texts(await client.call_tool("exec", {"code": "text(1)"}))[0] == "1"


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (str(GUARDS), "this names no function"),
        (f"{GUARDS}:missing", "has nothing called 'missing'"),
        (f"{GUARDS}:nothing", "middleware must be callable, got 7"),
        ("no_such_module:guard", "there is no module 'no_such_module'"),
    ],
)
async def test_what_is_no_middleware_is_refused_at_the_start(spec: str, error: str) -> None:
    child = await asyncio.create_subprocess_exec(
        *command("--middleware", spec), env=environment(), stdin=-3, stdout=-1, stderr=-1
    )
    _, said = await child.communicate()
    assert (child.returncode, error in said.decode()) == (2, True)
    assert f"--middleware {spec}" in said.decode()


def test_a_pattern_that_names_no_tool_is_told(serving: Start) -> None:
    server = serving("--deny", "ad", "--allow", "add", "--allow", "hold")
    server.log += server._line()
    assert server.log.splitlines()[-1] == "codemode: no tool is called 'ad' so far"
