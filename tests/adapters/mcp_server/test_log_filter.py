"""Which errors the log leaves out."""

import asyncio
import logging

import anyio
import pytest
from starlette.requests import ClientDisconnect

from codemode.adapters.mcp_server.log_filter import LOGGERS, unlogged_disconnects

GONE = anyio.ClosedResourceError()


@pytest.mark.parametrize("name", LOGGERS)
def test_departures_are_not_logged_and_all_else_is(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    logger = logging.getLogger(name)
    errors = {
        "closed": GONE,
        "broken": anyio.BrokenResourceError(),
        "disconnected": ClientDisconnect(),
        "cancelled": asyncio.CancelledError(),
        "several": BaseExceptionGroup("", [GONE, BaseExceptionGroup("", [GONE])]),
        "another": ValueError(),
        "mixed": ExceptionGroup("", [GONE, ValueError()]),
    }
    with unlogged_disconnects():
        for text, error in errors.items():
            logger.error(text, exc_info=error)
        logger.error("none")
    logger.error("afterwards", exc_info=GONE)
    assert caplog.messages == ["another", "mixed", "none", "afterwards"]
