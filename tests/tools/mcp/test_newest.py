"""A server that speaks only the newest version of the protocol, which has no handshake."""

from typing import Any

import pytest

from codemode.errors import ToolError

from .conftest import Stage


async def test_its_tools_are_there_and_can_be_called(stage: Stage) -> None:
    servers = await stage.start({"puppet": stage.puppet("newest")})

    assert servers.unavailable == {}
    assert await stage.call("echo", said="hi") == {
        "content": [{"type": "text", "text": "echo"}],
        "structuredContent": {"said": "hi"},
    }


async def test_what_it_asks_for_in_a_result_is_answered(stage: Stage) -> None:
    async def elicit(server: str, params: Any) -> Any:
        return {"action": "accept", "content": {"name": f"Ada at {server}"}}

    await stage.start({"puppet": stage.puppet("newest")}, elicitation=elicit)

    result = await stage.call("elicits")

    assert result["content"][0]["text"] == (
        '[{"action": "accept", "content": {"name": "Ada at puppet"}}, "s1"]'
    )


async def test_what_nobody_can_answer_is_refused(stage: Stage) -> None:
    await stage.start({"puppet": stage.puppet("newest")})

    with pytest.raises(ToolError) as caught:
        await stage.call("elicits")

    assert str(caught.value) == (
        "MCP server `puppet` gave no result for `elicits`: it asked for what it did not get:"
        " Elicitation not supported"
    )


async def test_it_says_that_its_tools_have_changed(stage: Stage) -> None:
    await stage.start({"puppet": stage.puppet("newest")})
    await stage.until("ready")

    await stage.call("grows", name="born")
    await stage.until("ready")

    assert stage.names()[-1] == "mcp__puppet__born"
