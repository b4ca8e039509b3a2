"""What others can have written into the log."""

import logging

from codemode.adapters.mcp_server.floods import MOST, WINDOW_SECONDS, Flood, bounded_log


def warning(text: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("uvicorn.error", level, "", 0, text, (7,), None)


def test_a_logger_warns_so_often_in_a_window_and_then_tells_what_was_left_out() -> None:
    now = 0.0
    flood = Flood(lambda: now)
    assert [flood.filter(warning("no %s")) for _ in range(MOST + 5)] == [True] * MOST + [False] * 5
    assert flood.filter(warning("request %s", logging.INFO))
    now = WINDOW_SECONDS
    first, second = warning("no %s"), warning("no %s")
    assert [flood.filter(first), flood.filter(second)] == [True, True]
    assert [each.getMessage() for each in (first, second)] == [
        "no 7 (5 warnings before it were left out)",
        "no 7",
    ]


def test_loggers_are_as_they_were_afterwards() -> None:
    before = list(logging.getLogger("uvicorn.error").filters)
    with bounded_log():
        assert len(logging.getLogger("uvicorn.error").filters) == len(before) + 1
    assert logging.getLogger("uvicorn.error").filters == before
