"""Output, notifications and calls of a program: shown as it comes, or kept for ``--json``.

Events are taken at once, and output is written by a task of its own, which takes all that has
gathered: a program may write ten thousand short texts, and each write costs a thread. A reader that takes
events waits while more has gathered than ``ROOM_BYTES``.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec

from ..application.events import (
    CallEnded,
    CallStarted,
    CellNotification,
    CellOutput,
    CellStarted,
    CellYielded,
)
from ..limits import MIB, amount
from ..protocol.types import AudioItem, ImageItem, TextItem
from ..surface.output import truncate
from .outcome import CallReport, Report
from .output import item_report

if TYPE_CHECKING:
    from ..application.events import CellEvent
    from ..protocol.types import CellId, Item
    from ..surface.nested_call import NestedCall
    from .media import MediaFolder
    from .outcome import ProgramOutcome
    from .output import StandardOutput
    from .status import StatusLine

KEPT_BYTES: Final = 256 * MIB
"""How much ``--json`` keeps until the program ends; then it ends for that."""

ENTRY_BYTES: Final = 256
"""What an entry of the report takes besides its text."""

ROOM_BYTES: Final = MIB
"""How much output may gather while some is written."""

CUT_BYTES: Final = 16 * MIB
"""How much output may gather until it is cut to a budget; then that is done before the yield."""


class Transcript:
    """What one program has written, said and called so far.

    Args:
        output: gets the texts, or the report.
        media: gets images and sounds.
        status: tells a person of the rest.
        max_output_tokens: how much is shown of what is written between two yields; None for all.
        as_json: keep everything for one report, instead of showing it as it comes.
    """

    def __init__(
        self,
        output: StandardOutput,
        media: MediaFolder,
        status: StatusLine,
        *,
        max_output_tokens: int | None,
        as_json: bool,
    ) -> None:
        self._output = output
        self._media = media
        self._status = status
        self._max_output_tokens = max_output_tokens
        self._as_json = as_json
        self._began = time.monotonic()
        self._cell_id: CellId | None = None
        self._waiting: list[Item] = []
        self._waiting_bytes = 0
        self._has_output = asyncio.Event()
        self._written = asyncio.Event()
        self._observations = 1
        self._kept = 0
        self._items: list[dict[str, Any]] = []
        self._notifications: list[str] = []
        self._calls: list[CallReport] = []
        self._started: dict[str, float] = {}

    @property
    def keeps_too_much(self) -> bool:
        """Whether a report cannot take more."""
        return self._kept > KEPT_BYTES

    def begin(self) -> None:
        """The program begins now: times count from here."""
        self._began = time.monotonic()

    async def take(self, event: CellEvent) -> None:
        """Note an event; the caller reports the end.

        Raises:
            asyncio.CancelledError: while it waits for output to be written.
        """
        match event:
            case CellStarted(cell_id=cell_id):
                self._cell_id = cell_id
            case CellOutput(item=item):
                await self._take_output(item)
            case CellYielded():
                self._observations += 1
                await self.flush()
            case CellNotification(text=text):
                self._notified(text)
            case CallStarted(call=call):
                self._started[call.id] = time.monotonic() - call.milliseconds / 1000
                self._status.called(call.tool)
            case CallEnded(call=call):
                self._call_ended(call)
            case _:
                pass  # events of a kind that a run has no word for

    async def flush(self) -> None:
        """Return when all output has been written."""
        if self._max_output_tokens is not None:
            items = truncate(self._waiting, None, self._max_output_tokens)
            self._waiting, self._waiting_bytes = list(items), sum(map(_characters, items))
        while self._waiting or self._waiting_bytes:
            self._written.clear()
            self._has_output.set()
            await self._written.wait()

    async def write_output(self) -> None:
        """Write output as it comes, until this task is cancelled.

        Raises:
            ReaderGoneError: the output is closed.
            OutputError: it cannot be written.
        """
        while True:
            await self._has_output.wait()
            self._has_output.clear()
            items, self._waiting = self._waiting, []
            size = self._waiting_bytes
            await self._show(items)
            self._waiting_bytes -= size
            self._written.set()

    async def _take_output(self, item: Item) -> None:
        self._waiting.append(item)
        self._waiting_bytes += _characters(item)
        if self._max_output_tokens is not None:  # it is cut when all of it is there
            if self._waiting_bytes > CUT_BYTES:
                await self.flush()
            return
        self._has_output.set()
        while self._waiting_bytes > ROOM_BYTES:
            self._written.clear()
            await self._written.wait()

    async def _show(self, items: list[Item]) -> None:
        texts: list[str] = []
        for item in items:
            if isinstance(item, TextItem):
                texts.append(item.text)
                if self._as_json:
                    self._items.append(item_report(item, None))
                    self._keeps(item.text)
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
            report = item_report(item, saved)
            self._items.append(report)
            self._keeps(*(text for text in report.values() if isinstance(text, str)))
        if saved is not None:
            where = "" if self._as_json else f", after line {self._output.lines} of the output"
            size = amount(saved.size, "bytes")
            self._status.note(kind, f"{saved.path} ({saved.mime_type}, {size}){where}")

    def _keeps(self, *texts: str) -> None:
        """``--json`` has taken these into its report."""
        self._kept += ENTRY_BYTES + sum(map(len, texts))

    async def print_report(self, outcome: ProgramOutcome) -> None:
        """Print all that was kept, as one JSON object."""
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

    def _notified(self, text: str) -> None:
        if self._as_json:
            self._notifications.append(text)
            self._keeps(text)
        self._status.note("notify", text)

    def _call_ended(self, call: NestedCall) -> None:
        assert call.status != "running" and call.status != "waiting", "it has ended"
        report = CallReport(
            id=call.id,
            name=call.tool,
            status=call.status,
            error=call.error,
            started_ms=_milliseconds(self._started.pop(call.id) - self._began),
            duration_ms=call.milliseconds,
            bytes=call.bytes,
        )
        if self._as_json:
            self._calls.append(report)
            self._keeps(report.error or "")
        self._status.returned(report)


def _characters(item: Item) -> int:
    match item:
        case TextItem(text=text):
            return ENTRY_BYTES + len(text)
        case ImageItem(image_url=url) | AudioItem(audio_url=url):
            return ENTRY_BYTES + len(url)
        case _:
            assert_never(item)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
