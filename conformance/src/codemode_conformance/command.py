"""``codemode-conformance``: the programs and the scenarios on a published host and on ours.

Only click is loaded here; the command loads what it runs.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

import click

from .compare import NEWEST


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--oracle",
    metavar="PATH",
    required=True,
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    help="The published codex-code-mode-host, or any V1 host to compare with.",
)
@click.option(
    "--host",
    metavar="COMMAND",
    help="The host to judge. [default: codemode's]",
)
@click.option(
    "--filter",
    "wanted",
    metavar="TEXT",
    default="",
    help="Only what has this text in its name.",
)
@click.option(
    "--release",
    metavar="VERSION",
    default=NEWEST,
    show_default=True,
    help="The release that the published host is of: some differences are meant for one release only.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def conformance(*, oracle: str, host: str | None, wanted: str, release: str, as_json: bool) -> None:
    """Run the same programs and scenarios on two hosts, over V1 and gRPC, and compare.

    Prints what differs, then a line for each part and the total last. Exit code 1: something
    differs that is no documented improvement.
    """
    from . import report  # noqa: PLC0415 - the corpus and what runs it: not for --help
    from .compare import counts  # noqa: PLC0415

    hosts = ((oracle,), shlex.split(host) if host else report.OUR_HOST)
    for command in hosts:
        _must_start(command)
    parts = report.run(hosts, wanted, release=release, quiet=as_json)
    counted = {part: counts(comparisons) for part, comparisons in parts.items()}
    if as_json:
        click.echo(json.dumps(report.document(parts, counted), ensure_ascii=False, indent=1))
    else:
        for line in report.summaries(counted):
            click.echo(line)
    if any(count["different"] for count in counted.values()):
        raise click.exceptions.Exit(1)


def _must_start(command: Sequence[str]) -> None:
    """Refuse a command that is no host, before a thousand programs fail on it."""
    from .client import V1Host  # noqa: PLC0415
    from .process import HostLost  # noqa: PLC0415

    try:
        V1Host(command).close()
    except HostLost as lost:
        raise click.ClickException(str(lost)) from lost
