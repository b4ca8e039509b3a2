"""A recording may have been made by anybody: whatever its events say, nothing fails, and nothing steers a terminal."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from codemode.cli import app
from codemode.trace import events as e
from codemode.trace.bundle import LINE_BYTES, Bundle
from codemode.trace.codex import export_codex
from codemode.trace.comparison import differences
from codemode.trace.events import Content, TraceEvent
from codemode.trace.inspector.details import call_details, cell_details, search
from codemode.trace.inspector.view import View
from codemode.trace.otel import OpenTelemetrySink
from codemode.trace.recorder import MANIFEST, Recorder
from codemode.trace.reducer import reduce

from .histories import Log, cell_stream, numbered

ESCAPE = "\x1b]0;owned\x07\x9b2J\u202e[red]"
NAMES = ["", "1", "a", "a/b", "a#1", "/", "../../x", "s", "tool-1", "é", ESCAPE]
TEXTS = st.sampled_from([*NAMES, "{", '{"a":1}', "[[[[", "1" * 5_000, "data:image/png;base64,x"])
SIZES = st.sampled_from([0, 1, -3, 10**15])
CONTENTS = st.builds(
    Content,
    size=SIZES,
    text=st.none() | TEXTS,
    digest=st.sampled_from(["", "zz", "a" * 64, "../../../etc/passwd"]),
    left_out=st.sampled_from(["", "size", "odd"]),
)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of the type of a field."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return st.sampled_from(arguments)
    known: dict[Any, st.SearchStrategy[Any]] = {
        str: st.sampled_from(NAMES),
        bool: st.booleans(),
        int: st.sampled_from([0, 1, 2, -1, 2**62]),
        float: st.sampled_from([0.0, 1.0, 5.5, -1.0, 1e308, 1.8e12]),
        Content: CONTENTS,
        Content | None: st.none() | CONTENTS,
        tuple[str, ...]: st.just(("tool-1",)),
    }
    return known.get(kind, st.sampled_from([{}, {"live_cells": 3}]))


def events_of(kind: type[TraceEvent]) -> st.SearchStrategy[TraceEvent]:
    """Events of one type with any values."""
    fields = {field.name: values(field.type) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


EVENTS = st.lists(st.one_of(*(events_of(kind) for kind in typing.get_args(e.Event))), max_size=12)


def text_of(told: Content | None) -> str | None:
    return None if told is None else told.text


@given(EVENTS)
@settings(max_examples=150)
def test_any_events_are_reduced_compared_shown_and_told_as_spans(events: list[TraceEvent]) -> None:
    trace = reduce(events)
    trace.to_json()
    list(differences(trace, reduce(events[:-1])))
    sink = OpenTelemetrySink(contents=True, tracer_provider=TracerProvider())
    view = View(text_of)
    for event in events:
        sink(event)
        view.feed(event)
    msgspec.json.encode(view.changes(0))
    search(view, "a")
    for name in NAMES:
        cell_details(view, "s", name)
        call_details(view, "s", "1", name)


@given(events=EVENTS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_recording_is_shown_and_exported_within_its_folder(
    events: list[TraceEvent], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = written(folder / "recording", events)
    shown = CliRunner().invoke(app, ["trace", "show", str(path), "--outputs"])
    made = export_codex(Bundle(path).events(), text_of, folder / "out" / "inner", 2)

    assert (shown.exit_code, [each for each in shown.output if each in "\x1b\x07\x9b\u202e"]) == (
        0,
        [],
    )
    assert all(each.parent == folder / "out" / "inner" for each in made)
    assert {each.name for each in folder.iterdir()} <= {"recording", "out"}


def written(folder: Path, events: list[TraceEvent]) -> Path:
    """A recording of these events, as they are."""
    recorder = Recorder(folder)
    for event in events:
        recorder(event)
    recorder.close()
    return recorder.path


def test_a_line_without_an_end_is_named_and_what_stands_behind_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, [])
    lines = [msgspec.json.encode(event) for event in numbered("s", cell_stream(1, 0)).events]
    long = b'{"type":"' + b"x" * (LINE_BYTES + 10)
    (path / "events.jsonl").write_bytes(b"\n".join([*lines[:2], long, *lines[2:], b""]))
    trace = Bundle(path).reduce()

    assert len(trace.recording.problems) == 2
    assert all(each.startswith("line 3 is no event") for each in trace.recording.problems)
    assert [cell.status for cell in trace.cells.values()] == ["completed"]


def damaged(whole: bytes) -> Iterator[bytes]:
    """``whole`` with each of its bytes spoiled, in two ways."""
    for place in range(len(whole)):
        for byte in (0x00, whole[place] ^ 0x80):
            yield whole[:place] + bytes([byte]) + whole[place + 1 :]


def test_a_recording_that_is_spoiled_at_any_byte_is_read(tmp_path: Path) -> None:
    log = Log()
    log.events = numbered("s", cell_stream(1, 1)).events
    path = written(tmp_path, log.events)
    place = path / "events.jsonl"
    for spoiled in damaged(place.read_bytes()):
        place.write_bytes(spoiled)
        trace = Bundle(path).reduce()
        trace.to_json()
        # An end of line that is spoiled makes one line of two.
        assert trace.recording.events >= len(log.events) - 2


@pytest.mark.parametrize(
    "manifest",
    ["", "{", "[]", "null", '{"schema": []}', '{"schema": 2}', '{"schema": "1"}', "\udcff"],
)
def test_a_manifest_that_is_none_is_refused(manifest: str, tmp_path: Path) -> None:
    path = written(tmp_path, [])
    (path / MANIFEST).write_bytes(manifest.encode("utf-8", "surrogateescape"))
    run = CliRunner().invoke(app, ["trace", "show", str(tmp_path)])

    assert (run.exit_code, run.stdout) == (1, "")
    assert run.stderr.startswith("error: ")


def test_differences_do_not_steer_a_terminal(tmp_path: Path) -> None:
    one = written(tmp_path / "one", numbered("s", cell_stream(1, 1)).events)
    stream = cell_stream(1, 1)
    stream[2][1]["tool"] = ESCAPE
    other = written(tmp_path / "other", numbered("s", stream).events)
    run = CliRunner().invoke(app, ["trace", "diff", str(one), str(other)])

    assert run.exit_code == 1
    assert not {"\x1b", "\x07", "\x9b"} & set(run.output)
    as_json = CliRunner().invoke(app, ["trace", "diff", str(one), str(other), "--json"])
    assert "owned" in json.loads(as_json.stdout)[0]
