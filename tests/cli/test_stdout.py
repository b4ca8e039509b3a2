"""A standard output that cannot be written: said in words, whichever command writes."""

import os
import subprocess
from pathlib import Path

import pytest

from .conftest import CHILD_SECONDS, command, environment

WEATHER = str(Path(__file__).parents[2] / "examples" / "weather_tools.py")
COMMANDS = [
    ("--help",),
    ("run", "--help"),
    ("--version",),
    ("completion", "bash"),
    ("doctor",),
    ("doctor", "--json"),
    ("tools", "list", "--tools", WEATHER),
    ("tools", "show", "weather", "--json", "--tools", WEATHER),
]
FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="the system has no file that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_is_said_in_a_line(arguments: tuple[str, ...], unbuffered: str) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(
            command(*arguments),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            encoding="utf-8",
            env=environment(PYTHONUNBUFFERED=unbuffered),
            timeout=CHILD_SECONDS,
        )

    assert (done.returncode, done.stderr) == (
        1,
        "error: standard output: No space left on device\n",
    )


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_reader_that_is_gone_ends_a_command_without_a_word(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            command(*arguments),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            encoding="utf-8",
            env=environment(),
            timeout=CHILD_SECONDS,
        )
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("arguments", [("--help",), ("doctor",)], ids=" ".join)
def test_a_command_does_without_standard_output(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command(*arguments)],
        stderr=subprocess.PIPE,
        check=False,
        encoding="utf-8",
        env=environment(),
        timeout=CHILD_SECONDS,
    )

    assert (done.returncode, done.stderr) == (0, "")
