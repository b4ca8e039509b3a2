"""Traces that were recorded once are read for ever, and reduce to the same graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from codemode.trace.bundle import Bundle

from .recordings import REDUCED, recordings


@pytest.mark.parametrize("path", recordings().values(), ids=recordings())
def test_a_recorded_trace_reduces_to_the_same_bytes(path: Path) -> None:
    # Where a change is meant, look at the difference: python -m tests.trace.recordings
    assert Bundle(path).reduce().to_json() + b"\n" == (path / REDUCED).read_bytes()


def test_the_recordings_are_whole_and_have_every_end() -> None:
    traces = {name: Bundle(path).reduce() for name, path in recordings().items()}

    assert {name: trace.recording.status for name, trace in traces.items()} == dict.fromkeys(
        ("approval", "programs", "progress", "weather"), "complete"
    )
    programs = traces["programs"]
    assert {cell.status for cell in programs.cells.values()} == {
        "completed",
        "failed",
        "terminated",
    }
    assert {call.status for call in programs.calls.values()} == {"ok", "failed", "cancelled"}
    verdicts = {each.verdict for each in traces["approval"].approvals.values()}
    assert {"approved", "refused"} <= verdicts
