"""``codemode run``: one program, from its source to its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias

import click
import msgspec

from ..errors import EngineError, LimitError, SourceError, ToolDefinitionError, UsageError
from ..limits import amount
from ..protocol.types import (
    AudioItem,
    ExecuteRequest,
    ImageItem,
    Pending,
    Result,
    TextItem,
    WaitRequest,
    Yielded,
)
from ..remote.grpc import GrpcSessionProvider, GrpcTls
from ..remote.process import ProcessSessionProvider
from ..runtime.local import LocalSessionProvider
from ..surface.output import truncate
from ..surface.source import parse_exec_source
from ..surface.typescript import described
from ..tools.toolset import Toolset
from .loading import load_tools
from .outcome import EXIT_CODES, CallReport, Outcome, Report, out_of_time, outcome_of
from .output import MediaFolder, OutputError, StandardOutput, item_report
from .status import make_status
from .values import make_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ..limits import Limits
    from ..protocol.session import Session
    from ..protocol.types import CellId, Item, JsonValue, RuntimeResponse, ToolCall
    from ..runtime.local import EngineName
    from ..surface.source import ExecSource
    from ..tools.chain import Next
    from .status import StatusLine

BROKEN_PIPE: Final = 141
"""128 + SIGPIPE, as of a program that the signal ends."""
SHOW_CURSOR: Final = b"\x1b[?25h"

FETCH_MS: Final = 100
"""How often output is fetched where it is shown as it comes."""

LEAST_FETCH_MS: Final = 10
"""A program that is followed to its end is not asked more often, whatever it asked for itself."""

Provider: TypeAlias = LocalSessionProvider | ProcessSessionProvider | GrpcSessionProvider

_SCHEMES: Final = ("grpc://", "http://", "https://", "unix:")

QUIET_STOP_SECONDS: Final = 0.5
STOP_SECONDS: Final = 2.0
"""How long a program that is stopped has to hand over its last output; when we say that we wait."""

LEAVE_SECONDS: Final = 0.2
"""How long what a tool has left behind may take to end."""


def run_program(  # noqa: PLR0913 - one parameter for each option
    source: str,
    *,
    tools: Sequence[str] = (),
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
    if not (host or "").startswith(_SCHEMES) and (host_token_file or host_ca):
        raise click.UsageError("--host-token-file and --host-ca are for a --host that is a URL")
    yield_ms = _first(yield_time_ms, parsed.yield_time_ms, 10_000)
    assert yield_ms is not None
    try:
        with StandardOutput() as output:
            run = Run(
                _with_true_lines(source, parsed),
                load_tools(tools),
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
    except BrokenPipeError:
        return BROKEN_PIPE
    except OutputError as error:
        raise click.ClickException(str(error)) from error
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
    if host.startswith(_SCHEMES):
        return far.provider(host, limits)
    return ProcessSessionProvider(host, limits=limits)


class Run:
    """One program and what has become of it so far."""

    def __init__(  # noqa: PLR0913 - made in one place, by keyword
        self,
        code: str,
        tools: Iterable[Any],
        *,
        output: StandardOutput,
        media: MediaFolder,
        max_seconds: float | None,
        max_output_tokens: int | None,
        observe_ms: int,
        as_json: bool,
    ) -> None:
        self._code = code
        self._output = output
        self._media = media
        self._max_seconds = max_seconds
        self._max_output_tokens = max_output_tokens
        self._observe_ms = observe_ms
        self._as_json = as_json
        self._toolset = Toolset(tools, middleware=[self._traced], on_notify=self._notified)
        self._status: StatusLine = make_status()
        self._stop = asyncio.Event()
        self._stopped_by: Literal["interrupt", "time"] | None = None
        self._cell_id: CellId | None = None
        self._began = time.monotonic()
        self._observations = 0
        self._items: list[dict[str, Any]] = []
        self._notifications: list[str] = []
        self._calls: list[CallReport] = []

    async def to_its_end(self, open_provider: Callable[[], Provider]) -> int:
        """Run, show, report; the exit code.

        Raises:
            BrokenPipeError: nobody reads the output any more.
            OutputError: it cannot be written.
        """
        try:
            with self._ctrl_c():
                outcome = await self._outcome(open_provider())
                if self._as_json:
                    await self._print_report(outcome)
            self._status.ended(outcome, time.monotonic() - self._began)
        finally:
            self._status.close()
        await _leave(outcome.exit_code)
        return outcome.exit_code

    async def _outcome(self, provider: Provider) -> Outcome:
        async with self._toolset, provider:
            self._began = time.monotonic()
            try:
                session = await provider.create_session(self._toolset)
                ended = await self._followed(session)
            except LimitError as error:
                return Outcome("limit", str(error), error.limit)
            except EngineError as error:
                return Outcome("lost", str(error))
        # A program that came to its end by itself did, however close the clock was.
        if isinstance(ended, Result):
            return outcome_of(ended.error_text)
        if self._stopped_by == "interrupt":
            return Outcome("interrupted", "interrupted")
        assert self._max_seconds is not None
        return out_of_time(self._max_seconds)

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
            await self._show(response.items)
            if self._stop.is_set():
                outcome = await session.terminate(started.cell_id)
            else:
                request = WaitRequest(cell_id=started.cell_id, yield_time_ms=self._observe_ms)
                outcome = await session.wait(request, preempt=self._stop)
            assert not isinstance(outcome.response, Pending), "no frontier was asked for"
            response = outcome.response
        await self._show(response.items)
        return response

    def _request(self) -> ExecuteRequest:
        return ExecuteRequest(
            tool_call_id="run",
            enabled_tools=described(self._toolset.definitions),
            source=self._code,
            yield_time_ms=self._observe_ms,
        )

    # ── what the program writes ──────────────────────────────────────────────────────────────

    async def _show(self, items: tuple[Item, ...]) -> None:
        self._observations += 1
        if self._max_output_tokens is not None:
            items = truncate(items, None, self._max_output_tokens)
        texts: list[str] = []
        for item in items:
            if isinstance(item, TextItem):
                texts.append(item.text)
                if self._as_json:
                    self._items.append(item_report(item, None))
            else:
                await self._print(texts)
                self._keep(item)
        await self._print(texts)

    async def _print(self, texts: list[str]) -> None:
        """Each text as lines of its own; empties the list."""
        if texts and not self._as_json:
            whole = "".join(text if text.endswith("\n") else f"{text}\n" for text in texts)
            with self._status.aside():
                await self._output.write(whole)
        texts.clear()

    def _keep(self, item: ImageItem | AudioItem) -> None:
        kind = "image" if isinstance(item, ImageItem) else "sound"
        saved = None
        try:
            saved = self._media.save(item)
        except OSError as error:
            self._status.note("warning", f"the {kind} was not written: {error}")
        if self._as_json:
            self._items.append(item_report(item, saved))
        if saved is not None:
            where = "" if self._as_json else f", after line {self._output.lines} of the output"
            size = amount(saved.size, "bytes")
            self._status.note(kind, f"{saved.path} ({saved.mime_type}, {size}){where}")

    async def _print_report(self, outcome: Outcome) -> None:
        report = Report(
            status=outcome.status,
            exit_code=outcome.exit_code,
            error=outcome.error,
            limit=outcome.limit,
            cell_id=self._cell_id,
            items=self._items,
            notifications=self._notifications,
            calls=self._calls,
            observations=self._observations,
            duration_ms=_milliseconds(time.monotonic() - self._began),
        )
        text = msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
        with self._status.aside():
            await self._output.write(text)

    # ── what the program asks for ────────────────────────────────────────────────────────────

    def _notified(self, _call: str, _cell: CellId, text: str) -> None:
        self._notifications.append(text)
        self._status.note("notify", text)

    async def _traced(self, call: ToolCall, following: Next) -> JsonValue:
        definition = self._toolset.find(call.tool_name)
        name = call.tool_name.name if definition is None else definition.name
        began = time.monotonic()
        status: Literal["ok", "failed", "cancelled"] = "ok"
        error_text: str | None = None
        self._status.called(name)
        try:
            return await following(call)
        except asyncio.CancelledError:
            status = "cancelled"
            raise
        except Exception as error:
            status, error_text = "failed", str(error)
            raise
        finally:
            report = CallReport(
                id=call.runtime_tool_call_id,
                name=name,
                status=status,
                error=error_text,
                started_ms=_milliseconds(began - self._began),
                duration_ms=_milliseconds(time.monotonic() - began),
            )
            self._calls.append(report)
            self._status.returned(report)

    # ── Ctrl-C ───────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _ctrl_c(self) -> Iterator[None]:
        """The first one ends the program, the second one this process."""
        loop = asyncio.get_running_loop()
        before = signal.getsignal(signal.SIGINT)

        def interrupt(*_: object) -> None:
            if self._stopped_by == "interrupt":
                _quit()
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
            signal.signal(signal.SIGINT, before)


async def _leave(code: int) -> None:
    """End what tools have left in this loop; asyncio would wait for it without a bound."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left and (await asyncio.wait(left, timeout=LEAVE_SECONDS))[1]:
        os._exit(code)


def _quit() -> NoReturn:
    """At once, whatever hangs; workers end with their parent."""
    with contextlib.suppress(OSError):
        os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + b"\nquit\n")
    os._exit(EXIT_CODES["interrupted"])


def _with_true_lines(source: str, parsed: ExecSource) -> str:
    """The code, with an empty line for the pragma: errors then name the lines of the file."""
    return parsed.code if parsed.code == source else f"\n{parsed.code}"


def _observation_ms(yield_ms: int, *, cuts: bool) -> int:
    """What is cut must be whole first; what is not is shown soon."""
    return max(LEAST_FETCH_MS, yield_ms if cuts else min(yield_ms, FETCH_MS))


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
