"""A recording as a rollout trace of Codex: its own reducer finds in it what ours does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from codemode.cli import app
from codemode.trace.bundle import Bundle
from codemode.trace.codex import export_codex
from codemode.trace.codex_items import nested_name
from codemode.trace.graph import Trace

from ..conformance.package import Unavailable, find_or_fetch
from .recordings import recordings

REDUCE_SECONDS = 60

RELEASES = {2: "0.169.0", 3: "0.171.0"}
STATUSES = {"yielded": "completed", "terminated": "completed", "refused": "failed"}
CALL_STATUSES = {"ok": "completed"}


def theirs(state: dict[str, Any]) -> dict[str, Any]:
    """Cells, calls, links and statuses of their graph, by the names of calls."""
    return {
        "cells": {
            name.removeprefix("code_cell:"): {
                "runtime": cell["runtime_cell_id"],
                "status": cell["runtime_status"],
                "first": cell["initial_response_status"],
                "source": cell["source_js"],
                "calls": sorted(cell["nested_tool_call_ids"]),
                "waits": sorted(cell["wait_tool_call_ids"]),
                "outputs": len(cell["output_item_ids"]),
            }
            for name, cell in state["code_cells"].items()
        },
        "calls": {
            name: {
                "status": call["execution"]["status"],
                "tool": call["kind"]["name"],
                "by": call["requester"].get("code_cell_id", "model").removeprefix("code_cell:"),
                "starts": (call.get("started_code_cell_id") or "").removeprefix("code_cell:"),
                "outputs": len(call["model_visible_output_item_ids"]),
            }
            for name, call in state["tool_calls"].items()
        },
    }


def ours(trace: Trace, text: Any) -> dict[str, Any]:
    """The same of our graph, of a recording of one session."""
    cells, calls = {}, {}
    for cell in trace.cells.values():
        name = cell.model_call.partition("/")[2]
        cells[name] = {
            "runtime": cell.cell_id,
            "status": cell.status,
            "first": cell.observations[0] if cell.observations else cell.status,
            "source": text(cell.source),
            "calls": sorted(
                nested_name(cell.cell_id, trace.calls[each].call) for each in cell.calls
            ),
            "waits": sorted(wait.partition("/")[2] for wait in cell.waits),
            "outputs": 1,
        }
        for each in cell.calls:
            call = trace.calls[each]
            calls[nested_name(cell.cell_id, call.call)] = {
                "status": CALL_STATUSES.get(call.status, call.status),
                "tool": call.tool,
                "by": name,
                "starts": "",
                "outputs": 0,
            }
    for asked in trace.model_calls.values():
        name = asked.id.partition("/")[2]
        calls[name] = {
            "status": STATUSES.get(asked.status, asked.status),
            "tool": asked.tool,
            "by": "model",
            "starts": name if asked.tool == "exec" and asked.cell else "",
            "outputs": 1,
        }
    return {"cells": cells, "calls": calls}


@pytest.mark.published
@pytest.mark.parametrize("schema", [2, 3])
@pytest.mark.parametrize("path", recordings().values(), ids=recordings())
def test_their_reducer_finds_the_same_cells_calls_links_and_statuses(
    path: Path, schema: Any, tmp_path: Path
) -> None:
    try:
        package = find_or_fetch(RELEASES[schema])
    except Unavailable as reason:
        pytest.skip(str(reason))
    bundle = Bundle(path)
    [made] = export_codex(bundle.events(), bundle.text, tmp_path, schema)
    state_file = tmp_path / "state.json"
    command = [str(package.codex), "debug", "trace-reduce", str(made), "-o", str(state_file)]
    done = subprocess.run(
        command, capture_output=True, check=False, text=True, timeout=REDUCE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    state = json.loads(state_file.read_text(encoding="utf-8"))

    assert theirs(state) == ours(Bundle(path).reduce(), bundle.text)
    assert state["status"] == "completed"
    assert (state.get("recording_complete"), state.get("recording_status")) in [
        (True, None),
        (None, "complete"),
    ]


@pytest.mark.parametrize("schema", ["2", "3"])
def test_the_command_writes_a_bundle_for_each_session(schema: str, tmp_path: Path) -> None:
    path = recordings()["programs"]
    run = CliRunner().invoke(
        app, ["trace", "export", str(path), "--codex", schema, "-o", str(tmp_path), "--json"]
    )
    [made] = json.loads(run.stdout)["folders"]
    text = (Path(made) / "trace.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    manifest = json.loads((Path(made) / "manifest.json").read_text(encoding="utf-8"))
    [session] = Bundle(path).reduce().sessions

    assert run.exit_code == 0
    assert Path(made) == tmp_path / f"trace-{session}"
    assert (manifest["schema_version"], manifest["rollout_id"]) == (int(schema), session)
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [lines[n]["payload"]["type"] for n in (0, -1)] == [
        "rollout_started",
        "recording_completed",
    ]
    assert lines[-1]["schema_version"] == int(schema)


def test_a_bundle_that_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    arguments = ["trace", "export", str(recordings()["progress"]), "--codex", "2", "-o"]
    first = CliRunner().invoke(app, [*arguments, str(tmp_path)])
    second = CliRunner().invoke(app, [*arguments, str(tmp_path)])

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert "cannot be exported" in second.stderr
