"""What differs between two traces of the same work: sessions, cells and calls, by their place, not by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .graph import by_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .graph import CallNode, CellNode, Trace

_TIMES_AND_NAMES = {
    "id",
    "session",
    "window",
    "cell",
    "calls",
    "waits",
    "model_call",
    "run_ms",
    "queued_ms",
    "queued_since_ms",
}


def differences(before: Trace, after: Trace) -> Iterator[str]:
    """Each difference as a line. Times, numbers and names that sessions were given are not compared."""
    first, second = list(before.cells.values()), list(after.cells.values())
    if len(first) != len(second):
        yield f"cells: {len(first)} became {len(second)}"
    for place, (old, new) in enumerate(zip(first, second, strict=False), 1):
        for line in _of_cells(before, old, after, new):
            yield f"cell {place}: {line}"


def _of_cells(before: Trace, old: CellNode, after: Trace, new: CellNode) -> Iterator[str]:
    yield from _fields(old, new)
    calls = sorted((before.calls[name] for name in old.calls), key=by_number)
    others = sorted((after.calls[name] for name in new.calls), key=by_number)
    if len(calls) != len(others):
        yield f"calls: {len(calls)} became {len(others)}"
    for call, other in zip(calls, others, strict=False):
        for line in _fields(call, other):
            yield f"{call.call} {call.tool}: {line}"


def _fields(old: CellNode | CallNode, new: CellNode | CallNode) -> Iterator[str]:
    was, now = _plain(old), _plain(new)
    for name in was.keys() | now.keys():
        if was.get(name) != now.get(name):
            yield f"{name}: {_short(was.get(name))} became {_short(now.get(name))}"


def _plain(node: CellNode | CallNode) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(node)
    return {name: value for name, value in sorted(found.items()) if name not in _TIMES_AND_NAMES}


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:79]}…"
