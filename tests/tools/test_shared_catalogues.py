"""What belongs to a list of tools is made once for all who have it, and not in the event loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest

from codemode.protocol.types import ToolDefinition, ToolName
from codemode.runtime.enabled import AT_ONCE_TOOLS as ENCODED_AT_ONCE
from codemode.runtime.enabled import Catalogues
from codemode.surface import declaration
from codemode.surface import tool_catalogue as surface_catalogue
from codemode.tools import search
from codemode.tools.ranking import ToolIndex
from codemode.tools.search import SEARCH
from codemode.tools.shared_catalogues import AT_ONCE_TOOLS
from codemode.tools.toolset import Toolset
from tests.engine.driving import eventually
from tests.tools.conftest import tool_call

MANY = 3 * AT_ONCE_TOOLS


class Given:
    """A tool of somebody else's, one object for all toolsets."""

    def __init__(self, number: int) -> None:
        name = f"lists_things_{number}"
        self.definition = ToolDefinition(
            name=name,
            tool_name=ToolName(name),
            description="Lists things.",
            input_schema={"type": "object", "properties": {f"of_{number}": {"type": "string"}}},
        )

    async def invoke(self, call: Any, context: Any) -> str:
        return "done"


def lists_files(folder: str) -> list[str]:
    "Lists the files of a folder."
    return [folder]


@pytest.fixture(name="many")
def _many() -> list[Given]:
    return [Given(number) for number in range(MANY)]


@pytest.fixture(name="readers")
def _readers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In which threads schemas are read, one entry each."""
    found: list[str] = []
    read = declaration.signature_of

    def noted(definition: ToolDefinition) -> Any:
        found.append(threading.current_thread().name)
        return read(definition)

    monkeypatch.setattr(surface_catalogue, "signature_of", noted)
    return found


async def test_toolsets_with_the_same_tools_have_one_catalogue(
    many: list[Given], readers: list[str]
) -> None:
    # A plain function is read anew for each of them.
    toolsets = [Toolset([lists_files, *many]) for _ in range(5)]
    catalogues = await asyncio.gather(*(each.read() for each in toolsets))

    assert [each is catalogues[0] for each in catalogues] == [True] * 5
    assert [each.catalogue is catalogues[0] for each in toolsets] == [True] * 5
    assert toolsets[0].definitions is toolsets[4].definitions
    assert readers == ["codemode-fair"] * (MANY + 1)


async def test_toolsets_that_say_something_else_of_a_namespace_or_have_another_budget_have_their_own(
    many: list[Given],
) -> None:
    plain = await Toolset(many).read()

    assert await Toolset(many, catalogue_tokens=100).read() is not plain
    assert await Toolset(many, namespaces={"mail": "Mail."}).read() is not plain
    assert await Toolset(reversed(many)).read() is not plain


async def test_few_tools_are_read_at_once(readers: list[str]) -> None:
    toolset = Toolset([lists_files])
    found = await toolset.read()

    assert readers == [threading.main_thread().name]
    assert found is toolset.catalogue


async def test_while_tools_are_read_the_catalogue_is_the_one_of_before(many: list[Given]) -> None:
    toolset = Toolset([lists_files])
    before = toolset.catalogue
    toolset.add(*many)
    reading = asyncio.create_task(toolset.read())
    await asyncio.sleep(0)

    assert toolset.catalogue is before
    assert toolset.catalogue is not await reading
    assert len(toolset.catalogue.entries) == MANY + 1


async def test_tools_that_come_while_others_are_read_are_in_the_next_catalogue(
    many: list[Given],
) -> None:
    toolset = Toolset(many)
    reading = asyncio.create_task(toolset.read())
    await asyncio.sleep(0)
    toolset.add(lists_files)

    assert len((await reading).entries) == MANY
    assert len((await toolset.read()).entries) == MANY + 1


async def test_one_more_tool_costs_one_reading(many: list[Given], readers: list[str]) -> None:
    toolset = Toolset(many)
    await toolset.read()
    readers.clear()
    toolset.add(lists_files)
    await toolset.read()

    assert len(readers) == 1


async def test_a_list_that_nobody_has_any_more_is_forgotten(many: list[Given]) -> None:
    toolset = Toolset(many)
    kept = weakref.ref(await toolset.read())
    toolset = Toolset()
    gc.collect()

    await eventually(lambda: kept() is None)  # the thread that has made it has ended
    assert len(toolset) == 0


async def test_a_changed_list_leaves_nothing_of_those_before(many: list[Given]) -> None:
    toolset = Toolset(many)
    kept = []
    for number in range(4):
        toolset.remove("lists_things_0")
        toolset.add(Given(0))
        kept.append(weakref.ref(await toolset.read()))
        assert toolset.definitions[-1].name == "lists_things_0", number
    gc.collect()

    await eventually(lambda: [each() is None for each in kept] == [True, True, True, False])


async def test_searches_of_all_toolsets_share_the_words(
    many: list[Given], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    index = ToolIndex

    def noted(*given: Any) -> Any:
        made.append(threading.current_thread().name)
        return index(*given)

    monkeypatch.setattr(search, "ToolIndex", noted)
    call = tool_call("search_tools", {"query": "things", "limit": 2}, namespace=SEARCH.namespace)
    toolsets = [Toolset(many, catalogue_tokens=100) for _ in range(3)]
    hits = [await each.invoke_tool(call, asyncio.Event()) for each in toolsets]

    assert hits[0][0]["name"] == "lists_things_0" and hits == [hits[0]] * 3
    assert made == ["codemode-fair"]


async def test_sessions_with_the_same_tools_send_one_catalogue_to_their_workers() -> None:
    def tools() -> tuple[ToolDefinition, ...]:
        return tuple(Given(number).definition for number in range(ENCODED_AT_ONCE + 1))

    one, other = Catalogues(), Catalogues()
    first = await one.of(tools())

    assert await other.of(tools()) is first
    assert other.known(tools()) is first
    assert await one.of(tools()[1:]) is not first
