"""What ``docs/serve.md`` shows runs as it stands there."""

import re
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

from tests.pages import programs_of

from .conftest import environment, texts
from .test_rules import User

PATH = Path(__file__).parents[3] / "docs" / "serve.md"


async def test_the_server_of_an_application_asks_before_it_calls() -> None:
    (program,) = programs_of(PATH)
    server = StdioServerParameters(command=sys.executable, args=["-c", program], env=environment())
    user = User("accept")
    async with Client(server, mode="legacy", elicitation_callback=user) as client:
        code = "text(await tools.add({a: 40, b: 2}))"
        assert texts(await client.call_tool("exec", {"code": code})) == ["42"]
    assert user.asked == ['A program wants to call add.\nadd({"a": 40, "b": 2})']


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^):#]+)(?:#[\w-]+)?\)", PATH.read_text(encoding="utf-8"))
    assert [link for link in links if not (PATH.parent / link).is_file()] == []
