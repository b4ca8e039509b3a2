"""``codemode repl``: entries, one after the other, in one session.

Each entry is a cell. Ctrl-C ends the cell, at the prompt it gives up the entry; Ctrl-D leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

import click

from ..application.events import CellEnded
from ..code_mode import CodeMode
from ..errors import ToolDefinitionError, UsageError
from ..surface.declaration import declaration
from ..tools.names import nearest
from ..tools.toolset import Toolset
from .entry import does_not_compile, in_lines_of_entry, valued
from .loading import load_servers, load_tools
from .media import MediaFolder
from .outcome import EXIT_CODES
from .output import StandardOutput
from .place import CellPlace
from .process_end import exit_at_once, handled_signals
from .prompt import PipePrompt, TerminalPrompt
from .status import PlainStatus, split_hint
from .terminal import is_terminal, log_on_stderr, printable
from .transcript import Transcript
from .values import make_limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from ..limits import Limits
    from ..surface.result import ExecResult
    from ..tools.mcp.servers import McpServers
    from .prompt import Prompt

PATIENCE_SECONDS: Final = 2.0
"""How long a cell may take to end after Ctrl-C; then another Ctrl-C ends the whole."""

_HELP: Final = """\
An entry is a program, as a model sends it to exec: text(value) shows something, and so does an
expression by itself. Variables end with their entry; store(key, value) and load(key) last.

  .tools [NAME]   the tools of programs, or the declaration of one
  .values         what is stored
  .help           this text
  .exit           leave, as Ctrl-D does

Enter sends what is whole, Alt-Enter begins another line, Tab completes, Ctrl-C ends the program."""


def interact(  # noqa: PLR0913 - one parameter for each option
    *,
    tools: Sequence[str] = (),
    mcp: Sequence[str] = (),
    limits: Sequence[tuple[str, int | None]] = (),
    host: str | None = None,
    host_token_file: Path | None = None,
    host_ca: Path | None = None,
    images: Path | None = None,
) -> int:
    """Take entries until there is no other one; the exit code.

    Raises:
        click.UsageError: the options or the tools are wrong; nothing has run.
        ReaderGoneError: the output is closed.
        OutputError: it cannot be written.
    """
    bounds = make_limits(limits)
    place = CellPlace(host, host_token_file, host_ca)
    place.check()
    try:
        with StandardOutput() as output, log_on_stderr("%(message)s"):
            repl = Repl(
                load_tools(tools),
                load_servers(mcp),
                output=output,
                media=MediaFolder(images),
                limits=bounds,
            )
            asyncio.run(repl.run(place))
    except ToolDefinitionError as error:
        raise click.BadParameter(str(error), param_hint="--tools") from error
    return 0


class Repl:
    """A session that a person works in."""

    def __init__(
        self,
        tools: Sequence[Any],
        servers: McpServers | None,
        *,
        output: StandardOutput,
        media: MediaFolder,
        limits: Limits,
    ) -> None:
        self._toolset = Toolset(tools)
        self._servers = servers
        self._output = output
        self._media = media
        self._limits = limits
        self._status = ReplStatus()
        self._entries = 0

    async def run(self, place: CellPlace) -> None:
        """Take entries until the prompt has no more."""
        servers = self._servers if self._servers is not None else nullcontext()
        async with self._toolset, place.provider(self._limits) as provider, servers:
            async with CodeMode(
                tools=self._toolset, provider=provider, limits=self._limits, mcp=self._servers
            ) as cm:
                prompt = self._prompt()
                async for entry in _entries(prompt):
                    if entry.startswith("."):
                        if entry.split()[0] == ".exit":
                            return
                        self._command(cm, *entry.split())
                    else:
                        await self._show_program(cm, entry)

    def _prompt(self) -> Prompt:
        if not is_terminal(sys.stdin):
            return PipePrompt()
        count = len(self._toolset.catalogue.tools)
        having = "no tools" if not count else f"{count} tool{'' if count == 1 else 's'}"
        click.echo(f"JavaScript in V8 cells, {having}; .help lists what else there is.", err=True)
        # Between a prompt and a program nothing is there that Ctrl-C could end.
        signal.signal(signal.SIGINT, lambda *_: None)
        return TerminalPrompt(
            (".exit", ".help", ".tools", ".values"),
            lambda: (tool.name for tool in self._toolset.catalogue.tools),
        )

    # ── programs ───────────────────────────────────────────────────────────────────────────────

    async def _show_program(self, cm: CodeMode, entry: str) -> None:
        """Run the entry: as an expression whose value is shown, or as it is."""
        self._entries += 1
        with_value = valued(entry)
        if with_value is not None:
            result = await self._run(cm, with_value)
            if not does_not_compile(result.error_text):
                self._tell(in_lines_of_entry(result.error_text or "") or None, result)
                return
        result = await self._run(cm, entry)
        self._tell(result.error_text, result)

    async def _run(self, cm: CodeMode, source: str) -> ExecResult:
        transcript = Transcript(
            self._output, self._media, self._status, max_output_tokens=None, as_json=False
        )
        writing = asyncio.create_task(transcript.write_output())
        try:
            with self._stopped_by_ctrl_c() as stop:
                events = cm.stream(source, call_id=f"entry-{self._entries}", stop=stop)
                async with contextlib.aclosing(events):
                    async for event in events:
                        if writing.done():
                            writing.result()
                        if isinstance(event, CellEnded):
                            await transcript.flush()
                            return event.result
                        await transcript.take(event)
        finally:
            writing.cancel()
        raise AssertionError("the end is the last event")

    @contextlib.contextmanager
    def _stopped_by_ctrl_c(self) -> Iterator[asyncio.Event]:
        """An event that Ctrl-C sets while the block runs; much later, another one ends the process."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        patience_ends: list[float] = []

        def interrupt(_: int) -> None:
            if not stop.is_set():
                patience_ends.append(loop.time() + PATIENCE_SECONDS)
                stop.set()
            elif loop.time() > patience_ends[0]:
                exit_at_once(EXIT_CODES["interrupted"], self._servers)

        with handled_signals(interrupt):
            yield stop

    def _tell(self, error: str | None, result: ExecResult) -> None:
        if result.status == "terminated":
            click.echo("interrupted", err=True)
        elif error is not None:
            message, hint = split_hint(error)
            self._status.error(message, hint)

    # ── commands ───────────────────────────────────────────────────────────────────────────────

    def _command(self, cm: CodeMode, name: str, *arguments: str) -> None:
        if name == ".help":
            click.echo(_HELP, err=True)
        elif name == ".tools":
            self._show_tools(*arguments)
        elif name == ".values":
            self._show_values(cm)
        else:
            self._status.error(f"there is no {name}", ".help lists what there is.")

    def _show_tools(self, *names: str) -> None:
        tools = {tool.name: tool for tool in self._toolset.catalogue.tools}
        for name in names:
            if name in tools:
                click.echo(printable(declaration(tools[name])), err=True)
            else:
                near = nearest(name, tools)
                self._status.error(
                    f"there is no tool {name!r}",
                    f"did you mean {' or '.join(near)}?" if near else ".tools lists them.",
                )
        for name in () if names else sorted(tools):
            first = tools[name].description.strip().partition("\n")[0]
            click.echo(printable(f"{name}  {first}".rstrip()), err=True)

    def _show_values(self, cm: CodeMode) -> None:
        try:
            stored = cm.stored_values()
        except UsageError as error:
            self._status.error(*split_hint(str(error)))
            return
        for key in sorted(stored):
            click.echo(printable(f"{key}: {stored.json[key].decode()}"), err=True)


class ReplStatus(PlainStatus):
    """What is printed beside the output: errors, notifications, files."""

    def __init__(self) -> None:
        self._in_colour = is_terminal(sys.stderr)

    def error(self, message: str, hint: str) -> None:
        """Tell what went wrong, and what to do about it if that is known."""
        self._line("error", "red", message)
        if hint:
            self._line("hint", "cyan", hint)

    def note(self, label: str, text: str) -> None:
        self._line(label, None, text)

    def _line(self, label: str, colour: str | None, text: str) -> None:
        shown = printable(text) if self._in_colour else text
        click.echo(f"{click.style(f'{label}:', fg=colour, bold=True)} {shown}", err=True)


async def _entries(prompt: Prompt) -> AsyncIterator[str]:
    """What the prompt gives, without what is empty; Ctrl-C gives up an entry and no more."""
    while True:
        try:
            entry = await prompt.entry()
        except EOFError:
            return
        except KeyboardInterrupt:
            continue
        if entry.strip():
            yield entry
