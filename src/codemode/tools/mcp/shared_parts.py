"""Equal parts of many descriptions as one object.

Servers with thousands of tools describe the same parameters again and again. Kept as they come, 3,000 tools are
60,000 lists and dicts, which the collector of cycles looks through in the event loop again and again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

LEVELS: Final = 50
"""What is deeper stays as it is."""
TEXT_CHARACTERS: Final = 200
"""Longer texts are seldom alike, and are one object anyway."""


class SharedParts:
    """The parts that have been seen.

    Example:
        >>> parts = SharedParts()
        >>> one = parts.shared({"a": {"type": "string"}, "b": [{"type": "string"}, True, 1]})
        >>> one["a"] is one["b"][0], one
        (True, {'a': {'type': 'string'}, 'b': [{'type': 'string'}, True, 1]})
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, Any] = {}

    def shared(self, value: Any, levels: int = LEVELS) -> Any:
        """The JSON ``value``, made of parts that others have, too. It must not be changed."""
        kind = type(value)
        if kind is str:
            return self._seen.setdefault(value, value) if len(value) <= TEXT_CHARACTERS else value
        if kind not in (dict, list) or not levels:
            return value
        if kind is list:
            items = [self.shared(each, levels - 1) for each in value]
            return self._seen.setdefault((list, *map(_identity, items)), items)
        members = {
            self.shared(key, 0): self.shared(each, levels - 1) for key, each in value.items()
        }
        parts = (part for key, each in members.items() for part in (key, _identity(each)))
        return self._seen.setdefault((dict, *parts), members)


def _identity(value: Any) -> Hashable:
    """What tells a part from others: containers and texts are there once, and 1 is not True."""
    return (type(value), id(value) if isinstance(value, dict | list) else value)
