"""Which calls depend on which: in what request each could have been made at the earliest.

A word of a call's arguments that the user did not say was read in a result: the earliest one that has it.
What changes something waits for all reads before it, as a careful model looks first. Both choices favour
direct calls: a word may have been known from elsewhere, and a write may not have needed the reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..lazy_pattern import lazy_pattern
from ..protocol.types import JsonValue

_WORD = lazy_pattern(r"[\w@.\-]+")
_READING = lazy_pattern(
    r"(?:^|_|-)(?:get|search|read|list|check|find|fetch|query|describe|show|view|lookup|count)(?:_|-|$)",
    re.IGNORECASE,
)
_HUMP = lazy_pattern(r"(?<=[a-z0-9])(?=[A-Z])")
LEAST_WORD: Final = 2


@dataclass(frozen=True, slots=True)
class DirectCall:
    """A direct call and what it gave."""

    name: str
    arguments: JsonValue
    result: str

    @property
    def reads(self) -> bool:
        """Whether the name is that of a call that only reads."""
        return _READING.search(_HUMP.sub("_", self.name)) is not None


def as_text(value: JsonValue) -> str:
    """A value as a model reads it: texts as they are, others as compact JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def words_of(text: str) -> frozenset[str]:
    """The words and numbers of a text."""
    found = (word.strip(".-") for word in _WORD.findall(text))
    return frozenset(word for word in found if len(word) >= LEAST_WORD or word.isdigit())


def levels_of(calls: Sequence[DirectCall], known: str) -> list[int]:
    """The number of the request in which each call can be made, from 0.

    Args:
        calls: in the order in which they were made.
        known: what the model had read before the first of them.
    """
    said = words_of(known)
    results = [words_of(call.result) for call in calls]
    levels: list[int] = []
    for at, call in enumerate(calls):
        given = call.arguments if isinstance(call.arguments, dict) else {}
        missing = words_of(as_text(call.arguments)) - said - frozenset(given)
        needs = {
            next((source for source in range(at) if word in results[source]), None)
            for word in missing
        } - {None}
        if not call.reads:
            needs |= {source for source in range(at) if calls[source].reads}
        levels.append(
            1 + max((levels[source] for source in needs if source is not None), default=-1)
        )
    return levels


def batches_of(calls: Sequence[DirectCall], known: str) -> list[list[DirectCall]]:
    """The calls of each request, where all that can be made at once are."""
    levels = levels_of(calls, known)
    return [
        [call for call, at in zip(calls, levels, strict=True) if at == level]
        for level in sorted(set(levels))
    ]
