"""Reading a bundle: what is whole is read, and what is not is said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from ..errors import UsageError
from .events import SCHEMA, Event
from .payloads import Payloads, open_packed
from .recorder import EVENTS, MANIFEST, PACKED_EVENTS
from .reducer import Reducer

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from .events import Content, TraceEvent
    from .graph import Trace

LINE_BYTES: Final = 16 * 1024 * 1024
"""A line that is longer was not written by a recorder: what may be long stands in payloads. It is read in pieces."""

SKIP_BYTES: Final = 1024 * 1024
"""What is read at once of a packed log to get to where one was."""

_decoder: Final = msgspec.json.Decoder(Event)


class Bundle:
    """A recording on disk, of a process that may still run.

    Args:
        path: the bundle's folder, or one that holds bundles: then the latest of them.

    Raises:
        UsageError: there is no bundle, or it has a schema that is not known here.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = _found(Path(path))
        self._payloads = Payloads(self.path)
        self._offset = 0
        self._line = 0

    def __repr__(self) -> str:
        return f"<bundle {self.path}>"

    def text(self, told: Content | None) -> str | None:
        """The text that an event carries; None where it was left out or is lost."""
        if told is None or told.text is not None:
            return None if told is None else told.text
        return self._payloads.read(told.digest) if told.digest else None

    def feed(self, reducer: Reducer) -> int:
        """Give ``reducer`` what was recorded since the last time; how many events that were."""
        number = 0
        for event in self.events(reducer):
            reducer.feed(event)
            number += 1
        return number

    def events(self, reducer: Reducer | None = None) -> Iterator[TraceEvent]:
        """The events since the last time, up to the last whole line; what is no event is told ``reducer``."""
        with self._log() as lines:
            try:
                yield from self._decoded(lines, reducer)
            except OSError as error:  # a packed log that is damaged, or a disk
                if reducer is not None:
                    reducer.problem(f"nothing can be read behind line {self._line}: {error}")

    def _decoded(self, lines: BinaryIO, reducer: Reducer | None) -> Iterator[TraceEvent]:
        _skip(lines, self._offset)
        while line := lines.readline(LINE_BYTES):
            if not line.endswith(b"\n") and len(line) < LINE_BYTES:
                break  # half a line: its writer is at it, or has died
            self._offset += len(line)
            number = self._line + 1
            self._line += line.endswith(b"\n")
            try:
                yield _decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                if reducer is not None:
                    reducer.problem(f"line {number} is no event: {error}")

    @property
    def half_line(self) -> int:
        """How many bytes stand behind the last whole line that was read."""
        try:
            return (self.path / EVENTS).stat().st_size - self._offset
        except FileNotFoundError:
            return 0  # it was closed and packed, and so is whole

    def _log(self) -> BinaryIO:
        """The lines; of a recording that is packed meanwhile, the same ones."""
        try:
            return (self.path / EVENTS).open("rb")
        except FileNotFoundError:
            return open_packed(self.path / PACKED_EVENTS)

    def reduce(self) -> Trace:
        """The graph of the whole bundle. A lost payload and half a last line are among its problems."""
        self._offset = self._line = 0
        reducer = Reducer()
        self.feed(reducer)
        if self.half_line:
            reducer.problem(f"the last line is cut after {self.half_line} bytes")
        trace = reducer.trace
        for name, told in _contents(trace):
            if told.digest and self._payloads.read(told.digest) is None:
                reducer.problem(f"the payload of {name} is lost: {told.digest}")
        return reducer.trace


def _skip(lines: BinaryIO, size: int) -> None:
    if lines.seekable():
        lines.seek(size)
        return
    while size > 0 and (skipped := len(lines.read(min(size, SKIP_BYTES)))):
        size -= skipped


def _contents(trace: Trace) -> Iterator[tuple[str, Content]]:
    for cell in trace.cells.values():
        for told in (cell.source, cell.error, *(output.item for output in cell.outputs)):
            if told is not None:
                yield cell.id, told
    for call in trace.calls.values():
        for told in (call.arguments, call.result, call.error):
            if told is not None:
                yield call.id, told
    for asked in trace.model_calls.values():
        if asked.answer is not None:
            yield asked.id, asked.answer


def _found(path: Path) -> Path:
    if not (path / MANIFEST).is_file():
        bundles = sorted(path.glob(f"trace-*/{MANIFEST}"), key=lambda each: each.stat().st_mtime)
        if not bundles:
            raise UsageError(
                f"there is no trace in {path}\nHint: record one: codemode run --trace {path} …"
            )
        path = bundles[-1].parent
    try:
        manifest = msgspec.json.decode((path / MANIFEST).read_bytes(), type=dict)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path / MANIFEST} is no manifest of a trace: {error}") from error
    if manifest.get("schema") != SCHEMA:
        raise UsageError(
            f"{path} has schema {manifest.get('schema')!r}, and this codemode reads {SCHEMA}"
        )
    return path
