"""The examples run, with the command lines in their own first lines."""

import json
import re
import shlex
import shutil
import struct
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

from ..tools.mcp.everything import everything
from .conftest import CHILD_SECONDS, ROOT, command, environment

EXAMPLES = ROOT / "examples"
COMMAND = re.compile(r"// codemode (run .+)")
OUTPUTS = {
    "progress.js": "1² = 1\n2² = 4\n3² = 9\nstored: 9\n",
    "weather.js": (
        "Atlantis: no weather for 'Atlantis'\n"
        "Cairo: 22.1 °C, rain 2 %\nLima: 19.7 °C, rain 1 %\nBergen: 7.6 °C, rain 65 %\n"
    ),
}


def run(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        capture_output=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env=environment(**variables),
        timeout=CHILD_SECONDS,
    )


def programs() -> dict[str, str]:
    firsts = {each.name: each.read_text("utf-8").splitlines()[0] for each in EXAMPLES.glob("*.js")}
    return {name: found[1] for name, line in firsts.items() if (found := COMMAND.match(line))}


@pytest.mark.parametrize("name", sorted(programs()))
def test_an_example_runs_as_its_first_line_says(name: str) -> None:
    done = run(*command(*shlex.split(programs()[name])))

    assert done.returncode == 0, done.stderr
    assert done.stdout == OUTPUTS.get(name, done.stdout or "something")


def test_a_program_over_three_mcp_servers_runs(tmp_path: Path) -> None:
    servers = json.loads((EXAMPLES / "mcp.json").read_text("utf-8"))["mcpServers"]
    assert list(servers) == ["time", "git", "everything"]
    server = everything()  # as npx would start it, from the cache
    servers["everything"] = {"command": server.command, "args": list(server.args)}
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"mcpServers": servers}))
    program = str(EXAMPLES / "three_servers.js")
    options = ["--mcp", str(config), "--images", str(tmp_path)]

    done = run(*command("run", *options, program))

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert (lines[0], lines[2]) == (
        "noon in UTC is 21:00 in Asia/Tokyo",
        "The sum of 19 and 23 is 42.",
    )
    assert lines[1].startswith("the last commits: ")
    assert lines[3].startswith("no time there: ")
    assert [path.suffix for path in tmp_path.iterdir() if path != config] == [".png"]


def test_a_program_is_followed_while_it_runs() -> None:
    done = run(sys.executable, "examples/follow.py")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(line for line in lines if line.startswith("  /")) == [
        "  /: 1000",
        "  /about: 6000",
        "  /contact: 8000",
        "  /old: 404, not found",
    ]
    assert [line for line in lines if line.startswith("[")] == [
        f"[{number} of 4]" for number in range(1, 5)
    ]
    assert sum(line.startswith("fetch_page ok ") for line in lines) == 3
    assert lines[-1] == "completed: 4 calls, 56 characters"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the source tree without a history, as from an archive."""
    for name in ("examples", "src"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_demo_runs_where_there_is_no_git_history(copy: Path) -> None:
    done = run(sys.executable, "examples/demo.py", cwd=copy, COLUMNS="60")

    assert done.returncode == 0, done.stderr
    said = done.stdout
    statuses = re.findall(r"─ result · (\w+) ─", said)
    assert [status for status, _ in groupby(statuses)] == ["running", "completed"]
    assert statuses.count("completed") == 3
    assert re.search(r"│ \d+ Python files +│\n│ no commits +│", said) is not None
    assert re.search(r"│ there is no history +│", said) is not None
    assert re.search(r"\nall of it took  \d+\.\d s\n", said) is not None
    assert max(map(len, said.splitlines())) == 60
    picture = (copy / "build" / "demo.png").read_bytes()
    assert (picture[:8], struct.unpack(">I", picture[16:20])) == (b"\x89PNG\r\n\x1a\n", (960,))


def test_the_programs_of_the_demo_fit_a_terminal_of_60_columns() -> None:
    border = len("│  │")
    lines = [
        f"{path.name}: {line}"
        for path in EXAMPLES.glob("demo*.js")
        for line in path.read_text("utf-8").splitlines()
        if len(line) > 60 - border
    ]

    assert lines == []


def test_rollouts_are_played_on_hosts_of_this_machine() -> None:
    done = run(sys.executable, "examples/rollouts.py", "--episodes", "12", "--at-once", "6")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"12 episodes on 3 hosts in [\d.]+ s, \d+ a second", lines[-3])
    assert sum(int(line.split("episodes")[0].split()[-1]) for line in lines[-2:]) == 12
