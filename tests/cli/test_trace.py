"""``codemode trace`` on recordings of the command line itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from codemode.cli import app
from codemode.trace.events import (
    CallQueuedEvent,
    SessionClosedEvent,
    SessionOpenedEvent,
    TraceEvent,
)
from codemode.trace.recorder import Recorder

from ..trace.histories import cell_stream, numbered


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the recording of one program, which calls a tool that there is not."""
    recorded(tmp_path, "text('one'); throw new Error('boom')")
    return tmp_path


def recorded(folder: Path, source: str) -> None:
    program = folder / "program.js"
    program.write_text(source)
    invoked("run", "--trace", str(folder), str(program))


def invoked(*arguments: str) -> Result:
    # Standard error goes to its own stream: a tree is data.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("CODEMODE_TRACE", "")
        return CliRunner().invoke(app, arguments)


def test_a_recording_is_shown_as_a_tree(folder: Path) -> None:
    lines = invoked("trace", "show", str(folder), "--outputs").output.splitlines()

    assert lines[0].endswith(": complete, 8 events, 1 cells, 0 nested calls")
    assert lines[1].endswith(" LocalSessionProvider")
    assert " failed " in lines[2]
    assert [line.lstrip(" │├└─") for line in lines[3:]] == [
        "text('one'); throw new Error('boom')",
        "text: one",
        "Error: boom at exec_main.mjs:1:20",
    ]


def test_what_a_call_waited_for_room_is_shown_before_its_run(tmp_path: Path) -> None:
    stream = cell_stream(1, 1)
    stream.insert(2, (CallQueuedEvent, {"cell_id": "1", "call": "tool-1", "tool": "t"}))
    recorder = Recorder(tmp_path)
    for event in numbered("s", stream).events:
        recorder(event)
    recorder.close()

    lines = invoked("trace", "show", str(tmp_path)).output.splitlines()
    [line] = [line for line in lines if "queued" in line]
    assert line.strip(" │├└─") == "┄┄┄━━━━             2.0 ms t ok queued 1.0 ms {}"


def test_a_recording_is_reduced_to_the_same_json_each_time(folder: Path) -> None:
    first, again = (invoked("trace", "reduce", str(folder)).output for _ in range(2))

    assert first == again
    [cell] = json.loads(first)["cells"].values()
    assert (cell["status"], cell["source"]["text"]) == (
        "failed",
        "text('one'); throw new Error('boom')",
    )


def test_a_recording_does_not_differ_from_another_of_the_same_program(
    folder: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    again.mkdir()
    recorded(again, "text('one'); throw new Error('boom')")
    found = invoked("trace", "diff", str(folder), str(again))

    assert (found.exit_code, found.output) == (0, "")


def test_what_differs_is_told_and_is_the_exit_code(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    recorded(other, "text('one')")
    found = invoked("trace", "diff", str(folder), str(other), "--json")

    assert found.exit_code == 1
    assert 'cell 1: status: "failed" became "completed"' in json.loads(found.output)


def test_a_folder_without_a_recording_says_how_to_make_one(tmp_path: Path) -> None:
    found = invoked("trace", "show", str(tmp_path))

    assert found.exit_code == 1
    assert "there is no trace in" in found.output
    assert "hint: record one: codemode run --trace" in found.output


def test_a_recording_is_followed_until_it_is_closed_also_when_it_is_packed_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.trace.recorder.PACK_LOG_BYTES", 1)
    recorder = Recorder(tmp_path)
    session = {"provider": "local", "version": "1", "process": 1}
    stream: list[tuple[type[TraceEvent], dict[str, Any]]] = [
        (SessionOpenedEvent, session),
        *cell_stream(1, 1),
        (SessionClosedEvent, {}),
    ]
    opened, *events = numbered("s", stream).events
    recorder(opened)
    command = [sys.executable, "-m", "codemode", "trace", "show", str(tmp_path), "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = next(line for line in child.stdout if ": unclosed, 1 events" in line)
        for event in events:
            recorder(event)
        recorder.close()
        last = [line for line in child.stdout if "events," in line][-1]

    assert first.startswith("trace-")
    assert f": complete, {len(events) + 1} events, 1 cells, 1 nested calls" in last
    assert child.returncode == 0
