"""Values that must not be shared: each holder gets its own.

A middleware may change what it was given, and keep it. So it gets a copy, and what it hands on is
compared with what it was given. Whatever Python can deep-copy is copied; the rest (an open file, a lock)
cannot change hands in any other way than as itself, and is shared.
"""

from __future__ import annotations

import collections
import copy
from typing import Any, Final

_FIXED: Final = frozenset({type(None), bool, int, float, complex, str, bytes, range, type(...)})
_SERIES: Final = (list, tuple, collections.deque)
_TOO_DEEP: Final = 200
"""Levels below which nothing is looked at by itself: JSON has at most 120, values hardly more."""


def copied(value: Any) -> Any:
    """``value`` with new containers and objects all the way down; what cannot be copied is shared.

    Example:
        >>> given = {"a": [1]}
        >>> mine = copied(given)
        >>> mine["a"].append(2)
        >>> given
        {'a': [1]}
    """
    kind = type(value)
    if kind in _FIXED:
        return value
    if kind is dict:
        return {key: copied(each) for key, each in value.items()}
    if kind is list:
        return [copied(each) for each in value]
    if kind is object:  # a sentinel: it means something by being itself
        return value
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - copying runs code of the value's class
        return value


def same(one: Any, other: Any, depth: int = 0) -> bool:
    """Whether two values are of the same type and equal, at every level; ``1`` is not ``True``.

    Objects that hold the same are the same, whatever ``__eq__`` of their class returns.

    Example:
        >>> same({"a": [1]}, {"a": [1]}), same([1], [True]), same(float("nan"), float("nan"))
        (True, False, False)
    """
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other) or depth > _TOO_DEEP:
        return False
    if kind is dict:
        return one.keys() == other.keys() and all(
            same(each, other[key], depth + 1) for key, each in one.items()
        )
    if kind in _SERIES:
        return len(one) == len(other) and all(
            same(a, b, depth + 1) for a, b in zip(one, other, strict=True)
        )
    return _equal(one, other) or _alike(one, other, depth + 1)


def _equal(one: object, other: object) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - comparing runs code of the value's class
        return False


def _alike(one: object, other: object, depth: int) -> bool:
    """Whether two objects hold the same: many classes do not say what makes them equal."""
    try:
        state = one.__getstate__()
        return state is not None and same(state, other.__getstate__(), depth)
    except Exception:  # noqa: BLE001 - the class of an object runs code here
        return False
