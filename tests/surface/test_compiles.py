"""What a model reads is TypeScript: the compiler takes all of it, and the calls that it allows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codemode.protocol.types import ToolDefinition, ToolName
from codemode.surface.declaration import DeclarationForm, declaration
from codemode.surface.mcp_result import MCP_TYPES
from codemode.surface.tool_catalogue import ToolCatalogue
from codemode.surface.typescript import render
from tests import tool_lists
from tests.tool_lists import record
from tests.typescript import NoCompiler, complaints, find_or_fetch

from .test_typescript import JSON

LISTS = tool_lists.load()
DEPARTURES = json.loads((Path(__file__).parent / "published" / "departures.json").read_text())
_BLOCK = re.compile(r"^```ts\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TOOLS = re.compile(r"^declare const tools: \{", re.MULTILINE)


@pytest.fixture(scope="module")
def tsc() -> Path:
    try:
        return find_or_fetch()
    except NoCompiler as reason:
        pytest.skip(str(reason))


def definitions(server: str) -> list[ToolDefinition]:
    return tool_lists.definitions(server, LISTS[server]["tools"])


def module(text: str, *calls: str) -> str:
    """The code of a text as one module: every tool in one interface, which calls may use."""
    code = "\n".join(_BLOCK.findall(text))
    code = _TOOLS.sub("interface Tools {", code)
    return "\n".join((code, "declare const tools: Tools;", *calls, "export {};", ""))


def test_at_least_thirty_real_servers_are_recorded() -> None:
    assert len(LISTS) >= 30
    for server, found in LISTS.items():
        names = {tool["name"] for tool in found["tools"]}
        assert found["sample"]["tool"] in names, server
        assert [tool for _, tool in found["asks"] if tool not in names] == [], server


def test_the_text_of_every_real_list_compiles_and_takes_its_sample_call(tsc: Path) -> None:
    sources = {}
    for server, found in LISTS.items():
        text = ToolCatalogue(definitions(server)).exec_tool().description
        sample = found["sample"]["tool"]
        (name,) = (each.name for each in definitions(server) if each.tool_name.name == sample)
        arguments = json.dumps(found["sample"]["arguments"])
        call = f"tools.{name}({arguments}).then((result) => result.content);"
        sources[f"{server}.ts"] = module(text, call)
    assert complaints(tsc, sources) == []


@pytest.mark.parametrize("tokens", [None, 20_000, 0], ids="all some none".split())
def test_what_cells_read_of_all_lists_together_compiles(tsc: Path, tokens: int | None) -> None:
    tools = [each for server in LISTS for each in definitions(server)]
    catalogue = ToolCatalogue(tools, max_tokens=tokens)
    declared = _BLOCK.findall(catalogue.exec_tool().description)
    shared = "".join(block for block in declared if not _TOOLS.search(block))
    if MCP_TYPES not in shared:
        shared += MCP_TYPES
    sources = {"shared.d.ts": _TOOLS.sub("interface Tools {", shared)}
    for at, tool in enumerate(catalogue.tools):
        block = _BLOCK.findall(tool.description)[-1]
        sources[f"tool{at}.ts"] = f"{block}export {{}};\n"
    assert complaints(tsc, sources) == []


@pytest.mark.parametrize("form", ["shared", "published"])
def test_each_tool_alone_compiles(tsc: Path, form: DeclarationForm) -> None:
    tools = [each for server in LISTS for each in definitions(server)]
    alone = {
        f"t{n}.ts": f"{declaration(each, form=form)}\nexport {{}};\n"
        for n, each in enumerate(tools)
    }
    said = complaints(tsc, {"shared.d.ts": MCP_TYPES, **alone})
    if form == "shared":
        assert said == []
    else:  # an index signature that contradicts the members beside it
        assert {line.partition("error ")[2][:6] for line in said} <= {"TS2411", ""}


def test_the_departures_from_the_published_client_compile(tsc: Path) -> None:
    types = [f"type T{n} = {case['ours']};" for n, case in enumerate(DEPARTURES)]
    assert complaints(tsc, {"types.ts": "\n".join((*types, "export {};"))}) == []


def test_any_schemas_compile(tsc: Path) -> None:
    found: list[Any] = []

    @settings(max_examples=300, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(JSON, min_size=1, max_size=3))
    def collect(schemas: list[Any]) -> None:
        found.append(schemas)

    collect()
    sources = {}
    for at, schemas in enumerate(found):
        tools = [
            ToolDefinition(
                name=f"t{n}",
                tool_name=ToolName(f"t{n}"),
                description="",
                input_schema=schema,
                output_schema=schemas[0],
            )
            for n, schema in enumerate(schemas)
        ]
        alone = f"type Alone = {render(schemas[-1])};"
        sources[f"m{at}.ts"] = module(ToolCatalogue(tools).exec_tool().description, alone)
    assert complaints(tsc, sources) == []


def test_the_page_names_every_recorded_list() -> None:
    text = record.README.read_text(encoding="utf-8")
    assert text == record.page(text), "run: python -m tests.tool_lists.record NAME"
