"""Rules about calls: which calls each matches, and its decision.

A rule looks at a tool's names, its namespace and its annotations, at the session and the caller, and with
``when`` at the call itself. What is not said fits everything.
"""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from msgspec import Struct

from ...errors import UsageError
from ...protocol.types import ToolCall, ToolName
from ..names import identifier

if TYPE_CHECKING:
    from .history import CallHistory

Action: TypeAlias = Literal["allow", "ask", "refuse", "run_as"]
When: TypeAlias = Callable[[ToolCall], object]
"""Whether a rule is about this call; any true value means that it is."""

MCP_PREFIX: Final = "mcp__"
"""What the namespaces of MCP servers begin with; patterns may leave it out."""

HINT_DEFAULTS: Final[Mapping[str, bool]] = {
    "readOnlyHint": False,
    "destructiveHint": True,
    "idempotentHint": False,
    "openWorldHint": True,
}
"""What MCP assumes of a tool without annotations."""


RuleT = TypeVar("RuleT", bound="Rule")


class Rule(Struct, frozen=True, kw_only=True):
    """One rule; made by :func:`allow`, :func:`ask`, :func:`refuse` and :func:`run_as`.

    Attributes:
        action: what becomes of a call that it fits.
        pattern: a glob over names of tools: ``*``, ``?``, ``[…]``; capitals count.
        namespace: a glob over namespaces, which may leave ``mcp__`` out; None: any, and none.
        annotations: hints that the tool has; MCP's defaults count for missing ones.
        session: a glob over names of sessions; None: any.
        caller: a glob over callers; None: any.
        when: which calls of these tools it fits; None: all of them.
        text: the reason of a refusal or the prompt of a question, in one sentence.
        expires_ms: how long a question waits for its answer; None: as long as the cell lives.
        acts_for: for whom the tool acts, where the action is ``run_as``.
    """

    action: Action
    pattern: str = "*"
    namespace: str | None = None
    annotations: Mapping[str, bool] = {}
    session: str | None = None
    caller: str | None = None
    when: When | None = None
    text: str | None = None
    expires_ms: int | None = None
    acts_for: str | None = None

    def fits(self, call: ToolCall, name: str) -> bool:
        """Whether the rule is about a call of the tool that programs know as ``name``.

        Raises:
            Exception: whatever ``when`` raises.
        """
        return (
            self.names(call.tool_name, name)
            and (self.namespace is None or self._has_namespace(call.tool_name.namespace))
            and all(hint(call, key) is value for key, value in self.annotations.items())
            and (self.session is None or fnmatch.fnmatchcase(call.session, self.session))
            and (self.caller is None or fnmatch.fnmatchcase(call.caller, self.caller))
            and (self.when is None or bool(self.when(call)))
        )

    def names(self, tool_name: ToolName, name: str) -> bool:
        """Whether the pattern fits one of a tool's names; see :func:`names_of`."""
        return any(fnmatch.fnmatchcase(each, self.pattern) for each in names_of(tool_name, name))

    def breach(self, call: ToolCall, name: str, history: CallHistory) -> str | None:
        """Why the rule decides about a call that it fits; None: it leaves it to the next one."""
        return self.text or ""

    def passed(self, call: ToolCall, history: CallHistory) -> None:
        """A call that the rule fits goes to its tool."""

    def returned(self, call: ToolCall, size: int, history: CallHistory) -> None:
        """Arguments and result of a call that has ended took ``size`` bytes."""

    @property
    def is_guard(self) -> bool:
        """Whether it decides only where it is broken."""
        return False

    @property
    def counts(self) -> bool:
        """Whether it counts what goes on."""
        return False

    @property
    def counts_bytes(self) -> bool:
        """Whether ``returned`` is to be called."""
        return False

    def _has_namespace(self, namespace: str | None) -> bool:
        if namespace is None or self.namespace is None:
            return False
        names = (namespace, namespace.removeprefix(MCP_PREFIX))
        return any(fnmatch.fnmatchcase(each, self.namespace) for each in names)


def hint(call: ToolCall, key: str) -> bool:
    """A hint in the annotations of the tool, or MCP's default.

    Example:
        >>> from codemode import CellId
        >>> name = ToolName("read")
        >>> call = ToolCall(cell_id=CellId("1"), runtime_tool_call_id="tool-1", tool_name=name)
        >>> hint(call, "readOnlyHint"), hint(call, "destructiveHint")
        (False, True)
    """
    said = call.annotations.get(key)
    return said if isinstance(said, bool) else HINT_DEFAULTS[key]


def allow(pattern: str = "*", **about: Any) -> Rule:
    """Let calls go on.

    Args:
        pattern: a glob over names of tools.
        about: ``namespace``, ``annotations``, ``session``, ``caller`` and ``when``, see :class:`Rule`.

    Raises:
        UsageError: something is not what it should be; the text names what to give.
    """
    return made(Rule, "allow", pattern, about)


def ask(
    pattern: str = "*", *, prompt: str | None = None, expires_ms: int | None = None, **about: Any
) -> Rule:
    """Let calls go on once they are approved.

    Args:
        pattern: a glob over names of tools.
        prompt: what the approver reads first, in one sentence.
        expires_ms: how long the call waits; then it is refused. None: as long as its cell lives.
        about: as for :func:`allow`.

    Raises:
        UsageError: something is not what it should be; the text names what to give.
    """
    return made(Rule, "ask", pattern, about, text=prompt, expires_ms=expires_ms)


def refuse(pattern: str = "*", *, reason: str | None = None, **about: Any) -> Rule:
    """Refuse calls; ``reason`` is what the program catches and the model reads.

    Args:
        pattern: a glob over names of tools.
        reason: one sentence.
        about: as for :func:`allow`.

    Raises:
        UsageError: something is not what it should be; the text names what to give.
    """
    return made(Rule, "refuse", pattern, about, text=reason)


def run_as(pattern: str, acts_for: str, **about: Any) -> Rule:
    """Have tools act for another principal than the caller; the rules behind it decide about the call.

    The tool gets ``acts_for`` as ``call.caller``, and so do the rules behind this one.

    Args:
        pattern: a glob over names of tools.
        acts_for: an account or role that the tools know.
        about: as for :func:`allow`.

    Raises:
        UsageError: something is not what it should be; the text names what to give.
    """
    if not acts_for or not isinstance(acts_for, str):
        raise UsageError(
            f'a tool acts for somebody who has a name, got {acts_for!r}\nHint: run_as("db__*", "reader")'
        )
    return made(Rule, "run_as", pattern, about, acts_for=acts_for)


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


def made(
    kind: type[RuleT], action: Action, pattern: object, about: Mapping[str, Any], **options: Any
) -> RuleT:
    """A rule of ``kind``, if it is one.

    Raises:
        UsageError: an option is not what it should be.
    """
    if not isinstance(pattern, str) or not pattern:
        raise UsageError(
            f'a pattern is a text, got {pattern!r}\nHint: {action}("fs__*") is about every tool of fs.'
        )
    if unknown := sorted(about.keys() - set(_ABOUT)):
        raise UsageError(
            f"a rule is not about {', '.join(unknown)}\nHint: it may be about {', '.join(_ABOUT)}."
        )
    for key in ("namespace", "session", "caller"):
        _check_text(key, about.get(key))
    _check_text("a reason or prompt", options.get("text"))
    when = about.get("when")
    if when is not None and (not callable(when) or inspect.iscoroutinefunction(when)):
        raise UsageError(
            f"when must be a plain function of a call, got {when!r}"
            '\nHint: when=lambda call: call.arguments["cents"] > 10_000'
        )
    _check_hints(about.get("annotations", {}))
    expires = options.get("expires_ms")
    if expires is not None and (type(expires) is not int or expires <= 0):
        raise UsageError(f"expires_ms must be a positive integer, got {expires!r}")
    return kind(action=action, pattern=pattern, **about, **options)


_ABOUT: Final = ("namespace", "annotations", "session", "caller", "when")


def _check_text(what: str, given: object) -> None:
    if given is not None and not isinstance(given, str):
        raise UsageError(f"{what} is a text, got {given!r}")


def _check_hints(given: object) -> None:
    if isinstance(given, Mapping) and all(
        key in HINT_DEFAULTS and isinstance(value, bool) for key, value in given.items()
    ):
        return
    raise UsageError(
        f"annotations are hints of MCP that are true or false, got {given!r}"
        f'\nHint: annotations={{"readOnlyHint": True}}; there are {", ".join(HINT_DEFAULTS)}.'
    )
