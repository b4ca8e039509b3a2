"""What ``docs/tools.md`` shows runs as it stands there."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codemode import CellId, ToolCall, ToolName, Toolset
from tests.pages import programs_of

PATH = Path(__file__).parents[1] / "docs" / "tools.md"
PROGRAMS = programs_of(PATH)
OFFER, CHART, CRAWL, SCHEMA, MIDDLEWARE, GUARD, POLICY = range(7)
CHILD_SECONDS = 60


def printed(program: int) -> str:
    return printed_by(PROGRAMS[program])


def printed_by(text: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_program_sees_what_a_function_gives_and_what_it_refuses() -> None:
    # As in a file: what stands beneath a member is read from the source, and -c has none.
    found = printed(OFFER)
    assert "  // its name in the catalogue.\n  part: string;" in found
    assert found.partition("```\n")[2] == (
        "20\n"
        "there is no part 'cog'\nHint: try bolt or nut.\n"
        "tool `shop__offer` cannot take these arguments:\n"
        '- `count`: should be a valid integer, got "2"\n'
        "Hint: expected tools.shop__offer({ part: string, count?: integer,"
        ' currency?: "EUR" | "NOK" })\n'
    )


def test_a_string_beneath_a_member_is_a_comment_on_it(tmp_path: Path) -> None:
    file = tmp_path / "offers.py"
    file.write_text(PROGRAMS[OFFER], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(file)],
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
    )
    assert "  // In the currency that was asked for.\n  total: number;" in done.stdout


def test_a_schema_and_a_callable_are_a_tool() -> None:
    assert printed(SCHEMA) == '{"operation":"get_order","id":7}\n'


def test_an_image_arrives_with_its_detail() -> None:
    assert printed(CHART) == "['high']\n"


async def test_a_tool_that_was_cancelled_stops_by_itself() -> None:
    shown: dict[str, Any] = {}
    exec(PROGRAMS[CRAWL], shown)

    class LateSignal:
        """Set when the tool looks at it for the second time."""

        looks = 0

        def is_set(self) -> bool:
            self.looks += 1
            return self.looks > 3  # the toolset looks, too

        async def wait(self) -> None: ...

    call = ToolCall(
        cell_id=CellId("7"),
        runtime_tool_call_id="tool-1",
        tool_name=ToolName("crawl"),
        input={"pages": 1_000_000},
    )
    async with asyncio.timeout(CHILD_SECONDS), Toolset([shown["crawl"]]) as tools:
        result = await tools.invoke_tool(call, LateSignal())
    assert re.fullmatch(r"tool-1 of cell 7 looked at \d pages", f"{result} pages")


def test_the_chain_refuses_changes_and_traces() -> None:
    assert printed(MIDDLEWARE) == (
        "mail__send in cell 1: 0 s\n"
        "mail__send in cell 1: 0 s\n"
        "the user refused\nHint: write to colleagues only.\n"
        "sent '[bot] hi' to bob@example.org\n"
        "tool `mail__send` cannot take these arguments:\n- `to`: is missing\n"
        "- `subject`: is missing\n"
        "Hint: expected tools.mail__send({ to: string, subject: string })\n"
    )


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/tmp/../etc/passwd", "only files in /tmp may be deleted"),
        ("/tmp/a", "deleted /tmp/a"),
    ],
)
def test_the_guard_refuses_what_is_outside(path: str, answer: str) -> None:
    program = PROGRAMS[GUARD].replace("'/tmp/../etc/passwd'", repr(path))

    assert printed_by(program).splitlines()[-1] == answer


def test_a_policy_allows_asks_and_refuses() -> None:
    rest = "\nHint: go on without it, or tell the user what you would have called it for.\n"
    assert printed(POLICY) == (
        "May this transfer be made? {'to': 'eve', 'cents': 50000}\n"
        "500 went to bob\n"
        "the user refused this transfer\n"
        f"the call of `bank__close_account` is refused: accounts are closed at the counter{rest}"
    )


def test_every_program_is_run_by_a_test() -> None:
    assert len(PROGRAMS) == POLICY + 1


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^):#]+)(?:#[\w-]+)?\)", PATH.read_text(encoding="utf-8"))
    assert [link for link in links if not (PATH.parent / link).is_file()] == []
