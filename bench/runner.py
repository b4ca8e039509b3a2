"""Runs scenarios, each in fresh processes of its own and one after another."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys

from .child import Job
from .scenario import BenchError, Conditions, Row, Scenario, row


def run(group: str, scenario: Scenario) -> list[Row]:
    """Measure one scenario: a row for each figure, be it that it failed."""
    try:
        gathered = _gather(scenario, Conditions(scenario.samples, scenario.warm_ups))
    except BenchError as error:
        return [row(group, scenario, figure, error) for figure in scenario.figures]
    return [row(group, scenario, figure, gathered[figure.name]) for figure in scenario.figures]


def _gather(scenario: Scenario, conditions: Conditions) -> dict[str, list[float]]:
    gathered: dict[str, list[float]] = {figure.name: [] for figure in scenario.figures}
    for _ in range(scenario.processes):
        found = _in_a_process((scenario.measure, conditions), scenario.timeout_seconds)
        for name, samples in found.items():
            gathered[name] += samples
    return gathered


def _in_a_process(job: Job, timeout_seconds: float) -> dict[str, list[float]]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(pickle.dumps(job), timeout_seconds)
        except BaseException as error:  # also Ctrl-C: nothing of ours may stay behind
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise BenchError(f"gave no result within {timeout_seconds:g} s") from error
            raise
    if process.returncode != 0:
        words = err.decode(errors="replace").strip().splitlines()
        if process.returncode > 0 and words:
            raise BenchError(words[-1])  # what the child says itself
        raise BenchError("\n".join([f"ended with {process.returncode}", *words[:20]]))
    found: dict[str, list[float]] = json.loads(out)
    return found
