"""What was decided about calls, as data: for the log, and so that the same is not asked twice."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from msgspec import Struct

from ...errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...protocol.types import CellId, ToolCall

Scope: TypeAlias = Literal["call", "session", "always"]
"""How far a decision of a person reaches: this very call, this tool in this session, this tool."""

Outcome: TypeAlias = Literal["allowed", "asked", "approved", "refused", "expired", "withdrawn"]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


class Decision(Struct, frozen=True, kw_only=True):
    """What a person has decided about a tool; a plain value, to be stored and given back.

    Attributes:
        approved: whether calls go on.
        scope: which calls.
        tool: the tool's public name, for a reader of the log.
        digest: of the definition that it was decided about: another tool of that name is asked about.
        key: the idempotency key of the call, where the scope is ``call``.
        reason: why not, in one sentence.
        at: when.
        attempt: of the call, where the scope is ``call``: more than 1 if its tool may have run before.
        input: what the tool gets instead of what the program gave, where the approver has changed that and
            the scope is ``call``; JSON.
    """

    approved: bool
    scope: Scope
    tool: str
    digest: str
    key: str = ""
    reason: str = ""
    at: datetime | None = None
    attempt: int = 1
    input: Any = None


class CallDecision(Struct, frozen=True, kw_only=True):
    """Something was decided about a call: an entry for an audit log.

    Attributes:
        cell_id: whose call it is.
        call_id: ``tool-1``, ``tool-2``, … in that cell.
        tool: the public name.
        digest: of its definition.
        outcome: what; ``asked`` is followed by one of the others, ``withdrawn`` if the cell ended first.
        by: the rule's action and pattern, ``person``, ``remembered`` or ``clock``.
        caller: for whom the tool acts.
        reason: the text of a refusal, or the prompt of a question.
        changed: whether the approver changed the arguments.
    """

    cell_id: CellId
    call_id: str
    tool: str
    digest: str
    outcome: Outcome
    by: str
    caller: str = ""
    reason: str = ""
    changed: bool = False

    @classmethod
    def about(
        cls,
        call: ToolCall,
        name: str,
        outcome: Outcome,
        *,
        by: str,
        reason: str = "",
        changed: bool = False,
    ) -> CallDecision:
        """The decision about ``call`` of the tool that programs know as ``name``.

        ``outcome``, ``by``, ``reason`` and ``changed`` are those of the class.
        """
        return cls(
            cell_id=call.cell_id,
            call_id=call.runtime_tool_call_id,
            tool=name,
            digest=call.digest,
            outcome=outcome,
            by=by,
            caller=call.caller,
            reason=reason,
            changed=changed,
        )


class Decisions:
    """The decisions that are remembered in one session.

    Args:
        given: what was decided before; those of another session's calls mean nothing here.

    Raises:
        UsageError: one of them is no decision.
    """

    def __init__(self, given: Iterable[Decision] = ()) -> None:
        self._by_tool: dict[str, Decision] = {}
        self._by_call: dict[str, tuple[CellId, Decision]] = {}
        for each in given:
            if not isinstance(each, Decision):
                raise UsageError(
                    f"decisions are what code mode has told you of, got {each!r}"
                    "\nHint: decisions=cm.decisions of an earlier session"
                )
            if each.scope == "always":
                self._by_tool[each.digest] = each

    @property
    def all(self) -> tuple[Decision, ...]:
        """The decisions about tools, in order; those about single calls are not told."""
        return tuple(self._by_tool.values())

    def about(self, call: ToolCall, *, this_attempt: bool = False) -> Decision | None:
        """What was decided about this call, or about its tool; or only about this very attempt."""
        by_call = self._by_call.get(call.idempotency_key)
        if (
            by_call is not None
            and by_call[1].digest == call.digest
            and (not this_attempt or by_call[1].attempt == call.attempt)
        ):
            return by_call[1]
        if this_attempt:
            return None
        return self._by_tool.get(call.digest) if call.digest else None

    def remember(self, decision: Decision, cell_id: CellId) -> None:
        """Remember a decision; a later one about the same replaces it."""
        if decision.scope == "call":
            if decision.key:
                self._by_call[decision.key] = (cell_id, decision)
        else:
            self._by_tool.pop(decision.digest, None)
            self._by_tool[decision.digest] = decision

    def forget(self, cell_id: CellId) -> None:
        """The cell is over, and makes no call again."""
        for key in [key for key, (whose, _) in self._by_call.items() if whose == cell_id]:
            del self._by_call[key]


def checked_scope(given: object) -> Scope:
    """How far a decision reaches.

    Raises:
        UsageError: this is no scope.
    """
    for scope in SCOPES:
        if given == scope:
            return scope
    raise UsageError(
        f"a decision is remembered for {', '.join(map(repr, SCOPES))}, got {given!r}"
        '\nHint: "session" is this tool in this session, "always" this tool.'
    )
