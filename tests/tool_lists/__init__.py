"""Tool lists of real MCP servers: what they offered when ``record.py`` asked them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from codemode.protocol.types import ToolDefinition
from codemode.tools.mcp.definition import definition, described
from codemode.tools.mcp.naming import Naming

LISTS = Path(__file__).parent / "lists"


def load() -> dict[str, dict[str, Any]]:
    """Each list by the name of its server."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(LISTS.glob("*.json"))}


def definitions(server: str, tools: Iterable[Any]) -> list[ToolDefinition]:
    """A server's tools as definitions."""
    found = {tool.name: tool for tool in map(described, tools)}
    named = Naming(server, [server]).named(found)
    return [definition(server, tool, named[name]) for name, tool in found.items()]
