"""Whether a process should be given work: it takes sessions, it has room, and it can start workers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ..errors import CodeModeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.workers import WorkersEngine

PROVEN_SECONDS: Final = 60.0
"""How old the last start of a worker may be to prove that workers can be started."""

RENEW_SECONDS: Final = 30.0
"""From that age on another one is started at the next request."""

START_SECONDS: Final = 5.0
"""How long a request for readiness waits for that start."""


class Health:
    """Decides whether a process is ready. Belongs to one event loop.

    Args:
        engine: what starts workers.
        no_room: why there is no room for a session; None: there is.
    """

    def __init__(self, engine: WorkersEngine, no_room: Callable[[], str | None]) -> None:
        self._engine = engine
        self._no_room = no_room
        self._starting: asyncio.Task[None] | None = None
        self._trouble: str | None = None
        self.is_draining = False

    async def reasons(self) -> list[str]:
        """Why it is not ready; empty if it is."""
        found = ["draining"] if self.is_draining else []
        no_room = self._no_room()
        if no_room is not None:
            found.append(no_room)
        census = self._engine.census
        if not self.is_draining and census.seconds_since_start > RENEW_SECONDS:
            await self._prove()
        if not self.is_draining and census.seconds_since_start > PROVEN_SECONDS:
            found.append(self._trouble or f"no worker was started for {PROVEN_SECONDS:g} s")
        return found

    async def _prove(self) -> None:
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start(), name="proof of a worker")
        # Concurrent requests share one start, each within its bound.
        await asyncio.wait([self._starting], timeout=START_SECONDS)

    async def _start(self) -> None:
        try:
            await self._engine.renew()
        except CodeModeError as error:
            self._trouble = str(error)
        else:
            self._trouble = None

    async def aclose(self) -> None:
        """Start no worker more."""
        if self._starting is not None:
            self._starting.cancel()
            # The start is cancelled: wait until it has released its worker.
            await asyncio.wait([self._starting])
