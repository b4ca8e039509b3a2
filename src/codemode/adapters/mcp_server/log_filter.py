"""Filters of log records about clients that disconnect in the middle of a request.

When a connection breaks or a session ends while its requests are under way, the SDK finds its own
streams closed, and logs each as an error with a traceback of many lines. uvicorn does the same with
the requests that it cancels at its own end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

import anyio
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import Iterator

DISCONNECTS: Final = (
    anyio.ClosedResourceError,
    anyio.BrokenResourceError,
    ClientDisconnect,
    asyncio.CancelledError,
)

LOGGERS: Final = ("mcp.server.streamable_http", "uvicorn.error")
"""Who tells of them."""


@contextlib.contextmanager
def unlogged_disconnects() -> Iterator[None]:
    """While this lasts, errors that are nothing but departures are not logged."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_tells_more)
    try:
        yield
    finally:
        for name in LOGGERS:
            logging.getLogger(name).removeFilter(_tells_more)


def _tells_more(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, BaseExceptionGroup):
        return error.split(DISCONNECTS)[1] is not None
    return not isinstance(error, DISCONNECTS)
