"""A bound on what others can have written into the log.

uvicorn warns of each request that is none, and the SDK of some that are refused: a client that sends these by
the thousand fills a disk, and hides what matters. So each of their loggers warns so often in a minute;
what was left out is counted, and told with the next warning.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOGGERS: Final = (
    "asyncio",
    "uvicorn.error",
    "mcp.server.lowlevel.server",
    "mcp.server.runner",
    "mcp.server.request_state",
    "mcp.server.streamable_http",
    "mcp.server.streamable_http_manager",
    "mcp.shared.jsonrpc_dispatcher",
    "codemode.adapters.mcp_server.calls",
    "codemode.adapters.mcp_server.relay",
)

MOST: Final = 20
"""Warnings and errors of one logger in a window."""
WINDOW_SECONDS: Final = 60.0


class Flood(logging.Filter):
    """A filter for one logger.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._began = clock()
        self._seen = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged; tells what was left out before it."""
        if record.levelno < logging.WARNING:
            return True
        now = self._clock()
        if now - self._began >= WINDOW_SECONDS:
            left_out = self._seen - MOST
            if left_out > 0:
                record.msg = f"{record.getMessage()} ({left_out} warnings before it were left out)"
                record.args = None
            self._began, self._seen = now, 0
        self._seen += 1
        return self._seen <= MOST


@contextlib.contextmanager
def bounded_log() -> Iterator[None]:
    """While this lasts, what others cause is logged within bounds."""
    filters = {name: Flood() for name in LOGGERS}
    for name, each in filters.items():
        logging.getLogger(name).addFilter(each)
    try:
        yield
    finally:
        for name, each in filters.items():
            logging.getLogger(name).removeFilter(each)
