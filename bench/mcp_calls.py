"""Calls of a published MCP server over its standard streams: from a cell, and from the SDK."""

from __future__ import annotations

import sys
from typing import Final

from mcp import Client, StdioServerParameters

from codemode import CodeMode, McpServers, StdioServer

from .client import compared
from .scenario import BenchError, Conditions, Figure, Samples, Scenario, at_most

GROUP = "mcp"
_CALLS: Final = 50
_SERVER: Final = ["-m", "mcp_server_time"]


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    return (
        Scenario(
            name=f"{_CALLS} calls of mcp-server-time one after another",
            figures=(
                Figure("a call from the SDK", decimals=3),
                Figure("a call from a cell", decimals=3),
                Figure("more than from the SDK", goal=at_most(0.5), decimals=3),
            ),
            measure=cell_and_sdk,
            samples=30,
            warm_ups=3,
        ),
    )


async def cell_and_sdk(conditions: Conditions) -> Samples:
    """Two servers of the same kind take turns: one of the SDK's own client, one of a cell's."""
    source = f"""
        let answer;
        for (let i = 0; i < {_CALLS}; i++) {{
          answer = await tools.mcp__time__get_current_time({{ timezone: "Etc/UTC" }});
        }}
        if (answer.isError) throw new Error(answer.content[0].text);
    """
    ours = McpServers({"time": StdioServer(sys.executable, _SERVER)})
    theirs = Client(StdioServerParameters(command=sys.executable, args=_SERVER), mode="legacy")
    async with theirs, ours, CodeMode(mcp=ours) as cm:

        async def from_the_sdk() -> None:
            for _ in range(_CALLS):
                await theirs.call_tool("get_current_time", {"timezone": "Etc/UTC"})

        async def from_a_cell() -> None:
            result = await cm.exec(source)
            if result.failed:
                raise BenchError(result.text)

        plain, cell, more = await compared(from_the_sdk, from_a_cell, conditions)
    return {
        "a call from the SDK": [each / _CALLS for each in plain],
        "a call from a cell": [each / _CALLS for each in cell],
        "more than from the SDK": [each / _CALLS for each in more],
    }
