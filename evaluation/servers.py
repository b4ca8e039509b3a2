"""What 40 real MCP servers cost as catalogues, and what a search among deferred tools finds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from codemode import Toolset
from codemode.protocol.types import ToolDefinition, ToolName
from codemode.surface.tool_catalogue import ToolCatalogue
from codemode.tools.mcp.definition import definition, described
from codemode.tools.mcp.naming import Naming
from codemode.tools.ranking import ToolIndex
from codemode.tools.search import ToolSearch, _asked

from . import dojo
from .catalogues import server_sizes
from .tables import Row, write
from .tokens import tokens
from .worlds import World, bound

LISTS: Final = Path(__file__).parents[1] / "tests" / "tool_lists" / "lists"
HITS: Final = (5, 10, 20)


def lists() -> dict[str, dict[str, Any]]:
    """The recorded lists by server."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(LISTS.glob("*.json"))}


def definitions(server: str, tools: Iterable[Any]) -> list[ToolDefinition]:
    """A server's tools as definitions, as a session has them."""
    found = {tool.name: tool for tool in map(described, tools)}
    named = Naming(server, [server]).named(found)
    return [definition(server, tool, named[name]) for name, tool in found.items()]


def run_catalogues() -> list[Row]:
    """Each server alone, and growing numbers of tools of all of them."""
    rows: list[Row] = []
    every: list[ToolDefinition] = []
    for name, found in lists().items():
        tools = definitions(name, found["tools"])
        every += tools
        rows.append({"what": name, "tools": len(tools), **server_sizes(tools)})
    for count in (10, 30, 100, 300, len(every)):
        some = [every[at * len(every) // count] for at in range(count)]
        rows.append({"what": f"{count} of all", "tools": count, **server_sizes(some)})
    return rows


def run_search() -> list[Row]:
    """Recall of the tools that are needed, by the words of the task itself."""
    rows = [_recall("97 tasks, 74 tools", *_dojo())]
    per_server: list[tuple[list[ToolDefinition], list[tuple[str, set[str]]]]] = []
    every: list[ToolDefinition] = []
    asked: list[tuple[str, set[str]]] = []
    for server, found in lists().items():
        tools = definitions(server, found["tools"])
        names = {each.tool_name.name: each.name for each in tools}
        said = [(found["sample"]["request"], found["sample"]["tool"]), *found["asks"]]
        requests = [(text, {names[tool]}) for text, tool in said]
        if len(tools) > max(HITS[:2]):
            per_server.append((tools, requests))
        every += tools
        asked += [(f"{server}: {text}", needed) for text, needed in requests]
    rows.append(_summed("requests at one server of more than 10 tools", per_server))
    rows.append(_recall("requests at 40 servers, the server named", every, asked))
    return rows


def _dojo() -> tuple[list[ToolDefinition], list[tuple[str, set[str]]]]:
    tools: list[ToolDefinition] = []
    asked: list[tuple[str, set[str]]] = []
    for name, suite in dojo.suites().items():
        for each in bound(suite):
            own = each.definition.tool_name.name
            tools.append(
                msgspec.structs.replace(
                    each.definition, name=f"{name}__{own}", tool_name=ToolName(own, name)
                )
            )
        for task in suite.user_tasks.values():
            world = World.open(suite, task)
            needed = {f"{name}__{call.function}" for call in task.ground_truth(world.before)}
            if needed:
                asked.append((task.PROMPT, needed))
    return tools, asked


def _recall(
    what: str, tools: Sequence[ToolDefinition], asked: Iterable[tuple[str, set[str]]]
) -> Row:
    return _summed(what, [(tools, list(asked))])


def _summed(
    what: str, parts: Sequence[tuple[Sequence[ToolDefinition], Sequence[tuple[str, set[str]]]]]
) -> Row:
    needed = requests = 0
    found = dict.fromkeys(HITS, 0)
    short: list[int] = []
    for tools, asked in parts:
        with closing(ToolIndex(tools)) as index:
            for text, names in asked:
                best = [each.name for each in index.search(text, max(HITS))]
                requests += 1
                needed += len(names)
                for hits in HITS:
                    found[hits] += len(names.intersection(best[:hits]))
        short += _hit_tokens(tools, [text for text, _ in asked])
    return {
        "what": what,
        "requests": requests,
        "needed": needed,
        **{f"found_in_{hits}": found[hits] for hits in HITS},
        "tokens_of_a_hit": round(sum(short) / len(short), 1),
        "most_tokens_of_a_hit": max(short),
    }


def _hit_tokens(tools: Sequence[ToolDefinition], texts: Iterable[str]) -> list[int]:
    """The tokens of each hit as a program prints it."""
    toolset = Toolset(catalogue_tokens=0)
    search = ToolSearch(lambda: toolset.catalogue)
    catalogue = ToolCatalogue(tools, max_tokens=0)
    found: dict[str, int] = {}
    for text in texts:
        for hit in search.search(catalogue, _asked(text)):
            found[hit.name] = tokens(json.dumps(msgspec.to_builtins(hit), ensure_ascii=False))
    search.close()
    return list(found.values())


def save(catalogues: list[Row], recall: list[Row]) -> None:
    """Write what the servers gave."""
    write("servers.csv", catalogues)
    write("search.csv", recall)
