"""Options of the commands that run programs of a person: where their cells run, and where media go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_HOST: Final = (
    click.option(
        "--host",
        metavar="COMMAND|URL",
        help="Run programs in a code-mode host: a path, a command line, or a URL such as "
        "grpc://127.0.0.1:50051. It may be this package's `codemode host`, or Codex's.",
    ),
    click.option(
        "--host-token-file",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="The bearer token that a host at a URL asks for.",
    ),
    click.option(
        "--host-ca",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Who signs the certificate of an https:// host, in PEM. [default: the system's authorities]",
    ),
)


def host_options(command: _Command) -> _Command:
    """``--host`` and what belongs to it."""
    for option in reversed(_HOST):
        command = option(command)
    return command


IMAGES: Final = click.option(
    "--images",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where images and sounds are written; made if it is not there. "
    "[default: a new temporary folder, which is named]",
)
