"""What holds over each transport: a client of the SDK, and the server as a process."""

import asyncio
import base64
import io
import json
import wave
from pathlib import Path

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp_types import AudioContent, ImageContent, LoggingMessageNotificationParams, TextContent

from .conftest import Connect, cell_of, over_stdio, status_of, texts, there


def wav() -> str:
    """A tenth of a second of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8_000, 800, "NONE", ""))
        sound.writeframes(bytes(1_600))
    return base64.b64encode(file.getvalue()).decode()


def holding(folder: Path) -> str:
    return f"await tools.hold({{folder: {json.dumps(str(folder))}}})"


async def test_the_tools_are_exec_and_wait_with_what_clients_want_to_know_of_them(
    connect: Connect,
) -> None:
    async with connect() as client:
        run, wait = (await client.list_tools()).tools
        assert (run.name, run.input_schema["required"]) == ("exec", ["code"])
        assert "add(args:" in (run.description or "")
        assert (wait.name, wait.input_schema["required"]) == ("wait", ["cell_id"])
        assert run.annotations is not None and wait.annotations is not None
        assert run.annotations.model_dump(exclude_none=True) == {
            "title": "Run JavaScript",
            "read_only_hint": False,
            "destructive_hint": True,
            "idempotent_hint": False,
            "open_world_hint": True,
        }
        assert wait.annotations.destructive_hint is False
        assert run.output_schema is None
        assert client.server_capabilities.tools is not None
        assert client.server_capabilities.tools.list_changed is True


async def test_a_short_description_names_the_tools_and_fits_into_a_kilobyte(
    connect: Connect,
) -> None:
    async with connect("--description", "short") as client:
        run = (await client.list_tools()).tools[0]
        assert len((run.description or "").encode()) <= 1_000
        assert (run.description or "").splitlines()[-1] == "Tools: add, hold."


async def test_a_program_calls_tools_and_prints(connect: Connect) -> None:
    async with connect() as client:
        result = await client.call_tool(
            "exec", {"code": "text(await tools.add({a: 40, b: 2})); text('done')"}
        )
        assert (texts(result), result.is_error) == (["42", "done"], False)
        assert result.structured_content is None
        assert result.meta is not None
        assert {k: v for k, v in result.meta.items() if k.startswith("codemode/")} == {
            "codemode/status": "completed",
            "codemode/cell_id": "1",
        }


async def test_what_the_server_has_loaded_is_not_looked_through_by_the_collector(
    tmp_path: Path,
) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text(
        "import gc, codemode\n\n@codemode.tool\ndef frozen() -> int:\n    return gc.get_freeze_count()\n"
    )
    async with over_stdio("--tools", str(tools)) as client:
        [count] = texts(await client.call_tool("exec", {"code": "text(await tools.frozen({}))"}))
    assert int(count) > 50_000


async def test_images_and_sounds_come_as_content(connect: Connect) -> None:
    silence = wav()
    program = f"image('data:image/png;base64,aGk='); audio('data:audio/wav;base64,{silence}')"
    async with connect() as client:
        result = await client.call_tool("exec", {"code": program})
        _, image, sound = result.content
        assert isinstance(image, ImageContent) and isinstance(sound, AudioContent)
        assert (image.mime_type, image.data) == ("image/png", "aGk=")
        assert (sound.mime_type, sound.data) == ("audio/wav", silence)


@pytest.mark.parametrize(
    ("tool", "arguments", "status"),
    [
        ("exec", {"code": "throw new Error('no')"}, "failed"),
        ("exec", {"code": ""}, "refused"),
        ("exec", {}, "refused"),
        ("exec", {"code": 7}, "refused"),
        ("wait", {"cell_id": "77"}, "failed"),
        ("wait", {}, "refused"),
        ("wait", {"cell_id": "1", "colour": "red"}, "refused"),
    ],
)
async def test_what_fails_is_an_error_for_the_model(
    tool: str, arguments: dict[str, object], status: str
) -> None:
    async with over_stdio() as client:
        result = await client.call_tool(tool, arguments)
        assert (result.is_error, status_of(result)) == (True, status)


async def test_numbers_and_words_are_taken_as_clients_write_them(connect: Connect) -> None:
    async with connect() as client:
        running = await client.call_tool(
            "exec", {"code": "yield_control(); await new Promise(() => {})"}
        )
        cell = int(cell_of(running))
        waited = await client.call_tool("wait", {"cell_id": cell, "yield_time_ms": "1"})
        ended = await client.call_tool("wait", {"cell_id": str(cell), "terminate": "true"})
        assert (status_of(waited), status_of(ended)) == ("running", "terminated")


async def test_a_program_under_another_name_is_told_to_be_the_code(connect: Connect) -> None:
    async with connect() as client:
        block = (await client.call_tool("exec", {"script": "text(1)"})).content[0]
        assert isinstance(block, TextContent)
        assert block.text.endswith(
            'pass it as `code`: {"code": "text(1)"}; this call has `script`.'
        )


async def test_another_tool_is_an_error_of_the_client() -> None:
    async with over_stdio() as client:
        with pytest.raises(MCPError, match="there is no tool 'eval'"):
            await client.call_tool("eval", {"code": "1"})


async def test_stored_values_last_from_call_to_call(connect: Connect) -> None:
    async with connect() as client:
        await client.call_tool("exec", {"code": "store('a', [1])"})
        result = await client.call_tool("exec", {"code": "text(load('a'))"})
        assert texts(result) == ["[1]"]


async def test_a_program_that_yields_is_waited_for(connect: Connect) -> None:
    program = "text('one'); yield_control(); await new Promise((r) => setTimeout(r, 1)); text('2')"
    async with connect() as client:
        result = await client.call_tool("exec", {"code": program})
        seen = texts(result)
        while status_of(result) == "running":
            result = await client.call_tool("wait", {"cell_id": cell_of(result)})
            seen += texts(result)
        assert (seen, status_of(result)) == (["one", "2"], "completed")


async def test_a_running_program_is_ended_on_demand(connect: Connect, tmp_path: Path) -> None:
    async with connect() as client:
        program = f"yield_control(); {holding(tmp_path)}"
        running = await client.call_tool("exec", {"code": program})
        ended = await client.call_tool("wait", {"cell_id": cell_of(running), "terminate": True})
        assert (status_of(running), status_of(ended)) == ("running", "terminated")


async def test_a_request_ends_in_time_whatever_yield_time_the_program_wants(
    connect: Connect, tmp_path: Path
) -> None:
    async with connect("--max-wait-seconds", "0.1") as client:
        program = f'// @exec: {{"yield_time_ms": 3600000}}\n{holding(tmp_path)}'
        running = await client.call_tool("exec", {"code": program})
        again = await client.call_tool(
            "wait", {"cell_id": cell_of(running), "yield_time_ms": 3_600_000}
        )
        assert (status_of(running), status_of(again)) == ("running", "running")


async def test_notifications_and_yields_are_progress_of_a_request_that_wants_it(
    connect: Connect,
) -> None:
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async with connect() as client:
        program = "notify('one'); notify({two: 2}); yield_control(); await new Promise(() => {})"
        await client.call_tool("exec", {"code": program}, progress_callback=hear)
    assert heard == [(1, "one"), (2, '{"two":2}'), (3, "cell 1 runs on")]


async def test_notifications_are_log_messages_of_a_request_that_wants_no_progress(
    connect: Connect,
) -> None:
    heard: list[object] = []

    async def hear(params: LoggingMessageNotificationParams) -> None:
        heard.append((params.level, params.logger, params.data))

    async with connect(logging_callback=hear) as client:
        await client.call_tool("exec", {"code": "notify('one')"})
        with pytest.warns(MCPDeprecationWarning, match="logging"):  # clients go on to use it
            await client.session.set_logging_level("error")
        await client.call_tool("exec", {"code": "notify('two')"})
    assert heard == [("info", "codemode", "one")]


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_cancelled_exec_leaves_no_cell(connect: Connect, tmp_path: Path, mode: str) -> None:
    async with connect(mode=mode) as client:
        call = asyncio.create_task(client.call_tool("exec", {"code": holding(tmp_path)}))
        await there(tmp_path / "begun")
        call.cancel()
        await there(tmp_path / "ended")
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_cancelled_wait_leaves_its_cell(connect: Connect, tmp_path: Path) -> None:
    async with connect() as client:
        program = f"yield_control(); notify('on'); {holding(tmp_path)}"
        cell_id = cell_of(await client.call_tool("exec", {"code": program}))
        wait = asyncio.create_task(
            client.call_tool("wait", {"cell_id": cell_id, "yield_time_ms": 3_600_000})
        )
        await there(tmp_path / "begun")
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        ended = await _when_free(client, cell_id)
        assert (ended, (tmp_path / "ended").exists()) == ("terminated", True)


async def _when_free(client: Client, cell_id: str) -> str:
    """Terminate; the observer that was cancelled may be there still for a moment."""
    while True:
        result = await client.call_tool("wait", {"cell_id": cell_id, "terminate": True})
        block = result.content[0]
        assert isinstance(block, TextContent)
        if "active observer" not in block.text:
            return status_of(result)
