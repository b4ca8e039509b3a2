"""One start of a server, and those who wait for it.

How long callers wait is not how long a start may take: a program that is fetched first, by ``npx`` or
``uvx``, would be killed with what it has fetched, and begin again the next time. So callers go on without
it when their time is up, and the start goes on aside, within a bound of its own.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Coroutine

LIMIT_S: Final = 300.0
"""How long a start may take, whichever call waits for it."""


class Opening:
    """A start that is under way. It ends with what it runs, with its limit, or when no call waits for it.

    Args:
        opening: opens the connection; it notes by itself what becomes of that.
        name: of its task.
    """

    def __init__(self, opening: Coroutine[object, object, None], name: str) -> None:
        self._began = asyncio.get_running_loop().time()
        # It serves all who come: it keeps no request's context.
        self._task = asyncio.create_task(opening, name=name, context=Context())
        self._waiting = 0
        self._goes_on_aside = False
        """Whether a waiting call has timed out, so that the start goes on when the last waiter leaves."""

    async def wait(self, seconds: float) -> bool:
        """Wait for its end, until ``seconds`` after it began; False if it goes on.

        When all waiting calls are cancelled before one of them has timed out, it is cancelled, too.
        """
        left = self._began + seconds - asyncio.get_running_loop().time()
        self._waiting += 1
        try:
            # Which leaves the task alone, whether this ends by the time or is cancelled.
            await asyncio.wait({self._task}, timeout=max(0.0, left))
        except asyncio.CancelledError:
            if self._waiting == 1 and not self._goes_on_aside:
                await self.aclose()
            raise
        finally:
            self._waiting -= 1
        if self._task.done():
            return True
        self._goes_on_aside = True
        return False

    async def aclose(self) -> None:
        """Give it up; what it has opened is closed."""
        self._task.cancel()
        # Already cancelled; a start that completes all the same is closed by its own task.
        await asyncio.wait({self._task})
