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

_PAIRED: Final = 256
"""Elements of a set that are equal to nothing but themselves, and are compared by what they hold."""


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
    if isinstance(one, dict):
        return _same_members(one, other, depth + 1) and _same_attributes(one, other, depth)
    if isinstance(one, _SERIES):
        return (
            len(one) == len(other)
            and all(same(a, b, depth + 1) for a, b in zip(one, other, strict=True))
            and _same_attributes(one, other, depth)
        )
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and (
            _equal_set(one, other) or _paired(list(one), list(other), depth + 1)
        )
    return _equal(one, other) or _alike(one, other, depth + 1)


def _same_members(one: dict[Any, Any], other: dict[Any, Any], depth: int) -> bool:
    """Whether two dicts have the same members; those that keep an order, in the same order."""
    if isinstance(one, collections.OrderedDict) and list(one) != list(other):
        return False
    return one.keys() == other.keys() and all(
        same(each, other[key], depth) for key, each in one.items()
    )


def _same_attributes(one: object, other: object, depth: int) -> bool:
    """Whether containers of a derived class have the same attributes, too."""
    mine, theirs = getattr(one, "__dict__", None), getattr(other, "__dict__", None)
    return mine is theirs or same(mine, theirs, depth + 1)


def _equal_set(one: Any, other: Any) -> bool:
    """Whether two sets have equal elements of the same types; ``{1}`` is not ``{True}``."""
    if not _equal(one, other):
        return False
    kinds = {each: type(each) for each in one}
    return all(kinds[each] is type(each) for each in other)


def _paired(one: list[Any], other: list[Any], depth: int) -> bool:
    """Whether each element has one in the other list that is the same; a set has no order."""
    if len(one) > _PAIRED:
        return False
    for each in one:
        found = next((at for at, found in enumerate(other) if same(each, found, depth)), None)
        if found is None:
            return False
        del other[found]
    return True


def _equal(one: object, other: object) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - comparing runs code of the value's class
        return False


def _alike(one: object, other: object, depth: int) -> bool:
    """Whether two objects hold the same: many classes have no ``__eq__``."""
    try:
        state = one.__getstate__()
        return state is not None and same(state, other.__getstate__(), depth)
    except Exception:  # noqa: BLE001 - the class of an object runs code here
        return False
