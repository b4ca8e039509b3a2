"""Where a server's tools live."""

from __future__ import annotations


def namespace_of(server: str) -> str:
    """The namespace of a server's tools, as models know it.

    Example:
        >>> namespace_of("time")
        'mcp__time'
    """
    return f"mcp__{server}"
