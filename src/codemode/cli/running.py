"""``codemode run``: one program, from its source to its exit code.

What it writes and calls is the business of :mod:`.transcript`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

import click
from msgspec import Struct

from ..application.events import CellEnded
from ..code_mode import CodeMode
from ..durable.store import StoreError
from ..errors import EngineError, SourceError, ToolDefinitionError
from ..surface.description import DEFAULT_YIELD_TIME_MS
from ..surface.source import parse_exec_source
from ..tools.toolset import Toolset
from .asking import TerminalApproval
from .loading import load_servers, load_tools
from .media import MediaFolder
from .outcome import EXIT_CODES, ProgramOutcome, out_of_time, outcome_of, too_much_kept
from .output import StandardOutput
from .place import CellPlace
from .process_end import exit_at_once
from .rules import make_policy
from .status import make_status
from .terminal import logged_by
from .transcript import KEPT_BYTES, Transcript
from .values import make_limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from pathlib import Path

    from ..limits import Limits
    from ..surface.result import ExecResult
    from ..surface.source import ExecSource
    from ..tools.mcp.servers import McpServers
    from ..tools.policy.policy import Policy
    from .place import Provider
    from .status import StatusLine

SHOW_CURSOR: Final = b"\x1b[?25h"

LEAST_YIELD_MS: Final = 10
"""Output that is cut is not cut more often, whatever the program asked for itself."""

QUIET_STOP_SECONDS: Final = 0.5
STOP_SECONDS: Final = 2.0
"""How long a program that is stopped has to hand over its last output; after which the wait is announced."""

SESSION: Final = "run"
"""The session of a program in a store, unless its name is given."""

LEAVE_SECONDS: Final = 0.2
"""How long what a tool has left behind may take to end."""


class RunOptions(Struct, frozen=True, kw_only=True):
    """The command line, each option under its own name."""

    tools: tuple[str, ...]
    mcp: tuple[str, ...]
    allowed: tuple[str, ...]
    denied: tuple[str, ...]
    asked: tuple[str, ...]
    policy_file: Path | None
    max_seconds: float | None
    max_output_tokens: int | None
    yield_time_ms: int | None
    limits: tuple[tuple[str, int | None], ...]
    host: str | None
    host_token_file: Path | None
    host_ca: Path | None
    images: Path | None
    store: Path | None
    session: str | None
    as_json: bool


def run_program(source: str, options: RunOptions) -> int:
    """Run a program; the exit code.

    Raises:
        click.UsageError: the options, the tools or the source are wrong; nothing has run.
        ReaderGoneError: the output is closed.
        OutputError: it cannot be written.
    """
    if options.session is not None and options.store is None:
        raise click.UsageError("--session names a session of a store\nhint: give --store, too.")
    if options.store is not None and options.host is not None:
        raise click.UsageError(
            "a store keeps cells of this machine\nhint: leave out --host or --store."
        )
    limits = make_limits(options.limits)
    policy = make_policy(
        allowed=options.allowed,
        denied=options.denied,
        asked=options.asked,
        policy_file=options.policy_file,
    )
    try:
        parsed = parse_exec_source(source)
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    cells = CellPlace(options.host, options.host_token_file, options.host_ca)
    cells.check()
    try:
        with StandardOutput() as output:
            toolset = load_tools(options.tools)
            servers = load_servers(options.mcp)
            run = Run(source, parsed, options, toolset, servers, policy, output, limits)
            return asyncio.run(run.to_its_end(lambda: cells.provider(limits)))
    except ToolDefinitionError as error:
        raise click.BadParameter(str(error), param_hint="--tools") from error
    except KeyboardInterrupt:
        return EXIT_CODES["interrupted"]


class Run:
    """One program and what has become of it so far."""

    def __init__(  # noqa: PLR0913 - made in one place
        self,
        source: str,
        parsed: ExecSource,
        options: RunOptions,
        tools: Iterable[Any],
        servers: McpServers | None,
        policy: Policy | None,
        output: StandardOutput,
        limits: Limits,
    ) -> None:
        self._code = _with_true_lines(source, parsed)
        self._options = options
        self._session = options.session or (None if options.store is None else SESSION)
        self._servers = servers
        self._limits = limits
        tokens = _first(
            options.max_output_tokens,
            parsed.max_output_tokens,
            dict(options.limits).get("output_tokens"),
        )
        yield_ms = _first(options.yield_time_ms, parsed.yield_time_ms, DEFAULT_YIELD_TIME_MS)
        self._yield_ms = None if tokens is None else max(LEAST_YIELD_MS, yield_ms or 0)
        self._status: StatusLine = make_status()
        self._toolset = Toolset(tools, policy=policy, on_approval=TerminalApproval(self._status))
        self._transcript = Transcript(
            output,
            MediaFolder(options.images),
            self._status,
            max_output_tokens=tokens,
            as_json=options.as_json,
        )
        self._stop = asyncio.Event()
        self._stopped_by: Literal["interrupt", "time", "output"] | None = None
        self._began = time.monotonic()

    async def to_its_end(self, open_provider: Callable[[], Provider]) -> int:
        """Run, show, report; the exit code.

        Raises:
            ReaderGoneError: the output is closed.
            OutputError: it cannot be written.
        """
        try:
            with self._ctrl_c(), logged_by(_Notes(self._status)):
                outcome = await self._outcome(open_provider())
                if self._options.as_json:
                    await self._transcript.print_report(outcome)
            self._status.ended(outcome, time.monotonic() - self._began)
        finally:
            self._status.close()
        await _leave(outcome.exit_code)
        return outcome.exit_code

    async def _outcome(self, provider: Provider) -> ProgramOutcome:
        async with self._toolset, provider, self._with_servers() as started:
            if not started:
                return ProgramOutcome("interrupted", "interrupted")
            self._began = time.monotonic()
            self._transcript.begin()
            async with CodeMode(
                tools=self._toolset,
                provider=provider,
                limits=self._limits,
                mcp=self._servers,
                store=self._options.store,
                session=self._session,
            ) as cm:
                try:
                    ended = await self._shown(cm)
                except (EngineError, StoreError) as error:
                    return ProgramOutcome("lost", str(error))
        # A program that came to its end by itself did, however close the clock was.
        if ended is not None and ended.status != "terminated":
            return outcome_of(ended)
        if self._stopped_by == "interrupt":
            return ProgramOutcome("interrupted", "interrupted")
        if self._stopped_by == "output":
            return too_much_kept(KEPT_BYTES)
        assert self._options.max_seconds is not None
        return out_of_time(self._options.max_seconds)

    @contextlib.asynccontextmanager
    async def _with_servers(self) -> AsyncIterator[bool]:
        """The MCP servers, ended afterwards; False if Ctrl-C came before they had started."""
        servers = self._servers
        if servers is None:
            yield True
            return
        starting = asyncio.create_task(servers.start())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            # The servers' start against Ctrl-C.
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            yield starting.done()
        finally:
            starting.cancel()
            stopping.cancel()
            await servers.aclose()

    async def _shown(self, cm: CodeMode) -> ExecResult | None:
        """Show the program until it ends or is stopped; its result, or None.

        Raises:
            EngineError: no cell can run here.
            ReaderGoneError: the output is closed.
            OutputError: it cannot be written.
        """
        following = asyncio.create_task(self._follow(cm))
        writing = asyncio.create_task(self._transcript.write_output())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            # The program's end, a closed output, Ctrl-C or ``--max-seconds``: whichever is first.
            await asyncio.wait(
                {following, writing, stopping},
                timeout=self._options.max_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not following.done() and not writing.done():
                self._stopped_by = self._stopped_by or "time"
                self._stop.set()
                await self._wait_for_last_words(following, writing)
            if writing.done():  # it goes on until it is cancelled, or fails
                writing.result()
            return following.result() if following.done() else None
        finally:
            for task in (following, writing, stopping):
                task.cancel()

    async def _wait_for_last_words(self, *tasks: asyncio.Task[Any]) -> None:
        """They may not come: the worker hangs, or the output is closed."""
        quickly, later = QUIET_STOP_SECONDS, STOP_SECONDS - QUIET_STOP_SECONDS
        first = asyncio.FIRST_COMPLETED
        # The cell's last output against the bounds; after the first of them a second Ctrl-C is offered.
        done, _ = await asyncio.wait(tasks, timeout=quickly, return_when=first)
        if not done:
            if self._stopped_by == "interrupt":
                self._status.note("stopping", "press Ctrl-C again to quit at once")
            await asyncio.wait(tasks, timeout=later, return_when=first)

    async def _follow(self, cm: CodeMode) -> ExecResult:
        events = cm.stream(self._code, call_id="run", yield_time_ms=self._yield_ms, stop=self._stop)
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, CellEnded):
                    await self._transcript.flush()
                    return event.result
                await self._transcript.take(event)
                if self._transcript.keeps_too_much and self._stopped_by is None:
                    self._stopped_by = "output"
                    self._stop.set()
        raise AssertionError("the end is the last event")

    # ── Ctrl-C, and what is logged ─────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _ctrl_c(self) -> Iterator[None]:
        """The first one ends the program, the second one this process."""
        loop = asyncio.get_running_loop()
        before = signal.getsignal(signal.SIGINT)

        def interrupt(*_: object) -> None:
            if self._stopped_by == "interrupt":
                self._quit()
            self._stopped_by = "interrupt"
            loop.call_soon_threadsafe(self._stop.set)

        try:
            signal.signal(signal.SIGINT, interrupt)
        except ValueError:  # not the main thread: the signal belongs to the application
            yield
            return
        try:
            yield
        finally:
            # After a Ctrl-C this process ends, and another one only hurries it.
            if self._stopped_by != "interrupt":
                signal.signal(signal.SIGINT, before)

    def _quit(self) -> NoReturn:
        said = (SHOW_CURSOR if os.isatty(2) else b"") + b"\nquit\n"
        exit_at_once(EXIT_CODES["interrupted"], self._servers, said)


class _Notes(logging.Handler):
    """Shows what is logged as notes, which go along with whatever the status draws."""

    def __init__(self, status: StatusLine) -> None:
        super().__init__(logging.WARNING)
        self._status = status

    def emit(self, record: logging.LogRecord) -> None:
        self._status.note(record.levelname.lower(), record.getMessage())


async def _leave(code: int) -> None:
    """End what tools have left in this loop; asyncio would wait for it without a bound."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    # Cancellation against tasks of tools that ignore it: then the process exits without them.
    if left and (await asyncio.wait(left, timeout=LEAVE_SECONDS))[1]:
        os._exit(code)


def _with_true_lines(source: str, parsed: ExecSource) -> str:
    """The code, with an empty line for the pragma: errors then name the lines of the file."""
    return parsed.code if parsed.code == source else f"\n{parsed.code}"


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
