"""The command line: ``codemode run``, ``serve``, ``tools``, ``host``, ``doctor`` and others.

Only click is loaded here, so that ``--help`` and completion are quick; a command loads what it
runs. Standard output is data, standard error is talk.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from . import settings
from .cells import cells
from .estimate import estimate
from .fleet import fleet
from .inspect import inspect
from .repl import repl
from .run import run
from .serve import serve
from .stdout import explained_stdout
from .tools import tools
from .trace import recording_options, trace

PROGRAM: Final = "codemode"
INTERRUPTED: Final = 130


def main() -> None:
    """Run the command line of this process and exit."""
    app(prog_name=PROGRAM)


_ASKS_FOR_HELP: Final = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What a command without arguments gives; older versions of click print the help themselves."""


class _App(click.Group):
    """The group, with our own words for what is wrong and our own exit codes.

    Here alone is dealt with a standard output that cannot be written, whichever command writes.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        try:
            with explained_stdout():
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # Help and completion are there whatever stands in a file.
        wants_help = ctx.resilient_parsing or bool({"-h", "--help"} & set(args))
        if not (ctx.params.get("no_config") or wants_help):
            settings.load(ctx, ctx.params.get("config"))
        return super().resolve_command(ctx, args)


def _explained(error: click.ClickException) -> str:
    text = error.format_message().replace("\nHint: ", "\nhint: ")
    if isinstance(error, click.BadParameter):
        first, *rest = text.split("\n")
        text = "\n".join([first + settings.source_of(error), *rest])
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
    "--config",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take options from [tool.codemode] in this TOML file. [default: the nearest pyproject.toml "
    "that has it]",
)
@click.option("--no-config", is_flag=True, help="Take options from no file.")
@click.option(
    "-V",
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Print the version and exit.",
)
def app(**_read_when_the_command_is_known: object) -> None:
    """Run JavaScript programs that call Python functions as tools, in V8 cells."""


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


for _command in (run, repl, cells, tools, serve, trace, inspect, estimate, fleet):
    app.add_command(_command)


@app.command()
@recording_options
@click.option(
    "--listen",
    metavar="URL",
    default="stdio",
    show_default=True,
    help="Where and how: stdio:// for V1 frames or grpc+stdio:// for gRPC over the standard streams, "
    "grpc://IP:PORT or unix:PATH for gRPC.",
)
@click.option(
    "--limit",
    "-l",
    "limits",
    metavar="NAME=VALUE",
    multiple=True,
    help="A limit of sessions, and the most that clients may ask for: heap_bytes=64MiB, "
    "live_cells=8. Repeatable.",
)
@click.option(
    "--max-sessions",
    metavar="N",
    type=click.IntRange(min=1, max=1_000_000),
    help="Open sessions at once. [default: 4096]",
)
@click.option(
    "--max-cells",
    metavar="N",
    type=click.IntRange(min=1, max=1_000_000),
    help="Live cells at once, of all sessions. [default: 1024]",
)
@click.option(
    "--drain-seconds",
    metavar="SECONDS",
    type=click.IntRange(min=0, max=86_400),
    help="At SIGTERM a host that listens takes no session more and lets cells end for so long; a second "
    "signal ends it at once. [default: 25]",
)
@click.option(
    "--status",
    metavar="URL",
    help="http://IP:PORT, where the host answers /livez, /readyz and /metrics without a token. Needs "
    "codemode[metrics].",
)
@click.option(
    "--token-file",
    metavar="PATH",
    help="Ask gRPC clients for the bearer token in this file, or for one of its lines NAME: TOKEN. "
    "Read again when it changes. [default: the token in $CODEMODE_HOST_TOKEN]",
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
def host(
    *, listen: str, limits: tuple[str, ...], insecure: bool, **valued: str | int | None
) -> None:
    """Serve sessions to another process, as Codex's code-mode host does.

    Over the standard streams, output carries the protocol and nothing else, and the host ends when its
    input ends. Otherwise output is one line that says where it listens. Logs go to standard error.
    """
    from ..host import main as serve  # noqa: PLC0415 - it brings asyncio and the engine

    options = [
        f"--{name.replace('_', '-')}={value}" for name, value in valued.items() if value is not None
    ]
    options += [f"--limit={limit}" for limit in limits]
    arguments = [f"--listen={listen}", *options, *(["--insecure"] if insecure else [])]
    sys.exit(serve(arguments, program=f"{PROGRAM} host"))


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Find out whether cells can run here, in which sandbox, and what to do if not.

    Tries the engine in a process of its own. The exit code is 1 if cells cannot run.
    """
    from .doctor import doctor as examine  # noqa: PLC0415 - the engine: not for --help

    context.exit(examine(as_json=as_json))


settings.configure(app)
