"""A search among tools: what it finds, in which order, and what it refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode import CodeMode, ToolCall, ToolDefinition, ToolError, ToolName, tool
from codemode.tools.search import MOST_RESULTS, ToolIndex
from codemode.tools.toolset import Toolset


def definition(name: str, description: str = "", schema: Any = None) -> ToolDefinition:
    return ToolDefinition(
        name=name, tool_name=ToolName(name), description=description, input_schema=schema
    )


TOOLS = [
    definition("mcp__github__createIssue", "Open a ticket."),
    definition("mcp__github__list_pull_requests", "All of them."),
    definition("mail__send", "Write a message, for example about an issue."),
    definition(
        "calendar",
        "Dates.",
        {
            "properties": {
                "when": {"description": "an issue of time"},
                "guests": {"items": {"properties": {"eMailAddress": {}}}},
            }
        },
    ),
]


@pytest.fixture
def index() -> Iterator[ToolIndex]:
    with closing(ToolIndex(TOOLS)) as found:
        yield found


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("issue", ["mcp__github__createIssue", "mail__send", "calendar"]),
        ("creating ISSUES", ["mcp__github__createIssue", "mail__send", "calendar"]),
        ("pull request", ["mcp__github__list_pull_requests"]),
        ("listPull", ["mcp__github__list_pull_requests"]),
        ("address", ["calendar"]),
        ("calen", ["calendar"]),
        ("zebra", []),
        ("", []),
        ('" OR name:* -- )', []),
        ("NEAR(issue, 5) AND NOT", ["mcp__github__createIssue", "mail__send", "calendar"]),
    ],
)
def test_names_weigh_more_than_descriptions_and_these_more_than_parameters(
    index: ToolIndex, query: str, names: list[str]
) -> None:
    assert [found.name for found in index.search(query)] == names


@given(st.text())
def test_any_text_is_a_query(query: str) -> None:
    with closing(ToolIndex(TOOLS)) as index:
        assert {found.name for found in index.search(query)} <= {each.name for each in TOOLS}


@given(st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_schema_is_read(schema: Any) -> None:
    for each in (schema, {"properties": schema}, {"properties": {"a": schema}, "items": schema}):
        ToolIndex([definition("a", schema=each)]).close()


def test_tools_that_match_alike_come_in_their_order(index: ToolIndex) -> None:
    tools = [definition(f"t{letter}", "same words") for letter in "dacb"]
    with closing(ToolIndex(tools)) as alike:
        assert [found.name for found in alike.search("same", 3)] == ["td", "ta", "tc"]


def numbers(count: int) -> list[Any]:
    return [
        tool(name=f"number_{at}", description="A number.")(lambda at=at: at) for at in range(count)
    ]


def test_a_long_description_is_cut_in_a_result() -> None:
    with closing(ToolIndex([definition("long", "word " * 3_000)])) as index:
        (found,) = index.search("word")
    assert found.description == "word " * 2_000 + "…"


def test_where_sqlite_has_no_index_of_words_another_way_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = Mock()
    database.execute.side_effect = sqlite3.OperationalError("no such module: fts5")
    monkeypatch.setattr("codemode.tools.search.sqlite3.connect", lambda *_, **__: database)
    with pytest.raises(ToolError) as caught:
        ToolIndex(TOOLS)
    assert str(caught.value) == (
        "tools cannot be searched here: no such module: fts5"
        "\nHint: filter ALL_TOOLS by name and description instead."
    )
    database.close.assert_called_once_with()


@pytest.mark.parametrize(
    ("argument", "count"),
    [('"number"', 10), ('{query: "number", limit: 2}', 2), ('{query: "number", limit: 999}', 50)],
)
async def test_a_program_finds_deferred_tools_and_calls_them(argument: str, count: int) -> None:
    async with CodeMode(tools=numbers(60), engine="threads", catalogue_tokens=0) as cm:
        result = await cm.exec(
            f"const found = await tools.search_tools({argument});"
            "text(found.length); text(found[0]); text(await tools[found[0].name]({}))"
        )
    assert MOST_RESULTS == 50
    assert [item.text for item in result.items[1:]] == [  # type: ignore[union-attr]  # all are texts
        str(count),
        '{"name":"number_0","description":"A number.","declaration":"declare const tools:'
        ' { number_0(args: { at?: unknown; }): Promise<unknown>; };"}',
        "0",
    ]


@pytest.mark.parametrize(
    ("argument", "first"),
    [
        ("", "search_tools expects a text, or an object with query and limit"),
        ("5", "search_tools expects a text, or an object with query and limit"),
        ("{query: 'a', q: 1}", "search_tools expects a text, or an object with query and limit"),
        ("{query: 'a', limit: 0}", "limit must be a positive integer"),
        ("{query: 'a', limit: 1.5}", "limit must be a positive integer"),
    ],
)
async def test_what_is_no_query_is_refused_with_a_hint(argument: str, first: str) -> None:
    async with CodeMode(tools=numbers(1), engine="threads", catalogue_tokens=0) as cm:
        result = await cm.exec(
            f"try {{ await tools.search_tools({argument}) }} catch (e) {{ text(e) }}"
        )
    assert result.items[-1].text == (  # type: ignore[union-attr]  # it is a text
        f'{first}\nHint: pass words for what you need, tools.search_tools("create an issue"), or'
        ' {query: "create an issue", limit: 5}.'
    )


async def test_there_is_no_search_where_everything_is_described() -> None:
    async with CodeMode(tools=numbers(1), engine="threads") as cm:
        result = await cm.exec("text(typeof tools.search_tools); text(ALL_TOOLS.length)")
        assert "search_tools" not in cm.exec_tool.description
    assert result.text.splitlines()[-2:] == ["undefined", "1"]


async def test_a_search_passes_the_chain_and_finds_nothing_that_was_withdrawn() -> None:
    seen: list[ToolName] = []

    async def trace(call: ToolCall, following: Any) -> Any:
        seen.append(call.tool_name)
        return await following(call)

    toolset = Toolset(numbers(3), middleware=[trace], catalogue_tokens=0)
    async with toolset, CodeMode(tools=toolset, engine="threads") as cm:
        await cm.exec("await tools.search_tools('number')")
        toolset.remove("number_1")
        result = await cm.exec("text((await tools.search_tools('number')).map(t => t.name))")

    assert seen == [ToolName("search_tools", "codemode")] * 2
    assert result.text.splitlines()[-1] == '["number_0","number_2"]'


async def test_the_search_gives_way_to_a_tool_of_its_name() -> None:
    own = tool(name="search_tools", description="Mine.")(lambda: "mine")
    async with CodeMode(tools=[own], engine="threads", catalogue_tokens=0) as cm:
        result = await cm.exec(
            "text(await tools.search_tools({})); text((await tools.search_tools_2('mine')).length)"
        )
        assert "tools.search_tools_2(" in cm.exec_tool.description
    assert result.text.splitlines()[-2:] == ["mine", "1"]
