"""A recording on disk is read as far as it is whole, whatever has become of the rest."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import msgspec
import pytest

from codemode import UsageError
from codemode.surface.canonical_json import canonical_hash
from codemode.trace import events as e
from codemode.trace.bundle import Bundle
from codemode.trace.events import content
from codemode.trace.recorder import INLINE_BYTES, Recorder
from codemode.trace.reducer import Reducer, reduce

from .histories import Log, cell_stream, numbered

LONG = "x" * (INLINE_BYTES + 1)


def history() -> Log:
    """A closed session with one cell whose output is long."""
    log = Log()
    log.add(e.SessionOpenedEvent, provider="local", version="1", process=1)
    for kind, fields in cell_stream(1, 1):
        log.add(kind, **fields)
    log.add(e.CellOutputEvent, cell_id="1", kind="text", item=content(LONG))
    log.add(e.SessionClosedEvent)
    return log


def recorded(folder: Path, log: Log, **options: object) -> Bundle:
    recorder = Recorder(folder, **options)  # type: ignore[arg-type]
    for event in log.events:
        recorder(event)
    recorder.close()
    return Bundle(recorder.path)


def test_what_is_recorded_reduces_to_what_happened(tmp_path: Path) -> None:
    bundle = recorded(tmp_path, history())
    trace = bundle.reduce()

    assert trace.recording == msgspec.structs.replace(reduce(history().events).recording)
    cell = trace.cells["s/call_1"]
    assert [bundle.text(output.item) for output in cell.outputs] == ["1", LONG]
    assert trace.calls["s/call_1/tool-1"].arguments_hash == canonical_hash("{}")


def test_a_long_text_stands_once_however_often_it_is_told(tmp_path: Path) -> None:
    log = history()
    for _again in range(3):
        log.add(e.CellOutputEvent, cell_id="1", kind="text", item=content(LONG))
    bundle = recorded(tmp_path, log)

    assert len([each for each in (bundle.path / "payloads").rglob("*") if each.is_file()]) == 1


def test_a_folder_of_bundles_means_the_latest_one(tmp_path: Path) -> None:
    recorded(tmp_path, history())
    latest = recorded(tmp_path, history())

    assert Bundle(tmp_path).path == latest.path


def test_a_bundle_that_is_cut_at_any_byte_is_read_up_to_there(tmp_path: Path) -> None:
    whole = recorded(tmp_path / "whole", history())
    lines = (whole.path / "events.jsonl").read_bytes()
    ends = [place for place, byte in enumerate(lines) if byte == ord("\n")]
    cut = tmp_path / "cut"
    shutil.copytree(whole.path, cut)
    for size in range(len(lines)):
        (cut / "events.jsonl").write_bytes(lines[:size])
        trace = Bundle(cut).reduce()

        whole_lines = sum(end < size for end in ends)
        assert trace.recording.events == whole_lines
        half = size > 0 and lines[size - 1 : size] != b"\n"
        assert (trace.recording.status == "damaged") == half


def test_a_line_that_is_no_event_is_named_and_passed_over(tmp_path: Path) -> None:
    bundle = recorded(tmp_path, history())
    log = bundle.path / "events.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    lines[2:3] = [b"{]\n", b'{"type": "of_the_future", "seq": 3}\n']
    log.write_bytes(b"".join(lines))
    trace = Bundle(bundle.path).reduce()

    assert trace.recording.status == "damaged"
    assert [problem.split(":")[0] for problem in trace.recording.problems] == [
        "line 3 is no event",
        "line 4 is no event",
        "session s",
        "the start of cell s/cell",
    ]


def test_a_lost_or_spoiled_payload_is_named(tmp_path: Path) -> None:
    bundle = recorded(tmp_path, history())
    [payload] = [each for each in (bundle.path / "payloads").rglob("*") if each.is_file()]
    payload.write_bytes(b"other")
    trace = Bundle(bundle.path).reduce()

    [problem] = trace.recording.problems
    assert problem.startswith("the payload of s/call_1 is lost: ")


def test_texts_are_redacted_before_they_reach_the_disk(tmp_path: Path) -> None:
    def redact(where: str, text: str) -> str | None:
        if where == "cell_output.item":
            return None
        return "{}" if where == "call_requested.arguments" else text

    log = numbered("s", cell_stream(1, 0))
    fields = {"cell_id": "1", "call": "tool-1", "tool": "t"}
    log.add(e.CallRequestedEvent, **fields, arguments=content('{"password": "1234"}'))
    bundle = recorded(tmp_path, log, redact=redact)
    trace = bundle.reduce()

    assert b"1234" not in (bundle.path / "events.jsonl").read_bytes()
    assert [output.item.left_out for output in trace.cells["s/call_1"].outputs] == ["redacted"]
    call = trace.calls["s/call_1/tool-1"]
    assert call.arguments == content("{}")
    assert call.arguments_hash == canonical_hash('{"password": "1234"}')


def test_a_text_beyond_the_bound_is_left_out_with_its_size(tmp_path: Path) -> None:
    bundle = recorded(tmp_path, history(), payload_bytes=INLINE_BYTES)
    [_, output] = bundle.reduce().cells["s/call_1"].outputs

    assert (output.item.left_out, output.item.size) == ("size", len(LONG))


def test_a_redaction_that_fails_ends_the_recording_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_where: str, _text: str) -> str:
        raise ZeroDivisionError

    recorder = Recorder(tmp_path, redact=fail)
    for event in history().events:
        recorder(event)
    recorder.close()

    assert "recording ends here" in caplog.text
    assert Bundle(recorder.path).reduce().recording.events == 0


def test_a_growing_bundle_is_read_on_from_where_it_was_left(tmp_path: Path) -> None:
    bundle = recorded(tmp_path, history())
    log = bundle.path / "events.jsonl"
    lines = log.read_bytes()
    half = lines.index(b"\n", len(lines) // 2) + 5
    log.write_bytes(lines[:half])
    reducer, growing = Reducer(), Bundle(bundle.path)
    first = growing.feed(reducer)
    log.write_bytes(lines)
    second = growing.feed(reducer)

    assert first > 0 and second > 0
    assert first + second == len(history().events)
    assert reducer.trace.recording.status == "complete"


def test_processes_of_the_same_number_have_a_recording_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.trace.recorder._numbers", count(1))
    first = Recorder(tmp_path)
    monkeypatch.setattr("codemode.trace.recorder._numbers", count(1))
    monkeypatch.setattr("time.strftime", lambda *_: first.path.name.removeprefix("trace-")[:15])
    second = Recorder(tmp_path)
    first.close()
    second.close()

    assert len({first.path, second.path}) == 2


def test_a_folder_without_a_trace_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no trace in .*\nHint: record one"):
        Bundle(tmp_path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"schema": 2}')
    with pytest.raises(UsageError, match="has schema 2, and this codemode reads 1"):
        Bundle(tmp_path)


def test_a_long_recording_is_packed_when_it_is_closed_and_read_on_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.trace.recorder.PACK_LOG_BYTES", 1)
    log = history()
    plain = recorded(tmp_path / "plain", log, pack=False)
    kept = (plain.path / "events.jsonl").read_bytes()
    reducer = Reducer()
    growing = Bundle(plain.path)
    half = kept.index(b"\n", len(kept) // 2) + 1
    (plain.path / "events.jsonl").write_bytes(kept[:half])
    before = growing.feed(reducer)
    packed = recorded(tmp_path / "packed", log)
    (plain.path / "events.jsonl").unlink()
    shutil.copy(packed.path / "events.jsonl.zst", plain.path)

    assert sorted(path.name for path in packed.path.iterdir() if path.is_file()) == [
        "events.jsonl.zst",
        "manifest.json",
    ]
    assert packed.reduce() == reduce(Bundle(packed.path).events())
    assert packed.reduce().recording.status == "complete"
    assert before + growing.feed(reducer) == len(log.events)


def test_a_packed_recording_that_is_cut_is_read_as_far_as_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.trace.recorder.PACK_LOG_BYTES", 1)
    bundle = recorded(tmp_path, history())
    packed = bundle.path / "events.jsonl.zst"
    whole = packed.read_bytes()
    for size in (0, 5, len(whole) // 2, len(whole) - 1):
        packed.write_bytes(whole[:size])
        assert Bundle(bundle.path).reduce().recording.events <= len(history().events)
    packed.write_bytes(b"no zstd at all")
    assert Bundle(bundle.path).reduce().recording.status == "damaged"
