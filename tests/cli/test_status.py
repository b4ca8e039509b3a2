"""What a person sees on a terminal; the program's output stays clean beside it."""

import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from codemode.cli.status import split_hint

from .conftest import CHILD_SECONDS, command, environment

TOOLS = (
    "@tool\ndef good() -> int:\n    return 1\n"
    "@tool\ndef bad() -> int:\n    raise ToolError('refused')"
)
PROGRAM = "text(await tools.good()); await tools.bad().catch(() => {}); notify('a note'); none()"
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])m")


def on_a_terminal(folder: Path, module: str, **more: str) -> tuple[bytes, str]:
    """Standard output through a pipe, standard error from a terminal."""
    ours, theirs = pty.openpty()
    try:
        child = subprocess.Popen(
            command("run", "--tools", module, "-"),
            cwd=folder,
            env=environment(TERM="xterm-256color", **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
    finally:
        os.close(theirs)
    with child, os.fdopen(ours, "rb", buffering=0) as terminal:
        assert child.stdin and child.stdout
        child.stdin.write(PROGRAM.encode())
        child.stdin.close()
        seen = b""
        try:
            while part := terminal.read(65536):
                seen += part
        except OSError:  # the other end is closed: the child has ended
            pass
        output = child.stdout.read()
        child.wait(timeout=CHILD_SECONDS)
    return output, seen.decode()


def lines(seen: str) -> list[str]:
    """What stays on the screen: without colours, and without what was drawn over."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    return [line.rstrip("\r").rpartition("\r")[2].strip() for line in plain.split("\n")]


def test_a_terminal_shows_calls_notes_errors_and_how_it_ended(
    tmp_path: Path, tools: Callable[[str], str]
) -> None:
    output, seen = on_a_terminal(tmp_path, tools(TOOLS))
    times = re.compile(r"\d+(?:\.\d+)? m?s")
    kept = [times.sub("T", line) for line in lines(seen) if line]

    assert output == b"1\n"
    wanted = [
        "✓ good  T",
        "✗ bad  T  refused",
        "notify: a note",
        "error: ReferenceError: none is not defined",
        f"at exec_main.mjs:1:{PROGRAM.index('none()') + 1}",
        "failed in T · 2 calls",
    ]
    assert [line for line in kept if line in wanted] == wanted
    assert COLOUR.search(seen) is not None


def test_no_color_is_honoured(tmp_path: Path, tools: Callable[[str], str]) -> None:
    _, seen = on_a_terminal(tmp_path, tools(TOOLS), NO_COLOR="1")

    assert COLOUR.search(seen) is None
    assert "failed in" in "\n".join(lines(seen))


def test_the_hint_is_the_last_line_only() -> None:
    assert split_hint("a\nHint: b\nc") == ("a\nHint: b\nc", "")
    assert split_hint("a\n  at x\nHint: b") == ("a\n  at x", "b")
