"""The Claude Agent SDK: exec and wait in a server in this process. Its command line, which would call them, is not run."""

from __future__ import annotations

import pytest

pytest.importorskip("claude_agent_sdk", reason="the SDK is in the environment of `make adapters`")

from codemode import CodeMode
from codemode.adapters import claude_agent

from .media import PNG


async def test_claude_gets_both_tools_from_a_server_in_this_process() -> None:
    async with CodeMode() as cm:
        options = claude_agent.server(cm)
        [run, wait] = claude_agent.tools(cm)
        first = await run.handler({"code": f"image('{PNG}'); await yield_control(); throw 1"})
        cell = first["content"][0]["text"].split("cell ID ")[1].split("\n")[0]
        last = await wait.handler({"cell_id": cell})

    assert options["allowed_tools"] == ["mcp__codemode__exec", "mcp__codemode__wait"]
    assert [block["type"] for block in first["content"]] == ["text", "image"]
    assert (first["is_error"], last["is_error"]) == (False, True)
