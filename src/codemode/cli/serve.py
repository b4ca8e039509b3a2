"""``codemode serve``: its options. Only click is loaded here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .rules import call_rules
from .tools import tool_sources
from .trace import recording_options
from .values import ADDRESS, LIMITS, ORIGIN


@click.command()
@tool_sources("What programs may call")
@call_rules
@click.option(
    "--middleware",
    metavar="MODULE:NAME",
    multiple=True,
    help="What every call of a tool passes before it, in order: a function of a call and what "
    "follows, or a list of them. Repeatable.",
)
@click.option(
    "--http",
    metavar="[HOST:]PORT",
    type=ADDRESS,
    help="Serve streamable HTTP at /mcp instead of the standard streams; on this machine alone "
    "if there is no HOST. Any other HOST needs a token.",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The bearer token that HTTP clients have to bring, or lines NAME: TOKEN, one for each who "
    "shares the server. Read again when it changes. [default: the token in CODEMODE_TOKEN]",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    metavar="NAME",
    multiple=True,
    help="A name under which HTTP clients reach this server, besides its own. Repeatable.",
)
@click.option(
    "--allow-origin",
    "allow_origins",
    metavar="ORIGIN",
    type=ORIGIN,
    multiple=True,
    help="Web pages that may call this server: https://app.example.com. Repeatable.",
)
@click.option(
    "--metrics",
    metavar="[HOST:]PORT",
    type=ADDRESS,
    help="Answer /livez, /readyz and /metrics there over HTTP, without a token; on this machine alone if "
    "there is no HOST. Needs codemode[metrics].",
)
@click.option(
    "--description",
    type=click.Choice(["full", "short"]),
    default="full",
    show_default=True,
    help="How exec is described: with the declarations of the tools, or in less than 1,000 bytes "
    "for clients that cut descriptions.",
)
@click.option(
    "--idle-seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0, max=1e9),
    help="End a session, its cells and stored values when it was not used for so long; 0: never. "
    "[default: 1800 over HTTP, else never]",
)
@click.option(
    "--max-sessions",
    metavar="N",
    type=click.IntRange(min=1, max=10_000),
    default=32,
    show_default=True,
    help="How many sessions there may be at once.",
)
@click.option(
    "--max-wait-seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0, max=1e6, min_open=True),
    default=45,
    show_default=True,
    help="Answer a request after so long, whatever yield time it asks for: many clients give up "
    "after 60 s. The cell runs on.",
)
@LIMITS
@recording_options
@click.pass_context
def serve(context: click.Context, /, **options: Any) -> None:
    """Serve exec and wait to MCP clients.

    Over the standard streams it serves the client that has started it, and ends with it. Logs go
    to standard error.
    """
    from .serving import Options, run_server  # noqa: PLC0415 - asyncio and the rest: not for --help

    context.exit(run_server(Options(**options)))
