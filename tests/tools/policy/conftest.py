"""Calls as a chain prepares them, and a clock that goes by hand."""

from __future__ import annotations

from typing import Any

import pytest

from codemode.protocol.types import CellId, ToolCall, ToolName


class Clock:
    """Seconds; starts at 1,000."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def prepared(name: str, value: Any = None, *, cell: str = "1", **said: Any) -> ToolCall:
    """A call whose arguments are its input."""
    given = {} if value is None else value
    arguments = given if isinstance(given, dict) else {"input": given}
    return ToolCall(
        cell_id=CellId(cell),
        runtime_tool_call_id="tool-1",
        tool_name=ToolName(name),
        input=given,
        arguments=arguments,
        **said,
    )
