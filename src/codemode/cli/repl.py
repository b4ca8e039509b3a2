"""``codemode repl``: its options. Only click is loaded here."""

from __future__ import annotations

from typing import Any

import click

from .program_options import IMAGES, host_options
from .tools import tool_sources
from .trace import recording_options
from .values import LIMITS


@click.command()
@tool_sources("What programs may call")
@LIMITS
@recording_options
@host_options
@IMAGES
@click.pass_context
def repl(context: click.Context, /, **options: Any) -> None:
    """Run JavaScript as you type it, in one session.

    Each entry is a program of its own: what it gives to text() and image() is shown, and the value of
    an expression. store() and load() keep values between entries. Ctrl-C ends a program, Ctrl-D
    leaves. Without a terminal, programs are read from standard input, line by line.
    """
    from .interactive import interact  # noqa: PLC0415 - asyncio and the rest: not for --help

    context.exit(interact(**options))
