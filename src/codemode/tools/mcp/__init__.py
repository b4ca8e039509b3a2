"""Tools of MCP servers: their configuration, their life, and their results.

Importing this loads no SDK; starting the first server does.
"""

from .config import HttpServer, StdioServer
from .handlers import McpHandlers, McpProgress, McpStatus
from .servers import McpServers

__all__ = ["HttpServer", "McpHandlers", "McpProgress", "McpServers", "McpStatus", "StdioServer"]
