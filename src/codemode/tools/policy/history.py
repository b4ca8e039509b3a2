"""What a session has let through, for rules that count."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...protocol.types import CellId


@dataclass(slots=True)
class Count:
    """What one rule has counted.

    Attributes:
        calls: how many calls it let through.
        bytes: of their arguments and results, as JSON in UTF-8.
        times: of the last calls, by the clock of the history.
        keys: of all calls, where the rule has keys.
    """

    calls: int = 0
    bytes: int = 0
    times: deque[float] = field(default_factory=deque)
    keys: set[str] = field(default_factory=set)


class CallHistory:
    """The counts of the rules of one session.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._counts: dict[tuple[int, CellId | None], tuple[object, Count]] = {}

    def __repr__(self) -> str:
        return f"<history of {len(self._counts)} rules>"

    def count(self, rule: object, cell_id: CellId | None = None) -> Count:
        """What ``rule`` has counted, in one cell or, if None, in the session."""
        key = id(rule), cell_id
        if key not in self._counts:
            self._counts[key] = (rule, Count())  # the rule is kept, so that its id stays its own
        return self._counts[key][1]

    def forget(self, cell_id: CellId) -> None:
        """The cell is over."""
        for key in [key for key in self._counts if key[1] == cell_id]:
            del self._counts[key]
