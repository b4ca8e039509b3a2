"""What ``docs/models.md`` shows runs as it stands there."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from anthropic.types import TextBlock, ToolUseBlock
from openai.types.chat import ChatCompletionMessage
from openai.types.responses import ResponseCustomToolCall, ResponseReasoningItem

import codemode
from codemode import CodeMode, ToolSpec
from tests.pages import programs_of

PATH = Path(__file__).parents[1] / "docs" / "models.md"
PAGE = PATH.read_text(encoding="utf-8")
PROGRAMS = programs_of(PATH)
CHILD_SECONDS = 60
RESPONSES, CHAT, ANTHROPIC, MCP, EVENTS, STORED, MANY = range(7)

PNG = "data:image/png;base64,aGk="
SOURCE = f"image({PNG!r})"
HEADER = r"Script completed\nWall time \d+\.\d seconds\nOutput:\n"


class Model:
    """Stands for a client of a vendor: says what it is told to, and keeps what it is asked."""

    def __init__(self, *turns: Any) -> None:
        self._turns = list(turns)
        self.asked: list[dict[str, Any]] = []
        self.responses = self.messages = self.completions = self
        self.chat = self

    async def create(self, **asked: Any) -> Any:
        self.asked.append(
            {name: list(each) if isinstance(each, list) else each for name, each in asked.items()}
        )
        return self._turns.pop(0)


def conversation(program: int, model: Model) -> tuple[str, list[dict[str, Any]]]:
    """What the loop on the page returns for a model, and what it asked."""
    shown: dict[str, Any] = {}
    exec(PROGRAMS[program], shown)

    async def converse() -> str:
        async with CodeMode() as cm:
            said: str = await shown["converse"](model, cm, "hi")
            return said

    return asyncio.run(converse()), model.asked


def without_header(text: str) -> str:
    """``text`` without the header that tells how long it took."""
    found = re.match(HEADER, text)
    assert found is not None
    return text[found.end() :]


def test_the_loop_over_responses_answers_calls_with_text_and_images() -> None:
    call = ResponseCustomToolCall(type="custom_tool_call", name="exec", call_id="c1", input=SOURCE)
    reasoning = ResponseReasoningItem(id="r", summary=[], type="reasoning")
    said, (first, second) = conversation(
        RESPONSES,
        Model(
            SimpleNamespace(id="1", output=[reasoning, call]),
            SimpleNamespace(id="2", output=[], output_text="done"),
        ),
    )

    (answer,) = second["input"]
    assert (said, first["input"], second["previous_response_id"]) == ("done", "hi", "1")
    assert [each["type"] for each in first["tools"]] == ["custom", "function"]
    assert without_header(answer["output"].pop(0)["text"]) == ""
    assert answer == {
        "type": "custom_tool_call_output",
        "call_id": "c1",
        "output": [{"type": "input_image", "image_url": PNG, "detail": "high"}],
    }


def test_the_loop_over_chat_completions_answers_calls_with_messages() -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "exec", "arguments": '{"code": "text(7)"}'},
    }
    asks = ChatCompletionMessage.model_validate(
        {"role": "assistant", "content": None, "tool_calls": [call]}
    )
    done = ChatCompletionMessage(role="assistant", content="done")
    said, (first, second) = conversation(
        CHAT,
        Model(*(SimpleNamespace(choices=[SimpleNamespace(message=each)]) for each in (asks, done))),
    )

    prompt, asked, answer = second["messages"]
    assert (said, prompt, asked) == ("done", {"role": "user", "content": "hi"}, asks)
    assert [each["function"]["name"] for each in first["tools"]] == ["exec", "wait"]
    assert without_header(answer.pop("content")) == "7"
    assert answer == {"role": "tool", "tool_call_id": "c1"}


def test_the_loop_over_anthropics_messages_answers_calls_with_blocks() -> None:
    use = ToolUseBlock(id="t1", type="tool_use", name="exec", input={"code": f"{SOURCE}; nothing"})
    said, (first, second) = conversation(
        ANTHROPIC,
        Model(
            SimpleNamespace(content=[TextBlock(type="text", text="let me see"), use]),
            SimpleNamespace(content=[TextBlock(type="text", text="done")]),
        ),
    )

    (answer,) = second["messages"][-1]["content"]
    assert (said, [each["role"] for each in second["messages"]]) == (
        "done",
        ["user", "assistant", "user"],
    )
    assert [sorted(each) for each in first["tools"]] == [
        ["description", "input_schema", "name"]
    ] * 2
    assert [each["type"] for each in answer.pop("content")] == ["text", "image", "text"]
    assert answer == {"type": "tool_result", "tool_use_id": "t1", "is_error": True}


def test_mcp_is_answered_with_a_result() -> None:
    shown: dict[str, Any] = {}
    exec(PROGRAMS[MCP], shown)

    async def answered() -> Any:
        async with shown["cm"]:
            return await shown["answer"]({"name": "exec", "arguments": {"code": SOURCE}})

    answer = asyncio.run(answered())
    assert [each["name"] for each in shown["listed"]["tools"]] == ["exec", "wait"]
    assert answer["content"][1:] == [{"type": "image", "data": "aGk=", "mimeType": "image/png"}]
    assert answer["isError"] is False


def printed_by(program: int) -> list[str]:
    """The lines that a program on the page prints."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAMS[program]],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_program_is_run_to_its_end_and_its_events_are_told() -> None:
    printed = printed_by(EVENTS)

    assert printed[:3] == ["/", "/about", "[('pages', 'ok', 14)]"]
    assert sorted(printed[3:]) == sorted(
        ["called pages ok", "says 2 pages", "wrote /", "wrote /about", "completed"]
    )
    assert printed[-1] == "completed"


def test_stored_values_outlive_their_session() -> None:
    assert printed_by(STORED) == ["['/', '/about']", '["/","/about"]']


def test_a_program_finds_a_tool_that_is_not_described() -> None:
    assert printed_by(MANY)[3:] == [
        "declare const tools: { mail__find_messages(args: { query: string; }):"
        " Promise<Array<string>>; };",
        '["about invoices"]',
    ]


@pytest.mark.parametrize("member", sorted(set(re.findall(r"`spec\.(\w+)\(\)`", PAGE))))
def test_a_form_that_it_names_is_there(member: str) -> None:
    assert callable(getattr(ToolSpec, member))


@pytest.mark.parametrize("event", sorted(set(re.findall(r"`((?:Cell|Call)[A-Z]\w+)`", PAGE))))
def test_an_event_that_it_names_is_there(event: str) -> None:
    assert event in ("CallToolResult", *codemode.__all__)


def test_every_program_is_run_by_a_test() -> None:
    assert len(PROGRAMS) == MANY + 1
