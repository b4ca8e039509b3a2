"""What becomes of a server's list of tools, an honest one and others."""

import pytest

from codemode.errors import UsageError
from codemode.surface.declaration import declaration
from codemode.tools.mcp import McpServers

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
        "mcp__puppet__go_on_295af8462494",
        "mcp__puppet__go_on",
        "mcp__puppet__twice",
        "mcp__puppet__no_schema",
        "mcp__puppet__true_schema",
        "mcp__puppet__odd",
        "mcp__puppet__deep",
    ]
    assert stage.states[-1].problems == (
        "its tool `twice` is listed twice",
        "its tool `` has no name",
        f"its tool `{'n' * 256}` has a name of more than 256 characters",
        "of its tool `no_schema` `inputSchema` is not used: malformed",
        "of its tool `true_schema` `inputSchema` is not used: malformed",
        "its tool `a_string` takes something else than an object",
        "its tool `a_list` has a malformed schema",
        "of its tool `odd` `annotations` and `title` and `description` and `outputSchema` are not"
        " used: malformed",
        "its tool `long` is described in more than a MiB",
        "its tool `` has no name",
        "its tool `` is no object",
    )
    described = stage.toolset.catalogue.exec_tool().description
    assert (
        "\n## mcp__puppet\nPull the strings.\n8 of its tools are left out: has no name (2), is listed"
        " twice (1), has a name of more than 256 characters (1), takes something else than an object"
        " (1), has a malformed schema (1), is described in more than a MiB (1), is no object (1).\n"
    ) in described


async def test_a_list_that_was_cut_is_told_to_the_model(stage: Stage) -> None:
    await stage.start({"puppet": stage.puppet("circular-pages")})

    described = stage.toolset.catalogue.exec_tool().description

    assert (
        "\nPull the strings.\n2 of its tools are left out: is listed twice (2). Not all of its tools"
        " are here: its list of tools goes in circles.\n"
    ) in described


async def test_a_server_without_tools_is_no_failure(stage: Stage) -> None:
    servers = await stage.start({"puppet": stage.puppet("no-tools"), "other": stage.puppet()})

    assert servers.unavailable == {}
    assert [each.problems for each in stage.states if each.state == "ready"] in (
        [("it has no tools",), ()],
        [(), ("it has no tools",)],
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
    assert stage.states[-1].problems == (
        "its list of tools is longer than 0 MiB; the rest is not used",
    )


async def test_a_tool_of_too_many_members_is_left_out(stage: Stage) -> None:
    await stage.start({"puppet": stage.puppet("full-schemas")})

    assert "mcp__puppet__t1" not in stage.names()
    assert stage.states[-1].problems[0] == "its tool `t1` is described by more than 20,000 members"


async def test_a_list_that_is_too_large_is_not_read(stage: Stage) -> None:
    servers = await stage.start({"puppet": stage.puppet("huge-list")})

    assert servers.unavailable == {"puppet": "its answer has more than 100,000 members"}


async def test_servers_of_like_names_get_along(stage: Stage) -> None:
    await stage.start({"a-b": stage.puppet(), "a_b": stage.puppet()})

    assert len(set(stage.names())) == 48
    assert await stage.call("echo", "a-b", said="1")
    assert await stage.call("echo", "a_b", said="2")


def test_a_server_is_no_json() -> None:
    with pytest.raises(UsageError, match=r"^MCP server `time` is of type dict\nHint: "):
        McpServers({"time": {"command": "mcp-server-time"}})


def test_a_server_needs_a_name() -> None:
    with pytest.raises(UsageError, match=r"^an MCP server has an empty name"):
        McpServers({"": object()})
