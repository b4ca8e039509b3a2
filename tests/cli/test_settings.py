"""Options from variables and from pyproject.toml: which comes first, what they mean, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from codemode.cli import PROGRAM, app, running, serving, settings
from codemode.cli.running import RunOptions

Given = dict[str, Any]
Run = Callable[..., Given]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, which holds the file; commands run in a folder below."""
    for name in os.environ:
        if name.startswith("CODEMODE_"):
            monkeypatch.delenv(name)
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, prog_name=PROGRAM)


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``codemode run -e 1 …`` with these lines in the file; the options that it was given."""
    given: Given = {}

    def keep(source: str, options: RunOptions) -> int:
        given.update(msgspec.structs.asdict(options))
        return 0

    monkeypatch.setattr(running, "run_program", keep)

    def run(lines: str, *options: str) -> Given:
        (folder / "pyproject.toml").write_text(lines, encoding="utf-8")
        result = invoke("run", "-e", "1", *options)
        assert (result.exit_code, result.output) == (0, "")
        return given

    return run


def test_an_option_stands_in_the_file_under_its_own_name(run: Run, folder: Path) -> None:
    given = run(
        "[tool.codemode]\nmax-seconds = 3\nmax_output_tokens = 100\nmcp = []\n"
        "tools = ['mine.py:one', 'json']\nimages = 'out'\njson = true\n"
        "limits = { heap_bytes = '64MiB', tool_calls = 'none', timers = 7 }\n"
    )

    assert {key: value for key, value in given.items() if value} == {
        "max_seconds": 3.0,
        "max_output_tokens": 100,
        "tools": (f"{folder}/mine.py:one", "json"),
        "images": folder / "out",
        "as_json": True,
        "limits": (("heap_bytes", 64 * 2**20), ("tool_calls", None), ("timers", 7)),
    }


def test_the_table_of_a_command_comes_before_the_common_one(run: Run) -> None:
    given = run(
        "[tool.codemode]\nmax-seconds = 3\nyield-time-ms = 5\n"
        "[tool.codemode.run]\nmax-seconds = 4\n[tool.codemode.serve]\nhttp = 8000\n"
    )

    assert (given["max_seconds"], given["yield_time_ms"]) == (4.0, 5)


def test_the_command_line_comes_before_a_variable_and_a_variable_before_the_file(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "[tool.codemode]\nmax-seconds = 3\n"
    seconds = [run(lines)["max_seconds"]]
    monkeypatch.setenv("CODEMODE_MAX_SECONDS", "2")
    seconds.append(run(lines)["max_seconds"])
    monkeypatch.setenv("CODEMODE_RUN_MAX_SECONDS", "1.5")
    seconds.append(run(lines)["max_seconds"])
    seconds.append(run(lines, "--max-seconds", "1")["max_seconds"])

    assert seconds == [3.0, 2.0, 1.5, 1.0]


def test_limits_from_everywhere_hold_together_and_the_later_one_counts(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEMODE_LIMIT", "timers=2 tool_calls=2")
    given = run("[tool.codemode]\nlimit = ['timers=1', 'source_bytes=1']", "-l", "timers=3")

    assert dict(given["limits"]) == {"timers": 3, "source_bytes": 1, "tool_calls": 2}


def test_a_restriction_of_the_file_is_not_lifted_by_another_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[serving.Options] = []

    def keep(options: serving.Options) -> int:
        served.append(options)
        return 0

    monkeypatch.setattr(serving, "run_server", keep)
    (folder / "pyproject.toml").write_text(
        "[tool.codemode.serve]\ndeny = ['delete_*']\nmiddleware = ['guards.py:one']\n"
    )
    result = invoke("serve", "--deny", "drop_*", "--middleware", "other:two")

    assert result.exit_code == 0
    assert served[0].denied == ("delete_*", "drop_*")
    assert served[0].middleware == (f"{folder}/guards.py:one", "other:two")


def test_the_nearest_file_with_the_table_counts(run: Run, folder: Path) -> None:
    (folder / "below" / "pyproject.toml").write_text("[project]\nname = 'codemode-user'\n")

    assert run("[tool.codemode]\nmax-seconds = 3")["max_seconds"] == 3.0


def test_a_file_above_that_belongs_to_somebody_else_is_not_read(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    (folder / "pyproject.toml").touch()
    os.chown(folder / "pyproject.toml", 12345, -1)

    assert run("[tool.codemode]\nmax-seconds = 3")["max_seconds"] is None


def test_a_file_can_be_named_and_none_can_be_wanted(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("[tool.codemode]\nmax-seconds = 3")
    (folder / "other.toml").write_text("[tool.codemode]\nmax-seconds = 4")
    given: list[Any] = []

    def keep(source: str, options: RunOptions) -> int:
        given.append(options.max_seconds)
        return 0

    monkeypatch.setattr(running, "run_program", keep)
    invoke("--config", str(folder / "other.toml"), "run", "-e", "1")
    invoke("--no-config", "run", "-e", "1")

    assert given == [4.0, None]


@pytest.mark.parametrize(
    ("lines", "variable", "error"),
    [
        (
            "[tool.codemode]\nmax-second = 3",
            "",
            "{file}: [tool.codemode] has 'max-second', which is no option\nhint: did you mean max-seconds?",
        ),
        (
            "[tool.codemode.run]\nhttp = 3",
            "",
            "{file}: [tool.codemode.run] has 'http', which is no option\nhint: there are ",
        ),
        (
            "[tool.codemode]\njson = 'yes'",
            "",
            "{file}: [tool.codemode.doctor] has json = 'yes'\nhint: it takes true or false.",
        ),
        (
            "[tool.codemode]\nmax-seconds = [1]",
            "",
            "{file}: [tool.codemode.run] has max-seconds = [1]\nhint: it takes a string or a number.",
        ),
        (
            "[tool.codemode]\nmax-seconds = 'x'",
            "",
            "Invalid value for '--max-seconds': 'x' is not a valid float range."
            " (from [tool.codemode] in {file})\nhint: codemode run --help lists what there is.",
        ),
        (
            "",
            "x",
            "Invalid value for '--max-seconds': 'x' is not a valid float range."
            " (from the variable CODEMODE_MAX_SECONDS)\nhint: codemode run --help lists what there is.",
        ),
        (
            "[tool]\ncodemode = 3",
            "",
            "{file}: tool.codemode is no table\nhint: write [tool.codemode].",
        ),
        ("[tool.codemode", "", "{file} is no TOML: "),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    lines: str, variable: str, error: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "pyproject.toml"
    file.write_text(lines, encoding="utf-8")
    monkeypatch.setenv("CODEMODE_MAX_SECONDS", variable)
    result = invoke("run", "-e", "1")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {error.format(file=file)}")


def test_help_is_there_whatever_stands_in_the_file(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.codemode", encoding="utf-8")

    assert invoke("run", "--help").exit_code == 0


def test_no_two_options_share_a_word_and_mean_different_things() -> None:
    meanings: dict[str, set[tuple[str | None, bool, bool]]] = {}
    for name in settings.CONFIGURED:
        for _, command in settings.commands((name,), app.commands[name]):
            for option in settings.options(command):
                meaning = (option.name, option.is_flag, option.multiple)
                meanings.setdefault(settings.word(option), set()).add(meaning)

    assert {word: found for word, found in meanings.items() if len(found) > 1} == {}
