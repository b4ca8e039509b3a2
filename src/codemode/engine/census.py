"""The workers of an engine, counted for operators: how many there are, and how they ended."""

from __future__ import annotations

import time
from typing import Literal, Protocol, TypeAlias

WorkerState: TypeAlias = Literal["ready", "busy", "resting"]


class Counted(Protocol):
    """A worker that belongs to a session."""

    def leave(self) -> None:
        """Made ahead, not in use."""


class Census:
    """The workers of one engine.

    Attributes:
        links: workers that belong to a session.
        resting: those among them that have no cell, the longest first.
        started: processes that were started, since the engine was made.
        lost: workers that ended while they had cells, since then.
        replays: cells that were made again from what had gone into them, since then.
        last_start: when the last process was started, by ``time.monotonic``; None: none was.
    """

    def __init__(self) -> None:
        self.links: set[Counted] = set()
        self.resting: dict[Counted, None] = {}
        self.started = 0
        self.lost = 0
        self.replays = 0
        self.last_start: float | None = None

    def on_start(self) -> None:
        """A process was started."""
        self.started += 1
        self.last_start = time.monotonic()

    @property
    def seconds_since_start(self) -> float:
        """How long ago the last process was started; infinite if none was."""
        return float("inf") if self.last_start is None else time.monotonic() - self.last_start

    def states(self, ready: int) -> dict[WorkerState, int]:
        """How many workers are in each state, of which so many are ready and belong to no session."""
        resting = len(self.resting)
        return {"ready": ready, "busy": len(self.links) - resting, "resting": resting}
