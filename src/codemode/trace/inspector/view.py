"""What the page is told of one source of events: rows of cells and calls, and what has changed since it asked last.

A row is named by runtime ids (session, cell, call), which never change; the names of the reduced trace do, once the
start of a cell is told. Each row has the number of the event that changed it last. The page gives the number up to which
it knows everything, and gets the rows beyond it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from .. import events as e
from ..reducer import Reducer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..events import Content, TraceEvent
    from ..graph import CallNode, CellNode, SessionNode

    CellKey = tuple[str, str]
    CallKey = tuple[str, str, str]

MOST_ROWS: Final = 20_000
"""Rows of calls in one answer; the page asks again for the others."""

PREVIEW: Final = 120
"""Characters of arguments, or of an error, in a row."""


class View:
    """The reduced events of one source, as rows.

    Args:
        read: gives the text of a content, None where it was left out or is lost.
    """

    def __init__(self, read: Callable[[Content | None], str | None]) -> None:
        self.reducer = Reducer(hashes=False)  # of a call that is looked at it is made then
        self.read = read
        self._cells: dict[CellKey, int] = {}
        self._calls: dict[CallKey, int] = {}
        self._running: defaultdict[CellKey, set[str]] = defaultdict(set)
        self._stored: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._live: defaultdict[str, set[str]] = defaultdict(set)
        self._number = 0

    @property
    def version(self) -> int:
        """How many events were taken."""
        return self._number

    def feed(self, event: TraceEvent) -> None:
        """Take the next event."""
        self.reducer.feed(event)
        self._number += 1
        cell_id = getattr(event, "cell_id", "")
        if isinstance(event, e.SessionClosedEvent):
            self._session_closed(event.session)
        if not cell_id:
            return
        key = (event.session, cell_id)
        self._touch(self._cells, key)
        if isinstance(event, e.ValueStoredEvent):
            self._stored[event.session][event.key] = event.size
        elif isinstance(event, e.CellStartedEvent):
            self._live[event.session].add(cell_id)
        elif isinstance(event, e.CellEndedEvent):
            self._cell_ended(key)
        call = getattr(event, "call", "")
        if call:
            self._touch(self._calls, (*key, call))
            if isinstance(event, e.CallRequestedEvent | e.CallQueuedEvent):
                self._running[key].add(call)
            elif isinstance(event, e.CallEndedEvent):
                self._running[key].discard(call)

    def _touch(self, rows: dict[Any, int], key: Any) -> None:
        # Taken out and put back: the rows stand in the order of their last change.
        rows.pop(key, None)
        rows[key] = self._number

    def _cell_ended(self, key: CellKey) -> None:
        self._live[key[0]].discard(key[1])
        for call in self._running.pop(key, ()):
            self._touch(self._calls, (*key, call))

    def _session_closed(self, session: str) -> None:
        for cell_id in list(self._live[session]):
            self._touch(self._cells, (session, cell_id))
            self._cell_ended((session, cell_id))

    def changes(self, after: int) -> dict[str, Any]:
        """Everything that has changed since version ``after``, as JSON values.

        ``version`` is what to ask with the next time; ``more`` whether to ask at once.
        """
        trace = self.reducer.trace
        calls = _since(self._calls, after)
        more = len(calls) > MOST_ROWS
        version = calls[MOST_ROWS - 1][0] if more else self._number
        calls = [row for row in calls if row[0] <= version]  # an event may have changed several
        cells = [key for number, key in _since(self._cells, after) if number <= version]
        return {
            "version": version,
            "more": more,
            "recording": {
                "status": trace.recording.status,
                "events": trace.recording.events,
                "problems": trace.recording.problems[:100],
            },
            "sessions": [self._session_row(node) for node in trace.sessions.values()],
            "cells": [row for key in cells for row in self._cell_rows(*key)],
            "calls": [row for _, key in calls for row in self._call_rows(*key)],
        }

    def _session_row(self, node: SessionNode) -> dict[str, Any]:
        return {
            "session": node.id,
            "provider": node.provider,
            "status": node.status,
            "started": node.window.started_at_ms,
            "moves": node.moves,
            "gauges": self._gauges(node),
            "stored": [
                {"key": key, "size": size} for key, size in self._stored.get(node.id, {}).items()
            ],
        }

    def _gauges(self, node: SessionNode) -> list[dict[str, Any]]:
        """What is used of each limit that a trace can tell, for the fullest cell where it is one of cells."""
        live = self._live.get(node.id, set())
        cells = self.reducer.trace.cells
        running = sum(self._running_calls(node.id, cell_id) for cell_id in live)
        used = {
            "live_cells": len(live),
            "tool_calls": max((len(cells[name].calls) for name in node.cells), default=0),
            "concurrent_tool_calls": running,
            "stored_bytes": sum(self._stored.get(node.id, {}).values()),
        }
        return [
            {"limit": name, "used": value, "bound": node.limits.get(name)}
            for name, value in used.items()
            if node.limits.get(name)
        ]

    def _running_calls(self, session: str, cell_id: str) -> int:
        """The calls of a cell that have neither ended nor wait for room."""
        calls = self._running.get((session, cell_id), ())
        nodes = (self.reducer.call(session, cell_id, call) for call in calls)
        return sum(1 for node in nodes if node is not None and not node.queued_since_ms)

    def _cell_rows(self, session: str, cell_id: str) -> Iterator[dict[str, Any]]:
        """The row of a cell; none where only the answer to a wait has named it."""
        cell = self.reducer.cell(session, cell_id)
        if cell is None:
            return
        asked = self.reducer.trace.model_calls.get(cell.model_call)
        yield {
            "session": session,
            "cell": cell_id,
            "name": cell.id.partition("/")[2],
            "status": cell.status,
            "reason": cell.reason,
            "limit": cell.limit,
            "requester": "" if asked is None else asked.requester,
            "started": cell.window.started_at_ms or self._first_call_ms(cell),
            "ended": cell.window.ended_at_ms,
            "calls": len(cell.calls),
            "frozen": cell.frozen,
            "outputs": len(cell.outputs),
            "stored": cell.stored,
            "head": self._head(cell),
        }

    def _first_call_ms(self, cell: CellNode) -> float:
        """When its first call was requested, for a cell whose start is missing."""
        calls = self.reducer.trace.calls
        return calls[cell.calls[0]].window.started_at_ms if cell.calls else 0.0

    def _head(self, cell: CellNode) -> str:
        source = cell.source
        text = source.text if source is not None and source.text else self.read(source) or ""
        lines = (line.strip() for line in text[: 8 * PREVIEW].splitlines())
        return next((line for line in lines if line and not line.startswith("//")), "")[:PREVIEW]

    def _call_rows(self, session: str, cell_id: str, call_id: str) -> Iterator[list[Any]]:
        call = self.reducer.call(session, cell_id, call_id)
        if call is None:
            return
        window = call.window
        yield [
            session,
            cell_id,
            call_id,
            call.tool,
            call.status,
            call.line,
            call.column,
            window.started_at_ms,
            window.ended_at_ms,
            self._preview(call),
            call.queued_ms,
            [self._approval(name) for name in call.approvals],
            call.queued_since_ms,
        ]

    def _preview(self, call: CallNode) -> str:
        for told in (call.error, call.arguments):
            if told is not None:
                text = told.text
                return text[:PREVIEW] if text is not None else f"[{told.size:,} bytes]"
        return ""

    def _approval(self, name: str) -> str:
        return self.reducer.trace.approvals[name].verdict or "waiting"


def _since(rows: dict[Any, int], after: int) -> list[tuple[int, Any]]:
    """The rows that have changed since, the one that changed first at the front."""
    found = []
    for key in reversed(rows):
        if rows[key] <= after:
            break
        found.append((rows[key], key))
    found.reverse()
    return found
