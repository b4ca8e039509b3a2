"""``--allow``, ``--deny``, ``--ask`` and ``--policy``: options that choose the tools that programs may call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from .settings import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..protocol.types import ToolDefinition
    from ..tools.policy.policy import Policy
    from ..tools.policy.rules import Rule

_Command = TypeVar("_Command", bound="Callable[..., Any]")

POLICY_FILE: Final = "codemode.toml"
"""Its rules hold in its folder and below."""

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
        "Have a person approve calls of these tools; comes before --allow. Repeatable.",
    ),
)


def call_rules(command: _Command) -> _Command:
    """The options, as ``allowed``, ``denied``, ``asked`` and ``policy_file``."""
    command = click.option(
        "--policy",
        "policy_file",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        callback=_nearest_file,
        help=f"Rules about calls; those of the options above hold as well. [default: the nearest "
        f"{POLICY_FILE}]",
    )(command)
    for option, name, text in reversed(_OPTIONS):
        command = click.option(option, name, metavar="GLOB", multiple=True, help=text)(command)
    return command


def make_policy(
    *,
    allowed: Iterable[str] = (),
    denied: Iterable[str] = (),
    asked: Iterable[str] = (),
    policy_file: Path | None = None,
) -> Policy | None:
    """The policy of the options; None without any.

    What is denied is denied, what is asked about is asked about, and where something is allowed
    nothing else is; but the search among tools is, which calls none. The rules of a file hold as
    well: the stricter of the two verdicts counts.

    Raises:
        click.BadParameter: a pattern is empty, or the file has a rule that is none.
    """
    from ..errors import UsageError  # noqa: PLC0415 - not for --help
    from ..tools.policy.file import read_policy  # noqa: PLC0415 - the same
    from ..tools.policy.policy import Policy  # noqa: PLC0415 - the same

    rules = _rules(tuple(allowed), tuple(denied), tuple(asked))
    policies = [Policy(rules)] if rules else []
    if policy_file is not None:
        try:
            policies.append(read_policy(policy_file))
        except UsageError as error:
            raise click.BadParameter(str(error), param_hint="--policy") from error
    if len(policies) == 2:
        return policies[0] & policies[1]
    return policies[0] if policies else None


def _rules(allowed: tuple[str, ...], denied: tuple[str, ...], asked: tuple[str, ...]) -> list[Rule]:
    from ..tools.policy.rules import allow, ask, refuse  # noqa: PLC0415 - not for --help
    from ..tools.search import SEARCH  # noqa: PLC0415 - the same

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
    return rules


def _nearest_file(context: click.Context, _: click.Parameter, given: Path | None) -> Path | None:
    """The file that was named, or the nearest one, unless no file was to be read."""
    if given is not None or context.find_root().params.get("no_config"):
        return given
    return nearest(POLICY_FILE, lambda path: path.is_file())


def without_tools(policy: Policy, tools: Sequence[ToolDefinition]) -> list[str]:
    """The patterns of a policy that name none of these tools."""
    from ..tools.search import SEARCH  # noqa: PLC0415 - not for --help

    return [
        rule.pattern
        for rule in policy.rules
        if rule.pattern not in (str(SEARCH), "*")
        and not any(rule.names(each.tool_name, each.name) for each in tools)
    ]
