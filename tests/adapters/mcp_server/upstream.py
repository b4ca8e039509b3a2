"""An MCP server behind the one that is tested: its tools can change, and it says where it runs."""

import os
import sys
import warnings
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp_types import SamplingMessage, TextContent
from pydantic import BaseModel

Path(sys.argv[1]).write_text(str(os.getpid()))
server = MCPServer("upstream", instructions="Grows.")


@server.tool()
def secret_length() -> int:
    """How long a secret is that only this process knows."""
    return len(os.environ["UPSTREAM_SECRET"])


@server.tool()
async def grow(context: Context) -> str:
    """Make a tool more."""

    def grown() -> str:
        """A tool that was not there before."""
        return "tall"

    server.add_tool(grown)
    await context.session.send_tool_list_changed()
    return "grown"


class Colour(BaseModel):
    """What a user is asked."""

    colour: str


@server.tool()
async def paint(context: Context) -> str:
    """Paint in the user's colour."""
    answer = await context.elicit("Which colour?", Colour)
    return answer.data.colour if answer.action == "accept" else answer.action


@server.tool()
async def rhyme(word: str, context: Context) -> str:
    """Have a model find a rhyme."""
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=f"Rhyme {word}"))
    with warnings.catch_warnings(action="ignore"):
        answer = await context.session.create_message([asked], max_tokens=10)
    return answer.content.text if isinstance(answer.content, TextContent) else "none"


server.run("stdio")
