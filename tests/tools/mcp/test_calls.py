"""A call from its arguments to its result, its refusal, its loss, its cancellation."""

import asyncio
import logging
from typing import Any

import pytest
from mcp_types import jsonrpc_message_adapter

from codemode.errors import ToolError
from codemode.tools.mcp import McpProgress, stdio

from .conftest import BOUND_S, Stage


async def test_a_result_comes_whole_without_what_is_for_clients_only(stage: Stage) -> None:
    await stage.start()

    result = await stage.call("blocks")

    assert [sorted(block) for block in result["content"]] == [
        ["annotations", "text", "type"],
        ["data", "mimeType", "type"],
        ["data", "mimeType", "type"],
        ["resource", "type"],
        ["resource", "type"],
        ["name", "type", "uri"],
    ]
    assert result["content"][4]["resource"] == {
        "uri": "note://2",
        "mimeType": "application/pdf",
        "blob": "aGk=",
    }
    assert sorted(result) == ["content"]


async def test_structured_content_is_beside_the_text(stage: Stage) -> None:
    await stage.start()

    assert await stage.call("echo", said="hi") == {
        "content": [{"type": "text", "text": "echo"}],
        "structuredContent": {"said": "hi"},
    }


async def test_a_failure_of_the_tool_is_a_result(stage: Stage) -> None:
    await stage.start()

    assert await stage.call("fails") == {
        "content": [{"type": "text", "text": "no such city"}],
        "isError": True,
    }


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("refuses", "MCP server `puppet` refused `refuses`: bad key ***"),
        (
            "dies",
            "MCP server `puppet` was lost while `dies` ran: exit status 3; what it wrote is in the log"
            " of the application"
            "\nHint: the next call starts it again; find out first whether this one had its"
            " effect.",
        ),
    ],
)
async def test_what_is_no_result_is_an_error_without_secrets(
    stage: Stage, tool: str, expected: str
) -> None:
    await stage.start({"puppet": stage.puppet(secret="hunter2-hunter2")})

    with pytest.raises(ToolError) as caught:
        await stage.call(tool)

    assert str(caught.value) == expected


async def test_a_call_that_says_nothing_times_out_and_is_cancelled_at_the_server(
    stage: Stage,
) -> None:
    await stage.start({"puppet": stage.puppet(timeout=0.2)})

    with pytest.raises(ToolError) as caught:
        await stage.call("silent")

    assert str(caught.value) == (
        "MCP server `puppet` did not answer `silent` within 0.2 s, and the call was cancelled"
        "\nHint: ask for less, or go on without it; it may have had its effect."
    )
    assert await stage.logged("cancelled ") == stage.lines("silent ")


async def test_a_cancelled_call_is_cancelled_at_the_server(stage: Stage) -> None:
    await stage.start()
    calling = asyncio.create_task(stage.call("silent"))
    started = await stage.logged("silent ")

    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    assert await stage.logged("cancelled ") == started


async def test_progress_is_told_and_keeps_a_call_alive(stage: Stage) -> None:
    told: list[McpProgress] = []
    await stage.start({"puppet": stage.puppet(timeout=2.0)}, on_progress=told.append)

    result = await stage.call("progresses", steps=8, seconds=0.5)

    assert result == {"content": [{"type": "text", "text": "done"}]}
    assert [(each.server, each.progress, each.total, each.message) for each in told] == [
        ("puppet", step, 8, "on") for step in range(8)
    ]
    assert told[0].call.runtime_tool_call_id == "tool-1"


async def test_progress_without_an_end_does_not_keep_a_call_alive_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.tools.mcp.server.LONGEST_CALL_S", 0.5)
    await stage.start()

    with pytest.raises(ToolError, match="did not answer `progresses` within"):
        await stage.call("progresses", steps=BOUND_S * 20, seconds=0.1)


async def test_lines_that_are_no_messages_are_passed_over(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.start()

    result = await stage.call("noisy")

    assert result == {"content": [{"type": "text", "text": "after the noise"}]}
    assert [record.getMessage() for record in caplog.records] == [
        "MCP server puppet wrote no message to its output: debug: hello",
        "MCP server puppet wrote no message to its output: {]",
        "MCP server puppet wrote no message to its output: [1,2]",
    ]


async def test_a_long_result_arrives(stage: Stage) -> None:
    await stage.start()

    result = await stage.call("huge", size=5_000_000)

    assert len(result["content"][0]["text"]) == 5_000_000


async def test_a_line_without_an_end_ends_the_connection(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.tools.mcp.stdio.LINE_BYTES", 2**20)
    await stage.start()

    with pytest.raises(ToolError) as caught:
        await stage.call("endless_line")

    assert str(caught.value) == (
        "MCP server `puppet` was lost while `endless_line` ran: it sent a message longer than 1 MiB"
        "\nHint: the next call starts it again; find out first whether this one had its effect."
    )


LISTS = "[" + "[]," * 1_000_000 + "[]]"
"""Three megabytes that would become hundreds."""


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all texts that reached the reader of messages."""
    sizes: list[int] = []
    real = jsonrpc_message_adapter

    class Reader:
        def validate_json(self, text: bytes, **options: Any) -> Any:
            sizes.append(len(text))
            return real.validate_json(text, **options)

    monkeypatch.setattr(stdio, "jsonrpc_message_adapter", Reader())
    return sizes


@pytest.mark.parametrize(
    ("result", "most"),
    [
        ('{"content":[],"structuredContent":{"a":' + LISTS + "}}", "100,000 members"),
        ('{"content":[{"type":"text","text":"' + "x" * 2_000_000 + '"}]}', "1 MiB"),
    ],
    ids=["members", "bytes"],
)
async def test_an_answer_that_is_too_large_is_refused_unread_and_the_server_lives_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, read: list[int], result: str, most: str
) -> None:
    monkeypatch.setattr("codemode.tools.mcp.message.MESSAGE_BYTES", 2**22)
    if most == "1 MiB":
        monkeypatch.setattr("codemode.tools.mcp.message.MESSAGE_BYTES", 2**20)
    await stage.start()

    with pytest.raises(ToolError) as caught:
        await stage.call("says", result=result)

    assert str(caught.value) == (
        f"MCP server `puppet` gave no result for `says`: its answer has more than {most}"
        "\nHint: ask it for less at once."
    )
    assert max(read) < 100_000
    assert await stage.call("echo", said="still here")
    assert len(stage.lines("started ")) == 1


async def test_what_a_server_says_unasked_and_too_long_is_passed_over_unread(
    stage: Stage, read: list[int]
) -> None:
    await stage.start()

    result = await stage.call("shouts", data="[" + "[]," * 20_000 + "[]]")

    assert result == {"content": [{"type": "text", "text": "shouted"}]}
    assert max(read) < 10_000


@pytest.mark.parametrize("line", ["x", ""])
async def test_a_server_that_speaks_another_language_without_end_is_left(
    stage: Stage, line: str
) -> None:
    await stage.start()

    with pytest.raises(ToolError) as caught:
        await stage.call("babbles", line=line)

    assert str(caught.value) == (
        "MCP server `puppet` was lost while `babbles` ran: it wrote more than 10,000 lines that"
        " are no messages"
        "\nHint: the next call starts it again; find out first whether this one had its effect."
    )


async def test_what_a_server_logs_goes_to_a_logger_of_its_name(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.start({"puppet": stage.puppet(secret="hunter2-hunter2")})

    await stage.call("logs")
    await stage.call("echo")

    assert [(r.name, r.levelno, r.getMessage()) for r in caplog.records] == [
        ("codemode.mcp.puppet", logging.WARNING, "disk: almost full ***")
    ]


@pytest.mark.parametrize("tool", ["samples", "elicits", "roots"])
async def test_what_the_application_does_not_offer_is_refused_and_not_announced(
    stage: Stage, tool: str
) -> None:
    await stage.start()

    result = await stage.call(tool)

    assert '"message": "' in result["content"][0]["text"]
    assert "not supported" in result["content"][0]["text"]
    assert stage.lines("capabilities ") == ["{}"]


async def test_what_the_application_offers_is_announced_and_used(stage: Stage) -> None:
    asked: list[tuple[str, str]] = []

    async def sample(server: str, params: Any) -> Any:
        asked.append((server, params.messages[0].content.text))
        return {
            "role": "assistant",
            "content": {"type": "text", "text": "4"},
            "model": "small",
        }

    async def elicit(server: str, params: Any) -> Any:
        asked.append((server, params.message))
        return {"action": "accept", "content": {"name": "Ada"}}

    await stage.start(sampling=sample, elicitation=elicit, roots=["file:///srv"])

    texts = [(await stage.call(t))["content"][0]["text"] for t in ("samples", "elicits", "roots")]

    assert texts == [
        '{"content": {"text": "4", "type": "text"}, "model": "small", "role": "assistant"}',
        '{"action": "accept", "content": {"name": "Ada"}}',
        '{"roots": [{"uri": "file:///srv"}]}',
    ]
    assert asked == [("puppet", "2+2?"), ("puppet", "who?")]


async def test_a_server_that_asks_too_much_at_once_is_refused(stage: Stage) -> None:
    asked = asyncio.Semaphore(0)
    answer = asyncio.Event()

    async def elicit(server: str, params: Any) -> Any:
        asked.release()
        await answer.wait()
        return {"action": "decline"}

    await stage.start(elicitation=elicit)
    calls = [asyncio.create_task(stage.call("elicits")) for _ in range(8)]
    for _ in calls:
        await asked.acquire()

    refused = await stage.call("elicits")
    answer.set()

    assert "8 requests are under way already; ask again later" in refused["content"][0]["text"]
    assert {(await each)["content"][0]["text"] for each in calls} == {'{"action": "decline"}'}


async def test_a_handler_that_fails_is_a_refusal_without_its_reason(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async def sample(server: str, params: Any) -> Any:
        raise RuntimeError("the key is hunter2")

    await stage.start(sampling=sample)

    result = await stage.call("samples")

    assert result["content"][0]["text"] == (
        '{"code": -32600, "message": "the client failed to answer the request for sampling"}'
    )
    assert [r.getMessage() for r in caplog.records] == [
        "the application's handler of sampling failed for puppet"
    ]
