"""``codemode run``: one program, from its source to its exit code.

What it writes and calls is the business of :mod:`.transcript`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias

import click

from ..errors import EngineError, LimitError, SourceError, ToolDefinitionError, UsageError
from ..protocol.types import (
    ExecuteRequest,
    Pending,
    Result,
    WaitRequest,
    Yielded,
)
from ..remote.grpc import GrpcSessionProvider, GrpcTls
from ..remote.process import ProcessSessionProvider
from ..runtime.local import LocalSessionProvider
from ..surface.source import parse_exec_source
from ..tools.toolset import Toolset
from .loading import load_servers, load_tools
from .outcome import EXIT_CODES, Outcome, out_of_time, outcome_of, too_much_kept
from .output import MediaFolder, StandardOutput
from .status import make_status
from .transcript import KEPT_BYTES, Transcript
from .values import make_limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ..limits import Limits
    from ..protocol.session import Session, Signal
    from ..protocol.types import CellId, JsonValue, RuntimeResponse, ToolCall
    from ..runtime.local import EngineName
    from ..surface.source import ExecSource
    from ..tools.mcp.servers import McpServers
    from .status import StatusLine

SHOW_CURSOR: Final = b"\x1b[?25h"

FETCH_MS: Final = 100
"""How often output is fetched where it is shown as it comes."""

LEAST_FETCH_MS: Final = 10
"""A program that is followed to its end is not asked more often, whatever it asked for itself."""

Provider: TypeAlias = LocalSessionProvider | ProcessSessionProvider | GrpcSessionProvider

_URL: Final = re.compile(r"unix:|[A-Za-z][A-Za-z0-9+.-]*://")
"""How a host begins that is no command; which URLs there are is the provider's to say."""

QUIET_STOP_SECONDS: Final = 0.5
STOP_SECONDS: Final = 2.0
"""How long a program that is stopped has to hand over its last output; when we say that we wait."""

LEAVE_SECONDS: Final = 0.2
"""How long what a tool has left behind may take to end."""


def run_program(  # noqa: PLR0913 - one parameter for each option
    source: str,
    *,
    tools: Sequence[str] = (),
    mcp: Sequence[str] = (),
    max_seconds: float | None = None,
    max_output_tokens: int | None = None,
    yield_time_ms: int | None = None,
    limits: Sequence[tuple[str, int | None]] = (),
    engine: EngineName = "workers",
    host: str | None = None,
    host_token_file: Path | None = None,
    host_ca: Path | None = None,
    images: Path,
    as_json: bool = False,
) -> int:
    """Run a program with the options of the command line; the exit code.

    Raises:
        click.UsageError: the options, the tools or the source are wrong; nothing has run.
        ReaderGoneError: nobody reads the output any more.
        OutputError: it cannot be written.
    """
    bounds = make_limits(limits)
    try:
        parsed = parse_exec_source(source)
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    tokens = _first(max_output_tokens, parsed.max_output_tokens, dict(limits).get("output_tokens"))
    if host is not None and engine != "workers":
        raise click.UsageError("--engine has no meaning with --host: the host has its own engine")
    far = FarHost(host_token_file, host_ca)
    if not _URL.match(host or "") and (host_token_file or host_ca):
        raise click.UsageError("--host-token-file and --host-ca are for a --host that is a URL")
    yield_ms = _first(yield_time_ms, parsed.yield_time_ms, 10_000)
    assert yield_ms is not None
    try:
        with StandardOutput() as output:
            run = Run(
                _with_true_lines(source, parsed),
                load_tools(tools),
                servers=load_servers(mcp),
                output=output,
                media=MediaFolder(images),
                max_seconds=max_seconds,
                max_output_tokens=tokens,
                observe_ms=_observation_ms(yield_ms, cuts=tokens is not None),
                as_json=as_json,
            )
            return asyncio.run(run.to_its_end(lambda: _provider(bounds, engine, host, far)))
    except ToolDefinitionError as error:
        raise click.BadParameter(str(error), param_hint="--tools") from error
    except KeyboardInterrupt:
        return EXIT_CODES["interrupted"]


@dataclass(frozen=True, slots=True)
class FarHost:
    """How a host at a URL is known: files with its token and its authority."""

    token_file: Path | None
    ca: Path | None

    def provider(self, endpoint: str, limits: Limits) -> GrpcSessionProvider:
        """Its sessions.

        Raises:
            click.UsageError: the endpoint or a file cannot be used.
        """
        try:
            return GrpcSessionProvider(
                endpoint,
                token=self._token(),
                tls=None if self.ca is None else GrpcTls(ca=self.ca),
                limits=limits,
            )
        except UsageError as error:
            raise click.UsageError(str(error)) from error

    def _token(self) -> str | None:
        if self.token_file is None:
            return None
        return self.token_file.read_text(encoding="ascii", errors="replace").strip()


def _provider(limits: Limits, engine: EngineName, host: str | None, far: FarHost) -> Provider:
    if host is None:
        return LocalSessionProvider(limits=limits, engine=engine)
    if _URL.match(host):
        return far.provider(host, limits)
    return ProcessSessionProvider(host, limits=limits)


class _Tools(Toolset):
    """The tools of a run; every call is noted, one that is refused before the chain, too."""

    def __init__(self, tools: Iterable[Any], transcript: Transcript) -> None:
        super().__init__(tools, on_notify=transcript.notified)
        self._transcript = transcript

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> JsonValue:
        definition = self.find(call.tool_name)
        name = call.tool_name.name if definition is None else definition.name
        invoke = super().invoke_tool
        return await self._transcript.called(name, call, lambda passed: invoke(passed, cancel))


class Run:
    """One program and what has become of it so far."""

    def __init__(  # noqa: PLR0913 - made in one place, by keyword
        self,
        code: str,
        tools: Iterable[Any],
        *,
        servers: McpServers | None,
        output: StandardOutput,
        media: MediaFolder,
        max_seconds: float | None,
        max_output_tokens: int | None,
        observe_ms: int,
        as_json: bool,
    ) -> None:
        self._code = code
        self._servers = servers
        self._max_seconds = max_seconds
        self._observe_ms = observe_ms
        self._as_json = as_json
        self._status: StatusLine = make_status()
        self._transcript = Transcript(
            output,
            media,
            self._status,
            max_output_tokens=max_output_tokens,
            as_json=as_json,
            on_too_much=self._too_much,
        )
        self._toolset = _Tools(tools, self._transcript)
        self._stop = asyncio.Event()
        self._stopped_by: Literal["interrupt", "time", "output"] | None = None
        self._cell_id: CellId | None = None
        self._began = time.monotonic()

    async def to_its_end(self, open_provider: Callable[[], Provider]) -> int:
        """Run, show, report; the exit code.

        Raises:
            ReaderGoneError: nobody reads the output any more.
            OutputError: it cannot be written.
        """
        try:
            with self._ctrl_c(), self._log_as_notes():
                outcome = await self._outcome(open_provider())
                if self._as_json:
                    await self._transcript.print_report(outcome, self._cell_id)
            self._status.ended(outcome, time.monotonic() - self._began)
        finally:
            self._status.close()
        await _leave(outcome.exit_code)
        return outcome.exit_code

    async def _outcome(self, provider: Provider) -> Outcome:
        async with self._toolset, provider, self._with_servers() as started:
            if not started:
                return Outcome("interrupted", "interrupted")
            self._began = time.monotonic()
            self._transcript.begin()
            try:
                session = await provider.create_session(self._toolset)
                ended = await self._followed(session)
            except LimitError as error:
                return Outcome("limit", str(error), error.limit)
            except EngineError as error:
                return Outcome("lost", str(error))
        # A program that came to its end by itself did, however close the clock was.
        if isinstance(ended, Result):
            return outcome_of(ended)
        if self._stopped_by == "interrupt":
            return Outcome("interrupted", "interrupted")
        if self._stopped_by == "output":
            return too_much_kept(KEPT_BYTES)
        assert self._max_seconds is not None
        return out_of_time(self._max_seconds)

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
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                servers.attach(self._toolset)
            yield starting.done()
        finally:
            starting.cancel()
            stopping.cancel()
            await servers.aclose()

    async def _followed(self, session: Session) -> RuntimeResponse | None:
        """Follow the program until it ends or is stopped; its last response, or None."""
        following = asyncio.create_task(self._follow(session))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait(
                {following, stopping},
                timeout=self._max_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not following.done():
                self._stopped_by = self._stopped_by or "time"
                self._stop.set()
                await self._wait_for_last_words(following)
            return await following if following.done() else None
        finally:
            following.cancel()
            stopping.cancel()

    async def _wait_for_last_words(self, following: asyncio.Task[RuntimeResponse]) -> None:
        """They may not come: the worker hangs, or nobody reads the output."""
        await asyncio.wait({following}, timeout=QUIET_STOP_SECONDS)
        if not following.done():
            if self._stopped_by == "interrupt":
                self._status.note("stopping", "press Ctrl-C again to quit at once")
            await asyncio.wait({following}, timeout=STOP_SECONDS - QUIET_STOP_SECONDS)

    async def _follow(self, session: Session) -> RuntimeResponse:
        started = await session.execute(self._request(), preempt=self._stop)
        self._cell_id = started.cell_id
        response = await started.initial_response()
        while isinstance(response, Yielded):
            await self._transcript.show(response.items)
            if self._stop.is_set():
                outcome = await session.terminate(started.cell_id)
            else:
                request = WaitRequest(cell_id=started.cell_id, yield_time_ms=self._observe_ms)
                outcome = await session.wait(request, preempt=self._stop)
            assert not isinstance(outcome.response, Pending), "no frontier was asked for"
            response = outcome.response
        await self._transcript.show(response.items)
        return response

    def _request(self) -> ExecuteRequest:
        return ExecuteRequest(
            tool_call_id="run",
            enabled_tools=self._toolset.catalogue.tools,
            source=self._code,
            yield_time_ms=self._observe_ms,
        )

    def _too_much(self) -> None:
        if self._stopped_by is None:
            self._stopped_by = "output"
            self._stop.set()

    # ── Ctrl-C, and what is logged ─────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _log_as_notes(self) -> Iterator[None]:
        notes = _Notes(self._status)
        logging.getLogger().addHandler(notes)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(notes)

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
        except ValueError:  # not the main thread: the signal is somebody else's
            yield
            return
        try:
            yield
        finally:
            if (
                self._stopped_by != "interrupt"
            ):  # else this process ends, and one more only hurries it
                signal.signal(signal.SIGINT, before)

    def _quit(self) -> NoReturn:
        """At once, whatever hangs; workers end with their parent, MCP servers would not."""
        if self._servers is not None:
            self._servers.kill()
        with contextlib.suppress(OSError):
            os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + b"\nquit\n")
        os._exit(EXIT_CODES["interrupted"])


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
    if left and (await asyncio.wait(left, timeout=LEAVE_SECONDS))[1]:
        os._exit(code)


def _with_true_lines(source: str, parsed: ExecSource) -> str:
    """The code, with an empty line for the pragma: errors then name the lines of the file."""
    return parsed.code if parsed.code == source else f"\n{parsed.code}"


def _observation_ms(yield_ms: int, *, cuts: bool) -> int:
    """What is cut must be whole first; what is not is shown soon."""
    return max(LEAST_FETCH_MS, yield_ms if cuts else min(yield_ms, FETCH_MS))


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
