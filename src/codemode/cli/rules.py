"""``--allow``, ``--deny`` and ``--ask``: options that say which tools programs may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..protocol.types import ToolDefinition
    from ..tools.policy.policy import Policy

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_OPTIONS = (
    (
        "--allow",
        "allowed",
        "Programs may call these tools and no others: mcp__fs__read_*, fs__read_*. Repeatable.",
    ),
    (
        "--deny",
        "denied",
        "Refuse calls of these tools; comes before --ask and --allow. Repeatable.",
    ),
    (
        "--ask",
        "asked",
        "Have the user approve calls of these tools; comes before --allow. Repeatable.",
    ),
)


def call_rules(command: _Command) -> _Command:
    """The three options, as ``allowed``, ``denied`` and ``asked``."""
    for option, name, text in reversed(_OPTIONS):
        command = click.option(option, name, metavar="GLOB", multiple=True, help=text)(command)
    return command


def make_policy(
    *, allowed: Iterable[str] = (), denied: Iterable[str] = (), asked: Iterable[str] = ()
) -> Policy | None:
    """The policy that the options say; None if they say nothing.

    What is denied is denied, what is asked about is asked about, and where something is allowed
    nothing else is; but the search among tools is, which calls none.

    Raises:
        click.BadParameter: a pattern is empty.
    """
    from ..tools.policy.policy import Policy  # noqa: PLC0415 - not for --help
    from ..tools.policy.rules import allow, ask, refuse  # noqa: PLC0415 - the same
    from ..tools.search import SEARCH  # noqa: PLC0415 - the same

    denied, asked, allowed = tuple(denied), tuple(asked), tuple(allowed)
    for option, patterns in (("--deny", denied), ("--ask", asked), ("--allow", allowed)):
        if "" in patterns:
            raise click.BadParameter(
                "an empty pattern names no tool\nhint: '*' names all.", param_hint=option
            )
    rules = [refuse(each, reason=f"it is denied here (--deny {each})") for each in denied]
    rules += [ask(each) for each in asked]
    if allowed:
        rules += [allow(each) for each in (*allowed, str(SEARCH))]
        rules += [refuse("*", reason="it is not among the tools that are allowed here (--allow)")]
    return Policy(rules) if rules else None


def without_tools(policy: Policy, tools: Sequence[ToolDefinition]) -> list[str]:
    """The patterns of a policy that name none of these tools."""
    from ..tools.search import SEARCH  # noqa: PLC0415 - not for --help

    return [
        rule.pattern
        for rule in policy.rules
        if rule.pattern not in (str(SEARCH), "*")
        and not any(rule.names(each.tool_name, each.name) for each in tools)
    ]
