"""Progress and log messages to the client of one request while its program runs.

Clients give up on a request that takes long, many after 60 s. So an observation is ended in time,
whatever yield time the program asked for: the cell runs on, and the model waits for it. Until then
a client that gave a progress token is sent a beat, with which some of them extend their timeout.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import anyio
import mcp_types as types
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

BEAT_SECONDS: Final = 5.0
"""How often a client is sent the progress of a running program."""

END_SECONDS: Final = 5.0
"""How long a beat that is being sent may take to end when its observation does."""

LOGGER: Final = "codemode"
LEVEL: Final[types.LoggingLevel] = "info"
LEVELS: Final[tuple[types.LoggingLevel, ...]] = (
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
)  # fmt: skip

log: Final = logging.getLogger(__name__)


class RequestProgress:
    """What the client of one request is sent: progress if it asked for that, else log messages.

    Attributes:
        due: set when the observation has to end.
    """

    def __init__(self, context: ServerRequestContext[Any, Any], level: types.LoggingLevel) -> None:
        self.due = asyncio.Event()
        self._context = context
        self._wants_progress = "progress_token" in (context.meta or {})
        self._level = _wanted_level(context, level)
        self._said = 0

    @contextlib.asynccontextmanager
    async def lasting(self, seconds: float) -> AsyncIterator[None]:
        """Beat, and be due after so long. Nothing beats any more when this is left."""
        timer = asyncio.get_running_loop().call_later(seconds, self.due.set)
        beating = asyncio.create_task(self._beat(), name="progress of an MCP request")
        try:
            yield
        finally:
            timer.cancel()
            beating.cancel()
            with anyio.CancelScope(shield=True):  # the SDK cancels again at every await
                await asyncio.wait({beating}, timeout=END_SECONDS)

    async def hear(self, text: str) -> None:
        """Send a text that the program passed to ``notify``."""
        if self._wants_progress:
            await self._progress(text)
        elif self._level is not None and LEVELS.index(LEVEL) >= LEVELS.index(self._level):
            await self._context.session.send_notification(
                log_message(text), related_request_id=self._context.request_id
            )

    async def yielded(self, cell_id: str) -> None:
        """Say that the cell runs on."""
        if self._wants_progress:
            await self._progress(f"cell {cell_id} runs on")

    async def _progress(self, text: str) -> None:
        self._said += 1
        await self._context.session.report_progress(self._said, None, text)

    async def _beat(self) -> None:
        began = asyncio.get_running_loop().time()
        while self._wants_progress:
            await asyncio.sleep(BEAT_SECONDS)
            seconds = round(asyncio.get_running_loop().time() - began)
            try:
                await self._progress(f"running for {seconds} s")
            except Exception as error:  # noqa: BLE001 - the program goes on all the same
                log.warning("a client cannot be told that its program runs: %r", error)
                return


def log_message(text: str) -> types.LoggingMessageNotification:
    """A cell's text as a log message."""
    return types.LoggingMessageNotification(
        params=types.LoggingMessageNotificationParams(level=LEVEL, logger=LOGGER, data=text)
    )


def _wanted_level(
    context: ServerRequestContext[Any, Any], level: types.LoggingLevel
) -> types.LoggingLevel | None:
    """From which level on the client wants messages; None: it wants none.

    The stateless protocol asks for them in each request, the older ones once for a session.
    """
    if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return level
    meta: Mapping[str, Any] = context.meta or {}
    wanted = meta.get(types.LOG_LEVEL_META_KEY)
    return wanted if wanted in LEVELS else None
