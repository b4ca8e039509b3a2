"""A toolset around the tools of a test, and calls of them as a session makes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from msgspec import UNSET

from codemode.protocol.types import CellId, ToolCall, ToolName
from codemode.tools.toolset import Toolset

BOUND_S = 20
"""How long anything here may take; a test that needs it has failed."""

Call = Callable[..., Awaitable[Any]]


def tool_call(name: str, value: Any = UNSET, *, namespace: str | None = None) -> ToolCall:
    return ToolCall(
        cell_id=CellId("1"),
        runtime_tool_call_id="tool-1",
        tool_name=ToolName(name, namespace),
        input=value,
    )


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    """``await call(function_or_tool, input)``: through a toolset of its own, bounded."""
    toolsets: list[Toolset] = []

    async def run(item: Any, value: Any = UNSET) -> Any:
        tools = item if isinstance(item, Toolset) else Toolset([item])
        toolsets.append(tools)
        name = tools.definitions[0].tool_name
        made = tool_call(name.name, value, namespace=name.namespace)
        async with asyncio.timeout(BOUND_S):
            return await tools.invoke_tool(made, asyncio.Event())

    yield run
    for tools in toolsets:
        await tools.aclose()


@pytest.fixture
def make_call() -> Callable[..., ToolCall]:
    return tool_call
