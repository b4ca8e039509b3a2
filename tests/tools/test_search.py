"""A search among tools: what it finds, in which order, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codemode import CodeMode, ToolCall, ToolDefinition, ToolName, tool
from codemode.tools.search import HIT_BYTES, MOST_RESULTS, Hit, _short
from codemode.tools.toolset import Toolset


def numbers(count: int) -> list[Any]:
    return [
        tool(name=f"number_{at}", description="A number.")(lambda at=at: at) for at in range(count)
    ]


@pytest.mark.parametrize(
    ("argument", "count"),
    [('"number"', 10), ('{query: "number", limit: 2}', 2), ('{query: "number", limit: 999}', 50)],
)
async def test_a_program_finds_deferred_tools_and_calls_them(argument: str, count: int) -> None:
    async with CodeMode(tools=numbers(60), catalogue_tokens=0) as cm:
        result = await cm.exec(
            f"const found = await tools.search_tools({argument});"
            "text(found.length); text(found[0]); text(await tools[found[0].name]({}))"
        )
    assert MOST_RESULTS == 50
    assert [item.text for item in result.items[1:]] == [  # type: ignore[union-attr]  # all are texts
        str(count),
        '{"name":"number_0","description":"A number.","parameters":"{ at? }"}',
        "0",
    ]


@pytest.mark.parametrize(
    ("argument", "first"),
    [
        ("", "search_tools expects a text, or an object with query, limit and whole"),
        ("5", "search_tools expects a text, or an object with query, limit and whole"),
        (
            "{query: 'a', q: 1}",
            "search_tools expects a text, or an object with query, limit and whole",
        ),
        ("{query: 'a', limit: 0}", "limit must be a positive integer"),
        ("{query: 'a', limit: 1.5}", "limit must be a positive integer"),
        ("{query: 'a', whole: 1}", "whole must be true or false"),
    ],
)
async def test_what_is_no_query_is_refused_with_a_hint(argument: str, first: str) -> None:
    async with CodeMode(tools=numbers(1), catalogue_tokens=0) as cm:
        result = await cm.exec(
            f"try {{ await tools.search_tools({argument}) }} catch (e) {{ text(e) }}"
        )
    assert result.items[-1].text == (  # type: ignore[union-attr]  # it is a text
        f'{first}\nHint: pass words for what you need, tools.search_tools("create an issue"), or'
        ' {query: "create an issue", limit: 5, whole: true}.'
    )


async def test_there_is_no_search_where_everything_is_described() -> None:
    async with CodeMode(tools=numbers(1)) as cm:
        result = await cm.exec("text(typeof tools.search_tools); text(ALL_TOOLS.length)")
        assert "search_tools" not in cm.exec_tool.description
    assert result.text.splitlines()[-2:] == ["undefined", "1"]


async def test_a_search_passes_the_chain_and_finds_nothing_that_was_withdrawn() -> None:
    seen: list[ToolName] = []

    async def trace(call: ToolCall, following: Any) -> Any:
        seen.append(call.tool_name)
        return await following(call)

    toolset = Toolset(numbers(3), middleware=[trace], catalogue_tokens=0)
    async with toolset, CodeMode(tools=toolset) as cm:
        await cm.exec("await tools.search_tools('number')")
        toolset.remove("number_1")
        result = await cm.exec("text((await tools.search_tools('number')).map(t => t.name))")

    assert seen == [ToolName("search_tools", "codemode")] * 2
    assert result.text.splitlines()[-1] == '["number_0","number_2"]'


async def test_the_search_gives_way_to_a_tool_of_its_name() -> None:
    own = tool(name="search_tools", description="Mine.")(lambda: "mine")
    async with CodeMode(tools=[own], catalogue_tokens=0) as cm:
        result = await cm.exec(
            "text(await tools.search_tools({})); text((await tools.search_tools_2('mine')).length)"
        )
        assert "tools.search_tools_2(" in cm.exec_tool.description
    assert result.text.splitlines()[-2:] == ["mine", "1"]


@dataclass
class File:
    """A file."""

    name: str
    "What its folder calls it."
    owner: str
    path: str


def find_file(name: str) -> list[File]:
    "Find files."
    return []


def get_file(path: str) -> File:
    "Get one file."
    return File("a", "b", path)


async def hits(argument: str, **options: Any) -> list[dict[str, str]]:
    async with CodeMode(catalogue_tokens=0, **options) as cm:
        result = await cm.exec(f"text(await tools.search_tools({argument}))")
    found: list[dict[str, str]] = json.loads(result.output)
    return found


async def test_whole_tools_declare_a_type_that_they_share_once() -> None:
    found = await hits("{query: 'file', whole: true}", tools=[find_file, get_file])
    line = "declare const tools: { {name}; };"
    assert [each.pop("declaration") for each in found] == [
        "type File = {\n  // What its folder calls it.\n  name: string;\n  owner: string;\n"
        "  path: string;\n};\n"
        + line.replace("{name}", "get_file(args: { path: string; }): Promise<File>"),
        line.replace("{name}", "find_file(args: { name: string; }): Promise<Array<File>>"),
    ]
    assert found == [
        {"name": "get_file", "description": "Get one file."},
        {"name": "find_file", "description": "Find files."},
    ]


async def test_the_description_of_a_whole_tool_has_a_bound() -> None:
    long = tool(name="long", description="word " * 3_000)(lambda: None)
    (found,) = await hits("{query: 'word', whole: true}", tools=[long])
    assert found["description"] == "word " * 2_000 + "…"


@given(st.text(max_size=400), st.lists(st.text(max_size=40), max_size=20))
@example("é" * 400, [])
@example('"' * 400, ['"' * 40] * 20)
def test_a_short_hit_is_short(description: str, names: list[str]) -> None:
    schema = {"properties": {name: {} for name in names}, "required": names[:2]}
    given = ToolDefinition(
        name="a_name", tool_name=ToolName("n"), description=description, input_schema=schema
    )
    hit = _short(given)
    size = len(json.dumps(msgspec.to_builtins(hit), ensure_ascii=False).encode(errors="replace"))
    assert size <= HIT_BYTES + len("…".encode())


def test_a_hit_says_what_is_needed_first() -> None:
    schema = {"properties": {"a": {}, "b": {}, "c": {}}, "required": ["c", "b"]}
    given = ToolDefinition(name="n", tool_name=ToolName("n"), description="D.", input_schema=schema)
    assert _short(given) == Hit("n", "D.", "{ b, c, a? }")
