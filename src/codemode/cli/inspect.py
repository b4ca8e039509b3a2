"""``codemode inspect``: a local page over recordings and running processes. Only click is loaded here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..trace.environment import recorded_in

if TYPE_CHECKING:
    from ..trace.inspector.sources import Sources


@click.command()
@click.argument(
    "folder",
    metavar="[DIR]",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--attach",
    metavar="[SOCKET]",
    is_flag=False,
    flag_value="",
    help="Look at the processes of this user that were started with --inspect or CODEMODE_INSPECT=1; "
    "or at the one, or those, at this socket or in this folder.",
)
@click.option(
    "--read-only",
    is_flag=True,
    help="Only look at processes: neither end a cell nor answer an approval.",
)
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65_535),
    default=0,
    help="The page's port on this machine. [default: any that is free]",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as a JSON object.")
def inspect(
    *,
    folder: Path | None,
    attach: str | None,
    read_only: bool,
    port: int,
    opens: bool,
    as_json: bool,
) -> None:
    """Show recordings and running processes in a page: sessions, cells, nested calls.

    DIR is a recording, or a folder of recordings. Without DIR and --attach it is the folder in
    CODEMODE_TRACE, and the running processes. The page is for this machine and for a reader who has its
    whole address; Ctrl-C ends it.
    """
    import asyncio  # noqa: PLC0415 - not for --help

    sources = _sources(folder, attach, read_only=read_only)
    try:
        asyncio.run(_serve(sources, port, opens=opens, as_json=as_json))
    except OSError as error:
        raise click.ClickException(f"the page cannot be served at port {port}: {error}") from error


def _sources(folder: Path | None, attach: str | None, *, read_only: bool) -> Sources:
    try:
        from ..trace.inspector.sources import Sources  # noqa: PLC0415 - not for --help
    except ModuleNotFoundError as error:
        raise _needs_extra(error) from error
    from ..errors import UsageError  # noqa: PLC0415 - not for --help
    from ..trace.bundle import Bundle  # noqa: PLC0415
    from ..trace.environment import sockets_folder  # noqa: PLC0415

    sockets: Path | None = None
    if attach is not None or folder is None:
        sockets = Path(attach) if attach else sockets_folder()
        if attach and not sockets.exists():
            raise click.BadParameter(f"there is no socket {attach}", param_hint="--attach")
    if folder is not None:
        try:
            Bundle(folder)
        except UsageError as error:
            raise click.ClickException(str(error)) from error
    elif attach is None and (recorded := recorded_in()) is not None:
        folder = Path(recorded)
    return Sources(folder, sockets, reads_tokens=not read_only)


async def _serve(sources: Sources, port: int, *, opens: bool, as_json: bool) -> None:
    import asyncio  # noqa: PLC0415 - as above
    import json  # noqa: PLC0415
    import signal  # noqa: PLC0415
    import webbrowser  # noqa: PLC0415

    try:
        from ..trace.inspector.serving import serve_inspector  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _needs_extra(error) from error

    def on_ready(url: str) -> None:
        click.echo(json.dumps({"url": url}) if as_json else url)
        if not as_json:
            click.echo("Ctrl-C ends the inspector.", err=True)
        if opens:
            webbrowser.open(url)

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve_inspector(sources, port=port, on_ready=on_ready, stop=stop)


def _needs_extra(error: ModuleNotFoundError) -> click.ClickException:
    return click.ClickException(
        f"the inspector needs the module `{error.name}`: pip install 'codemode[inspect]'"
    )
