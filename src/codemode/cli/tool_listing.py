"""What ``codemode tools`` prints. Tools are strangers' texts: nothing in them steers a terminal."""

from __future__ import annotations

import shlex
from contextlib import closing
from typing import TYPE_CHECKING, Final

import click
import msgspec

from ..surface.declaration import declaration, described
from ..surface.description import tool_section
from ..surface.text import first_line
from ..tools.names import nearest
from ..tools.ranking import ToolIndex
from .terminal import printable
from .toolset import with_toolset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..surface.tool_catalogue import Entry, ToolCatalogue
    from ..tools.names import Clash
    from ..tools.toolset import Toolset

_GIST_CHARACTERS: Final = 100


class ToolReport(msgspec.Struct, omit_defaults=True):
    """A tool, as JSON."""

    name: str
    own_name: str
    description: str
    declaration: str
    tokens: int
    namespace: str | None = None
    deferred: bool = False


class ClashReport(msgspec.Struct):
    """A tool that could not have the name that its own makes, as JSON."""

    own_name: str
    wanted: str
    name: str
    holder: str


class ListReport(msgspec.Struct):
    """What ``codemode tools list --json`` prints."""

    tools: list[ToolReport]
    clashes: list[ClashReport]
    tokens: int


def print_list(
    *,
    tools: Sequence[str],
    mcp: Sequence[str],
    catalogue_tokens: int | None,
    brief: bool,
    as_json: bool,
) -> None:
    """All tools: name, cost, declaration; totals to standard error, as the log tells of clashes and
    of servers that are not there. Exit code 1 if there is no tool."""

    def show(toolset: Toolset) -> None:
        catalogue = toolset.catalogue
        deferred = {entry.tool.name for entry in catalogue.deferred}
        if as_json:
            reports = [
                _report(entry, deferred=entry.tool.name in deferred) for entry in catalogue.entries
            ]
            clashes = [_clash_report(clash) for clash in toolset.clashes]
            _print_json(ListReport(reports, clashes, catalogue.tokens))
        for entry in () if as_json else catalogue.entries:
            note = ", deferred" if entry.tool.name in deferred else ""
            _print_tool(entry, note, brief=brief)
        if not catalogue.entries:
            raise click.ClickException("there are no tools: these sources offer none")
        if not as_json:
            click.echo(_summary(catalogue), err=True)

    with_toolset(tools, mcp, show, catalogue_tokens=catalogue_tokens)


def print_tools(
    *, names: Sequence[str], tools: Sequence[str], mcp: Sequence[str], as_json: bool
) -> None:
    """Some tools, whole."""

    def show(toolset: Toolset) -> None:
        found = named_entries(names, toolset.catalogue, listing_command(tools, mcp))
        if as_json:
            _print_json([_report(entry) for entry in found])
            return
        for at, entry in enumerate(found):
            (alone,) = described((entry.source,))
            section = tool_section(alone)
            click.echo(printable(f"{section}\n" if at == 0 else f"\n{section}\n"), nl=False)
            click.echo(f"{entry.tool.name}: {entry.tokens} tokens", err=True)

    with_toolset(tools, mcp, show)


def print_search(
    *, query: Sequence[str], tools: Sequence[str], mcp: Sequence[str], limit: int, as_json: bool
) -> None:
    """The best matches; exit code 1 if there is none."""

    def show(toolset: Toolset) -> None:
        by_name = {entry.tool.name: entry for entry in toolset.catalogue.entries}
        with closing(ToolIndex(entry.source for entry in by_name.values())) as index:
            found = [by_name[each.name] for each in index.search(" ".join(query), limit)]
        if as_json:
            _print_json([_report(entry) for entry in found])
        for entry in () if as_json else found:
            _print_tool(entry, "", brief=False)
        if not found:
            raise click.ClickException("no tool matches")

    with_toolset(tools, mcp, show)


def listing_command(tools: Sequence[str], mcp: Sequence[str]) -> str:
    """The command that lists the tools of these sources."""
    options = [f"--tools {shlex.quote(each)}" for each in tools]
    options += [f"--mcp {shlex.quote(each)}" for each in mcp]
    return f"codemode tools list {' '.join(options)}"


def named_entries(names: Sequence[str], catalogue: ToolCatalogue, listing: str) -> list[Entry]:
    """Return the entries of ``names``, each a public name or a tool's own.

    Args:
        names: as the user gave them.
        catalogue: the tools that there are.
        listing: the command that lists them, for the hint.

    Raises:
        click.UsageError: there is no such tool; the hint has the nearest names.
    """
    entries = {entry.tool.name: entry for entry in catalogue.entries}
    own = {str(entry.source.tool_name): entry for entry in catalogue.entries}
    for name in names:
        if name not in entries and name not in own:
            near = nearest(name, entries)
            meant = f"did you mean {' or '.join(near)}?" if near else f"list them: {listing}"
            raise click.UsageError(f"there is no tool {name!r}\nhint: {meant}")
    return [entries.get(name) or own[name] for name in names]


def _print_tool(entry: Entry, note: str, *, brief: bool) -> None:
    gist = first_line(entry.source.description, _GIST_CHARACTERS)
    line = f"{entry.tokens:>6}  {entry.tool.name}{note}" + (f"  - {gist}" if gist else "")
    click.echo(printable(line))
    if not brief:
        for part in declaration(entry.source).split("\n"):
            click.echo(printable(f"        {part}"))


def _summary(catalogue: ToolCatalogue) -> str:
    count, deferred = len(catalogue.entries), len(catalogue.deferred)
    whole = sum(entry.tokens for entry in catalogue.entries) if deferred else catalogue.tokens
    text = f"{count} {'tool' if count == 1 else 'tools'}, {whole} tokens"
    if deferred:
        text += f"; {deferred} deferred: a model reads {catalogue.tokens} tokens of them"
    return text


def _report(entry: Entry, *, deferred: bool = False) -> ToolReport:
    return ToolReport(
        name=entry.tool.name,
        own_name=entry.source.tool_name.name,
        namespace=entry.source.tool_name.namespace,
        description=entry.source.description,
        declaration=declaration(entry.source),
        tokens=entry.tokens,
        deferred=deferred,
    )


def _clash_report(clash: Clash) -> ClashReport:
    return ClashReport(str(clash.tool_name), clash.wanted, clash.name, str(clash.holder))


def _print_json(value: ListReport | Iterable[ToolReport]) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
