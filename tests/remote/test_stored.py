"""The copy of stored values: whole commits, within a bound, in parts that fit into frames."""

from __future__ import annotations

import json
from typing import Any

from msgspec import Raw

from codemode.protocol.messages import SessionStored
from codemode.protocol.v1 import PART_BYTES
from codemode.remote.stored import StoredCopy


def stored(*, more: bool = False, **values: Any) -> SessionStored:
    raw = {key: Raw(json.dumps(value).encode()) for key, value in values.items()}
    return SessionStored("s", raw, more)


def contents(copy: StoredCopy) -> list[dict[str, Any]]:
    return [{key: json.loads(bytes(raw)) for key, raw in part.items()} for part in copy.parts()]


def test_the_last_value_of_a_key_is_kept() -> None:
    copy = StoredCopy(None)
    copy.take(stored(a=1, b=[1]))
    copy.take(stored(a=2))

    assert contents(copy) == [{"a": 2, "b": [1]}]


def test_a_commit_counts_when_its_last_part_has_come() -> None:
    copy = StoredCopy(None)
    copy.take(stored(more=True, a=1))
    assert contents(copy) == []
    copy.take(stored(b=2))
    copy.take(stored(more=True, c=3))
    copy.forget_part()
    copy.take(stored(d=4))

    assert contents(copy) == [{"a": 1, "b": 2, "d": 4}]


def test_nothing_is_kept_of_what_is_more_than_the_bound() -> None:
    copy = StoredCopy(100)
    copy.take(stored(a="x" * 80))
    for _ in range(10):
        copy.take(stored(a="y" * 90))  # replaced, not added
    assert copy.is_whole
    copy.take(stored(more=True, b="x" * 90))

    assert (copy.is_whole, contents(copy)) == (False, [])


def test_large_values_come_in_parts() -> None:
    copy = StoredCopy(None)
    half = "x" * (PART_BYTES // 2)
    copy.take(stored(a=half, b="b", c=half, d="d"))

    assert [list(part) for part in copy.parts()] == [["a", "b"], ["c", "d"]]
