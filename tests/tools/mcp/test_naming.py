"""Names of servers' tools: the same whoever comes first, and no other server's."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.protocol.types import ToolName
from codemode.surface.identifiers import is_identifier, normalize
from codemode.tools.mcp.naming import Named, Naming

from .conftest import Stage


def public(server: str, tools: list[str], servers: list[str]) -> list[str]:
    return [each.public for each in Naming(server, servers).named(tools).values()]


def test_a_tool_has_the_name_that_models_know() -> None:
    assert Naming("my-git", ["my-git"]).named(["git.log", "9x", "exec"]) == {
        "git.log": Named(ToolName("git.log", "mcp__my-git"), "mcp__my_git__git_log"),
        "9x": Named(ToolName("9x", "mcp__my-git"), "mcp__my_git__9x"),
        "exec": Named(ToolName("exec", "mcp__my-git"), "mcp__my_git__exec"),
    }


def test_a_tool_cannot_take_the_name_of_another_servers() -> None:
    servers = ["a", "a__b"]

    assert Naming("a__b", servers).named(["c"]) == {
        "c": Named(ToolName("c", "mcp__a__b"), "mcp__a__b__c")
    }
    (found,) = Naming("a", servers).named(["b__c"]).values()
    assert found.public == "mcp__a__b_c_01b8a75bced8"
    assert str(found.tool_name) == found.public, "its own name would pass for the other's in rules"


@pytest.mark.parametrize(
    ("servers", "prefixes"),
    [
        (["a-b", "a_b"], ["mcp__a_b__", "mcp__a_b_2__"]),
        (["a_b", "a-b"], ["mcp__a_b__", "mcp__a_b_2__"]),
        (["a-b", "a_b", "a.b"], ["mcp__a_b__", "mcp__a_b_2__", "mcp__a_b_3__"]),
        (["a-b", "a_b", "a_b_2"], ["mcp__a_b__", "mcp__a_b_3__", "mcp__a_b_2__"]),
        (["日本", "中国"], ["mcp______", "mcp_____2__"]),
    ],
)
def test_servers_that_are_written_alike_are_numbered_in_the_order_of_the_configuration(
    servers: list[str], prefixes: list[str]
) -> None:
    assert [public(each, ["t"], servers)[0] for each in servers] == [f"{p}t" for p in prefixes]


def test_names_that_are_not_ascii_stay_apart_and_keep_their_names_in_another_order() -> None:
    tools = ["查询", "删除", "naïve", "get_it", "get-it"]
    found = Naming("s", ["s"]).named(tools)

    assert {tool: each.public for tool, each in found.items()} == {
        "查询": "mcp__s_____941a2bc93368",
        "删除": "mcp__s_____dc35eff90f7e",
        "naïve": "mcp__s__na_ve",
        "get_it": "mcp__s__get_it",
        "get-it": "mcp__s__get_it_a061158b5565",
    }
    for order in permutations(tools):
        assert dict(Naming("s", ["s"]).named(order)) == found


names = st.text(st.sampled_from("ab_-9日é"), min_size=1, max_size=8)


@given(st.lists(names, min_size=1, max_size=4, unique=True), st.lists(names, max_size=6))
def test_no_tool_begins_with_the_prefix_of_a_server_that_it_could_pass_for(
    servers: list[str], tools: list[str]
) -> None:
    prefixes = {each: Naming(each, servers)._prefix for each in servers}
    found = {}
    for server in servers:
        for tool, named in Naming(server, servers).named(tools).items():
            assert is_identifier(named.public)
            assert named.public.startswith(prefixes[server])
            longer = [p for p in prefixes.values() if len(p) > len(prefixes[server])]
            written = [f"mcp__{each}__" for each in servers if each != server]
            longer += [p for p in written if len(p) > len(f"mcp__{server}__")]
            assert not str(named.tool_name).startswith(tuple(longer))
            assert not named.public.startswith(tuple(map(normalize, longer)))
            found[server, tool] = named.public
    assert len(set(prefixes.values())) == len(servers)
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
async def test_names_do_not_depend_on_who_is_there_first(
    stage: Stage, order: tuple[str, str]
) -> None:
    """One of the two is held back until the other is there."""
    late = {"second": "a", "first": "a__b"}[order[1]]
    told = {"a": "takes-over", "a__b": "just-c"}
    servers = {
        name: stage.puppet(behaviour, *(["fetches"] if name == late else []), start_timeout=0.5)
        for name, behaviour in told.items()
    }
    await stage.start(servers)
    with stage.gate.open("w"):
        pass
    while stage.states[-1].server != late or stage.states[-1].state != "ready":
        await stage.until("ready")

    assert sorted(stage.names()) == ["mcp__a__b__c", "mcp__a__b_c_01b8a75bced8"]
    assert await stage.call("c", "a__b") == {"content": [{"type": "text", "text": "c"}]}
    assert await stage.call("b_c_01b8a75bced8", "a") == {
        "content": [{"type": "text", "text": "b__c"}]
    }
