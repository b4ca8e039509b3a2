"""A nested call as an application sees it: which tool, how it ended, time and size."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

CallStatus: TypeAlias = Literal["running", "waiting", "ok", "failed", "cancelled"]


class NestedCall(Struct, frozen=True, kw_only=True):
    """One call of a tool by a cell.

    Attributes:
        id: ``tool-1``, ``tool-2``, … within its cell, in the order in which the program called.
        tool: the public name of the tool.
        status: ``running``, ``waiting`` for approval, or how the call ended.
        milliseconds: from the call to its end, or up to now.
        bytes: the size of the result as JSON in UTF-8; 0 unless the status is ``ok``.
        error: why it failed, in at most 1,000 characters; None unless the status is ``failed``.
        approval_id: what ``approve`` and ``refuse`` take; None unless the status is ``waiting``.
    """

    id: str
    tool: str
    status: CallStatus
    milliseconds: float
    bytes: int = 0
    error: str | None = None
    approval_id: str | None = None
