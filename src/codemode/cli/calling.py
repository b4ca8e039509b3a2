"""``codemode tools call``: one tool, called as a program calls it, and what it gives."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click
from msgspec import UNSET

from ..errors import ToolError
from ..protocol.types import CellId, ToolCall
from .terminal import is_terminal, printable
from .tool_listing import listing_command, named_entries
from .toolset import with_toolset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..protocol.types import JsonValue
    from ..tools.toolset import Toolset

_CELL: Final = CellId("1")


def call_tool(
    *,
    name: str,
    arguments: str | None,
    tools: Sequence[str],
    mcp: Sequence[str],
    as_json: bool,
) -> None:
    """Call a tool and print its result: a string as it is, anything else as JSON.

    Raises:
        click.UsageError: there is no such tool, or the arguments are no JSON; nothing was called.
        click.ClickException: the tool failed.
    """
    value = _parsed(arguments)

    async def call(toolset: Toolset) -> None:
        (entry,) = named_entries([name], toolset.catalogue, listing_command(tools, mcp))
        made = ToolCall(
            cell_id=_CELL,
            runtime_tool_call_id="tool-1",
            tool_name=entry.source.tool_name,
            tool_kind=entry.source.kind,
            input=value,
            description=entry.source.description,
            annotations=entry.source.annotations,
        )
        result = await toolset.invoke_tool(made, asyncio.Event())
        _print(result, as_json=as_json)
        if _says_that_it_failed(result):
            raise ToolError(f"{name} says that it failed (isError)")

    with_toolset(tools, mcp, call)


def _parsed(arguments: str | None) -> JsonValue:
    """The argument of the call; ``-`` reads it from standard input."""
    if arguments == "-":
        if sys.stdin is None:
            raise click.UsageError("standard input is closed")
        arguments = sys.stdin.read()
    if arguments is None or not arguments.strip():
        return UNSET
    try:
        value: JsonValue = json.loads(arguments, parse_constant=_no_json)
    except ValueError as error:
        raise click.BadParameter(
            f'this is no JSON: {error}\nhint: write an object, as in \'{{"city": "Oslo"}}\'; '
            "your shell needs the single quotes.",
            param_hint="ARGUMENTS",
        ) from error
    return value


def _no_json(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _print(result: JsonValue, *, as_json: bool) -> None:
    is_text = isinstance(result, str) and not as_json
    text = str(result) if is_text else json.dumps(result, indent=2, ensure_ascii=False)
    text = text.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be written
    click.echo(printable(text) if is_terminal(sys.stdout) else text)


def _says_that_it_failed(result: JsonValue) -> bool:
    """Whether this is the result of an MCP server's tool that failed: the program gets it, too."""
    return isinstance(result, dict) and result.get("isError") is True and "content" in result
