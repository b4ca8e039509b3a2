"""A policy in force: what stands between the last middleware and the tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ...errors import ToolError
from ..chain import shown
from .approvals import HINT
from .decisions import CallDecision
from .history import CallHistory

if TYPE_CHECKING:
    from ...protocol.types import CellId, JsonValue, ToolCall
    from ..chain import End
    from .approvals import Approvals, Listener
    from .decisions import Outcome
    from .policy import Policy, Verdict

_NOT_ALLOWED: Final = "the policy of this application does not allow it"


class Gate:
    """Judges each call of a session, and counts those that go on.

    Args:
        policy: judges.
        approvals: gets approval; None: calls that need it are refused.
        history: what was let through before.
        listener: receives every decision.

    Attributes:
        history: what was let through.
    """

    def __init__(
        self,
        policy: Policy,
        approvals: Approvals | None,
        *,
        history: CallHistory | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._policy = policy
        self._approvals = approvals
        self.history = CallHistory(names=policy.counters) if history is None else history
        self._listener = listener

    def __repr__(self) -> str:
        return f"<gate of {self._policy!r}>"

    async def pass_on(self, call: ToolCall, name: str, end: End) -> JsonValue:
        """Run the tool that programs know as ``name``, if the prepared call may go on.

        Raises:
            ToolError: it is refused, or needs approval and did not get it; or the tool failed.
        """
        verdict = self._verdict(call, name)
        call = _acting(call, verdict)
        if verdict.action == "ask":
            call = await self._approved(call, name, verdict, end)
            # Again: much may have been let through while the call waited for its approval.
            verdict = self._verdict(call, name, approved=True)
        if verdict.action == "refuse":
            self._tell(call, name, verdict, "refused")
            raise ToolError(_refusal(name, verdict))
        self._tell(call, name, verdict, "allowed")
        self._policy.passed(call, name, self.history)
        result = await end.invoke(call)
        if self._policy.counts_bytes:
            size = _size(call.input) + _size(result)
            self._policy.returned(call, name, size, self.history)
        return result

    def question(self, call: ToolCall, name: str) -> str | None:
        """What an approver of the call would be asked; None where the policy asks nobody."""
        verdict = self._verdict(call, name)
        return _prompt(name, verdict) if verdict.action == "ask" else None

    def refusal(self, call: ToolCall, name: str) -> str | None:
        """Why the policy refuses a call even if it is approved; None if it does not."""
        found = self._verdict(call, name, approved=True)
        return (found.text or _NOT_ALLOWED) if found.action == "refuse" else None

    def cell_closed(self, cell_id: CellId) -> None:
        """Nothing is counted any more for a cell that is over."""
        self.history.forget(cell_id)
        if self._approvals is not None:
            self._approvals.cell_closed(cell_id)

    async def _approved(self, call: ToolCall, name: str, verdict: Verdict, end: End) -> ToolCall:
        if self._approvals is None:
            self._tell(call, name, verdict, "refused")
            raise ToolError(
                f"the call of `{name}` needs approval, and there is no way to ask here{HINT}"
            )

        return await self._approvals.wait(
            call,
            name,
            _prompt(name, verdict),
            expires_ms=None if verdict.rule is None else verdict.rule.expires_ms,
            end=end,
            recheck=lambda changed: self.refusal(changed, name),
        )

    def _verdict(self, call: ToolCall, name: str, *, approved: bool = False) -> Verdict:
        # On a copy: whatever a predicate does to it, what was judged is what the tool gets.
        return self._policy.verdict(shown(call), name, self.history, approved=approved)

    def _tell(self, call: ToolCall, name: str, verdict: Verdict, outcome: Outcome) -> None:
        if self._listener is not None:
            rule = verdict.rule
            by = "default" if rule is None else f"{rule.action} {rule.pattern}"
            reason = (verdict.text or _NOT_ALLOWED) if outcome == "refused" else ""
            self._listener(CallDecision.about(call, name, outcome, by=by, reason=reason), None)


def _acting(call: ToolCall, verdict: Verdict) -> ToolCall:
    if verdict.caller is None:
        return call
    return msgspec.structs.replace(call, caller=verdict.caller)


def _prompt(name: str, verdict: Verdict) -> str:
    return verdict.text or f"A program wants to call {name}."


def _refusal(name: str, verdict: Verdict) -> str:
    return f"the call of `{name}` is refused: {verdict.text or _NOT_ALLOWED}{HINT}"


def _size(value: JsonValue) -> int:
    try:
        return len(msgspec.json.encode(value))
    except (TypeError, ValueError, RecursionError, OverflowError):
        return len(repr(value))  # half a surrogate pair, or what the session refuses
