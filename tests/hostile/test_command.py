"""``python -m tests.hostile``: what is chosen, what is said, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .__main__ import main, select
from .corpus import Group, Program
from .report import as_json, failures, tallies
from .runner import Judged
from .verdict import End, Seen

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")

ROOT = Path(__file__).parents[2]
GROUPS = (
    Group("A", "first", (Program("A/one", ""), Program("A/two", ""))),
    Group("B", "second", (Program("B/one", ""),)),
)
ONE, TWO, THREE = (program for group in GROUPS for program in group.programs)
JUDGED = [
    Judged(ONE, "workers", Seen(end=End(how="runs"), termination_ms=3.5, memory=2**20), ()),
    Judged(TWO, "host", Seen(end=End(how="runs"), neighbour_ms=7, memory=2**21), ("late", "big")),
]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([], [ONE, TWO, THREE]),
        (["A"], [ONE, TWO]),
        (["*/one"], [ONE, THREE]),
        (["B", "A/two"], [TWO, THREE]),
        (["C"], []),
    ],
)
def test_names_and_patterns_choose_programs(names: list[str], chosen: list[Program]) -> None:
    assert select(GROUPS, names) == chosen


def test_a_line_for_each_class_that_ran() -> None:
    assert [tally.line() for tally in tallies(GROUPS, JUDGED)] == [
        "A first                                              2      1        4 ms       7 ms     2 MiB"
    ]


def test_failures_name_the_program_and_what_happened() -> None:
    assert failures(JUDGED) == ["A/two (host): late", "A/two (host): big"]


def test_json_holds_everything() -> None:
    report = as_json(GROUPS, JUDGED, ["1 tasks more than before"])

    assert report["classes"] == [
        {
            "class": "A",
            "title": "first",
            "runs": 2,
            "failed": 1,
            "termination_ms": 3.5,
            "neighbour_ms": 7,
            "memory_bytes": 2**21,
        }
    ]
    assert [run["wrong"] for run in report["runs"]] == [[], ["late", "big"]]
    assert report["left"] == ["1 tasks more than before"]


def test_a_name_that_means_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["Z/none"]) == 2
    assert capsys.readouterr().err == "no program is called Z/none\n"


def test_programs_run_and_are_reported() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile", "--json", "--patience", "20", "E/loop", "D/exit-*"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=110,
    )
    report = json.loads(done.stdout)

    assert (done.returncode, done.stderr) == (0, b"")
    assert [(each["class"], each["runs"]) for each in report["classes"]] == [("D", 12), ("E", 2)]
    assert {run["route"] for run in report["runs"]} == {"workers", "host"}


def test_ctrl_c_ends_it_and_everything_that_it_began() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile", "--route", "workers", "F"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    while child.poll() is None and not children.read_text().split():
        os.sched_yield()
    child.send_signal(signal.SIGINT)
    out, talk = child.communicate(timeout=110)

    assert (child.returncode, out) == (130, b"")
    assert talk.startswith(b"interrupted after ")
