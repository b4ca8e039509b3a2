"""What becomes of a server's list of tools, an honest one and others."""

from typing import Any

import pytest
from mcp_types.methods import validate_server_result

from codemode.errors import UsageError
from codemode.surface.declaration import declaration
from codemode.tools.mcp import McpServers, listing

from .conftest import Stage


async def test_tools_have_the_names_that_models_know(stage: Stage) -> None:
    await stage.start()

    first = stage.toolset.definitions[0]

    assert (first.name, first.tool_name.name, first.tool_name.namespace) == (
        "mcp__puppet__echo",
        "echo",
        "mcp__puppet",
    )
    assert declaration(first) == (
        "declare const tools: { mcp__puppet__echo(args: { [key: string]: unknown; }):"
        " Promise<CallToolResult<{ said?: string; }>>; };"
    )


async def test_a_server_speaks_for_itself_in_the_text_of_exec(stage: Stage) -> None:
    await stage.start()

    description = stage.toolset.catalogue.exec_tool().description

    assert "\n## mcp__puppet\nPull the strings.\n" in description


async def test_odd_tools_are_named_and_do_not_take_the_others_down(stage: Stage) -> None:
    await stage.start({"puppet": stage.puppet("odd-tools")})

    assert stage.names() == [
        "mcp__puppet____proto__",
        "mcp__puppet__then",
        "mcp__puppet__go_on_2",
        "mcp__puppet__go_on",
        "mcp__puppet__twice",
        "mcp__puppet__deep",
    ]
    assert stage.states[-1].problems == (
        "its tool `twice` is listed twice",
        "its tool `` has an empty name",
        f"its tool `{'n' * 256}` has a name of more than 256 characters",
        "its tool `no_schema` has a malformed definition",
        "its tool `true_schema` has a malformed definition",
        "its tool `a_string` has a malformed definition",
        "its tool `long` is described in more than a MiB",
        "its tool `` has a malformed definition",
        "its tool `` has a malformed definition",
    )


@pytest.mark.parametrize(
    ("behaviour", "count", "problem"),
    [
        ("endless-pages", 20, "its list of tools has more than 20 pages; the rest is not used"),
        ("circular-pages", 2, "its list of tools goes in circles"),
        ("thousands", 10_000, "it has more than 10,000 tools; the rest is not used"),
        (
            "long-cursors",
            2,
            "its list of tools goes on at a cursor of more than 4,096 characters; the rest is not"
            " used",
        ),
        (
            "full-schemas",
            17,
            "its list of tools has more than 200,000 members; the rest is not used",
        ),
    ],
)
async def test_a_list_without_an_end_is_cut(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, behaviour: str, count: int, problem: str
) -> None:
    monkeypatch.setattr("codemode.tools.mcp.listing.PAGES", 20)

    await stage.start({"puppet": stage.puppet(behaviour)})

    assert len(stage.names()) == count
    assert stage.states[-1].problems[-1:] == (problem,)


async def test_a_list_that_is_too_long_is_cut(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.tools.mcp.listing.LIST_BYTES", 200)

    await stage.start()

    assert 0 < len(stage.names()) < 10
    assert stage.states[-1].problems == ("its list of tools is longer than 0 MiB",)


async def test_a_tool_of_too_many_members_is_left_out(stage: Stage) -> None:
    await stage.start({"puppet": stage.puppet("full-schemas")})

    assert "mcp__puppet__t1" not in stage.names()
    assert stage.states[-1].problems[0] == "its tool `t1` is described by more than 20,000 members"


async def test_no_more_tools_are_looked_at_than_are_used(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    real = validate_server_result

    def counting(method: str, version: str, data: Any) -> None:
        looked_at.append(method)
        real(method, version, data)

    monkeypatch.setattr(listing, "validate_server_result", counting)

    await stage.start({"puppet": stage.puppet("thousands")})

    assert len(looked_at) == 10_001


async def test_a_list_that_is_too_large_is_not_read(stage: Stage) -> None:
    servers = await stage.start({"puppet": stage.puppet("huge-list")})

    assert servers.unavailable == {
        "puppet": "its answer has more than 100,000 members (exit status 0)"
    }


async def test_servers_of_like_names_get_along(stage: Stage) -> None:
    await stage.start({"a-b": stage.puppet(), "a_b": stage.puppet()})

    assert len(set(stage.names())) == 42
    assert await stage.call("echo", "a-b", said="1")
    assert await stage.call("echo", "a_b", said="2")


def test_a_server_is_no_json() -> None:
    with pytest.raises(UsageError, match=r"^MCP server `time` is of type dict\nHint: "):
        McpServers({"time": {"command": "mcp-server-time"}})


def test_a_server_needs_a_name() -> None:
    with pytest.raises(UsageError, match=r"^an MCP server has an empty name"):
        McpServers({"": object()})
