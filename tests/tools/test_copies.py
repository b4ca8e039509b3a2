"""Copies that share nothing, and what counts as the same."""

import collections
import dataclasses
import datetime
import enum
import math
import re
import threading
from typing import Any

import pytest

from codemode.tools.copies import copied, same


class Color(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: list[int]


class Silent:
    """Equal to nothing but itself, as most objects."""

    def __init__(self, value: int) -> None:
        self.value = value


class Rude:
    value = 1

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


VALUES: list[Any] = [
    None,
    {"a": [1, {"b": "c"}]},
    [Point([1]), (1, [2]), {3}],
    Color.RED,
    datetime.date(2026, 1, 2),
    collections.deque([1]),
    math.nan,
    Silent(1),
]


def named(value: object) -> str:
    """A name for a case that is the same in every process: addresses are not."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


@pytest.mark.parametrize("value", VALUES, ids=named)
def test_a_copy_is_the_same(value: Any) -> None:
    assert same(copied(value), value)


def test_a_change_to_a_copy_does_not_show() -> None:
    value = {"a": [Point([1])]}
    mine = copied(value)
    mine["a"][0].x.append(2)
    assert (value, same(mine, value)) == ({"a": [Point([1])]}, False)


def test_what_cannot_be_copied_and_what_means_something_by_being_itself_are_shared() -> None:
    lock, sentinel = threading.Lock(), object()
    found = copied([lock, sentinel, Color.RED])
    assert all(a is b for a, b in zip(found, [lock, sentinel, Color.RED], strict=True))


DIFFERENT: list[tuple[Any, Any]] = [
    (1, True),
    (1, 1.0),
    ([1], (1,)),
    ({"a": 1}, {"a": 1, "b": 2}),
    ([1, 2], [2, 1]),
    (Silent(1), Silent(2)),
    (iter([1]), iter([1])),
    (Rude(), Rude()),
    ("a", None),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=named)
def test_other_types_and_other_values_are_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)


def test_values_without_a_bottom_are_compared_in_bounded_time() -> None:
    one: list[Any] = []
    one.append(one)
    other: list[Any] = []
    other.append(other)
    assert not same(one, other)
