"""What a model reads of many tools: order, budget, and what is taken over from before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.protocol.types import ToolDefinition, ToolName
from codemode.surface.catalogue import Catalogue
from codemode.surface.declaration import described
from codemode.surface.description import exec_tool
from codemode.surface.output import token_count

INTRODUCTION = exec_tool().description


def tool(name: str, namespace: str | None = None, text: str = "Do.") -> ToolDefinition:
    public = f"{namespace}__{name}" if namespace else name
    return ToolDefinition(name=public, tool_name=ToolName(name, namespace), description=text)


def names(entries: Any) -> list[str]:
    return [entry.tool.name for entry in entries]


def beyond(catalogue: Catalogue) -> str:
    """The text of exec without its introduction."""
    return catalogue.exec_tool().description.removeprefix(INTRODUCTION)


SEARCH = tool("search_tools")
COST = Catalogue([tool("a")]).entries[0].tokens


def test_everything_is_listed_as_exec_lists_it_without_a_budget() -> None:
    tools = [tool("b"), tool("a"), tool("x", "n")]
    catalogue = Catalogue(tools, search=SEARCH)
    assert catalogue.exec_tool() == exec_tool(tools)
    assert catalogue.tools == described(tools)
    assert catalogue.deferred == ()


@given(st.permutations([("m", "b"), ("m", "a"), ("n", "a"), (None, "z"), (None, "c")]))
def test_tools_of_namespaces_are_sorted_and_the_others_stay_in_order(
    order: list[tuple[str | None, str]],
) -> None:
    found = names(Catalogue(tool(name, namespace) for namespace, name in order).entries)
    assert found == [n for s, n in order if s is None] + ["m__a", "m__b", "n__a"]


def test_what_does_not_fit_is_deferred_and_a_smaller_one_behind_it_still_fits() -> None:
    tools = [tool("a"), tool("b", text="long " * 50), tool("c")]
    catalogue = Catalogue(tools, max_tokens=2 * COST, search=SEARCH)
    assert (names(catalogue.listed), names(catalogue.deferred)) == (["a", "c"], ["b"])
    assert [each.name for each in catalogue.tools] == ["search_tools", "a", "b", "c"]


@pytest.mark.parametrize(("tokens", "deferred"), [(COST - 1, 1), (COST, 0)])
def test_a_tool_fits_up_to_the_last_token(tokens: int, deferred: int) -> None:
    catalogue = Catalogue([tool("a")], max_tokens=tokens, search=SEARCH)
    assert len(catalogue.deferred) == deferred
    assert (catalogue.search is not None) == bool(deferred)


def test_the_heading_of_a_namespace_counts_once() -> None:
    tools = [tool("a", "n"), tool("b", "n")]
    cost = sum(entry.tokens for entry in Catalogue(tools).entries)
    heading = token_count("## n\nPost.\n\n")
    for spare, fits in ((heading - 1, 1), (heading, 2)):
        catalogue = Catalogue(tools, namespaces={"n": "Post."}, max_tokens=cost + spare)
        assert len(catalogue.listed) == fits


def test_deferred_tools_are_counted_by_namespace_and_the_search_is_described() -> None:
    tools = [tool("a", "mail"), tool("b", "mail"), tool("c"), tool("d", "x-y")]
    catalogue = Catalogue(
        tools,
        namespaces={"mail": "\n Post & <b>`parcels`</b>.\nMore.", "x-y": ""},
        max_tokens=0,
        search=SEARCH,
    )
    declared = exec_tool([SEARCH]).description.removeprefix(INTRODUCTION)
    assert (
        beyond(catalogue)
        == (
            "\n\nTools that are not described here, but are methods of `tools` and entries of"
            " `ALL_TOOLS` all the same: 4. Find some with"
            ' `await tools.search_tools("what you need")`, best first, or with'
            " `ALL_TOOLS.filter(t => /word/i.test(t.name + t.description))`; print what you find"
            " before you call it."
            "\n- `mail__…` (2): Post & <b>_parcels_</b>."
            "\n- `x_y__…` (1)"
        )
        + declared
    )


def test_only_some_namespaces_of_deferred_tools_are_named() -> None:
    tools = [tool("a", f"n{at:02}") for at in range(43)]
    lines = beyond(Catalogue(tools, max_tokens=0)).splitlines()
    assert lines[-3:] == ["- `n38__…` (1)", "- `n39__…` (1)", "- and 3 more groups"]


def test_a_namespace_without_a_tool_is_told_of_at_the_end() -> None:
    catalogue = Catalogue(
        [tool("a")], namespaces={"gone": "Server gone: it did not start.", "silent": " "}
    )
    own = exec_tool([tool("a")]).description.removeprefix(INTRODUCTION)
    assert beyond(catalogue) == f"{own}\n\n## gone\nServer gone: it did not start."


def test_its_tokens_are_those_of_all_that_stands_behind_the_introduction() -> None:
    catalogue = Catalogue([tool("a"), tool("b")], max_tokens=COST)
    sections = beyond(catalogue).removeprefix("\n\n").split("\n\n### ")
    assert token_count(beyond(catalogue)) <= catalogue.tokens
    assert catalogue.tokens - token_count(beyond(catalogue)) <= len(sections)


def test_what_was_rendered_before_is_taken_over() -> None:
    kept, gone, new = tool("kept"), tool("gone"), tool("new")
    before = Catalogue([kept, gone])
    after = Catalogue([new, kept], before=before)
    assert after.entries[1] is before.entries[0]
    assert after.exec_tool() == exec_tool([new, kept])


def test_equal_tools_make_equal_bytes() -> None:
    def text() -> str:
        tools = [tool("a", "n"), tool("b", "m"), tool("c")]
        return Catalogue(tools, max_tokens=COST, search=SEARCH).exec_tool().description

    assert text() == text()
