"""The command line: ``codemode run``, ``host``, ``doctor``, ``conformance``, ``completion``.

Only click is loaded here, so that ``--help`` and completion are quick; a command loads what it
runs. Standard output is data, standard error is talk.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..conformance.command import conformance
from .values import LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM: Final = "codemode"
INTERRUPTED: Final = 130

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


def main() -> None:
    """Run the command line of this process and exit."""
    app(prog_name=PROGRAM)


_ASKS_FOR_HELP: Final = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What a command without arguments gives; older versions of click print the help themselves."""


class _App(click.Group):
    """The group, with our own words for what is wrong and our own exit codes."""

    def main(self, *args: Any, **options: Any) -> Any:
        try:
            code = super().main(*args, **{**options, "standalone_mode": False})
        except click.Abort:
            code = INTERRUPTED
        except click.ClickException as error:
            if isinstance(error, _ASKS_FOR_HELP):
                error.show()
            else:
                click.echo(f"error: {_explained(error)}", err=True)
            code = error.exit_code
        sys.exit(code)


class _TooLargeError(click.ClickException):
    """The program is beyond ``source_bytes`` and was not even read."""

    exit_code = 4


def _explained(error: click.ClickException) -> str:
    text = error.format_message().replace("\nHint: ", "\nhint: ")
    if "\nhint: " in text or not isinstance(error, click.UsageError):
        return text
    command = error.ctx.command_path if error.ctx else PROGRAM
    return f"{text}\nhint: {command} --help lists what there is."


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's form
    if wanted:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - 30 ms

        try:
            found = version(PROGRAM)
        except PackageNotFoundError:
            found = "(not installed)"
        click.echo(f"{PROGRAM} {found}")
        context.exit()


_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=_App, context_settings=_SETTINGS)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Print the version and exit.",
)
def app() -> None:
    """Run JavaScript programs that call Python functions as tools, in V8 cells."""


@app.command(epilog=_EXIT_CODES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--tools",
    "-t",
    "tools",
    metavar="MODULE[:NAME]",
    multiple=True,
    help="What the program may call: the tools of a module, or of a .py file; NAME picks one "
    "function or list of it. Repeatable.",
)
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
    "--limit",
    "-l",
    "limits",
    metavar="NAME=VALUE",
    type=LIMIT,
    multiple=True,
    help="Set a limit: heap_bytes=64MiB, compute_ms=5s, live_cells=none. Repeatable.",
)
@click.option(
    "--engine",
    type=click.Choice(["workers", "threads"]),
    default="workers",
    show_default=True,
    help="Where V8 runs: in a process of its own, or in this one.",
)
@click.option(
    "--host",
    metavar="COMMAND",
    help="Run the program in a code-mode host: a path, or a command line. It may be this "
    "package's `codemode host`, or Codex's.",
)
@click.option(
    "--images",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where images and sounds are written; made if it is not there. "
    "[default: the current directory]",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object at the end instead of the output as it comes.",
)
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Run the program in FILE, or from standard input if FILE is -.

    Standard output gets what the program writes with text(), and nothing else. Images and
    sounds become files. Errors, notifications and progress go to standard error.
    """
    source = _read(options.pop("file"), dict(options["limits"]))
    from .command import run_program  # noqa: PLC0415 - asyncio and the rest: not for --help

    context.exit(run_program(source, **options))


@app.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes codemode's words in SHELL.

    \b
    bash:  eval "$(codemode completion bash)"                    in ~/.bashrc
    zsh:   eval "$(codemode completion zsh)"                     in ~/.zshrc
    fish:  codemode completion fish > ~/.config/fish/completions/codemode.fish
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - rarely needed

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(app, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())


app.add_command(conformance)


@app.command()
@click.option(
    "--listen",
    metavar="URL",
    default="stdio",
    show_default=True,
    help="Where: stdio or stdio:// for the standard streams.",
)
def host(listen: str) -> None:
    """Serve sessions to another process, as Codex's code-mode host does.

    Standard output carries frames and nothing else; logs go to standard error. It ends when its
    input ends.
    """
    from ..host import main as serve  # noqa: PLC0415 - it brings asyncio and the engine

    sys.exit(serve(["--listen", listen]))


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Find out whether cells can run here, in which cage, and what to do if not.

    Tries each engine in a process of its own. The exit code is 1 if cells cannot run.
    """
    from .doctor import doctor as examine  # noqa: PLC0415 - the engine: not for --help

    context.exit(examine(as_json=as_json))


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
        raise _TooLargeError(Limits(source_bytes=bound).message("source_bytes"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        name = "standard input" if file == "-" else file
        raise click.UsageError(
            f"{name} is not UTF-8: byte 0x{content[error.start]:02x} in line {line}\n"
            "hint: save the program as UTF-8."
        ) from error


def command_paths() -> Sequence[tuple[str, click.Command]]:
    """Every command with its full name, for the documentation's own tests."""
    return [(PROGRAM, app), *((f"{PROGRAM} {name}", each) for name, each in app.commands.items())]
