"""How long a host may take: one that takes longer is given up, and everybody's answers with it.

A host that hangs closes no connection, and V1 has nothing to ask it whether it is there. So whatever it owes has a
clock here, whatever the wire.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Final

from ..sessions.waits import MAX_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

START_SECONDS: Final = 45.0
"""How long a host may take to start a cell; it may have a worker to start first, and ours tries that for 35 s."""

TERMINATE_SECONDS: Final = 30.0
"""How long a host may take to end a cell: its callbacks have their grace."""

OBSERVE_SECONDS: Final = 30.0
"""How long a host may take to answer an observation whose time is up."""

READ_SECONDS: Final = 30.0
"""How long a host may leave unread what was said, when that is too much to say more."""

LAST_LOOK_SECONDS: Final = 1.0
"""What it has more: when our own loop was held up, what the host has said meanwhile is heard first."""

NO_ANSWER: Final = "did not answer in time"
NOT_READING: Final = "did not read in time"


class Overtime:
    """The clock of one thing that a host owes; ``on_over()`` is called when it has run out."""

    def __init__(self, on_over: Callable[[], None]) -> None:
        self._on_over = on_over
        self._clock: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<overtime {'off' if self._clock is None else 'counted'}>"

    def begin(self, seconds: float) -> None:
        """The host has this long from now on, whatever it had."""
        self.end()
        loop = asyncio.get_running_loop()
        # The loop keeps a cancelled timer, and its context, until its time comes: an empty one.
        seconds = min(seconds, MAX_SECONDS)
        self._clock = loop.call_later(seconds, self._look_again, context=Context())

    def end(self) -> None:
        """The host owes nothing."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _look_again(self) -> None:
        self._clock = asyncio.get_running_loop().call_later(LAST_LOOK_SECONDS, self._over)

    def _over(self) -> None:
        self._clock = None
        self._on_over()
