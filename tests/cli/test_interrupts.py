"""Ctrl-C while a command starts: the process ends, and no traceback of anybody's code is shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codemode import interrupts

from .conftest import CHILD_SECONDS, environment

PRESSES = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored in a shell's background

class Presses:
    "Presses Ctrl-C when so many modules have been looked for."
    left = int(sys.argv.pop(1))
    def find_spec(self, *_):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)

from codemode.__main__ import {entry}
sys.meta_path.insert(0, Presses())
{entry}()
"""

COMMANDS = {
    "codemode run --tools tools.py program.js": "main",
    "codemode tools list --tools tools.py": "main",
    "codemode doctor": "main",
    "codemode completion bash": "main",
    "codemode serve": "main",
    "codemode host --listen grpc://127.0.0.1:0": "main",
    "codemode-host": "host",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program.js").write_text("text(1); await new Promise(() => {})")
    (tmp_path / "tools.py").write_text(
        "import codemode\n@codemode.tool\ndef one() -> int:\n    return 1\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("line", "modules"),
    [
        *((line, modules) for line in COMMANDS for modules in (1, 60)),
        *((next(iter(COMMANDS)), modules) for modules in (2, 3, 30, 90, 120, 200)),
    ],
)
def test_ctrl_c_while_modules_load_shows_no_traceback(
    line: str, modules: int, folder: Path
) -> None:
    program = PRESSES.format(entry=COMMANDS[line])
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(modules), *line.split()[1:]],
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    _, talk = child.communicate(timeout=CHILD_SECONDS)

    assert (talk, child.returncode) == ("", interrupts.INTERRUPTED)


def test_ctrl_c_while_a_module_of_tools_loads_lets_it_clean_up(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "finally:\n    print('cleaned up')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "codemode", "tools", "list", "--tools", "tools.py"],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        encoding="utf-8",
        env=environment(),
        timeout=CHILD_SECONDS,
    )

    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "cleaned up\n", "")


def test_where_ctrl_c_was_switched_off_it_stays_off(tmp_path: Path) -> None:
    program = (
        "import os, signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from codemode import interrupts; interrupts.end_at_once()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "with interrupts.AsExceptions(): os.kill(os.getpid(), signal.SIGINT)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
