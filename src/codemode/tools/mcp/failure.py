"""The error that a program catches when a call of a server's tool has no result: each text in one place.

Words of the server stand behind ours, without control characters, and further lines of them are set
in, so that none passes for a hint of ours.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from mcp import MCPError
from pydantic import ValidationError

from ...errors import ToolError
from ...surface.text import on_one_line, without_controls
from .connection import reason_of
from .faults import AnswerError, HttpError, NoAnswerError

if TYPE_CHECKING:
    from ..redaction import Redaction
    from .stdio import ProcessEnding

REASON_CHARACTERS: Final = 600
"""Characters of a server's words in an error text, and as many of the data beside them."""

_TOO_MANY_REQUESTS: Final = 429
_UNAUTHORIZED: Final = frozenset({401, 403})
_AT_FAULT: Final = 500
"""The first of the statuses with which a server owns up to a fault."""
_OUTCOME: Final = "find out first whether this one had its effect."


def quoted(text: str, redact: Redaction) -> str:
    """A server's words as an error text may quote them."""
    return without_controls(redact(text)).strip()[:REASON_CHARACTERS].replace("\n", "\n  ")


def refused(server: str, tool: str, error: Exception, redact: Redaction) -> ToolError:
    """The server answered with something else than a result, and the connection holds."""
    whose = f"MCP server `{on_one_line(server)}`"
    tool = f"`{on_one_line(tool)}`"
    said = quoted(reason_of(error), redact)
    if isinstance(error, HttpError):
        return ToolError(
            f"{whose} answered {tool} with {said}{_data(error, redact)}{_http_hint(error)}"
        )
    if isinstance(error, NoAnswerError):
        return ToolError(f"{whose} gave no result for {tool}: {said}\nHint: {_OUTCOME}")
    if isinstance(error, AnswerError):
        hint = "\nHint: ask it for less at once." if error.is_too_large else ""
        return ToolError(f"{whose} gave no result for {tool}: {said}{hint}")
    if isinstance(error, MCPError):  # the server's own, or that of a session of the application's
        told = quoted(error.message, redact) or "it does not say why"
        return ToolError(f"{whose} refused {tool}: {told}{_data(error, redact)}")
    if isinstance(error, ValidationError):  # of a session that is the application's
        return ToolError(f"{whose} answered {tool} with what is no tool result")
    return ToolError(f"{tool} of {whose} cannot be called: {said}")


def silent(server: str, tool: str, seconds: float) -> ToolError:
    """The server said nothing for too long."""
    return ToolError(
        f"MCP server `{on_one_line(server)}` did not answer `{on_one_line(tool)}` within"
        f" {seconds:g} s, and the call was cancelled"
        "\nHint: ask for less, or go on without it; it may have had its effect."
    )


def lost(
    server: str, tool: str, error: Exception, redact: Redaction, ending: ProcessEnding, pause: float
) -> ToolError:
    """The connection, or the session on it, ended while the call ran.

    Args:
        error: what the call met.
        redact: for the server's text.
        ending: how the connection ended.
        pause: seconds until the server may be started again.
    """
    whose = f"MCP server `{on_one_line(server)}` was lost while `{on_one_line(tool)}` ran"
    if isinstance(error, HttpError):
        why, again = f"it refused the session with {quoted(str(error), redact)}", "begins another"
    else:
        why, again = ending.for_model() or "the connection was closed", "starts it again"
    when = f"it can be started again in {pause:.0f} s" if pause >= 1 else f"the next call {again}"
    return ToolError(f"{whose}: {why}\nHint: {when}; {_OUTCOME}")


def _data(error: MCPError, redact: Redaction) -> str:
    """The data of an error, behind its words; what is text, stays text."""
    if error.data in (None, "", {}, []):
        return ""
    text = error.data if isinstance(error.data, str) else json.dumps(error.data, ensure_ascii=False)
    return f"\n  data: {quoted(text, redact)}"


def _http_hint(fault: HttpError) -> str:
    status = fault.refusal.status
    if fault.refusal.retry_after:
        return f"\nHint: it asks to wait first (Retry-After: {fault.refusal.retry_after})."
    if status == _TOO_MANY_REQUESTS:
        return "\nHint: call it less often."
    if status in _UNAUTHORIZED:
        return "\nHint: go on without it; the application's credentials do not do."
    if status >= _AT_FAULT:
        return f"\nHint: try it again later; {_OUTCOME}"
    return ""
