"""What went wrong in a tool, as the text that a script catches.

The exception's type and message, never its traceback. Anything that can be raised becomes
a ToolError here, with the original as its cause for the application's own eyes. The traceback
goes to the log, at level INFO: a program can fail as often as it likes.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from ..errors import ToolError
from ..surface.text import shortened, without_controls
from .redaction import without_secrets

_log = logging.getLogger(__name__)

MAX_TEXT = 4_000
"""Characters of an exception's message that reach a script."""
MAX_MEMBERS = 5
"""Members of an exception group that are named."""


def as_tool_error(error: BaseException, name: str) -> ToolError:
    """The ToolError for what tool ``name`` raised: a ToolError itself, verbatim.

    Anything else reads ``TypeName: message``; credentials of well-known forms (URL user
    information, bearer tokens, ``api_key=…``) are blotted out. That is a net, not a wall:
    a tool must not put secrets into its messages.

    Example:
        >>> str(as_tool_error(KeyError("x"), "t"))
        "KeyError: 'x'"
    """
    if isinstance(error, ToolError):
        return error
    if isinstance(error, asyncio.CancelledError):
        found = ToolError(f"tool `{name}` was cancelled")
    else:
        found = ToolError(_described(error))
    found.__cause__ = error
    _log.info("tool %s failed", name, exc_info=error)
    return found


def raise_tool_error(error: BaseException, name: str) -> NoReturn:
    """Raise the ToolError for what tool ``name`` raised; see :func:`as_tool_error`."""
    failure = as_tool_error(error, name)
    raise failure from failure.__cause__


def _described(error: BaseException) -> str:
    if not isinstance(error, BaseExceptionGroup):
        return _line(error)
    lines = [_line(error)]
    lines += [f"- {_line(member)}" for member in error.exceptions[:MAX_MEMBERS]]
    if len(error.exceptions) > MAX_MEMBERS:
        lines.append(f"- and {len(error.exceptions) - MAX_MEMBERS} more")
    return "\n".join(lines)


def _line(error: BaseException) -> str:
    if isinstance(error, ToolError):
        return _message(error)
    kind = type(error).__name__
    message = without_controls(without_secrets(_message(error)))
    return f"{kind}: {message}" if message else kind


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a broken __str__ must not hide the failure
        return ""
    return shortened(text, MAX_TEXT)
