"""What a program writes, says and calls: shown as it comes, or kept for ``--json``."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from ..limits import MIB, amount
from ..protocol.types import AudioItem, ImageItem, TextItem
from ..surface.output import truncate
from .outcome import CallReport, Report
from .output import item_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.types import CellId, Item, JsonValue, ToolCall
    from ..tools.chain import Next
    from .outcome import Outcome
    from .output import MediaFolder, StandardOutput
    from .status import StatusLine

KEPT_BYTES: Final = 256 * MIB
"""How much ``--json`` keeps until the program ends; then it ends for that."""

ENTRY_BYTES: Final = 256
"""What an entry of the report takes besides its text."""


class Transcript:
    """What one program has written, said and called so far.

    Args:
        output: gets the texts, or the report.
        media: gets images and sounds.
        status: tells a person of the rest.
        max_output_tokens: how much of each observation is shown; None for all.
        as_json: keep everything for one report, instead of showing it as it comes.
        on_too_much: called when a report cannot take more.
    """

    def __init__(
        self,
        output: StandardOutput,
        media: MediaFolder,
        status: StatusLine,
        *,
        max_output_tokens: int | None,
        as_json: bool,
        on_too_much: Callable[[], None],
    ) -> None:
        self._output = output
        self._media = media
        self._status = status
        self._max_output_tokens = max_output_tokens
        self._as_json = as_json
        self._on_too_much = on_too_much
        self._began = time.monotonic()
        self._observations = 0
        self._kept = 0
        self._items: list[dict[str, Any]] = []
        self._notifications: list[str] = []
        self._calls: list[CallReport] = []

    def begin(self) -> None:
        """The program begins now: times count from here."""
        self._began = time.monotonic()

    async def show(self, items: tuple[Item, ...]) -> None:
        """Show the output of one observation.

        Raises:
            ReaderGoneError: nobody reads the output any more.
            OutputError: it cannot be written.
        """
        self._observations += 1
        if self._max_output_tokens is not None:
            items = truncate(items, None, self._max_output_tokens)
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
        """``--json`` has taken these into its report: more than it may keep ends the program."""
        self._kept += ENTRY_BYTES + sum(map(len, texts))
        if self._kept > KEPT_BYTES:
            self._on_too_much()

    async def print_report(self, outcome: Outcome, cell_id: CellId | None) -> None:
        """Print all that was kept, as one JSON object."""
        report = Report(
            status=outcome.status,
            exit_code=outcome.exit_code,
            error=outcome.error,
            limit=outcome.limit,
            cell_id=cell_id,
            items=self._items,
            notifications=self._notifications,
            calls=self._calls,
            observations=self._observations,
            duration_ms=_milliseconds(time.monotonic() - self._began),
        )
        text = msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
        with self._status.aside():
            await self._output.write(text)

    def notified(self, _call: str, _cell: CellId, text: str) -> None:
        """Take what the program says with ``notify``."""
        if self._as_json:
            self._notifications.append(text)
            self._keeps(text)
        self._status.note("notify", text)

    async def called(self, name: str, call: ToolCall, following: Next) -> JsonValue:
        """Pass on a call of the tool ``name``, and note it; see :mod:`codemode.tools.chain`."""
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
            if self._as_json:
                self._calls.append(report)
                self._keeps(report.error or "")
            self._status.returned(report)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
