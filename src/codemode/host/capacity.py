"""How much a host takes on at once, and how long it lets go of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cells import ACTIVE_CELLS
from .sessions import OPEN_SESSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Capacity:
    """What whoever runs a host may set.

    Attributes:
        sessions: open at once.
        cells: live at once, of all sessions.
        drain_seconds: from SIGTERM, until which sessions end when they have no cell; 0: at once.
    """

    sessions: int = OPEN_SESSIONS
    cells: int = ACTIVE_CELLS
    drain_seconds: int = 25

    @classmethod
    def of(cls, numbers: Mapping[str, int]) -> Capacity:
        """What the options of these names say."""
        usual = cls()
        return cls(
            sessions=numbers.get("max-sessions", usual.sessions),
            cells=numbers.get("max-cells", usual.cells),
            drain_seconds=numbers.get("drain-seconds", usual.drain_seconds),
        )
