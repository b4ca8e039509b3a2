"""Cells that call tools of MCP servers: published ones, and a puppet for what those do not do."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from codemode import (
    CodeMode,
    ExecResult,
    HttpServer,
    McpHandlers,
    McpProgress,
    McpServers,
    Next,
    SessionClosedError,
    StdioServer,
    TextItem,
    ToolCall,
    ToolError,
    UsageError,
)

from .tools.mcp.conftest import PUPPET, Stage, stage
from .tools.mcp.everything import everything

__all__ = ["stage"]

ROOT = Path(__file__).parents[1]
TIME = StdioServer(sys.executable, ["-m", "mcp_server_time"])
GIT = StdioServer(sys.executable, ["-m", "mcp_server_git"])


def texts(result: ExecResult) -> list[str]:
    """What the program wrote as text, without the header."""
    return [item.text for item in result.items[1:] if isinstance(item, TextItem)]


async def test_a_program_over_three_servers_at_once() -> None:
    servers = {"time": TIME, "git": GIT, "everything": everything()}
    async with McpServers(servers) as mcp, CodeMode(mcp=mcp) as cm:
        result = await cm.exec(
            """
            const [time, status, sum] = await Promise.all([
              tools.mcp__time__convert_time({
                source_timezone: "Etc/UTC", time: "12:00", target_timezone: "Asia/Tokyo",
              }),
              tools.mcp__git__git_status({ repo_path: ROOT }),
              tools.mcp__everything__get_sum({ a: 2, b: 3 }),
            ]);
            text(time.structuredContent?.time_difference ?? JSON.parse(time.content[0].text).time_difference);
            text(status.content[0].text.split(":")[0]);
            text(sum.content[0].text);
            """.replace("ROOT", json.dumps(str(ROOT)))
        )

    assert texts(result) == [
        "+9.0h",
        "Repository status",
        "The sum of 2 and 3 is 5.",
    ]


async def test_a_failure_of_a_tool_is_a_result_that_the_program_reads() -> None:
    async with CodeMode(mcp=McpServers({"time": TIME})) as cm:
        result = await cm.exec(
            "const r = await tools.mcp__time__get_current_time({timezone: 'Nowhere/Land'});"
            " text(r.isError); text(r.content[0].type)"
        )

    assert texts(result) == ["true", "text"]


async def test_an_image_of_a_server_goes_to_the_model() -> None:
    async with CodeMode(mcp=McpServers({"everything": everything()})) as cm:
        result = await cm.exec(
            "const r = await tools.mcp__everything__get_tiny_image({});"
            " image(r.content.find((block) => block.type === 'image'));"
        )

    assert result.status == "completed", result.text
    assert [image.image_url[:22] for image in result.images] == ["data:image/png;base64,"]


async def test_progress_of_a_published_server_is_told() -> None:
    told: list[McpProgress] = []
    mcp = McpServers({"everything": everything()}, handlers=McpHandlers(on_progress=told.append))
    async with mcp, CodeMode(mcp=mcp) as cm:
        result = await cm.exec(
            "const r = await tools.mcp__everything__trigger_long_running_operation("
            "{duration: 0.2, steps: 2}); text(r.content[0].text)"
        )

    assert result.status == "completed", result.text
    assert [(each.progress, each.total) for each in told] == [(1, 2), (2, 2)]
    assert {each.call.tool_name.name for each in told} == {"trigger-long-running-operation"}


async def test_servers_named_in_a_file_start_with_codemode_and_end_with_it(
    tmp_path: Path, stage: Stage
) -> None:
    config = tmp_path / "mcp.json"
    puppet = {
        "command": sys.executable,
        "args": [str(PUPPET)],
        "env": {"PUPPET_LOG": str(stage.log)},
    }
    broken = {"command": "no-such-program"}
    config.write_text(json.dumps({"mcpServers": {"puppet": puppet, "broken": broken}}))

    async with CodeMode(mcp=config) as cm:
        description = cm.exec_tool.description
        result = await cm.exec(
            "text((await tools.mcp__puppet__echo({said: 'hi'})).structuredContent)"
        )

    assert texts(result)[-1] == '{"said":"hi"}'
    assert "mcp__puppet__echo(args" in description
    assert (
        "## mcp__broken\nMCP server `broken` is not available:"
        " cannot run `no-such-program`: No such file or directory"
    ) in description
    assert cm.toolset.definitions == ()


async def test_the_first_exec_starts_servers_that_nobody_has_started(stage: Stage) -> None:
    mcp = McpServers({"puppet": stage.puppet()})
    cm = CodeMode(mcp=mcp)
    before = stage.lines("")

    result = await cm.exec("text(typeof tools.mcp__puppet__echo)")
    await cm.aclose()

    assert (before, texts(result)[-1]) == ([], "function")
    assert mcp.tools  # they are the caller's to close
    await mcp.aclose()


async def test_closing_does_not_wait_for_servers_that_start(tmp_path: Path, stage: Stage) -> None:
    puppet = stage.puppet("mute")
    server = {"command": puppet.command, "args": list(puppet.args), "env": dict(puppet.env)}
    cm = CodeMode(mcp={"mcpServers": {"puppet": server}})
    running = asyncio.create_task(cm.exec("text(ALL_TOOLS.length)"))
    (pid,) = await stage.logged("started ")

    await cm.aclose()

    result = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(result[0], SessionClosedError)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


async def test_closing_does_not_wait_for_servers_that_others_start(stage: Stage) -> None:
    mcp = McpServers({"mute": stage.puppet("mute", start_timeout=3600)})
    starting = asyncio.create_task(mcp.start())
    (pid,) = await stage.logged("started ")
    cm = CodeMode(mcp=mcp)
    running = asyncio.create_task(cm.exec("text(1)"))
    await asyncio.sleep(0)

    await cm.aclose()

    result = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(result[0], SessionClosedError)
    os.kill(int(pid), 0)  # it goes on for the others
    await mcp.aclose()
    assert isinstance((await asyncio.gather(starting, return_exceptions=True))[0], UsageError)


async def test_only_the_first_session_waits_for_a_server_that_hangs(
    stage: Stage, tmp_path: Path
) -> None:
    program, puppet = tmp_path / "server", stage.puppet("mute")
    hangs = StdioServer(str(program), puppet.args, env=puppet.env, start_timeout=3600)
    async with McpServers({"well": stage.puppet(), "hangs": hangs}) as mcp:
        program.symlink_to(sys.executable)
        async with CodeMode(mcp=mcp) as cm:
            result = await cm.exec("text((await tools.mcp__well__fails({})).isError)")
            trying = [task.get_name() for task in asyncio.all_tasks() if "again" in task.get_name()]

    assert (texts(result), trying) == (["true"], ["mcp hangs again"])


async def test_what_the_application_says_of_a_server_goes_before_what_it_says_itself(
    stage: Stage,
) -> None:
    said = {"mcp__puppet": "Only on Mondays."}
    mcp = McpServers({"puppet": stage.puppet()})
    async with mcp, CodeMode(mcp=mcp, namespaces=said) as cm:
        description = cm.exec_tool.description
        toolset = cm.toolset

    assert "\n## mcp__puppet\nOnly on Mondays.\n" in description
    assert "Pull the strings." not in description
    assert toolset.namespaces == said


async def test_a_terminated_cell_cancels_its_calls_at_the_server(stage: Stage) -> None:
    mcp = McpServers({"puppet": stage.puppet()})
    async with mcp, CodeMode(mcp=mcp) as cm:
        running = await cm.exec(
            '// @exec: {"yield_time_ms": 0}\nawait tools.mcp__puppet__silent({})'
        )
        called = await stage.logged("silent ")
        assert running.cell_id is not None

        await cm.wait(running.cell_id, terminate=True)

        assert await stage.logged("cancelled ") == called


async def test_calls_of_servers_pass_the_middleware(stage: Stage) -> None:
    async def guard(call: ToolCall, call_next: Next) -> Any:
        if call.tool_name.name == "echo":
            raise ToolError(f"not {call.tool_name.namespace}")
        return await call_next(call)

    mcp = McpServers({"puppet": stage.puppet()})
    async with mcp, CodeMode(mcp=mcp, middleware=[guard]) as cm:
        result = await cm.exec("try { await tools.mcp__puppet__echo({}) } catch (e) { text(e) }")

    assert texts(result)[-1] == "not mcp__puppet"


BORN = "mcp__puppet__born"


async def test_a_running_cell_keeps_its_catalogue_and_later_ones_have_the_new(
    stage: Stage,
) -> None:
    changed = asyncio.Event()
    mcp = McpServers(
        {"puppet": stage.puppet()},
        handlers=McpHandlers(
            on_status=lambda status: changed.set() if status.added == (BORN,) else None
        ),
    )
    async with mcp, CodeMode(mcp=mcp) as cm:
        names = f"ALL_TOOLS.some((tool) => tool.name === '{BORN}')"
        first = await cm.exec(
            f"await tools.mcp__puppet__grows({{name: 'born'}}); yield_control(); text({names})"
        )
        await changed.wait()
        second = await cm.exec(f"text({names})")
        while first.running:
            assert first.cell_id is not None
            first = await cm.wait(first.cell_id)

    assert (texts(first)[-1], texts(second)[-1]) == ("false", "true")


async def test_names_that_javascript_keeps_for_itself_are_callable_and_harmless(
    stage: Stage,
) -> None:
    mcp = McpServers({"puppet": stage.puppet("odd-tools")})
    async with mcp, CodeMode(mcp=mcp) as cm:
        result = await cm.exec(
            """
            for (const name of ["mcp__puppet____proto__", "mcp__puppet__then"]) {
              try { await tools[name]({}) } catch (error) { text(error) }
            }
            text(({}).polluted);
            """
        )

    assert texts(result) == [
        "MCP server `puppet` refused `__proto__`: unknown tool __proto__",
        "MCP server `puppet` refused `then`: unknown tool then",
        "undefined",
    ]


async def test_a_result_beyond_the_limit_is_an_error_of_that_call(stage: Stage) -> None:
    mcp = McpServers({"puppet": stage.puppet()})
    async with mcp, CodeMode(mcp=mcp) as cm:
        result = await cm.exec(
            "try { await tools.mcp__puppet__huge({size: 20_000_000}) }"
            " catch (e) { text(String(e).split(':')[0]) }"
            " text((await tools.mcp__puppet__echo({said: 'well'})).structuredContent.said)"
        )

    assert texts(result) == ["Limit reached (value_bytes)", "well"]


async def test_the_same_servers_serve_several_sessions(stage: Stage) -> None:
    mcp = McpServers({"puppet": stage.puppet()})
    async with mcp, CodeMode(mcp=mcp) as one, CodeMode(mcp=mcp) as other:
        results = await asyncio.gather(
            *(cm.exec("text(await tools.mcp__puppet__fails({}))") for cm in (one, other))
        )

    assert [each.status for each in results] == ["completed", "completed"]
    assert len(stage.lines("started ")) == 1


def test_a_wrong_configuration_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="has no object `mcpServers`"):
        CodeMode(mcp={"time": {}})
    with pytest.raises(UsageError, match="must begin with http"):
        HttpServer("example.org")


async def test_a_wrong_entry_is_told_and_the_other_servers_work(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    puppet = stage.puppet()
    said = {"bad": {}, "puppet": {"command": puppet.command, "args": list(puppet.args)}}
    async with CodeMode(mcp={"mcpServers": said}) as cm:
        result = await cm.exec("text(await tools.mcp__puppet__fails({}))")
        described = cm.exec_tool.description

    assert result.status == "completed"
    assert [each.getMessage() for each in caplog.records] == [
        "MCP server bad is not available: mcp.json: server `bad` has neither `command` nor `url`"
        r"\nHint: a command is started, a url is reached over streamable HTTP."
    ]
    assert "MCP server `bad` is not available: its configuration is wrong" in described
