"""Idempotency keys: equal for the same call of the same cell, and for nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from codemode.protocol.types import CellId, ToolCall, ToolName
from codemode.surface.canonical_json import canonical
from codemode.tools.occurrences import Occurrences


def made(
    name: str = "pay", value: Any = UNSET, cell: str = "1", namespace: str | None = None
) -> ToolCall:
    return ToolCall(
        cell_id=CellId(cell),
        runtime_tool_call_id="tool-1",
        tool_name=ToolName(name, namespace),
        input=value,
    )


def test_each_call_of_a_kind_has_its_own_key_and_a_cell_that_is_made_again_the_same_ones() -> None:
    calls = [
        made(value={"a": 1, "b": 2}),
        made(value={"b": 2, "a": 1}),
        made(value={"a": 1}),
        made("other", {"a": 1}),
        made("other", {"a": 1}, namespace="n"),
        made("n__other", {"a": 1}),
        made(value={"a": 1}, cell="2"),
        made(),
        made(value=[]),
    ]
    first, second, third = (
        [occurrences.key(each) for each in calls]
        for occurrences in (Occurrences("s"), Occurrences("s"), Occurrences("t"))
    )
    assert (len(set(first)), second, set(third) & set(first)) == (len(calls), first, set())


@given(st.permutations([("a", 1), ("a", 1), ("a", 2), ("b", 1)]))
def test_the_order_of_calls_that_differ_makes_no_difference(order: list[tuple[str, int]]) -> None:
    def keys(calls: list[tuple[str, int]]) -> list[str]:
        occurrences = Occurrences("s")
        return sorted(occurrences.key(made(name, {"n": n})) for name, n in calls)

    assert keys(order) == keys(sorted(order))


def test_a_cell_that_is_over_is_forgotten() -> None:
    occurrences = Occurrences("s")
    first = occurrences.key(made())
    occurrences.forget(CellId("1"))
    assert (occurrences.key(made()), repr(occurrences)) == (first, "<occurrences in 1 cells>")


def test_canonical_json_has_its_members_in_order_and_takes_half_a_surrogate_pair() -> None:
    assert canonical({"b": [1.0, True], "a": "\ud800"}) == '{"a":"\\ud800","b":[1.0,true]}'
