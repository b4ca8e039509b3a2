"""An MCP server behind the one that is tested: its tools can change, and it says where it runs."""

import os
import sys
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver import Context

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


server.run("stdio")
