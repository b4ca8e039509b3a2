"""``codemode tools``: what a model would read of tools, and what it would cost.

Only click is loaded here; the commands load what they show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_DIGITS: Final = 16

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def tool_sources(what: str) -> Callable[[_Command], _Command]:
    """The options that name tools, for every command that takes some.

    Args:
        what: what the tools are to the command, at the beginning of the help.
    """
    modules = click.option(
        "--tools",
        "-t",
        "tools",
        metavar="MODULE[:NAME]",
        multiple=True,
        help=f"{what}: the tools of a module, or of a .py file; NAME picks one function or list "
        "of it. Repeatable.",
    )
    servers = click.option(
        "--mcp",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False),
        multiple=True,
        help=f"{what}, too: the tools of the MCP servers of an mcp.json. Repeatable.",
    )
    return lambda command: modules(servers(command))


def _budget(_: click.Context, __: click.Parameter, value: str) -> int | None:
    if value.lower() == "none":
        return None
    if value.isascii() and value.isdecimal() and len(value) < MOST_DIGITS:
        return int(value)
    raise click.BadParameter(f"{value!r} is no number of tokens\nhint: 20000, or none.")


_SOURCES: Final = tool_sources("Which tools")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_BUDGET: Final = click.option(
    "--catalogue-tokens",
    metavar="N",
    callback=_budget,
    default="20000",
    show_default=True,
    help="What descriptions may cost together; tools that do not fit are deferred. none: no bound.",
)


@click.group()
def tools() -> None:
    """Show tools as a model reads them, with their cost in tokens (4 bytes); call one."""


@tools.command("list")
@_SOURCES
@_BUDGET
@click.option("--brief", is_flag=True, help="One line for each tool, without its declaration.")
@_JSON
def list_tools(**options: Any) -> None:
    """List tools with their declarations, in the order of the text of exec."""
    from .tool_listing import print_list  # noqa: PLC0415 - asyncio and the rest: not for --help

    print_list(**options)


@tools.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_SOURCES
@_JSON
def show(**options: Any) -> None:
    """Show all that a model reads of the tools called NAME."""
    from .tool_listing import print_tools  # noqa: PLC0415 - as above

    print_tools(**options)


@tools.command()
@click.argument("query", nargs=-1, required=True)
@_SOURCES
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, 50),
    default=10,
    show_default=True,
    help="How many results at most.",
)
@_JSON
def search(**options: Any) -> None:
    """Find tools as programs do with tools.search_tools(): best first."""
    from .tool_listing import print_search  # noqa: PLC0415 - as above

    print_search(**options)


@tools.command()
@click.argument("name")
@click.argument("arguments", required=False)
@_SOURCES
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, a string too.")
def call(**options: Any) -> None:
    """Call the tool NAME with ARGUMENTS, a JSON value, and print what it gives.

    The call is that of a program: tools.NAME(ARGUMENTS). ARGUMENTS are read from standard input
    if they are -. A result that is a string is printed as it is, anything else as JSON. The exit
    code is 1 if the tool fails.
    """
    from .calling import call_tool  # noqa: PLC0415 - as above

    call_tool(**options)
