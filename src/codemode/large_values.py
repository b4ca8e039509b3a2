"""Values that take an event loop long to turn into JSON: recognized quickly, encoded in steps."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .fair_executor import Pause

_Json = TypeVar("_Json", str, bytes)

LARGE_MEMBERS: Final = 1_000
"""Converting and encoding as many takes about a millisecond, which is what an event loop may be held up."""

CHARACTERS_PER_MEMBER: Final = 256
"""So much text counts as one member more."""

STEP_MEMBERS: Final = 128
"""How many members of an array or object are encoded before other threads have their turn."""


def is_large(value: object) -> bool:
    """Whether ``value`` is to become JSON outside of the event loop. Takes a bounded time.

    >>> is_large([[1] * 600, {"a": [1] * 600}]), is_large("a" * 300_000), is_large([1, {"a": "b"}])
    (True, True, False)
    """
    return weight(value, LARGE_MEMBERS) > LARGE_MEMBERS


def weight(value: object, bound: int) -> int:
    """How many members are in ``value``, at all levels together, counted up to a little beyond ``bound``."""
    waiting: list[Any] = [value]
    found = 0
    while waiting and found <= bound:
        each = waiting.pop()
        kind = type(each)
        if kind is str or kind is bytes:
            found += len(each) // CHARACTERS_PER_MEMBER
        elif kind is dict:
            found += len(each)
            waiting.extend(each.values() if found <= bound else ())
        elif kind is list or isinstance(each, list | tuple | set | frozenset):
            found += len(each)
            waiting.extend(each if found <= bound else ())
        elif each is not None and kind is not int and kind is not float and kind is not bool:
            held = _held_by(each)
            found += len(held)
            waiting.extend(held if found <= bound else ())
    return found


def _held_by(value: Any) -> list[Any] | range:
    """The fields of a record, and as much as an array of numbers has; of anything else nothing."""
    if isinstance(value, type):
        return []
    if type(value).__module__ == "numpy":
        size = getattr(value, "size", 0)
        return range(size if type(size) is int else 0)
    if isinstance(value, Struct):
        return [getattr(value, name, None) for name in value.__struct_fields__]
    if dataclasses.is_dataclass(value):
        return [getattr(value, each.name, None) for each in dataclasses.fields(value)]
    return list(getattr(value, "__dict__", {}).values())


LARGE_CHARACTERS: Final = 65_536
"""JSON text of so many characters is parsed in about half a millisecond."""


STEP_LEVELS: Final = 4
"""What is deeper is parsed at once: each level is looked through once more."""


def decoded_in_steps(
    text: str, decode: Callable[[str], Any], pause: Pause, levels: int = STEP_LEVELS
) -> Any:
    """The value of a JSON text, made of those of its parts, with ``pause()`` before each.

    Args:
        text: JSON.
        decode: gives the value of a part.
        pause: lets other threads have their turn.
        levels: how many levels of the value are taken apart.

    Raises:
        Exception: what ``decode`` raises for this text.

    >>> text = '{"rows":[[1,2],"é"],"n":{"a":1}}'
    >>> decoded_in_steps(text, msgspec.json.decode, lambda: None) == msgspec.json.decode(text)
    True
    """
    pause()
    if len(text) <= LARGE_CHARACTERS or not levels:
        return decode(text)
    try:
        parts = msgspec.json.decode(text, type=dict[str, Raw] | list[Raw])
    except (ValueError, RecursionError):  # a long text, or none that ends; ``decode`` knows
        return decode(text)
    if isinstance(parts, dict):  # of two members of one name the last counts, as for ``decode``
        return dict(zip(parts, _decoded(list(parts.values()), decode, pause, levels), strict=True))
    return _decoded(parts, decode, pause, levels)


def _decoded(
    parts: list[Raw], decode: Callable[[str], Any], pause: Pause, levels: int
) -> list[Any]:
    """The values of some parts: long ones each by itself, the others some at a time."""
    found: list[Any] = []
    run: list[str] = []
    size = 0

    def take_run() -> None:
        pause()
        found.extend(decode(f"[{','.join(run)}]"))
        run.clear()

    for part in parts:
        text = bytes(part).decode()
        if len(text) > LARGE_CHARACTERS:
            take_run()
            size = 0
            found.append(decoded_in_steps(text, decode, pause, levels - 1))
            continue
        run.append(text)
        size += len(text) + 1
        if size > LARGE_CHARACTERS:
            take_run()
            size = 0
    take_run()
    return found


def encoded_in_steps(
    value: Any, encode: Callable[[Any, int], _Json], pause: Pause, level: int = 0
) -> _Json:
    """The JSON of a value, made of those of its parts, with ``pause()`` before each.

    Args:
        value: a JSON value.
        encode: gives the JSON of a part, without spaces, and gets the number of levels around it.
        pause: lets other threads have their turn.
        level: how many levels are around ``value``.

    Raises:
        Exception: what ``encode`` raises.
    """
    pause()
    if not _is_long(value):
        return encode(value, level)
    parts = [_encoded_part(part, encode, pause, level) for part in _parts(value)]
    brackets = encode(value[:0] if isinstance(value, list) else {}, level)
    comma = encode([0, 0], level)[2:3]
    return brackets[:1] + comma.join(parts) + brackets[1:]


def _encoded_part(
    part: Any, encode: Callable[[Any, int], _Json], pause: Pause, level: int
) -> _Json:
    """The members of one part, without its brackets."""
    if len(part) > 1:
        pause()
        return encode(part, level)[1:-1]
    if isinstance(part, list):
        return encoded_in_steps(part[0], encode, pause, level + 1)
    ((key, value),) = part.items()
    key_and_colon = encode({key: 0}, level)[1:-2]
    return key_and_colon + encoded_in_steps(value, encode, pause, level + 1)


def _parts(value: list[Any] | dict[Any, Any]) -> Iterator[list[Any] | dict[Any, Any]]:
    """``value`` in parts of the same kind: a long member alone, the others some at a time."""
    if isinstance(value, list):
        yield from _runs(value, value)
    else:
        keys = list(value)
        for run in _runs(keys, list(value.values())):
            yield {key: value[key] for key in run}


def _runs(members: list[Any], values: list[Any]) -> Iterator[list[Any]]:
    """Runs of ``members``; one whose value is long stands alone."""
    for start in range(0, len(members), STEP_MEMBERS):
        run = members[start : start + STEP_MEMBERS]
        long = [
            at for at, each in enumerate(values[start : start + STEP_MEMBERS]) if _is_long(each)
        ]
        after = 0
        for at in long:
            if run[after:at]:
                yield run[after:at]
            yield run[at : at + 1]
            after = at + 1
        if run[after:]:
            yield run[after:]


def _is_long(value: object) -> bool:
    return type(value) in (list, dict) and len(value) > STEP_MEMBERS  # type: ignore[arg-type] # of these two
