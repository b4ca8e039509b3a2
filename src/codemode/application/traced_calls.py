"""Calls of ``exec`` and ``wait``, and decisions about nested calls, as events of a trace."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

import msgspec

from ..surface.result import ExecResult
from ..trace import events as e

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..tools.policy.approvals import Approval
    from ..tools.policy.decisions import CallDecision
    from ..trace.tracer import Tracer

Method = TypeVar("Method", bound="Callable[..., Coroutine[Any, Any, ExecResult]]")


class HasTracer(Protocol):
    """An object whose calls may be traced."""

    @property
    def tracer(self) -> Tracer | None:
        """The tracer of its session; None where the session is not traced."""

    def new_call_id(self) -> str:
        """Return an id for a call that has none of a model's."""


def traced(tool: Literal["exec", "wait"]) -> Callable[[Method], Method]:
    """Have calls of a method traced as calls of ``tool``. Without a tracer the method is called as it is."""

    def decorate(method: Method) -> Method:
        @wraps(method)
        async def call(owner: HasTracer, *args: Any, **options: Any) -> ExecResult:
            tracer = owner.tracer
            if tracer is None:
                return await method(owner, *args, **options)
            call_id = options["call_id"] = options.get("call_id") or owner.new_call_id()
            subject = args[0] if args else options.get("cell", "")
            cell_id = "" if tool == "exec" else _cell_id(subject)
            terminate = bool(options.get("terminate"))
            tracer.emit(
                e.ModelCallStartedEvent,
                model_call=call_id,
                tool=tool,
                cell_id=cell_id,
                terminate=terminate,
            )
            result: ExecResult | None = None
            try:
                result = await method(owner, *args, **options)
                return result
            finally:
                answered(tracer, call_id, result)

        return cast("Method", call)

    return decorate


def asked_for(tracer: Tracer | None, call_id: str) -> None:
    """The application, and no model, runs a program."""
    if tracer is not None:
        tracer.emit(
            e.ModelCallStartedEvent, model_call=call_id, tool="exec", requester="application"
        )


def answered(tracer: Tracer | None, call_id: str, result: ExecResult | None) -> None:
    """The call has this result; None: it ended without one."""
    if tracer is None:
        return
    if result is None:
        tracer.emit(e.ModelCallEndedEvent, model_call=call_id, status="refused")
        return
    tracer.emit(
        e.ModelCallEndedEvent,
        model_call=call_id,
        status="yielded" if result.running else result.status,
        cell_id=result.cell_id or "",
        answer=e.content(msgspec.json.encode(result.items)),
    )


def _cell_id(cell: object) -> str:
    found = cell.cell_id if isinstance(cell, ExecResult) else cell
    return found if isinstance(found, str) else ""


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
