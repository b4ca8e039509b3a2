"""Rules of the command line: options and ``codemode.toml`` together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Codemode

TOOLS = """
from codemode import tool

@tool(thread=False)
def pay(cents: int) -> str:
    "Pay."
    return f"paid {cents}"

@tool(thread=False)
def look() -> str:
    "Look."
    return "seen"

tools = [pay, look]
"""
PROGRAM = """
for (const call of [() => tools.pay({ cents: 5 }), () => tools.pay({ cents: 500 }), () => tools.look()])
    text(await call().catch((error) => String(error).split("\\n")[0]));
"""
NO_TERMINAL = "the call of `pay` needs approval, and there is no terminal to ask at"


@pytest.fixture
def tools(folder: Path) -> str:
    (folder / "desk.py").write_text(TOOLS, encoding="utf-8")
    return "desk.py:tools"


def written(folder: Path, text: str, name: str = "codemode.toml") -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_a_file_beside_the_program_holds(run: Codemode, folder: Path, tools: str) -> None:
    written(folder, "[[policy]]\nrefuse='pay'\nwhen.cents.above=100\nreason='too much'")
    done = run(PROGRAM, "--tools", tools)
    assert done.stdout.splitlines() == [
        "paid 5",
        "the call of `pay` is refused: too much",
        "seen",
    ]


def test_a_file_above_holds_and_one_that_is_named_comes_instead(
    run: Codemode, folder: Path, tools: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(folder, "[[policy]]\nrefuse='*'\nreason='above'")
    written(folder, "[[policy]]\nrefuse='look'\nreason='named'", "other.toml")
    below = folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    above = run("text(await tools.look().catch(String))", "--tools", f"../{tools}")
    named = run(
        "text(await tools.look().catch(String))",
        "--tools",
        f"../{tools}",
        "--policy",
        "../other.toml",
    )
    assert [each.stdout.splitlines()[0] for each in (above, named)] == [
        "the call of `look` is refused: above",
        "the call of `look` is refused: named",
    ]


def test_options_and_file_hold_together_and_the_stricter_one_counts(
    run: Codemode, folder: Path, tools: str
) -> None:
    written(folder, "[[policy]]\nrefuse='pay'\nwhen.cents.above=100\n[[policy]]\nallow='*'")
    done = run(PROGRAM, "--tools", tools, "--allow", "pay")
    assert done.stdout.splitlines() == [
        "paid 5",
        "the call of `pay` is refused: the policy of this application does not allow it",
        "the call of `look` is refused: it is not among the tools that are allowed here (--allow)",
    ]


def test_without_a_terminal_what_has_to_be_asked_is_refused(
    run_process: Codemode, tools: str
) -> None:
    done = run_process(PROGRAM, "--tools", tools, "--ask", "pay")
    assert done.stdout.splitlines() == [NO_TERMINAL, NO_TERMINAL, "seen"]


def test_what_is_wrong_in_the_file_runs_nothing(run: Codemode, folder: Path, tools: str) -> None:
    written(folder, "[[policy]]\nalow='*'")
    done = run(PROGRAM, "--tools", tools)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"error: Invalid value for --policy: {folder / 'codemode.toml'}: rule 1 does not say what it is"
    )
