"""``codemode trace``: recordings shown, reduced and compared. Only click is loaded here."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import click

from ..trace.environment import inspect_processes, record_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..trace.bundle import Bundle
    from ..trace.graph import Trace

FOLLOW_SECONDS: Final = 0.5
"""How often a recording that grows is looked at."""


def _set_variable(_context: click.Context, _option: click.Parameter, folder: Path | None) -> None:
    # Sessions look there for themselves: those of a host, of serve and of run are opened in three places.
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(f"nothing can be recorded in {folder}: {error}") from error
    record_in(folder)


def _set_inspected(_context: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's form
    if wanted:
        inspect_processes()


_TRACE: Final = click.option(
    "--trace",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    expose_value=False,
    is_eager=True,
    callback=_set_variable,
    help="Record every session in this folder; `codemode trace show DIR` shows it. [env: CODEMODE_TRACE]",
)
_INSPECT: Final = click.option(
    "--inspect",
    is_flag=True,
    expose_value=False,
    callback=_set_inspected,
    help="Let `codemode inspect --attach` look at this process, at a socket of this user's. "
    "[env: CODEMODE_INSPECT]",
)

Decorated = TypeVar("Decorated", bound="Callable[..., object]")


def recording_options(command: Decorated) -> Decorated:
    """The options ``--trace`` and ``--inspect`` of what runs sessions."""
    return _TRACE(_INSPECT(command))


_BUNDLE: Final = click.argument(
    "folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path)
)


@click.group()
def trace() -> None:
    """Look at what was recorded with --trace: calls of the model, cells, nested calls.

    DIR is a recording, or a folder of recordings: then the latest one.
    """


@trace.command()
@_BUNDLE
@click.option("--json", "as_json", is_flag=True, help="Print the reduced trace as one JSON object.")
@click.option(
    "-f", "--follow", is_flag=True, help="Go on while the recording grows; Ctrl-C ends it."
)
@click.option("--outputs", is_flag=True, help="Show what the programs wrote, too.")
def show(*, folder: Path, as_json: bool, follow: bool, outputs: bool) -> None:
    """Show a recording as a tree: calls of the model, cells, and nested calls with time bars."""
    from .trace_tree import TreeOptions, print_tree  # noqa: PLC0415 - rich, not for --help

    bundle = _opened(folder)
    options = TreeOptions(outputs=outputs)

    def print_trace(reduced: Trace) -> None:
        if as_json:
            click.echo(reduced.to_json().decode())
        else:
            print_tree(reduced, bundle, options)

    if follow:
        _follow(bundle, print_trace)
    else:
        print_trace(bundle.reduce())


def _follow(bundle: Bundle, print_trace: Callable[[Trace], None]) -> None:
    """Print what was recorded, and again whenever there is more, until every session is closed."""
    from ..trace.reducer import Reducer  # noqa: PLC0415 - not for --help

    reducer = Reducer()
    events = -1
    while True:
        bundle.feed(reducer)
        reduced = reducer.trace
        if reduced.recording.events != events:
            if events >= 0:
                click.echo()
            events = reduced.recording.events
            print_trace(reduced)
        sessions = reduced.sessions.values()
        if sessions and all(session.status == "closed" for session in sessions):
            return
        time.sleep(FOLLOW_SECONDS)


@trace.command()
@_BUNDLE
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it there.",
)
def reduce(*, folder: Path, output: Path | None) -> None:
    """Print the reduced trace as JSON: the same bytes for the same recording."""
    text = _opened(folder).reduce().to_json()
    if output is None:
        click.echo(text.decode())
    else:
        output.write_bytes(text + b"\n")


@trace.command()
@_BUNDLE
@click.option(
    "--codex",
    type=click.Choice(["2", "3"]),
    help="As rollout traces of Codex of this schema, which `codex debug trace-reduce` reads: 2 is that "
    "of release 0.169, 3 that of 0.171.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --codex: where a folder for each session is made. [default: here]",
)
@click.option(
    "--otlp", "url", metavar="URL", help="As spans, to this OpenTelemetry receiver, over HTTP."
)
@click.option(
    "--contents", is_flag=True, help="With --otlp: send programs, arguments and results, too."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def export(
    *,
    folder: Path,
    codex: str | None,
    output: Path | None,
    url: str | None,
    contents: bool,
    as_json: bool,
) -> None:
    """Write or send a recording in the form of other programs."""
    import json  # noqa: PLC0415 - not for --help

    if (codex is None) == (url is None):
        raise click.UsageError("say one of --codex SCHEMA and --otlp URL")
    if (output is not None and codex is None) or (contents and url is None):
        raise click.UsageError("--output goes with --codex, --contents with --otlp")
    bundle = _opened(folder)
    if url is None:
        folders = _exported_to_codex(bundle, output or Path(), 2 if codex == "2" else 3)
        click.echo(json.dumps({"folders": folders}) if as_json else "\n".join(folders))
        return
    sent = _sent(bundle, url, contents=contents)
    click.echo(json.dumps({"spans": sent}) if as_json else f"{sent} spans are at {url}")


def _exported_to_codex(bundle: Bundle, output: Path, schema: Literal[2, 3]) -> list[str]:
    from ..errors import UsageError  # noqa: PLC0415 - not for --help
    from ..trace.codex import export_codex  # noqa: PLC0415

    try:
        return [str(path) for path in export_codex(bundle.events(), bundle.text, output, schema)]
    except (OSError, UsageError) as error:
        raise click.ClickException(f"the recording cannot be exported: {error}") from error


def _sent(bundle: Bundle, url: str, *, contents: bool) -> int:
    from ..errors import UsageError  # noqa: PLC0415 - not for --help

    try:
        from ..trace.otlp import export_otlp  # noqa: PLC0415 - an extra

        return export_otlp(bundle.events(), bundle.text, url, contents=contents)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"--otlp needs the module `{error.name}`: pip install 'codemode[otlp]'"
        ) from error
    except UsageError as error:
        raise click.ClickException(str(error)) from error


@trace.command()
@click.argument("before", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of lines.")
def diff(*, before: Path, after: Path, as_json: bool) -> None:
    """Compare two recordings cell by cell and call by call, without times. Exit code 1: they differ."""
    import json  # noqa: PLC0415 - not for --help

    from ..trace.comparison import differences  # noqa: PLC0415
    from .terminal import printable  # noqa: PLC0415

    lines = list(differences(_opened(before).reduce(), _opened(after).reduce()))
    if as_json:
        click.echo(json.dumps(lines, ensure_ascii=False, indent=1))
    else:
        for line in lines:
            click.echo(printable(line))
    sys.exit(1 if lines else 0)


def _opened(folder: Path) -> Bundle:
    from ..errors import UsageError  # noqa: PLC0415 - not for --help
    from ..trace.bundle import Bundle  # noqa: PLC0415

    try:
        return Bundle(folder)
    except UsageError as error:
        raise click.ClickException(str(error)) from error
