"""What ``docs/mcp.md`` shows runs, and can be read, as it stands there."""

import json
import re
import subprocess
import sys
from pathlib import Path

from codemode.tools.mcp.config_file import read_config

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
CHILD_SECONDS = 60


def test_the_program_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS["python"]],
        capture_output=True,
        check=False,
        text=True,
        timeout=CHILD_SECONDS,
    )

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:3] == ["time starting", "time ready", "Script completed"]
    assert lines[5:] == ["Etc/UTC", "time closed"]


def test_the_configuration_is_one() -> None:
    said = json.loads(BLOCKS["json"])

    found = read_config(said, environment={"ISSUES_TOKEN": "1"})

    assert list(found) == ["time", "issues", "docs"]


def test_the_examples_that_it_names_are_there() -> None:
    named = re.findall(r"examples/[\w.]+", BLOCKS["sh"])

    assert [name for name in named if not (ROOT / name).is_file()] == []
