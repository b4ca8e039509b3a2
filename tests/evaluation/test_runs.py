"""Recorded runs of AgentDojo's tasks: recorded, replayed, and caught when they are not true."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from codemode import LocalSessionProvider

from .scripted import Scripted, calling, saying
from .test_drivers import APIS, driver_at

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("agentdojo") is None,
        reason="AgentDojo is not installed: make evaluation-setup",
    ),
    pytest.mark.filterwarnings("ignore"),  # AgentDojo's
]
TASK = ("banking", "user_task_1", "code")
CODE = """text((await tools.get_most_recent_transactions({ n: 100 })).length)"""


@pytest.mark.parametrize("api", APIS)
async def test_a_model_is_recorded_and_its_file_is_verified_without_it(
    api: str, tmp_path: Path
) -> None:
    from evaluation import records

    file = tmp_path / "runs.jsonl"
    async with LocalSessionProvider() as provider:
        with Scripted([calling(api, "1", CODE), saying(api, "It cannot be done.")]) as server:
            run = await records.record_model(
                driver_at(api, server.url), records.Trial(*TASK, "scripted", 1), provider
            )
    file.write_text(records.line(run))
    assert (len(run["turns"]), run["answer"], run["passed"]) == (1, "It cannot be done.", False)
    assert await records.replay(file) == (1, [])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda run: run["turns"][0].update(results=["1"]),
            "banking user_task_1: turn 1: recorded '1'",
        ),
        (lambda run: run.update(passed=True), "banking user_task_1: the verdict was True"),
    ],
    ids=["a result", "a verdict"],
)
async def test_a_run_that_is_not_true_is_found_out(
    change: object, told: str, tmp_path: Path
) -> None:
    from evaluation import records

    async with LocalSessionProvider() as provider:
        with Scripted([calling("chat", "1", CODE), saying("chat", "no")]) as server:
            run = await records.record_model(
                driver_at("chat", server.url), records.Trial(*TASK, "x", 1), provider
            )
    assert callable(change)
    change(run)
    file = tmp_path / "runs.jsonl"
    file.write_text(json.dumps(run) + "\n")
    good, problems = await records.replay(file)
    assert (good, len(problems)) == (0, 1)
    assert problems[0].startswith(told)


def test_trials_become_rates_with_intervals() -> None:
    from evaluation.records import rates

    runs = [
        {"agent": "m", "mode": "code", "suite": "s", "task": str(task), "passed": task > 0}
        for task in range(4)
        for _ in range(3)
    ]
    (row,) = rates(runs)
    assert (row["tasks"], row["trials"], row["rate"], row["says_something"]) == (4, 3, 0.75, True)
    assert (round(row["low"], 2), round(row["high"], 2)) == (0.47, 0.91)
