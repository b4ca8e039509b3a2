"""``codemode run``: its options, and the source. Only click is loaded here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from ..quick_import import quick_import
from .program_options import IMAGES, host_options
from .rules import call_rules
from .tools import tool_sources
from .trace import recording_options
from .values import LIMITS

SLACK_BYTES: Final = 64 * 1024
"""A program may be read that is so much larger than it may be: a pragma does not count."""

_EXIT_CODES: Final = """\b
Exit codes:
    0  the program ran to its end
    1  the program failed, or its output could not be written
    2  the command line or a tool module was wrong; nothing ran
    3  the worker process was lost
    4  a limit was reached; standard error names it
  130  interrupted with Ctrl-C
"""


@click.command(epilog=_EXIT_CODES)
@click.argument(
    "file",
    metavar="FILE",
    required=False,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
)
@click.option(
    "-e", "--eval", "evaluate", metavar="CODE", help="Run this program, instead of a file."
)
@tool_sources("What the program may call")
@call_rules
@click.option(
    "--max-seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0, max=1e9, min_open=True),
    help="End the program after so long.",
)
@click.option(
    "--max-output-tokens",
    metavar="N",
    type=click.IntRange(min=0),
    help="Cut the output of each observation to so many tokens (4 bytes), as for a model. "
    "[default: the pragma's, else no cut]",
)
@click.option(
    "--yield-time-ms",
    metavar="MS",
    type=click.IntRange(min=0),
    help="How long one observation lasts. Output is shown at the latest every 100 ms, unless "
    "it is cut. [default: the pragma's, else 10000]",
)
@click.option(
    "--store",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the program in this file, which is made if it is not there: if this process is killed, "
    "`codemode cells resume` goes on.",
)
@click.option(
    "--session",
    metavar="NAME",
    help="The session in the store, with its stored values. [default: run]",
)
@LIMITS
@recording_options
@host_options
@IMAGES
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object at the end instead of the output as it comes.",
)
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Run the program in FILE, or from standard input if FILE is -, or the one after -e.

    Standard output gets what the program writes with text(), and nothing else. Images and
    sounds become files. Errors, notifications and progress go to standard error.
    """
    source = _source(options.pop("file"), options.pop("evaluate"), dict(options["limits"]))
    if options["host"] is None:
        from ..engine.launching import launch_ahead  # noqa: PLC0415 - V8 loads while the rest does

        launch_ahead()
    with quick_import():
        from .running import (  # noqa: PLC0415 - asyncio and the rest: not for --help
            RunOptions,
            run_program,
        )

    context.exit(run_program(source, RunOptions(**options)))


def _source(file: str | None, code: str | None, limits: dict[str, int | None]) -> str:
    if file is not None and code is not None:
        raise click.UsageError("FILE and -e are two programs\nhint: give one of them.")
    if code is not None:
        return code
    if file is None:
        raise click.UsageError(
            "Missing argument 'FILE'.\nThe program may also be standard input (-), or follow -e."
        )
    return _read(file, limits)


class _SourceTooLargeError(click.ClickException):
    """The program is beyond ``source_bytes`` and was not even read."""

    exit_code = 4


def _read(file: str, limits: dict[str, int | None]) -> str:
    from ..limits import Limits  # noqa: PLC0415 - not for --help

    bound = limits.get("source_bytes") or Limits().source_bytes
    most = bound + SLACK_BYTES
    if file == "-":
        if sys.stdin is None:
            raise click.UsageError("standard input is closed")
        if sys.stdin.isatty():
            click.echo("reading the program from the terminal; end it with Ctrl-D", err=True)
        content = sys.stdin.buffer.read(most + 1)
    else:
        try:
            with Path(file).open("rb") as program:
                content = program.read(most + 1)
        except OSError as error:
            raise click.UsageError(f"cannot read {file}: {error.strerror}") from error
    if len(content) > most:
        raise _SourceTooLargeError(Limits(source_bytes=bound).message("source_bytes"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        name = "standard input" if file == "-" else file
        raise click.UsageError(
            f"{name} is not UTF-8: byte 0x{content[error.start]:02x} in line {line}\n"
            "hint: save the program as UTF-8."
        ) from error
