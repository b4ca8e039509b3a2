"""The command line: ``codemode run``, ``host``, ``conformance`` and ``completion``.

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
    metavar="COMMAND|URL",
    help="Run the program in a code-mode host: a path, a command line, or a URL such as "
    "grpc://127.0.0.1:50051. It may be this package's `codemode host`, or Codex's.",
)
@click.option(
    "--host-token-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The bearer token that a host at a URL asks for.",
)
@click.option(
    "--host-ca",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Who signs the certificate of an https:// host, in PEM. [default: the system's authorities]",
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
    source = _read(options.pop("file"))
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
    help="Where and how: stdio:// for V1 frames or grpc+stdio:// for gRPC over the standard streams, "
    "grpc://IP:PORT or unix:PATH for gRPC.",
)
@click.option(
    "--token-file",
    metavar="PATH",
    help="Ask gRPC clients for the bearer token in this file. [default: $CODEMODE_HOST_TOKEN]",
)
@click.option("--tls-cert", metavar="PATH", help="Certificate of the host, PEM.")
@click.option("--tls-key", metavar="PATH", help="Its key, PEM.")
@click.option(
    "--tls-client-ca",
    metavar="PATH",
    help="Let in only clients with a certificate of this authority, PEM.",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Do without a token or TLS where other machines can reach the host.",
)
def host(*, listen: str, insecure: bool, **files: str | None) -> None:
    """Serve sessions to another process, as Codex's code-mode host does.

    Over the standard streams, output carries the protocol and nothing else, and the host ends when its
    input ends. Otherwise output is one line that says where it listens. Logs go to standard error.
    """
    from ..host import main as serve  # noqa: PLC0415 - it brings asyncio and the engine

    options = [
        f"--{name.replace('_', '-')}={path}" for name, path in files.items() if path is not None
    ]
    sys.exit(serve([f"--listen={listen}", *options, *(["--insecure"] if insecure else [])]))


def _read(file: str) -> str:
    if file == "-":
        if sys.stdin is None:
            raise click.UsageError("standard input is closed")
        if sys.stdin.isatty():
            click.echo("reading the program from the terminal; end it with Ctrl-D", err=True)
        content = sys.stdin.buffer.read()
    else:
        try:
            content = Path(file).read_bytes()
        except OSError as error:
            raise click.UsageError(f"cannot read {file}: {error.strerror}") from error
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
