import asyncio

import pytest

from codemode.errors import LimitError, ToolError
from codemode.tools.failure import MAX_TEXT, as_tool_error


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


TEXTS: list[tuple[BaseException, str]] = [
    (ToolError("no such city\nHint: try another."), "no such city\nHint: try another."),
    (ToolError("its own token=abcdefgh"), "its own token=abcdefgh"),
    (ValueError("bad"), "ValueError: bad"),
    (KeyError("x"), "KeyError: 'x'"),
    (ValueError("\x1b[31mbad\x00\r\nPGPASSWORD=hunter2"), "ValueError: bad\nPGPASSWORD=***"),
    (RuntimeError(), "RuntimeError"),
    (MuteError(), "MuteError"),
    (SystemExit(3), "SystemExit: 3"),
    (KeyboardInterrupt(), "KeyboardInterrupt"),
    (GeneratorExit(), "GeneratorExit"),
    (asyncio.CancelledError("x"), "tool `t` was cancelled"),
    (LimitError("too big", limit="value_bytes"), "LimitError: too big"),
    (
        ExceptionGroup("several", [ValueError("a"), ToolError("b"), *[OSError()] * 5]),
        "ExceptionGroup: several (7 sub-exceptions)\n- ValueError: a\n- b\n- OSError\n- OSError"
        "\n- OSError\n- and 2 more",
    ),
    (
        BaseExceptionGroup("exits", [SystemExit(1)]),
        "BaseExceptionGroup: exits (1 sub-exception)\n- SystemExit: 1",
    ),
    (ValueError("x" * 9_000), "ValueError: " + "x" * (MAX_TEXT - 1) + "…"),
]


def test_the_traceback_goes_to_the_log_and_a_tool_error_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="codemode.tools")
    errors = [ToolError("no"), ValueError("bad")]
    for each in errors:
        as_tool_error(each, "t")
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("INFO", "tool t failed")
    assert record.exc_info is not None
    assert record.exc_info[1] is errors[1]


@pytest.mark.parametrize(("error", "text"), TEXTS, ids=[str(n) for n in range(len(TEXTS))])
def test_texts_of_failures(error: BaseException, text: str) -> None:
    found = as_tool_error(error, "t")
    assert str(found) == text
    assert found is error if isinstance(error, ToolError) else found.__cause__ is error
