"""``codemode cells``: what a store keeps of durable cells. Only click is loaded here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from .program_options import IMAGES
from .rules import call_rules
from .tools import tool_sources
from .values import LIMITS

_STORE: Final = click.option(
    "--store",
    metavar="FILE",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The SQLite file that CodeMode(store=…) was given.",
)
_SESSION: Final = click.option(
    "--session", metavar="NAME", help="Only cells of this session; needed where several have some."
)
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_CELL: Final = click.argument("cell", metavar="CELL")


@click.group()
def cells() -> None:
    """Look after cells that outlive their process: see docs/durable.md."""


@cells.command("list")
@_STORE
@_SESSION
@_JSON
@click.pass_context
def list_cells(context: click.Context, /, **options: Any) -> None:
    """List the cells whose end was not handed over, and what they wait for or why they were refused."""
    from .stored_cells import run_list  # noqa: PLC0415 - asyncio and the rest: not for --help

    context.exit(run_list(**options))


@cells.command()
@_CELL
@_STORE
@_SESSION
@_JSON
@click.pass_context
def show(context: click.Context, /, **options: Any) -> None:
    """Show a cell: its program, its calls without an answer, the size of its journal."""
    from .stored_cells import run_show  # noqa: PLC0415 - as above

    context.exit(run_show(**options))


@cells.command()
@_CELL
@_STORE
@_SESSION
@tool_sources("What the program may call")
@call_rules
@LIMITS
@IMAGES
@click.pass_context
def resume(context: click.Context, /, **options: Any) -> None:
    """Bring a cell back and run it to its end; calls that wait for approval are asked about here.

    A cell that was refused before is tried again.
    Give it the tools that it had: a call of a tool that has changed is refused.
    """
    from .stored_cells import run_resume  # noqa: PLC0415 - as above

    context.exit(run_resume(**options))


@cells.command()
@_CELL
@_STORE
@_SESSION
@click.pass_context
def drop(context: click.Context, /, **options: Any) -> None:
    """Forget a cell: it cannot be brought back any more. What its calls did stays done."""
    from .stored_cells import run_drop  # noqa: PLC0415 - as above

    context.exit(run_drop(**options))


@cells.command()
@_STORE
@click.pass_context
def vacuum(context: click.Context, /, **options: Any) -> None:
    """Give back the room of cells that are gone."""
    from .stored_cells import run_vacuum  # noqa: PLC0415 - as above

    context.exit(run_vacuum(**options))
