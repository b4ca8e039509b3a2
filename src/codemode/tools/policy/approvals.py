"""Calls that wait for a person: who asks, who answers, and what comes of it.

A call that a policy asks about waits here, in the task of its callback, so that it ends with its cell. It can
be answered from anywhere in the event loop, in any order: by ``approve`` and ``refuse``, by the
application's ``on_approval``, by the clock. The first answer counts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from ...errors import ToolError, UsageError
from ...protocol.types import CellId, ToolCall
from ..chain import shown
from ..copies import copied
from ..failure import as_tool_error
from .decisions import CallDecision, Decision, Decisions, Outcome, Scope, checked_scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ...protocol.types import JsonValue
    from ..chain import End

ASKING_GRACE_S: Final = 0.1
"""How long an ``on_approval`` whose answer is not needed any more may take to end."""
HINT: Final = "\nHint: go on without it, or tell the user what you would have called it for."


class Approval(Struct, frozen=True, kw_only=True):
    """A call that goes on once it is approved.

    Attributes:
        call: the call, with the arguments that the tool would get.
        name: the tool's public name.
        prompt: what the approver should read first, in one sentence.
        id: names it in ``approve`` and ``refuse``; the same at every attempt of the same call.
        cell_id: whose call it is.
        since: when the call began to wait.
        expires_at: when it is refused without an answer; None: when its cell ends.
    """

    call: ToolCall
    name: str
    prompt: str
    id: str = ""
    cell_id: CellId = CellId("")
    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    expires_at: datetime | None = None


OnApproval: TypeAlias = Callable[[Approval], Awaitable[None]]
"""Gets approval for a call: it returns and the call goes on, or it raises a ToolError that refuses."""
Recheck: TypeAlias = Callable[[ToolCall], str | None]
"""Why the policy refuses a call even if it is approved; None if it does not."""
Listener: TypeAlias = Callable[[CallDecision, Approval | None], None]
"""Receives decisions; the approval is there where a call begins to wait or stops to."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A call that waits, and what is needed to answer it."""

    approval: Approval
    call: ToolCall
    end: End
    recheck: Recheck
    answer: asyncio.Future[ToolCall]


class Approvals:
    """The calls of one session that wait for approval.

    Args:
        on_approval: is asked about each; None: they wait for an answer from outside.
        decisions: what is remembered.
        now: the time of day.

    Attributes:
        decisions: what is remembered.
        listener: receives every decision made here.
        keep: called with each decision that is remembered, before it takes effect, and the cell of the call.
    """

    def __init__(
        self,
        on_approval: OnApproval | None = None,
        *,
        decisions: Decisions | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.decisions = Decisions() if decisions is None else decisions
        self._on_approval = on_approval
        self.listener: Listener | None = None
        self.keep: Callable[[Decision, CellId], None] | None = None
        self._now = now
        self._waiting: dict[str, _Waiting] = {}

    def __repr__(self) -> str:
        return f"<{len(self._waiting)} calls waiting for approval>"

    @property
    def has_approver(self) -> bool:
        """Whether ``on_approval`` is asked; without it calls wait to be answered from outside."""
        return self._on_approval is not None

    def is_waiting(self, approval_id: str) -> bool:
        """Whether such a call waits, and was not answered."""
        waiting = self._waiting.get(approval_id)
        return waiting is not None and not waiting.answer.done()

    def pending(self) -> tuple[Approval, ...]:
        """The calls that wait, in the order in which they began to."""
        return tuple(
            msgspec.structs.replace(each.approval, call=shown(each.call))
            for each in self._waiting.values()
        )

    async def wait(  # noqa: PLR0913 - options by keyword
        self,
        call: ToolCall,
        name: str,
        prompt: str,
        *,
        expires_ms: int | None,
        end: End,
        recheck: Recheck,
        asks_anew: bool = False,
    ) -> ToolCall:
        """The call once it is approved, with the arguments that were approved.

        Args:
            call: prepared.
            name: the public name of its tool.
            prompt: what the approver reads first.
            expires_ms: how long it may wait.
            end: validates arguments that the approver has changed.
            recheck: decides whether an approved call is refused all the same.
            asks_anew: whatever is remembered, but for a decision about this very attempt.

        Raises:
            ToolError: it was refused, or no answer came in time.
            asyncio.CancelledError: its cell ended first.
        """
        decided = self.decisions.about(call, this_attempt=asks_anew)
        if decided is not None:
            return self._remembered(call, name, decided, end)
        approval = self._new(call, name, prompt, expires_ms)
        waiting = _Waiting(approval, call, end, recheck, asyncio.get_running_loop().create_future())
        self._waiting[approval.id] = waiting
        asked = CallDecision.about(call, name, "asked", by="rule", reason=prompt)
        self._tell(asked, approval)
        try:
            async with self._asking(waiting):
                # The answer against its expiry; cancellation of the call passes through and withdraws the question.
                await asyncio.wait(
                    [waiting.answer], timeout=None if expires_ms is None else expires_ms / 1000
                )
            # The approver's answer was acknowledged: it counts, however late this task wakes up.
            return waiting.answer.result() if waiting.answer.done() else self._expired(waiting)
        except asyncio.CancelledError:
            self._tell(CallDecision.about(call, name, "withdrawn", by="clock"), approval)
            raise
        finally:
            if not waiting.answer.cancel() and not waiting.answer.cancelled():
                waiting.answer.exception()  # retrieved, so that asyncio does not log it
            del self._waiting[approval.id]

    def approve(
        self,
        approval_id: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        remember: Scope = "call",
    ) -> None:
        """Let a call go on.

        Args:
            approval_id: of :class:`Approval`.
            arguments: values that the tool gets instead of those that the program gave, by the
                names of its parameters; as Python values, or as JSON.
            remember: for which calls this holds.

        Raises:
            UsageError: no such call waits, its arguments do not fit, or the policy refuses it with them.
        """
        waiting = self._find(approval_id)
        scope = checked_scope(remember)
        call = waiting.call
        if arguments:
            call = _with_arguments(waiting, arguments)
        if (refusal := waiting.recheck(call)) is not None:
            raise UsageError(f"the policy refuses this call: {refusal}")
        changed_input = call.input if arguments else None
        self._decided(waiting, approved=True, scope=scope, changed_input=changed_input)
        approval = waiting.approval
        approved = CallDecision.about(
            call, approval.name, "approved", by="person", changed=bool(arguments)
        )
        self._tell(approved, approval)
        waiting.answer.set_result(call)

    def refuse(self, approval_id: str, reason: str = "", *, remember: Scope = "call") -> None:
        """Refuse a call; the program can catch that.

        Args:
            approval_id: of :class:`Approval`.
            reason: one sentence, which the program and the model read.
            remember: for which calls this holds.

        Raises:
            UsageError: no such call waits.
        """
        waiting = self._find(approval_id)
        if not isinstance(reason, str):
            raise UsageError(f"a reason is a text, got {reason!r}")
        self._decided(waiting, approved=False, scope=checked_scope(remember), reason=reason)
        self._refused(waiting, ToolError(refusal_text(waiting.approval.name, reason)), reason)

    def cell_closed(self, cell_id: CellId) -> None:
        """Nothing is remembered for calls of a cell that is over."""
        self.decisions.forget(cell_id)

    @contextlib.asynccontextmanager
    async def _asking(self, waiting: _Waiting) -> AsyncIterator[None]:
        """Have the application asked while this lasts."""
        if self._on_approval is None:
            yield
            return
        asking = asyncio.create_task(self._ask(self._on_approval, waiting))
        try:
            yield
        finally:
            asking.cancel()
            # Cancellation against an ``on_approval`` that ignores it: the bound decides.
            await asyncio.wait({asking}, timeout=ASKING_GRACE_S)

    async def _ask(self, on_approval: OnApproval, waiting: _Waiting) -> None:
        """Have the application get an answer; whatever it raises refuses."""
        name = waiting.approval.name
        shown_to = msgspec.structs.replace(waiting.approval, call=shown(waiting.call))
        try:
            await on_approval(shown_to)
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - the application's own code
            if not waiting.answer.done():
                self._refused(waiting, as_tool_error(error, name), str(error))
            return
        if not waiting.answer.done():
            with contextlib.suppress(UsageError):
                self.approve(waiting.approval.id)
        if not waiting.answer.done():  # the policy refuses it by now
            refusal = waiting.recheck(waiting.call) or ""
            self._refused(waiting, ToolError(refusal_text(name, refusal)), refusal)

    def _expired(self, waiting: _Waiting) -> ToolCall:
        approval = waiting.approval
        assert approval.expires_at is not None
        seconds = (approval.expires_at - approval.since).total_seconds()
        reason = f"nobody has approved it within {seconds:g} s"
        expired = CallDecision.about(
            waiting.call, approval.name, "expired", by="clock", reason=reason
        )
        self._tell(expired, approval)
        raise ToolError(f"the call of `{approval.name}` is refused: {reason}{HINT}")

    def _remembered(self, call: ToolCall, name: str, decided: Decision, end: End) -> ToolCall:
        outcome: Outcome = "approved" if decided.approved else "refused"
        self._tell(CallDecision.about(call, name, outcome, by="remembered", reason=decided.reason))
        if not decided.approved:
            raise ToolError(refusal_text(name, decided.reason))
        if decided.input is None:
            return call
        return end.prepare(msgspec.structs.replace(call, input=copied(decided.input)))

    def _refused(self, waiting: _Waiting, error: ToolError, reason: str) -> None:
        approval = waiting.approval
        refused = CallDecision.about(
            waiting.call, approval.name, "refused", by="person", reason=reason
        )
        self._tell(refused, approval)
        waiting.answer.set_exception(error)

    def _decided(
        self,
        waiting: _Waiting,
        *,
        approved: bool,
        scope: Scope,
        reason: str = "",
        changed_input: JsonValue = None,
    ) -> None:
        call = waiting.call
        decision = Decision(
            approved=approved,
            scope=scope,
            tool=waiting.approval.name,
            digest=call.digest,
            key=call.idempotency_key if scope == "call" else "",
            reason=reason,
            at=self._now(),
            attempt=call.attempt if scope == "call" else 1,
            input=copied(changed_input) if scope == "call" else None,
        )
        self.decisions.remember(decision, call.cell_id)
        if self.keep is not None:
            self.keep(decision, call.cell_id)

    def _find(self, approval_id: str) -> _Waiting:
        waiting = self._waiting.get(approval_id)
        if waiting is not None and not waiting.answer.done():
            return waiting
        ids = [key for key, each in self._waiting.items() if not each.answer.done()]
        known = f"those that wait are {', '.join(ids[:10])}" if ids else "no call waits now"
        raise UsageError(
            f"no call waits for approval as {approval_id!r}: it was answered, or its cell has ended"
            f"\nHint: {known}; pending_approvals() tells of them."
        )

    def _new(self, call: ToolCall, name: str, prompt: str, expires_ms: int | None) -> Approval:
        since = self._now()
        return Approval(
            call=shown(call),
            name=name,
            prompt=prompt,
            id=self._new_id(call),
            cell_id=call.cell_id,
            since=since,
            expires_at=None if expires_ms is None else since + timedelta(milliseconds=expires_ms),
        )

    def _new_id(self, call: ToolCall) -> str:
        base = found = f"{call.cell_id}-{call.runtime_tool_call_id}"
        number = 2
        while found in self._waiting:  # a middleware calls again
            found = f"{base}-{number}"
            number += 1
        return found

    def _tell(self, decision: CallDecision, approval: Approval | None = None) -> None:
        if self.listener is not None:
            self.listener(decision, approval)


def refusal_text(name: str, reason: str) -> str:
    """What the program catches where an approver has refused a call."""
    told = f": {reason}" if reason else ""
    return f"the call of `{name}` was refused{told}{HINT}"


def _with_arguments(waiting: _Waiting, arguments: Mapping[str, Any]) -> ToolCall:
    """The call with other arguments, given as values or as JSON.

    Raises:
        UsageError: they do not fit.
    """
    call = waiting.call
    own = copied(dict(arguments))
    try:
        return waiting.end.change(call, {**call.arguments, **own})
    except ToolError as error:
        first = error
    if isinstance(call.input, dict):  # as JSON, dates are texts
        try:
            said = msgspec.structs.replace(call, input={**call.input, **own})
            return waiting.end.prepare(said)
        except ToolError:
            pass
    raise UsageError(str(first)) from first
