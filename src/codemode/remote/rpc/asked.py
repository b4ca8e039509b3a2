"""What a host asks of us: its ids, our numbers, and cancellations that overtake what they cancel."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Final, Literal

EARLY_CANCELLATIONS: Final = 4_096
"""Cancellations of what has not come; as many calls may be under way."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A call or a notification, as the host names it."""

    kind: Literal["call", "notification"]
    name: str
    cell_id: str = field(default="", compare=False)


class Asked:
    """The callbacks that are not answered."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._by_number: dict[int, Callback] = {}
        self._by_name: dict[Callback, int] = {}
        self._early: dict[Callback, None] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def __contains__(self, callback: Callback) -> bool:
        return callback in self._by_name

    def add(self, callback: Callback) -> int | None:
        """The number of a callback that has come; None if it is cancelled already."""
        if callback in self._early:
            del self._early[callback]
            return None
        number = next(self._numbers)
        self._by_number[number] = callback
        self._by_name[callback] = number
        return number

    def cancel(self, callback: Callback) -> int | None:
        """The number of a callback that is cancelled; None if it has not come, or is answered."""
        number = self._by_name.get(callback)
        if number is None:
            # It may have been answered: then this is kept for nothing, and the oldest go first.
            self._early[callback] = None
            if len(self._early) > EARLY_CANCELLATIONS:
                del self._early[next(iter(self._early))]
        else:
            self.take(number)
        return number

    def take(self, number: int) -> Callback | None:
        """Forget a callback; what it was."""
        callback = self._by_number.pop(number, None)
        if callback is not None:
            del self._by_name[callback]
        return callback
