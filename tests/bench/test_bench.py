"""The benchmarks run; what they measure is not judged here."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench import (
    calls,
    cells,
    declarations,
    exec_overhead,
    fairness,
    mcp_calls,
    memory,
    output,
    traces,
    workers,
)
from bench.__main__ import main
from bench.scenario import BenchError, Conditions, Figure, Samples, Scenario, at_most, row

ROOT = Path(__file__).resolve().parents[2]
GROUPS = (
    exec_overhead,
    calls,
    output,
    cells,
    workers,
    memory,
    declarations,
    mcp_calls,
    fairness,
    traces,
)


async def _never(conditions: Conditions) -> Samples:
    raise NotImplementedError


SCENARIO = Scenario(name="s", figures=(Figure("f", goal=at_most(2.0)),), measure=_never, samples=3)


def _bench(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_quick_json_has_every_figure_of_a_scenario_of_each_group(
    pytestconfig: pytest.Config,
) -> None:
    """`make bench` runs them all; here it is one of each group, chosen by ``--sample-seed``."""
    chance = random.Random(f"bench {pytestconfig.getoption('--sample-seed')}")
    chosen = {module.GROUP: chance.choice(module.all_scenarios()).name for module in GROUPS}
    report = _bench(
        *("-m", "bench", "--quick", "--json"), *(f"--filter={name}" for name in chosen.values())
    )
    wanted = [
        (module.GROUP, scenario.name, figure.name)
        for module in GROUPS
        for scenario in module.all_scenarios()
        for figure in scenario.figures
        if any(name in scenario.name for name in chosen.values())
    ]
    found = [(f["group"], f["scenario"], f["figure"]) for f in report["figures"]]
    assert found == wanted
    assert set(report["machine"]) == {"python", "v8", "cpu", "cpus", "kernel", "load"}
    for figure in report["figures"]:
        seen = figure["statistics"]
        if seen is None:  # memory, where there is no /proc
            assert figure["samples"] == [] and sys.platform != "linux"
            continue
        assert seen["n"] == len(figure["samples"]) >= 1
        assert seen["minimum"] <= seen["median"] <= seen["p95"] <= seen["maximum"]


def test_a_filter_that_no_scenario_has_in_its_name_is_refused() -> None:
    refused = CliRunner().invoke(main, ["--filter", "nothing is called so"])

    assert refused.exit_code == 2
    assert "no scenario has 'nothing is called so' in its name" in refused.output


def test_exec_overhead_runs_as_a_file() -> None:
    report = _bench(
        *("bench/exec_overhead.py", "--samples", "2", "--warm-iterations", "1"),
        *("--tool-counts", "3", "--json"),
    )
    assert [
        (f["scenario"], f["statistics"]["n"]) for f in report["figures"] if f["unit"] == "ms"
    ] == [
        ("cold_exec, 3 tools", 2),
        ("warm_exec, 3 tools, 10 ms between", 2),
        ("warm_exec, 3 tools, back to back", 2),
    ]


def test_the_median_decides_whether_a_goal_is_met() -> None:
    figure = SCENARIO.figures[0]
    assert row("g", SCENARIO, figure, [9.0, 1.0, 2.0]).met is True
    assert row("g", SCENARIO, figure, [1.0, 3.0, 3.0]).met is False


def test_a_failure_misses_the_goal_and_an_absent_figure_does_not() -> None:
    figure = SCENARIO.figures[0]
    assert row("g", SCENARIO, figure, BenchError("broken")).met is False
    assert row("g", SCENARIO, figure, []).met is None
