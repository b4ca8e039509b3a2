"""The ``_meta`` of a traced call: the id by which a server's own log can be matched with the trace."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from ...call_observation import observe_call

CALL_META: Final = "codemode/call"
"""The key of the id."""


def observed_meta(server: str, tool: str) -> dict[str, str] | None:
    """Report a call of ``tool`` to the trace; return its ``_meta``, None where the call is not traced."""
    facts = observe_call("mcp", lambda: {"server": server, "tool": tool, "id": uuid4().hex})
    return None if facts is None else {CALL_META: facts["id"]}
