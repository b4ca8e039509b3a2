"""``codemode cells``: what another process has left is listed, shown, brought back and forgotten."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from codemode.cli import PROGRAM, app
from tests.pages import ROOT

SECONDS = 60
TOOLS = r"""
import pathlib
def transfer(to: str) -> str:
    "Transfer money."
    with pathlib.Path(__file__).with_suffix(".log").open("a") as log:
        log.write(to + "\n")
    return f"it went to {to}"
tools = [transfer]
"""
PROGRAM_TEXT = """
text(await tools.transfer({to: "ann"}));
await new Promise((done) => setTimeout(done, 1500));
text(await tools.transfer({to: "bob"}));
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    file = tmp_path / "bank.py"
    file.write_text(TOOLS)
    return file


@pytest.fixture
def store(tmp_path: Path, tools: Path) -> Path:
    """A store in which a killed process has left cell 1, after its first transfer."""
    path = tmp_path / "cells.db"
    command = ["run", "--store", str(path), "--tools", str(tools), "-e", PROGRAM_TEXT]
    with subprocess.Popen(
        [sys.executable, "-m", "codemode", *command], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "it went to ann\n"
        process.kill()
    return path


def codemode(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), prog_name=PROGRAM)
    return result.exit_code, result.stdout, result.stderr


def test_a_program_whose_process_was_killed_goes_on_and_does_nothing_twice(
    store: Path, tools: Path
) -> None:
    command = ["cells", "resume", "1", "--store", str(store), "--tools", str(tools)]
    done = subprocess.run(
        [sys.executable, "-m", "codemode", *command],
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
    )

    assert (done.returncode, done.stdout) == (0, "it went to ann\nit went to bob\n")
    assert tools.with_suffix(".log").read_text() == "ann\nbob\n"
    assert codemode("cells", "list", "--store", str(store)) == (0, "", "no cells\n")


def test_cells_are_listed_shown_and_forgotten(store: Path) -> None:
    at = ("--store", str(store))
    _, listed, _ = codemode("cells", "list", *at)
    [entry] = json.loads(codemode("cells", "list", *at, "--json")[1])
    _, shown, _ = codemode("cells", "show", "1", *at)
    dropped = codemode("cells", "drop", "1", *at)
    code, _, nothing = codemode("cells", "show", "1", *at)
    freed = codemode("cells", "vacuum", *at)

    assert listed.startswith("run  cell 1  ")
    assert listed.endswith("waits for no call\n")
    assert (entry["session"], entry["cell_id"], entry["calls"]) == ("run", "1", [])
    assert '    text(await tools.transfer({to: "ann"}));' in shown.splitlines()
    assert dropped == (0, "", "cell 1 of run is forgotten\n")
    assert (code, nothing) == (
        2,
        "error: the store has no cell 1\nhint: codemode cells list shows what there is.\n",
    )
    assert freed[0] == 0


def test_a_cell_that_was_refused_is_listed_with_the_reason(store: Path) -> None:
    db = sqlite3.connect(store)
    db.execute("update cells set refused = 'it said something else'")
    db.commit()
    db.close()
    _, listed, _ = codemode("cells", "list", "--store", str(store))
    _, shown, _ = codemode("cells", "show", "1", "--store", str(store))

    assert listed.endswith("refused: it said something else\n")
    assert "refused    it said something else" in shown.splitlines()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--session", "s"], "--session names a session of a store"),
        (["--store", "c.db", "--host", "codemode-host"], "a store keeps cells of this machine"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options: list[str], complaint: str) -> None:
    code, _, error = codemode("run", *options, "-e", "text(1)")

    assert (code, complaint in error) == (2, True)


def test_a_file_that_is_no_store_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are notes, and no database of any kind\n" * 40)
    code, _, error = codemode("cells", "list", "--store", str(file))

    assert code == 1
    assert error.startswith(f"error: the store {file} cannot be used: file is not a database")


def test_the_example_goes_on_in_a_second_process() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "durable.py")],
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
    )
    lines = done.stdout.splitlines()

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(lines[:4]) == [
        f"process one transfers {cents}.00 to account {at}"
        for at, cents in ((1, 5), (2, 7), (4, 8), (5, 9))
    ]
    assert lines[4:] == [
        "1-tool-3 is approved",
        "process two transfers 900.00 to account 3",
        *[
            f"{cents}.00 went to account {at}"
            for at, cents in ((1, 5), (2, 7), (3, 900), (4, 8), (5, 9))
        ],
    ]
