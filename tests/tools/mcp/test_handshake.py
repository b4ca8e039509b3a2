"""What a server says of itself may be odd; its tools can be called all the same."""

import json
from typing import Any

import pytest

from codemode.tools.mcp import StdioServer

from .conftest import Stage


@pytest.mark.parametrize(
    "odd",
    [
        {"serverInfo": None},
        {"serverInfo": {"name": 7}},
        {"capabilities": None},
        {"capabilities": {"tools": True, "logging": [], "experimental": "x"}},
        {"protocolVersion": "2023-01-01"},
        {"protocolVersion": 1},
        {"instructions": ["a"]},
        {"capabilities": {}, "serverInfo": {}, "instructions": None},
    ],
    ids=str,
)
async def test_an_odd_introduction_is_no_reason_to_lose_a_server(
    stage: Stage, odd: dict[str, Any]
) -> None:
    puppet = stage.puppet()
    env = {**puppet.env, "PUPPET_ODD": json.dumps(odd)}

    servers = await stage.start({"puppet": StdioServer(puppet.command, puppet.args, env)})

    assert servers.unavailable == {}
    assert (await stage.call("echo", said="hi"))["structuredContent"] == {"said": "hi"}


@pytest.mark.parametrize(
    ("tools", "cut"),
    [
        (None, "a page of its list of tools is no list"),
        ({"t": {}}, "a page of its list of tools is no list"),
    ],
)
async def test_a_list_that_is_none_is_told(stage: Stage, tools: Any, cut: str) -> None:
    puppet = stage.puppet()
    env = {**puppet.env, "PUPPET_ODD": json.dumps({"tools": tools})}

    servers = await stage.start({"puppet": StdioServer(puppet.command, puppet.args, env)})

    assert (servers.tools, stage.states[-1].problems) == ((), (cut,))
