"""What ``docs/models.md`` shows runs as it stands there."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codemode.surface import anthropic, mcp, openai
from tests.pages import programs_of

PATH = Path(__file__).parents[1] / "docs" / "models.md"
PAGE = PATH.read_text(encoding="utf-8")
PROGRAMS = programs_of(PATH)
CHILD_SECONDS = 60
RESPONSES, CHAT, ANTHROPIC, MCP, MANY = range(5)

PNG = "data:image/png;base64,aGk="
SOURCE = f"image({PNG!r})"
HEADER = r"Script completed\nWall time \d+\.\d seconds\nOutput:\n"


def answered(program: int, call: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The answer to a call and what the program defined."""
    shown: dict[str, Any] = {}
    exec(PROGRAMS[program], shown)

    async def answer() -> Any:
        async with shown["cm"]:
            return await shown["answer"](call)

    return asyncio.run(answer()), shown


def without_header(text: str) -> str:
    """``text`` without the header that tells how long it took."""
    found = re.match(HEADER, text)
    assert found is not None
    return text[found.end() :]


def test_the_responses_api_is_answered_with_text_and_images() -> None:
    call = {"type": "custom_tool_call", "name": "exec", "call_id": "c1", "input": SOURCE}
    answer, shown = answered(RESPONSES, call)
    assert [each["type"] for each in shown["tools"]] == ["custom", "function"]
    assert without_header(answer["output"].pop(0)["text"]) == ""
    assert answer == {
        "type": "custom_tool_call_output",
        "call_id": "c1",
        "output": [{"type": "input_image", "image_url": PNG, "detail": "high"}],
    }


def test_chat_completions_are_answered_with_a_message() -> None:
    arguments = '{"code": "text(7)"}'
    answer, shown = answered(
        CHAT, {"id": "c1", "function": {"name": "exec", "arguments": arguments}}
    )
    assert [each["function"]["name"] for each in shown["tools"]] == ["exec", "wait"]
    assert without_header(answer.pop("content")) == "7"
    assert answer == {"role": "tool", "tool_call_id": "c1"}


def test_anthropic_is_answered_with_a_block() -> None:
    answer, shown = answered(
        ANTHROPIC, {"id": "t1", "name": "exec", "input": {"code": f"{SOURCE}; nothing"}}
    )
    assert [sorted(each) for each in shown["tools"]] == [
        ["description", "input_schema", "name"]
    ] * 2
    assert [each["type"] for each in answer.pop("content")] == ["text", "image", "text"]
    assert answer == {"type": "tool_result", "tool_use_id": "t1", "is_error": True}


def test_mcp_is_answered_with_a_result() -> None:
    answer, shown = answered(MCP, {"name": "exec", "arguments": {"code": SOURCE}})
    assert [each["name"] for each in shown["listed"]["tools"]] == ["exec", "wait"]
    assert answer["content"][1:] == [{"type": "image", "data": "aGk=", "mimeType": "image/png"}]
    assert answer["isError"] is False


def test_a_program_finds_a_tool_that_is_not_described() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAMS[MANY]],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[3:] == [
        "declare const tools: { mail__find_messages(args: { query: string; }):"
        " Promise<Array<string>>; };",
        '["about invoices"]',
    ]


@pytest.mark.parametrize("module", [openai, anthropic, mcp])
def test_the_types_that_it_names_are_there(module: Any) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and "→" in line]
    words = {"openai": ("OpenAI", "same", "any"), "anthropic": ("Anthropic",), "mcp": ("an MCP",)}
    own = words[module.__name__.rpartition(".")[2]]
    named = {
        name
        for row in rows
        if row.removeprefix("| ").startswith(own)
        for part in re.findall(r"→ ((?:`\w+`(?: or )?)+)", row)
        for name in re.findall(r"`(\w+)`", part)
    }
    assert named
    assert [name for name in named if not hasattr(module, name)] == []


def test_every_program_is_run_by_a_test() -> None:
    assert len(PROGRAMS) == MANY + 1
