"""``make test PYTHON=…``, ``make test-pythons`` and ``make test LOAD=2``: in which environment, and beside what."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import load, pythons

ROOT = Path(__file__).parents[1]


def made(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What ``make -n`` would do."""
    return subprocess.run(
        ["make", "-n", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_tests_run_in_the_environment_of_the_python_that_is_named() -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    inside = pythons.version_of(str(ROOT / ".venv" / "bin" / "python"))
    own = ".venv" if inside in (None, version) else f".venv-{version}"

    assert f"{own}/bin/python -m pytest" in made("test", f"PYTHON={sys.executable}").stdout
    assert ".venv/bin/python -m pytest" in made("test").stdout


@pytest.mark.parametrize("python", ["python-of-nobody", "/bin/false"])
def test_a_python_that_does_not_start_is_an_error_and_not_another_python(python: str) -> None:
    done = made("test", f"PYTHON={python}")

    assert done.returncode == 2
    assert f"PYTHON={python} is no Python of 3.11 or newer. Hint: name one" in done.stderr


def test_tests_run_beside_busy_loops() -> None:
    assert ".venv/bin/python -m tests.load 2 -- .venv/bin/python -m pytest" in (
        made("test", "LOAD=2").stdout
    )


def test_the_loops_end_with_the_command_and_its_exit_code_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def noted(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        begun.append(start(command, **options))  # type: ignore[call-overload] # as given
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    code = load.main(["2", "--", sys.executable, "-c", "import sys; sys.exit(7)"])

    assert code == 7
    assert [each.poll() is not None for each in begun] == [True] * 3


@pytest.mark.parametrize("arguments", [["two", "--", "true"], ["2", "true"], ["2", "--"]])
def test_a_load_that_is_none_is_told(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert load.main(arguments) == 2
    assert capsys.readouterr().err.startswith("Run a command beside busy loops: ")


def test_a_python_is_found_by_the_version_that_it_says() -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"

    assert pythons.version_of(sys.executable) == version
    assert pythons.version_of("/bin/false") is None
    assert pythons.version_of("/nowhere/python") is None


def test_the_verdict_names_the_python_on_which_tests_failed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pythons, "version_of", {"one": "3.11", "other": "3.13"}.get)

    def fails_on_other(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, int("PYTHON=other" in command))

    monkeypatch.setattr(subprocess, "run", fails_on_other)

    assert pythons.main(["one", "other"]) == 1
    assert capfd.readouterr().out.splitlines()[-2:] == [
        "Python 3.11: passed",
        "Python 3.13: failed",
    ]
