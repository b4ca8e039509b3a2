"""Which values are large, and that their JSON is the same however it is made."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from codemode import large_values
from codemode.json_text import decode_json, encode_json
from codemode.large_values import LARGE_MEMBERS, STEP_MEMBERS, encoded_in_steps, is_large
from codemode.remote.outgoing import json_value


class Model(BaseModel):
    values: list[int]


@dataclasses.dataclass(slots=True)
class Record:
    values: list[int]


class Struct(msgspec.Struct):
    values: list[int]


MANY = [1] * (LARGE_MEMBERS + 1)
FEW = [1] * 10


@pytest.mark.parametrize(
    ("large", "small"),
    [
        (MANY, FEW),
        (tuple(MANY), tuple(FEW)),
        (set(range(LARGE_MEMBERS + 1)), {1}),
        ({str(n): n for n in range(LARGE_MEMBERS + 1)}, {"a": 1}),
        ([[{"a": MANY}]], [[{"a": FEW}]]),
        ([FEW] * 200, [FEW] * 20),
        (Model(values=MANY), Model(values=FEW)),
        (Record(MANY), Record(FEW)),
        (Struct(MANY), Struct(FEW)),
        (np.zeros(LARGE_MEMBERS + 1), np.zeros(10)),
        ("x" * 1_000_000, "x" * 10_000),
        (b"x" * 1_000_000, b"x" * 10_000),
        ([np.zeros((100, 100))], [np.float64(1.0), Model, object(), None, True, 1.5, 2**70]),
    ],
)
def test_what_has_many_members_is_large(large: Any, small: Any) -> None:
    assert (is_large(large), is_large(small)) == (True, False)


def test_a_value_that_holds_itself_has_an_end() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)

    assert is_large(cycle)


STEP = 4
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('aé"\\\ud800', max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3 * STEP)
        | st.dictionaries(st.text('aé"', max_size=3), inner, max_size=3 * STEP)
    ),
    max_leaves=25,
)


@given(json_values)
def test_json_that_is_made_in_steps_is_the_same(value: Any) -> None:
    pauses: list[None] = []

    def pause() -> None:
        pauses.append(None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_values, "STEP_MEMBERS", STEP)
        text = encoded_in_steps(value, lambda part, _: encode_json(part), pause)
        for_a_host = encoded_in_steps(value, json_value, pause)

    assert decode_json(text) == decode_json(encode_json(value))
    assert decode_json(for_a_host.decode()) == decode_json(json_value(value).decode())
    assert len(pauses) >= 2


@pytest.mark.parametrize("around", [0, 3])
def test_parts_are_judged_with_the_levels_around_them(around: int) -> None:
    deep: Any = 1
    for _ in range(120 - around):
        deep = [deep]
    for _ in range(around):
        deep = [deep, *range(STEP_MEMBERS)]
    json = encoded_in_steps(deep, json_value, lambda: None)

    assert json == json_value(deep)
    with pytest.raises(ValueError, match="nested more than 120 deep"):
        encoded_in_steps([deep, *range(STEP_MEMBERS)], json_value, lambda: None)
