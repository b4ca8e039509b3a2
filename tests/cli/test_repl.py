"""``codemode repl``: entries in one session, from a pipe and at a terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codemode.cli import PROGRAM, app

from .conftest import CHILD_SECONDS, command, environment

WEATHER = str(Path(__file__).parents[2] / "examples" / "weather_tools.py")
PNG = b64encode(b"\x89PNG\r\n\x1a\n").decode()


def piped(entries: str, *options: str) -> Result:
    return CliRunner().invoke(app, ["repl", *options], prog_name=PROGRAM, input=entries)


@pytest.mark.parametrize(
    ("entries", "stdout"),
    [
        ("1 + 1\n", "2\n"),
        ("text('a'); text('b')\n", "a\nb\n"),
        ("'a' + 'b';\n", "ab\n"),
        ("({a: [1, null]})\n", '{"a":[1,null]}\n'),
        ("{a: 1}\n", '{"a":1}\n'),
        ("undefined\nnull\n", "null\n"),
        ("Promise.resolve(7)\n", "7\n"),
        ("() => 1\nclass A {}\n", ""),
        ("const x = 1\nlet y = 2\n", ""),
        ("if (true) {\n  text(1)\n}\n\n2\n", "1\n2\n"),
        ("// nothing\n3 // three\n", "3\n"),
        ("store('k', {a: 1})\nload('k')\n", '{"a":1}\n'),
        ("var x = 1\ntypeof x\n", "undefined\n"),
        ('// @exec: {"yield_time_ms": 1}\ntext(4)\n', "4\n"),
        ("text(5)", "5\n"),
        ("", ""),
    ],
)
def test_each_entry_shows_its_output_and_the_value_of_an_expression(
    entries: str, stdout: str
) -> None:
    done = piped(entries)

    assert (done.exit_code, done.stdout, done.stderr) == (0, stdout, "")


def test_an_error_ends_its_entry_alone_and_names_its_lines() -> None:
    done = piped("null.x\nthrow new Error('no')\nJSON.parse('{')\n7\n")

    assert (done.exit_code, done.stdout) == (0, "7\n")
    assert done.stderr == (
        "error: TypeError: Cannot read properties of null (reading 'x')\n    at exec_main.mjs:1:6\n"
        "error: Error: no\n    at exec_main.mjs:1:7\n"
        "error: SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)\n"
        "    at JSON.parse (<anonymous>)\n    at exec_main.mjs:1:6\n"
    )


def test_an_entry_that_does_not_compile_is_told_of_once() -> None:
    done = piped("const y = ;\n")

    assert (done.stdout, done.stderr.count("error: "), done.stderr.count("SyntaxError")) == (
        "",
        1,
        1,
    )


def test_tools_are_called_and_listed(tmp_path: Path) -> None:
    done = piped(
        "tools.weather({city: 'Lima'})\n.tools\n.tools cities\n.tools weahter\n", "--tools", WEATHER
    )

    assert done.stdout == '{"city":"Lima","temperature":19.7,"rain":0.01}\n'
    assert done.stderr == (
        "cities  The cities whose weather is known.\nweather  The weather in a city.\n"
        "declare const tools: { cities(args: {}): Promise<Array<string>>; };\n"
        "error: there is no tool 'weahter'\nhint: did you mean weather?\n"
    )


def test_images_are_shown_as_files_whether_printed_or_values(tmp_path: Path) -> None:
    url = f"data:image/png;base64,{PNG}"
    block = f"{{type: 'image', mimeType: 'image/png', data: '{PNG}'}}"
    done = piped(
        f"image('{url}')\n({{image_url: '{url}'}})\n{block}\n"
        f"({{content: [{{type: 'text', text: 'see'}}, {block}]}})\n",
        "--images",
        str(tmp_path),
    )

    assert done.stdout == "see\n"
    assert done.stderr == "".join(
        f"image: {tmp_path}/codemode-{number}.png (image/png, 8 bytes), after line {line} of the output\n"
        for number, line in ((1, 0), (2, 0), (3, 0), (4, 1))
    )


def test_commands_tell_of_the_session_and_leave_it() -> None:
    done = piped("store('a', 1); store('b', 'x')\n.values\n.nothing\n.exit\ntext('never')\n")

    assert (done.exit_code, done.stdout) == (0, "")
    assert (
        done.stderr
        == 'a: 1\nb: "x"\nerror: there is no .nothing\nhint: .help lists what there is.\n'
    )


def test_notifications_are_told() -> None:
    assert piped("notify('half way')\n").stderr == "notify: half way\n"


def test_without_a_terminal_ctrl_c_ends_the_program_and_the_next_entry_runs(tmp_path: Path) -> None:
    with subprocess.Popen(
        command("repl"),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write("text('up'); await new Promise(() => {})\ntext('next')\n")
        child.stdin.flush()
        assert child.stdout.readline() == "up\n"
        child.send_signal(signal.SIGINT)
        rest, talk = child.communicate(timeout=CHILD_SECONDS)

    assert (child.returncode, rest, talk) == (0, "next\n", "interrupted\n")


class Terminal:
    """``codemode repl`` at a terminal that a test types at."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = pty.openpty()
        self.child = subprocess.Popen(
            command("repl"),
            cwd=folder,
            env=environment(TERM="xterm-256color", XDG_STATE_HOME=str(folder)),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)
        self._fd = ours
        self._shown = ""

    def shows(self, text: str) -> None:
        """Wait until the screen has shown ``text`` since the last call."""
        deadline = time.monotonic() + CHILD_SECONDS
        while text not in self._shown:
            assert time.monotonic() < deadline, f"{text!r} is not in {self._shown!r}"
            data = os.read(self._fd, 65_536).decode(errors="replace")
            self._shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", data)
        self._shown = self._shown.partition(text)[2]

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        os.close(self._fd)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_at_a_terminal_ctrl_c_ends_the_program_and_ctrl_d_leaves(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.shows("JavaScript in V8 cells, no tools; .help lists what else there is.")
    terminal.shows(">")
    terminal.type("text('up' + 1); for (;;) {}\r")
    terminal.shows("up1")
    terminal.type("\x03")
    terminal.shows("interrupted")
    terminal.shows(">")
    terminal.type("given up\x03")
    terminal.shows("given up")
    terminal.shows(">")
    terminal.type("if (true) {\rtext('in' + 2)\r}\r")
    terminal.shows("in2")
    terminal.shows(">")
    terminal.type("40 + 2\r")
    terminal.shows("42")
    terminal.shows(">")
    terminal.type("\x1b[A\x1b[A\r")  # two entries back
    terminal.shows("in2")
    terminal.shows(">")
    terminal.type("\x04")

    assert terminal.child.wait(CHILD_SECONDS) == 0
    history = tmp_path / "codemode" / "repl_history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "+40 + 2\n" in history.read_text("utf-8")
