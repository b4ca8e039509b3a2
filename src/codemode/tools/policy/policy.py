"""A policy: an ordered list of rules, and the decision about a call.

The first rule that fits a call decides it, and a call that no rule fits is allowed. A *guard*, which counts or
looks for something (``budget``, ``only_destinations``), decides only where it is broken, and ``run_as`` names
for whom a tool acts: the list goes on behind them. Behind a rule that asks, only guards are still looked at: what
is approved is counted, too. Deciding changes nothing: what was let through is
written down in a :class:`~codemode.tools.policy.history.CallHistory` by the part that lets it through.

    Policy([refuse("fs__delete_*"), ask("transfer", when=lambda call: call.input["cents"] > 10_000)])
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
from msgspec import Struct

from ...errors import UsageError
from .history import CallHistory
from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...protocol.types import ToolCall

_log = logging.getLogger(__name__)

Judgement: TypeAlias = Literal["allow", "ask", "refuse"]
_SEVERITY: tuple[Judgement, ...] = ("allow", "ask", "refuse")


class Verdict(Struct, frozen=True):
    """A policy's decision about a call.

    Attributes:
        action: whether the call goes on, needs approval, or is refused.
        rule: the rule that decided; None if no rule fits.
        text: the reason or the prompt; None if the rule has none.
        caller: for whom the tool acts, where a rule names one; None: for the caller.
    """

    action: Judgement
    rule: Rule | None = None
    text: str | None = None
    caller: str | None = None


class Policy:
    """An ordered list of rules; the first that fits decides.

    Args:
        rules: made by :func:`codemode.allow`, :func:`codemode.ask`, :func:`codemode.refuse`,
            :func:`codemode.run_as`, and the ready-made ones, such as :func:`codemode.read_only`.

    Two policies are joined by ``&``: a call has to be allowed by both, and the stricter one decides.

    Raises:
        UsageError: one of them is no rule.

    Example:
        >>> from codemode import CellId, ToolCall, ToolName, allow, refuse
        >>> policy = Policy([allow("fs__read"), refuse("fs__*", reason="read-only")])
        >>> def call(name: str) -> ToolCall:
        ...     own = ToolName(name, "mcp__fs")
        ...     return ToolCall(cell_id=CellId("1"), runtime_tool_call_id="tool-1", tool_name=own)
        >>> policy.verdict(call("read"), "mcp__fs__read").action
        'allow'
        >>> policy.verdict(call("write"), "mcp__fs__write").text
        'read-only'
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._lists: tuple[tuple[Rule, ...], ...] = (tuple(rules),)
        for each in self.rules:
            if not isinstance(each, Rule):
                raise UsageError(
                    f"a policy holds rules, got {each!r}"
                    '\nHint: Policy([refuse("fs__delete_*"), ask("transfer")])'
                )

    def __repr__(self) -> str:
        return f"<Policy {', '.join(f'{each.action} {each.pattern}' for each in self.rules)}>"

    def __and__(self, other: Policy) -> Policy:
        """Both: the stricter verdict counts."""
        joined = Policy()
        joined._lists = (*self._lists, *other._lists)
        return joined

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in order."""
        return tuple(rule for each in self._lists for rule in each)

    @property
    def counters(self) -> dict[str, Rule]:
        """The rules that count, by names that another process gives them, too.

        A name says what a rule is about, and which one of those it is; how much it lets through may change.
        """
        found: dict[str, Rule] = {}
        for rule in self.rules:
            if rule.counts:
                about = (rule.pattern, rule.namespace, sorted(rule.annotations.items()))
                whose = (rule.session, rule.caller, getattr(rule, "per", None))
                text = json.dumps([type(rule).__name__, *about, *whose])
                digest = hashlib.sha256(text.encode()).hexdigest()[:12]
                number = sum(name.startswith(digest) for name in found)
                found[f"{digest}-{number}"] = rule
        return found

    @property
    def counts_bytes(self) -> bool:
        """Whether a rule wants to know how large arguments and results are."""
        return any(rule.counts_bytes for rule in self.rules)

    def verdict(
        self,
        call: ToolCall,
        name: str,
        history: CallHistory | None = None,
        *,
        approved: bool = False,
    ) -> Verdict:
        """What becomes of a call of the tool that programs know as ``name``.

        A rule that raises refuses the call: what cannot be judged does not pass.

        Args:
            call: with the arguments that the tool would get.
            name: the tool's public name.
            history: what was let through before; None: nothing.
            approved: whether the call is approved already: then a rule that asks allows it.
        """
        seen = CallHistory() if history is None else history
        found: list[Verdict] = []
        for rules in self._lists:
            found.append(_judged(rules, call, name, seen, approved=approved))
            if (caller := found[-1].caller) is not None:
                call = msgspec.structs.replace(call, caller=caller)
        worst = max(found, key=lambda each: (_SEVERITY.index(each.action), each.rule is not None))
        callers = [each.caller for each in found if each.caller is not None]
        return msgspec.structs.replace(worst, caller=callers[-1] if callers else None)

    def passed(self, call: ToolCall, name: str, history: CallHistory) -> None:
        """Count in ``history`` that ``call``, of the tool that programs know as ``name``, goes to its tool.

        One that may have been there before was counted then.
        """
        if call.attempt > 1:
            return
        for rule in self._about(call, name):
            rule.passed(call, history)

    def returned(self, call: ToolCall, name: str, size: int, history: CallHistory) -> None:
        """Count in ``history`` that arguments and result of ``call``, of the tool ``name``, took ``size`` bytes."""
        for rule in self._about(call, name):
            rule.returned(call, size, history)

    def _about(self, call: ToolCall, name: str) -> Iterable[Rule]:
        return [rule for rule in self.rules if _fits(rule, call, name)]


def _judged(
    rules: Iterable[Rule], call: ToolCall, name: str, history: CallHistory, *, approved: bool
) -> Verdict:
    caller: str | None = None
    asks: Verdict | None = None
    for rule in rules:
        if asks is not None and not rule.is_guard:
            continue
        if rule.counts and call.attempt > 1:
            continue  # it was let through before
        try:
            text = rule.breach(call, name, history) if rule.fits(call, name) else None
        except Exception:  # noqa: BLE001 - what cannot be judged does not pass
            _log.exception("the rule %s %r could not judge a call", rule.action, rule.pattern)
            return Verdict("refuse", rule, "the rule about it could not judge this call")
        if text is None:
            continue
        if rule.action == "run_as":
            caller = rule.acts_for
            call = msgspec.structs.replace(call, caller=caller or "")
        elif rule.action == "ask":  # what is approved is still counted
            asks = Verdict("allow" if approved else "ask", rule, text or None)
        else:
            return Verdict(rule.action, rule, text or None, caller)
    return msgspec.structs.replace(asks or Verdict("allow"), caller=caller)


def _fits(rule: Rule, call: ToolCall, name: str) -> bool:
    try:
        return rule.fits(call, name)
    except Exception:  # noqa: BLE001 - such a call was refused, or is another policy's
        return False
