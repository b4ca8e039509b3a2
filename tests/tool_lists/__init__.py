"""Tool lists of real MCP servers: what they offered when ``record.py`` asked them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LISTS = Path(__file__).parent / "lists"


def load() -> dict[str, dict[str, Any]]:
    """Each list by the name of its server."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(LISTS.glob("*.json"))}
