"""``codemode estimate``: what code mode would save for calls that were made directly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..errors import UsageError

if TYPE_CHECKING:
    from ..estimate.bounds import Bounds
    from ..estimate.logs import Log

SHOWN_TOOLS: Final = 10
_VERDICTS: Final = {
    "yes": "Worth it: much of what the tools give is never used, and a program would not show it.",
    "perhaps": "Perhaps: it pays where calls come in chains, and costs a little where they do not.",
    "no": "Hardly: calls are few and small. Direct calls, made at once, cost less.",
}


@click.command()
@click.argument("log", type=click.Path(exists=True, allow_dash=True))
@click.option(
    "--tools-tokens",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    help="What the definitions of your tools cost in each request. Left out on both sides without it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def estimate(log: str, tools_tokens: int, *, as_json: bool) -> None:
    """What code mode could save for a log of direct tool calls, at most and at least.

    LOG is JSON, or JSON lines, of OpenAI's Responses or Chat Completions, Anthropic's Messages,
    OpenTelemetry's spans, or recorded runs; - is standard input. A folder is a recorded trace, whose
    nested calls count as if they had been made directly. Nothing leaves this machine, and no model
    is asked. Tokens are bytes divided by 4.
    """
    from ..estimate.bounds import bounds_of  # noqa: PLC0415 - not for --help

    try:
        read = _read(log)
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{log} cannot be read: {error}", param_hint="LOG") from error
    except UsageError as error:
        raise click.BadParameter(str(error), param_hint="LOG") from error
    found = bounds_of(read.conversations, tools_tokens)
    if as_json:
        _print_json(read, found)
    else:
        _print_table(read, found)


def _read(path: str) -> Log:
    from ..estimate.logs import NO_CALL, read_log  # noqa: PLC0415 - not for --help

    if Path(path).is_dir():
        from .traced import read_trace  # noqa: PLC0415 - as above

        log = read_trace(path)
        if not log.conversations:
            raise UsageError(NO_CALL)
        return log
    with click.open_file(path, encoding="utf-8") as file:
        return read_log(file.read())


def _print_json(log: Log, found: Bounds) -> None:
    import json  # noqa: PLC0415 - not for --help
    from dataclasses import asdict  # noqa: PLC0415 - as above

    report = {
        **asdict(found),
        "kept_bytes_per_conversation": round(found.kept_bytes),
        "saved_requests_per_conversation": round(found.saved_requests, 2),
        "verdict": found.verdict,
        "forms": log.forms,
        "skipped_entries": log.skipped,
        "unanswered_calls": log.unanswered,
    }
    click.echo(json.dumps(report, indent=2))


def _print_table(log: Log, found: Bounds) -> None:
    from rich.console import Console  # noqa: PLC0415 - not for --help
    from rich.table import Table  # noqa: PLC0415 - as above

    from ..estimate.accounting import COLD, UNCACHED, WARM  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    costs = {
        "as it is": found.direct,
        "calls at once": found.parallel,
        "code mode, at least": found.least,
        "code mode, at most": found.most,
    }
    for name in costs:
        table.add_column(name, justify="right")
    rows = {
        "requests": [f"{each.requests:,}" for each in costs.values()],
        "input tokens": [f"{each.input_tokens:,}" for each in costs.values()],
        "output tokens": [f"{each.output_tokens:,}" for each in costs.values()],
        "bytes of results": [f"{each.result_bytes:,}" for each in costs.values()],
    }
    for regime in (WARM, COLD, UNCACHED):
        base = found.direct.price(regime) or 1
        rows[f"price, {regime.name}"] = [f"{e.price(regime) / base:.2f}" for e in costs.values()]
    base_seconds = found.direct.seconds() or 1
    rows["time, by a model of it"] = [f"{e.seconds() / base_seconds:.2f}" for e in costs.values()]
    for name, cells in rows.items():
        table.add_row(name, *cells)
    click.echo(f"{found.calls:,} calls in {found.conversations:,} conversations")
    click.echo()
    Console(highlight=False, width=100).print(table)
    click.echo(
        f"{found.unused_bytes:,} bytes of results are words that no later call and no answer has;"
        f" {found.chained_requests:,} requests wait for another."
    )
    for each in found.untyped[:SHOWN_TOOLS]:
        click.echo(
            f"{each.name}: prose that {each.taken} of {each.calls} times held what a later call"
            " needed. Give its result a type: a program then need not stop and look."
        )
    click.echo(_VERDICTS[found.verdict])
    if log.unanswered:
        click.echo(f"{log.unanswered} calls have no result in the log", err=True)
    if log.skipped:
        click.echo(f"{log.skipped} entries are of no form that is known", err=True)
