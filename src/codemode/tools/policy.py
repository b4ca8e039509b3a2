"""Rules about calls: which tools a program may call, and which calls need approval.

A policy is an ordered list; the first rule that fits a call decides it, and a call that no rule fits
is allowed. Deciding is pure: a policy maps a call to a :class:`Verdict` and keeps nothing. What a
verdict says is done by a :class:`Gate`, the last link of the chain before the tool, so that it judges
the arguments that the tool gets.

    Policy([refuse("fs__delete_*"), ask("transfer", when=lambda call: call.input["cents"] > 10_000)])
"""

from __future__ import annotations

import fnmatch
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from ..errors import ToolError, UsageError
from ..protocol.types import ToolCall, ToolName
from .chain import shown
from .names import identifier

Action: TypeAlias = Literal["allow", "ask", "refuse"]
When: TypeAlias = Callable[[ToolCall], object]
"""Whether a rule is about this call; any true value means that it is."""

MCP_PREFIX: Final = "mcp__"
"""What the namespaces of MCP servers begin with; patterns may leave it out."""

_HINT: Final = "\nHint: go on without it, or tell the user what you would have called it for."

_log = logging.getLogger(__name__)


class Rule(Struct, frozen=True, kw_only=True):
    """One rule; made by :func:`allow`, :func:`ask` and :func:`refuse`.

    Attributes:
        action: what becomes of a call that it fits.
        pattern: a glob over names of tools: ``*``, ``?``, ``[…]``; capitals count.
        when: which calls of these tools it fits; None: all of them.
        text: the reason of a refusal or the prompt of a question, in one sentence.
    """

    action: Action
    pattern: str
    when: When | None = None
    text: str | None = None

    def fits(self, call: ToolCall, name: str) -> bool:
        """Whether the rule is about a call of the tool that programs know as ``name``.

        Raises:
            Exception: whatever ``when`` raises.
        """
        is_named = self.names(call.tool_name, name)
        return is_named and (self.when is None or bool(self.when(call)))

    def names(self, tool_name: ToolName, name: str) -> bool:
        """Whether the pattern fits one of a tool's names; see :func:`names_of`."""
        return any(fnmatch.fnmatchcase(each, self.pattern) for each in names_of(tool_name, name))


class Verdict(Struct, frozen=True):
    """What a policy says of a call.

    Attributes:
        action: whether the call goes on, needs approval, or is refused.
        rule: the rule that decided; None if no rule fits.
        text: the reason or the prompt; None if the rule has none.
    """

    action: Action
    rule: Rule | None = None
    text: str | None = None


def allow(pattern: str, *, when: When | None = None) -> Rule:
    """Let calls go on.

    Raises:
        UsageError: ``pattern`` is no text, or ``when`` cannot be called with a call.
    """
    return _rule("allow", pattern, when, None)


def ask(pattern: str, *, when: When | None = None, prompt: str | None = None) -> Rule:
    """Let calls go on once they are approved; ``prompt`` is what whoever approves reads.

    Raises:
        UsageError: as for :func:`allow`, or ``prompt`` is no text.
    """
    return _rule("ask", pattern, when, prompt)


def refuse(pattern: str, *, when: When | None = None, reason: str | None = None) -> Rule:
    """Refuse calls; ``reason`` is what the program catches and the model reads.

    Raises:
        UsageError: as for :func:`allow`, or ``reason`` is no text.
    """
    return _rule("refuse", pattern, when, reason)


class Policy:
    """An ordered list of rules; the first that fits decides.

    Args:
        rules: made by :func:`allow`, :func:`ask` and :func:`refuse`.

    Raises:
        UsageError: one of them is no rule.

    Example:
        >>> from codemode import CellId
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
        self.rules = tuple(rules)
        for each in self.rules:
            if not isinstance(each, Rule):
                raise UsageError(
                    f"a policy holds rules, got {each!r}"
                    '\nHint: Policy([refuse("fs__delete_*"), ask("transfer")])'
                )

    def __repr__(self) -> str:
        return f"<Policy {', '.join(f'{each.action} {each.pattern}' for each in self.rules)}>"

    def verdict(self, call: ToolCall, name: str) -> Verdict:
        """What becomes of a call of the tool that programs know as ``name``.

        A rule whose ``when`` raises refuses the call: what cannot be judged does not pass.
        """
        for rule in self.rules:
            try:
                fits = rule.fits(call, name)
            except Exception:  # noqa: BLE001 - what cannot be judged does not pass
                _log.exception("the rule %s %r could not judge a call", rule.action, rule.pattern)
                return Verdict("refuse", rule, "the rule about it could not judge this call")
            if fits:
                return Verdict(rule.action, rule, rule.text)
        return Verdict("allow")


class Approval(Struct, frozen=True, kw_only=True):
    """A call that goes on once it is approved.

    Attributes:
        call: the call, with the arguments that the tool would get.
        name: the tool's public name.
        prompt: what whoever approves should read first, in one sentence.
    """

    call: ToolCall
    name: str
    prompt: str


OnApproval: TypeAlias = Callable[[Approval], Awaitable[None]]
"""Gets approval for a call: it returns and the call goes on, or it raises a ToolError that refuses."""


class Gate:
    """A policy in force: it judges a call behind the middleware, right before the tool.

    Args:
        policy: judges each call.
        on_approval: gets approval for a call; None: calls that need approval are refused.
    """

    def __init__(self, policy: Policy, on_approval: OnApproval | None) -> None:
        self._policy = policy
        self._on_approval = on_approval

    async def judge(self, call: ToolCall, *, name: str) -> ToolCall:
        """The call of the tool that programs know as ``name``, if it may go on.

        Raises:
            ToolError: it is refused, or needs approval and did not get it.
        """
        verdict = self._policy.verdict(shown(call), name)
        if verdict.action == "refuse":
            reason = verdict.text or "the policy of this application does not allow it"
            raise ToolError(f"the call of `{name}` is refused: {reason}{_HINT}")
        if verdict.action == "ask":
            if self._on_approval is None:
                raise ToolError(
                    f"the call of `{name}` needs approval, and there is no way to ask here{_HINT}"
                )
            prompt = verdict.text or f"A program wants to call {name}."
            await self._on_approval(Approval(call=shown(call), name=name, prompt=prompt))
        return call


def names_of(tool_name: ToolName, name: str) -> tuple[str, ...]:
    """The names that patterns are compared with.

    The public name, the tool's own name with its namespace, as written and as an identifier, and
    each of these without ``mcp__``.

    Example:
        >>> names_of(ToolName("read-file", "mcp__fs"), "mcp__fs__read_file")
        ('mcp__fs__read_file', 'mcp__fs__read-file', 'fs__read_file', 'fs__read-file')
    """
    names = (name, str(tool_name), identifier(tool_name))
    short = (each.removeprefix(MCP_PREFIX) for each in names)
    return tuple(dict.fromkeys((*names, *short)))


def _rule(action: Action, pattern: object, when: object, text: object) -> Rule:
    if not isinstance(pattern, str) or not pattern:
        raise UsageError(
            f'a pattern is a text, got {pattern!r}\nHint: {action}("fs__*") is about every tool of fs.'
        )
    if text is not None and not isinstance(text, str):
        raise UsageError(f"a reason or prompt is a text, got {text!r}")
    if when is not None and (not callable(when) or inspect.iscoroutinefunction(when)):
        raise UsageError(
            f"when must be a plain function of a call, got {when!r}"
            '\nHint: when=lambda call: call.input["cents"] > 10_000'
        )
    return Rule(action=action, pattern=pattern, when=when, text=text)
