"""Histories of sessions, as events, and how their events may come one among another."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from codemode.trace import events as e
from codemode.trace.events import TraceEvent, content


class Log:
    """The events of one session, numbered as a tracer numbers them."""

    def __init__(self, session: str = "s") -> None:
        self.session = session
        self.events: list[TraceEvent] = []

    def add(self, kind: type[TraceEvent], /, **fields: Any) -> None:
        """The next event, a millisecond after the one before."""
        seq = len(self.events) + 1
        self.events.append(kind(seq=seq, at_ms=1000.0 + seq, session=self.session, **fields))


def numbered(session: str, *streams: list[tuple[type[TraceEvent], dict[str, Any]]]) -> Log:
    """A log of these events in this order."""
    log = Log(session)
    for stream in streams:
        for kind, fields in stream:
            log.add(kind, **fields)
    return log


def cell_stream(number: int, tools: int) -> list[tuple[type[TraceEvent], dict[str, Any]]]:
    """What one cell does that calls ``tools`` tools: its events, in the order of their causes."""
    cell, call = str(number), f"call_{number}"
    stream: list[tuple[type[TraceEvent], dict[str, Any]]] = [
        (e.ModelCallStartedEvent, {"model_call": call, "tool": "exec"}),
        (e.CellStartedEvent, {"cell_id": cell, "model_call": call, "source": content("text(1)")}),
    ]
    for each in range(1, tools + 1):
        name = f"tool-{each}"
        fields = {"cell_id": cell, "call": name}
        stream.append((e.CallRequestedEvent, {**fields, "tool": "t", "arguments": content("{}")}))
        stream.append((e.CallEndedEvent, {**fields, "outcome": "ok", "result": content("1")}))
    item = {"cell_id": cell, "kind": "text", "item": content(cell)}
    stream += [
        (e.CellOutputEvent, item),
        (e.CellRespondedEvent, {"cell_id": cell, "status": "completed", "is_first": True}),
        (e.CellEndedEvent, {"cell_id": cell, "status": "completed"}),
        (e.ModelCallEndedEvent, {"model_call": call, "status": "completed", "cell_id": cell}),
    ]
    return stream


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[Log, Log]:
    """One history of several cells, told twice: cell by cell, and mixed; each cell's events in order.

    A nested call may also be told before its cell's start: a delegate may hear of it first.
    """
    streams = [cell_stream(n, draw(st.integers(0, 3))) for n in range(1, draw(st.integers(2, 4)))]
    mixed: list[tuple[type[TraceEvent], dict[str, Any]]] = []
    left = [list(stream) for stream in streams]
    for stream in left:
        if len(stream) > 6 and draw(st.booleans()):
            stream[1], stream[2] = stream[2], stream[1]
    while any(left):
        chosen = draw(st.sampled_from([stream for stream in left if stream]))
        mixed.append(chosen.pop(0))
    return numbered("s", *streams), numbered("s", mixed)
