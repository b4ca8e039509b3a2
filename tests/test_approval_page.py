"""What ``docs/approval.md`` and its example show runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from codemode import CellId, ToolCall, ToolName
from codemode.tools.policy.file import read_policy
from tests.pages import ROOT, programs_of

PAGE = ROOT / "docs" / "approval.md"
CHILD_SECONDS = 60


def printed(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_calls_wait_are_decided_and_the_program_goes_on() -> None:
    (program,) = programs_of(PAGE)
    assert printed("-c", program).splitlines() == [
        "May this transfer be made? bank__transfer({'to': 'ann', 'cents': 50000})",
        "May this transfer be made? bank__transfer({'to': 'eve', 'cents': 90000})",
        "500 went to bob",
        "40000 went to ann",
        "the call of `bank__transfer` was refused: the user does not know eve",
        "the call of `bank__close_account` is refused: accounts are closed at the counter",
    ]


def test_the_example_answers_in_another_order_than_it_was_asked_in() -> None:
    lines = printed(str(ROOT / "examples" / "approval.py")).splitlines()
    assert lines[-1] == "the program has completed"
    assert sorted(line for line in lines if line[0].isdigit()) == [
        "1: 5.00 went to bob",
        "2: 150.00 went to bob",
        "3: 7.00 went to bob",
        "4: the call of `transfer` was refused: not so much",
        "5: 9.00 went to bob",
    ]


def test_the_file_of_rules_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    path = tmp_path / "codemode.toml"
    path.write_text(text, encoding="utf-8")
    call = ToolCall(
        cell_id=CellId("1"),
        runtime_tool_call_id="tool-1",
        tool_name=ToolName("transfer"),
        input={},
        arguments={"cents": 20_000, "to": "eve@x.net"},
    )
    verdict = read_policy(path).verdict(call, "transfer")
    assert (verdict.action, verdict.text) == ("ask", "May this transfer be made?")
