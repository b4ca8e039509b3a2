"""Decisions about nested calls, as a trace tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..trace import events as e

if TYPE_CHECKING:
    from ..tools.policy.approvals import Approval
    from ..tools.policy.decisions import CallDecision
    from ..trace.tracer import Tracer


def trace_decision(
    tracer: Tracer | None, decision: CallDecision, approval: Approval | None
) -> None:
    """Tell ``tracer`` that a call begins to wait for a person, or that it was decided about."""
    if tracer is None:
        return
    name = "" if approval is None else approval.id
    if decision.outcome == "asked":
        tracer.emit(
            e.ApprovalRequestedEvent,
            cell_id=decision.cell_id,
            call=decision.call_id,
            approval=name,
            prompt=decision.reason,
        )
        return
    tracer.emit(
        e.ApprovalDecidedEvent,
        cell_id=decision.cell_id,
        call=decision.call_id,
        verdict=decision.outcome,
        approval=name,
        reason=decision.reason,
        by=decision.by,
    )
