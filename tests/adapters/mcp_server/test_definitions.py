"""How exec is described to clients that cut descriptions."""

from hypothesis import given
from hypothesis import strategies as st

from codemode.adapters.mcp_server.definitions import SHORT_BYTES, short_description


@given(
    st.lists(st.text("aé_😀", min_size=1, max_size=200)), st.sampled_from([None, "search_tools"])
)
def test_a_short_description_is_short_whatever_tools_are_called(
    names: list[str], search: str | None
) -> None:
    text = short_description(names, search)
    assert len(text.encode()) <= SHORT_BYTES


def test_a_short_description_counts_the_names_that_do_not_fit() -> None:
    names = [f"tool_{n}" for n in range(1_000)]
    last = short_description(names).splitlines()[-1]
    shown = last.removeprefix("Tools: ").split(", ")
    rest = 1_000 - len(shown[:-1])
    assert shown == [*names[: len(shown) - 1], f"and {rest} more."]


def test_a_short_description_says_how_to_look_tools_up() -> None:
    assert "tools.search_tools({ query" in short_description(["a"], "search_tools")
    assert "ALL_TOOLS.filter(" in short_description(["a"])
    assert "Tools:" not in short_description([])
