"""The commands of ``codemode cells``, from their options to their exit codes."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import click
import msgspec

from ..application.events import CellOutput
from ..code_mode import CodeMode
from ..durable.sqlite import SqliteStore
from ..durable.store import StoredCall
from ..errors import CodeModeError
from ..protocol.types import CellId, ExecuteRequest
from ..tools.toolset import Toolset
from .asking import TerminalApproval
from .loading import load_servers, load_tools
from .media import MediaFolder
from .outcome import EXIT_CODES, outcome_of
from .output import StandardOutput
from .rules import make_policy
from .status import make_status
from .transcript import Transcript
from .values import make_limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from ..durable.store import StoredCell
    from ..surface.result import ExecResult
    from .status import StatusLine

T = TypeVar("T")

OBSERVE_MS: Final = 1_000
"""How long one observation of a resumed cell lasts."""


class CellReport(msgspec.Struct, frozen=True, kw_only=True):
    """A cell as ``--json`` prints it.

    Attributes:
        began_at: ISO 8601, UTC.
        calls: those without an answer.
        delivered: how many items of its output were handed over.
        refused: why it is not brought back, if that has failed.
    """

    session: str
    cell_id: str
    call_id: str
    began_at: str
    calls: tuple[StoredCall, ...]
    delivered: int
    journal_bytes: int
    refused: str
    source: str


def run_list(*, store: Path, session: str | None, as_json: bool) -> int:
    """Print the cells, a line each."""
    reports = [_report(each) for each in _in_store(store, lambda it: _cells(it, session))]
    if as_json:
        click.echo(msgspec.json.encode(reports))
        return 0
    if not reports:
        click.echo("no cells", err=True)
    for each in reports:
        age = _age(each)
        click.echo(f"{each.session}  cell {each.cell_id}  {age}  {_state(each)}")
    return 0


def run_show(*, cell: str, store: Path, session: str | None, as_json: bool) -> int:
    """Print one cell."""
    found = _report(_in_store(store, lambda it: _one(it, session, cell)))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return 0
    click.echo(f"session    {found.session}")
    click.echo(f"cell       {found.cell_id}, started by {found.call_id} at {found.began_at}")
    click.echo(f"journal    {found.journal_bytes:,} bytes; {found.delivered} items handed over")
    if found.refused:
        click.echo(f"refused    {found.refused}")
    for call in found.calls:
        click.echo(f"call       tool-{call.number} of {call.tool}: {call.state}")
    click.echo("program")
    for line in found.source.splitlines():
        click.echo(f"    {line}")
    return 0


def run_drop(*, cell: str, store: Path, session: str | None) -> int:
    """Forget one cell."""

    async def drop(it: SqliteStore) -> StoredCell:
        found = await _one(it, session, cell)
        await it.drop(found.session, found.cell_id)
        return found

    dropped = _in_store(store, drop)
    click.echo(f"cell {dropped.cell_id} of {dropped.session} is forgotten", err=True)
    return 0


def run_vacuum(*, store: Path) -> int:
    """Give back room."""
    freed = _in_store(store, lambda it: it.vacuum())
    click.echo(f"{freed:,} bytes were given back", err=True)
    return 0


def run_resume(  # noqa: PLR0913 - one parameter for each option
    *,
    cell: str,
    store: Path,
    session: str | None,
    tools: Sequence[str] = (),
    mcp: Sequence[str] = (),
    allowed: Sequence[str] = (),
    denied: Sequence[str] = (),
    asked: Sequence[str] = (),
    policy_file: Path | None = None,
    limits: Sequence[tuple[str, int | None]] = (),
    images: Path | None = None,
) -> int:
    """Run one cell to its end; the exit code is that of ``codemode run``."""
    found = _in_store(store, lambda it: _one(it, session, cell))
    policy = make_policy(allowed=allowed, denied=denied, asked=asked, policy_file=policy_file)
    status = make_status()
    with StandardOutput() as output:
        transcript = Transcript(
            output, MediaFolder(images), status, max_output_tokens=None, as_json=False
        )
        toolset = Toolset(load_tools(tools), policy=policy, on_approval=TerminalApproval(status))
        code_mode = CodeMode(
            tools=toolset,
            mcp=load_servers(mcp),
            limits=make_limits(limits),
            store=store,
            session=found.session,
        )
        try:
            result = asyncio.run(_to_its_end(code_mode, found.cell_id, transcript))
        except KeyboardInterrupt:
            return EXIT_CODES["interrupted"]
        except CodeModeError as error:
            raise click.ClickException(str(error)) from error
        finally:
            status.close()
    return _told(status, result)


def _told(status: StatusLine, result: ExecResult) -> int:
    if result.status == "refused":
        raise click.ClickException(result.text)
    outcome = outcome_of(result)
    if outcome.error is not None:
        status.note("error", outcome.error)
    return outcome.exit_code


async def _to_its_end(code_mode: CodeMode, cell_id: str, transcript: Transcript) -> ExecResult:
    """Bring the cell back and show what it writes; Ctrl-C leaves it in the store."""
    transcript.begin()
    writing = asyncio.create_task(transcript.write_output())
    try:
        async with code_mode:
            await code_mode.resume(cell_id)
            while True:
                result = await code_mode.wait(cell_id, yield_time_ms=OBSERVE_MS)
                if result.status == "refused":
                    return result
                assert result.response is not None, "a cell that was brought back answers"
                for item in result.response.items:
                    await transcript.take(CellOutput(cell_id=CellId(cell_id), item=item))
                if writing.done():  # the output is closed, or cannot be written
                    writing.result()
                if result.status != "running":
                    await transcript.flush()
                    return result
    finally:
        writing.cancel()
        await asyncio.wait({writing})


async def _cells(store: SqliteStore, session: str | None) -> tuple[StoredCell, ...]:
    found = await store.cells()
    return tuple(each for each in found if session in (None, each.session))


async def _one(store: SqliteStore, session: str | None, cell: str) -> StoredCell:
    """The cell that is meant.

    Raises:
        click.UsageError: there is none, or several sessions have one of this id.
    """
    matches = [each for each in await _cells(store, session) if each.cell_id == cell]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(each.session for each in matches)
        raise click.UsageError(
            f"several sessions have a cell {cell}: {names}\nhint: --session NAME says which."
        )
    raise click.UsageError(
        f"the store has no cell {cell}\nhint: codemode cells list shows what there is."
    )


def _in_store(path: Path, work: Callable[[SqliteStore], Awaitable[T]]) -> T:
    async def opened() -> T:
        store = SqliteStore(path)
        try:
            return await work(store)
        finally:
            await store.aclose()

    try:
        return asyncio.run(opened())
    except CodeModeError as error:
        raise click.ClickException(str(error)) from error


def _report(cell: StoredCell) -> CellReport:
    request = msgspec.msgpack.decode(cell.request, type=ExecuteRequest)
    return CellReport(
        session=cell.session,
        cell_id=cell.cell_id,
        call_id=request.tool_call_id,
        began_at=datetime.fromtimestamp(cell.began_at, UTC).isoformat(timespec="seconds"),
        calls=cell.calls,
        delivered=cell.delivered,
        journal_bytes=cell.journal_bytes,
        refused=cell.refused,
        source=request.source,
    )


def _age(cell: CellReport) -> str:
    seconds = max(0, round(time.time() - datetime.fromisoformat(cell.began_at).timestamp()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} old"
    return f"{seconds} s old"


def _state(cell: CellReport) -> str:
    if cell.refused:
        return f"refused: {cell.refused.splitlines()[0]}"
    if not cell.calls:
        return "waits for no call"
    return "waits for " + ", ".join(f"{each.tool} (tool-{each.number})" for each in cell.calls)
