"""An MCP server whose tools are ``exec`` and ``wait``: every MCP client gets code mode.

    async with McpServer(lambda client: CodeMode(tools=[weather], on_notify=client)) as server:
        await serve_stdio(server)          # or http_app(server, …) in an ASGI server of yours

What is specific to code mode is here: sessions (:mod:`.sessions`), what happens while a program
is observed (:mod:`.request_progress`), definitions and results. Protocol and transports are the
official SDK's, as far as they can be ended; see :mod:`.stdio`.
"""

from importlib.util import find_spec

if find_spec("mcp") is None:
    raise ModuleNotFoundError(
        "the MCP server needs the MCP SDK\nHint: pip install 'codemode[mcp]' brings it."
    )

from .client import ServedClient
from .http import http_app, serve_http
from .server import McpServer
from .stdio import serve_stdio

__all__ = ["McpServer", "ServedClient", "http_app", "serve_http", "serve_stdio"]
