"""The error texts of a host as the exceptions that a session on this machine raises."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from ..errors import (
    CellBusyError,
    CellTerminatingError,
    LimitError,
    SessionClosedError,
    SessionError,
)
from ..lazy_pattern import lazy_pattern
from ..limits import Limits

AGAIN_SECONDS: Final = 0.02
AGAIN_TIMES: Final = 250
"""After what time, and how often, a host that had too much to do is asked once more to end something, or
told something once more."""

STALE: Final = "cell belongs to a stale code-mode host generation"

_BUSY: Final = lazy_pattern(r"exec cell .+ already has an active observer")
_TERMINATING: Final = lazy_pattern(r"exec cell .+ is already terminating")
_LIMIT: Final = lazy_pattern(r"Limit reached \((\w+)\): ")
_TOO_MANY_CELLS: Final = "code-mode host has too many active cells"
_TOO_MANY_REQUESTS: Final = "code-mode host has too many in-flight requests"
_UNKNOWN_CATALOG: Final = "unknown code-mode catalog revision"
_CLOSING: Final = ("code mode session is shutting down", "code-mode host is shutting down")
_LIMIT_NAMES: Final = frozenset(field.name for field in fields(Limits))


class UnknownCatalogError(SessionError):
    """The host does not know the tools that an execute names by a revision."""


def refusal(message: str, cell_id: str = "") -> SessionError:
    """The exception for ``message``, about ``cell_id`` as the caller knows it.

    >>> refusal("exec cell 1 already has an active observer", "g2:1")
    CellBusyError('exec cell g2:1 already has an active observer')
    >>> refusal("whatever")
    SessionError('whatever')
    """
    if _BUSY.fullmatch(message):
        return CellBusyError(cell_id)
    if _TERMINATING.fullmatch(message):
        return CellTerminatingError(cell_id)
    if message in _CLOSING:
        return SessionClosedError(message)
    if message == _UNKNOWN_CATALOG:
        return UnknownCatalogError(message)
    if message == _TOO_MANY_CELLS:
        return LimitError(message, limit="live_cells")
    found = _LIMIT.match(message)
    if found and found[1] in _LIMIT_NAMES:
        return LimitError(message, limit=found[1])
    return SessionError(message)


def is_overload(message: str) -> bool:
    """Whether the host refused only because it has too much to do at this moment."""
    return message == _TOO_MANY_REQUESTS
