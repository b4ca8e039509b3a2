"""What happens in a cell, as events of ``CodeMode.stream`` and ``on_event``.

More kinds of events may come: code that handles events passes over those that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from ..protocol.types import CellId, Item
    from ..surface.nested_call import NestedCall
    from ..surface.result import ExecResult
    from ..tools.policy.approvals import Approval
    from ..tools.policy.decisions import CallDecision


class CellEvent(Struct, frozen=True, kw_only=True):
    """Something that happened in a cell; the base of all events.

    Attributes:
        cell_id: the cell; empty if the request was refused and there is none.
    """

    cell_id: CellId


class CellStarted(CellEvent, frozen=True, kw_only=True):
    """The cell was admitted. ``call_id`` is the model's call that started it."""

    call_id: str


class CellOutput(CellEvent, frozen=True, kw_only=True):
    """The program wrote ``item``: a text, an image or a sound, whole."""

    item: Item


class CellNotification(CellEvent, frozen=True, kw_only=True):
    """The program called ``notify(text)``. ``call_id`` is the model's call that started it."""

    call_id: str
    text: str


class CallStarted(CellEvent, frozen=True, kw_only=True):
    """The program called a tool; the status of ``call`` is ``running``."""

    call: NestedCall


class CallEnded(CellEvent, frozen=True, kw_only=True):
    """A nested call is over; ``call`` has its outcome."""

    call: NestedCall


class ApprovalRequested(CellEvent, frozen=True, kw_only=True):
    """A nested call waits for approval, until ``approve`` or ``refuse`` of CodeMode."""

    approval: Approval


class CallDecided(CellEvent, frozen=True, kw_only=True):
    """The policy, or the approver, has decided about a nested call; for an audit log.

    Attributes:
        decision: which, about which call.
    """

    decision: CallDecision


class CellYielded(CellEvent, frozen=True, kw_only=True):
    """The program called ``yield_control()`` and runs on.

    Attributes:
        waiting_for: the nested calls that run.
    """

    waiting_for: tuple[NestedCall, ...] = ()


class CellNews(CellEvent, frozen=True, kw_only=True):
    """A cell without an observer has output, or has ended: ``wait`` gives it at once.

    It comes once, until a result has reported the cell. Of cells in a host only ends are reported that
    are certain: those that the host has closed.
    """

    ended: bool


class CellEnded(CellEvent, frozen=True, kw_only=True):
    """The last event. ``result`` has everything that the cell wrote and called."""

    result: ExecResult


OnEvent: TypeAlias = Callable[[CellEvent], object]
"""Gets each event of a cell; sync or async."""
