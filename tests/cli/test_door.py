"""The commands beside ``run``, and what the door costs."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from codemode.cli import app

from .conftest import CHILD_SECONDS, command, environment


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    result = CliRunner().invoke(app, ["completion", shell])

    assert (result.exit_code, f"_CODEMODE_COMPLETE={shell}_complete" in result.stdout) == (0, True)


def test_completion_knows_options() -> None:
    done = subprocess.run(
        command(),
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment(
            _CODEMODE_COMPLETE="zsh_complete", COMP_WORDS="codemode run --yield", COMP_CWORD="2"
        ),
        timeout=CHILD_SECONDS,
    )

    assert done.stdout.splitlines()[:2] == ["plain", "--yield-time-ms"]


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_one_line(option: str) -> None:
    result = CliRunner().invoke(app, [option])

    assert (result.exit_code, result.stdout.split(" ")[0], result.stdout.count("\n")) == (
        0,
        "codemode",
        1,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run"], "error: Missing argument 'FILE'.\n"),
        (["run", "absent.js"], "error: Invalid value for 'FILE': File 'absent.js' does not exist.\n"),
        (["walk"], "error: No such command 'walk'"),
        (["run", "-", "--max-seconds", "0"], "error: Invalid value for '--max-seconds': "),
    ],
)  # fmt: skip
def test_usage_errors_give_2_and_where_to_look(arguments: list[str], expected: str) -> None:
    result = CliRunner().invoke(app, arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr[: len(expected)] == expected
    assert result.stderr.splitlines()[-1].endswith(" --help lists what there is.")


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom codemode.cli import app\n"
        "try: app(['run', '--help'])\nexcept SystemExit: pass\n"
        "print(*(m for m in ('asyncio', 'rich', 'msgspec', 'pydantic') if m in sys.modules),"
        " file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=environment(),
        timeout=CHILD_SECONDS,
    )

    assert done.stderr == "\n"
