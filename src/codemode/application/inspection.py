"""The session of a CodeMode, as an inspector looks at it and acts upon it (``trace.endpoint.Inspected``)."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..errors import CodeModeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..surface.result import ExecResult
    from ..tools.policy.approvals import Approval
    from .cell_record import CellInfo

VALUE_BYTES: Final = 16 * 1024
"""Of a stored value; a longer one is shown by its size."""

MOST_VALUES: Final = 1_000

if TYPE_CHECKING:
    from typing import Protocol

    class InspectedCodeMode(Protocol):
        """What an inspector needs of a CodeMode."""

        def cells(self) -> tuple[CellInfo, ...]: ...
        def pending_approvals(self) -> tuple[Approval, ...]: ...
        def stored_values(self) -> Mapping[str, Any]: ...
        async def approve(self, approval_id: str) -> None: ...
        async def refuse(self, approval_id: str, reason: str = "") -> None: ...
        async def wait(
            self, cell: str, *, call_id: str | None = None, terminate: bool = False
        ) -> ExecResult: ...


class SessionInspection:
    """What an inspector may know and do."""

    def __init__(self, code_mode: InspectedCodeMode) -> None:
        self._code_mode = code_mode
        self._calls = count(1)

    def state(self) -> dict[str, Any]:
        """Cells with what they wait for, approvals, and stored values, as JSON values."""
        return {
            "cells": [_cell(each) for each in self._code_mode.cells()],
            "approvals": [_approval(each) for each in self._code_mode.pending_approvals()],
            "stored": self._stored(),
        }

    async def terminate(self, cell_id: str) -> str:
        """End a cell; the status that it has then.

        The application sees it when it waits for the cell, as if the model had ended it.
        """
        call_id = f"inspector-{next(self._calls)}"
        result = await self._code_mode.wait(cell_id, call_id=call_id, terminate=True)
        return result.status

    async def approve(self, approval: str) -> None:
        """Let a call go on that waits for approval."""
        await self._code_mode.approve(approval)

    async def refuse(self, approval: str, reason: str) -> None:
        """Refuse it."""
        await self._code_mode.refuse(approval, reason)

    def _stored(self) -> list[dict[str, Any]]:
        try:
            values = self._code_mode.stored_values()
        except CodeModeError:
            return []  # the session is closed, or its host does not tell
        texts: Mapping[str, bytes] = getattr(values, "json", {})
        return [_value(key, text) for key, text in list(texts.items())[:MOST_VALUES]]


def _value(key: str, text: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"key": key, "size": len(text)}
    if len(text) <= VALUE_BYTES:
        told["json"] = text.decode("utf-8", "replace")
    return told


def _cell(info: CellInfo) -> dict[str, Any]:
    return {
        "cell": info.cell_id,
        "call_id": info.call_id,
        "seconds": round(info.seconds, 3),
        "idle_seconds": round(info.idle_seconds, 3),
        "calls": info.calls,
        "has_output": info.has_output,
        "is_over": info.is_over,
        "waiting_for": msgspec.to_builtins(info.waiting_for),
    }


def _approval(approval: Approval) -> dict[str, Any]:
    return {
        "id": approval.id,
        "cell": approval.cell_id,
        "call": approval.call.runtime_tool_call_id,
        "tool": approval.name,
        "prompt": approval.prompt,
        "since": approval.since.timestamp() * 1000,
        "expires": None if approval.expires_at is None else approval.expires_at.timestamp() * 1000,
    }
