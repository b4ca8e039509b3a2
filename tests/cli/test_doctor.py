"""``codemode doctor`` as a process of its own, where cells run and where they cannot."""

import json
import os
import pty
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from codemode.cli.doctor import Diagnosis, Problem, _problems
from codemode.engine import self_test
from codemode.engine.sandbox import PARTS, Part
from codemode.engine.self_test import SelfTest, examine
from codemode.limits import Limits
from codemode.process_limits import ProcessLimits

from .conftest import CHILD_SECONDS, ROOT, SOURCES, command, environment


def diagnosed(
    *options: str, preexec: Callable[[], None] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("doctor", *options),
        capture_output=True,
        check=False,
        cwd=ROOT,
        encoding="utf-8",
        env=environment(**variables),
        timeout=CHILD_SECONDS,
        preexec_fn=preexec,
    )


def report(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ended.stdout)
    assert ended.stderr == ""
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere parts of the sandbox are missing")
def test_where_cells_run_it_says_so_and_finds_no_problem() -> None:
    ended = diagnosed("--json")
    found = report(ended)

    assert (ended.returncode, found["healthy"], found["problems"]) == (0, True, [])
    assert [(part["name"], part["in_force"]) for part in found["sandbox"]] == [
        (n, True) for n in PARTS
    ]
    assert (found["engine"]["works"], found["engine"]["start_method"]) == (True, "zygote")
    assert found["versions"]["v8"] == "14.4.258.23"
    assert found["limits"] == asdict(Limits())
    assert found["versions"]["codemode"] == metadata.version("codemode")
    assert found["descriptors"]["open"] < found["descriptors"]["limit"]
    assert found["process"]["workers"] == {"used": 0, "limit": ProcessLimits().workers}
    assert sorted(found["process"]) == ["descriptors", "tool_threads", "workers", "zygotes"]


def test_without_a_terminal_it_writes_plain_lines() -> None:
    ended = diagnosed()
    headings = [line for line in ended.stdout.splitlines() if not line.startswith(" ")]

    assert (ended.returncode, ended.stderr) == (0, "")
    assert headings[:2] == ["versions", "engine"]
    assert ended.stdout.endswith("verdict\n  ✓ cells can run\n")


def test_on_a_terminal_it_writes_in_colour() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("doctor"), stdout=theirs, stderr=theirs, env=environment(TERM="xterm")
    ) as child:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
    os.close(ours)

    assert child.returncode == 0
    assert b"\x1b[1mverdict" in shown
    assert b"cells can run" in shown


def test_without_v8_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "py_mini_racer").mkdir()
    (tmp_path / "py_mini_racer" / "__init__.py").touch()
    ended = diagnosed("--json", PYTHONPATH=f"{tmp_path}{os.pathsep}{SOURCES}")
    found = report(ended)

    assert (ended.returncode, found["healthy"]) == (1, False)
    assert found["problems"] == [
        {
            "what": "cells cannot run",
            "cause": "V8 is missing.",
            "remedy": "install mini-racer==0.14.1, of which codemode uses the library.",
            "fatal": True,
        }
    ]


@pytest.mark.parametrize("descriptors", [12, 9, 7])
def test_without_descriptors_it_says_which_limit_to_raise(descriptors: int) -> None:
    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    ended = diagnosed("--json", preexec=bound)
    found = report(ended)

    assert (ended.returncode, found["healthy"]) == (1, False)
    assert found["problems"][0]["what"] == "cells cannot run"
    assert found["problems"][0]["remedy"] == "raise the limit on descriptors: ulimit -n 4096"


def test_without_memory_it_says_that_cells_cannot_run() -> None:
    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (300 * 2**20, 300 * 2**20))

    ended = diagnosed("--json", preexec=bound)
    found = report(ended)

    assert (ended.returncode, found["healthy"]) == (1, False)
    assert [problem["what"] for problem in found["problems"]] == [
        "cells cannot run",
    ]


def test_an_engine_that_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "_PROGRAM", "import time; time.sleep(1000)")
    monkeypatch.setattr(self_test, "PROCESS_SECONDS", 0.2)

    assert examine() == SelfTest(works=False, error="it did not end within 0.2 s")


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("import os; os.abort()", "its process ended with -6"),
        ("raise SystemExit('broken')", "its process ended with 1: broken"),
        ("print('[]')", "its process ended with 0"),
    ],
)
def test_an_engine_that_takes_its_process_along_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, program: str, error: str
) -> None:
    monkeypatch.setattr(self_test, "_PROGRAM", program)

    assert examine() == SelfTest(works=False, error=error)


def test_an_interpreter_that_is_gone_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    assert examine() == SelfTest(
        works=False,
        error="no process could be started: [Errno 2] No such file or directory: '/nowhere/python'",
    )


def test_a_part_of_the_sandbox_that_is_missing_is_a_problem_and_cells_still_run() -> None:
    part = Part("landlock", in_force=False, note="this kernel does not have it")
    engine = SelfTest(works=True, sandbox=(part,))
    problems = tuple(_problems(engine, 1024))
    remedy = (
        "run on Linux 5.13 or newer with landlock among the security modules (lsm=… at boot), and"
        " let the container's own filter pass landlock_create_ruleset"
    )

    assert problems == (
        Problem("workers run without landlock", "this kernel does not have it", remedy),
    )
    assert Diagnosis({}, engine, {}, {}, {}, problems).healthy


def test_a_hint_of_the_engine_is_the_remedy() -> None:
    broken = SelfTest(works=False, error="workers need wings.\nHint: grow some.")

    assert list(_problems(broken, None)) == [
        Problem("cells cannot run", "workers need wings.", "grow some.", fatal=True)
    ]
