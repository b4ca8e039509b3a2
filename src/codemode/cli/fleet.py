"""``codemode fleet``: the hosts of a fleet, as an engine keeps them. Only click is loaded here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group()
def fleet() -> None:
    """Run hosts on many machines, on an engine that exists."""


@fleet.group()
def ray() -> None:
    """Hosts on a Ray cluster: one for each node, which Ray restarts.

    The node that runs this has joined the cluster; Ray and codemode[grpc] are installed on all of them.
    """


_ADDRESS = click.option(
    "--address", default="auto", show_default=True, help="Of the cluster, as ray.init takes it."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@ray.command()
@_ADDRESS
@_JSON
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The bearer token that hosts ask for. Without one every client that reaches a node can run programs.",
)
@click.option("--resource", metavar="NAME", help="Only nodes that have this resource of Ray.")
@click.option(
    "--host-option",
    "options",
    metavar="OPTION",
    multiple=True,
    help="One more option of codemode host: --max-sessions=500. Repeatable.",
)
@click.pass_context
def up(context: click.Context, /, **options: Any) -> None:
    """Start a host on each node that has none, and list them all."""
    from .ray_hosts import run_up  # noqa: PLC0415 - Ray: not for --help

    context.exit(run_up(**options))


@ray.command()
@_ADDRESS
@_JSON
@click.pass_context
def status(context: click.Context, /, **options: Any) -> None:
    """List the hosts. The exit code is 1 if none answers."""
    from .ray_hosts import run_status  # noqa: PLC0415 - Ray: not for --help

    context.exit(run_status(**options))


@ray.command()
@click.argument("node")
@_ADDRESS
@_JSON
@click.pass_context
def drain(context: click.Context, /, **options: Any) -> None:
    """Take the host of NODE out of service, and wait for its end.

    NODE is the ID of a node, or how it begins. Sessions go elsewhere, without a word if they have no cell. The host
    stays out of service until `down` and `up`.
    """
    from .ray_hosts import run_drain  # noqa: PLC0415 - Ray: not for --help

    context.exit(run_drain(**options))


@ray.command()
@_ADDRESS
@_JSON
@click.pass_context
def down(context: click.Context, /, **options: Any) -> None:
    """End all hosts of the cluster at once."""
    from .ray_hosts import run_down  # noqa: PLC0415 - Ray: not for --help

    context.exit(run_down(**options))
