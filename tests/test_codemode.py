"""CodeMode: what a model reads, and what becomes of cells, sessions and requests."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from codemode import (
    AudioItem,
    CodeMode,
    ImageItem,
    Limits,
    LocalSessionProvider,
    ProcessSessionProvider,
    SessionClosedError,
    TextItem,
    ToolCall,
    ToolError,
    Toolset,
    UsageError,
    tool,
)

SECONDS = 20
"""The bound on every wait here; it is never used up."""

NEVER = "await new Promise(() => {})"


@tool
async def double(x: int) -> int:
    """Twice x.

    Args:
        x: what to double.
    """
    return 2 * x


@tool
def refuse() -> None:
    """Always refuses."""
    raise ToolError("no")


@pytest.fixture(name="cm")
async def code_mode() -> AsyncIterator[CodeMode]:
    async with asyncio.timeout(SECONDS):
        async with CodeMode(tools=[double, refuse]) as cm:
            yield cm


def timeless(text: str) -> str:
    return re.sub(r"Wall time \d+\.\d seconds", "Wall time T seconds", text)


async def test_a_finished_program_reads_as_header_and_output(cm: CodeMode) -> None:
    result = await cm.exec("text(await tools.double({x: 21})); text({done: true})")

    assert timeless(result.text) == (
        'Script completed\nWall time T seconds\nOutput:\n42\n{"done":true}'
    )
    assert (result.status, result.running, result.failed) == ("completed", False, False)
    assert result.items[1:] == (TextItem("42"), TextItem('{"done":true}'))


async def test_a_failed_program_keeps_its_output_and_ends_with_the_error(cm: CodeMode) -> None:
    result = await cm.exec("text('before')\nawait tools.refuse()")

    assert timeless(result.text) == (
        "Script failed\nWall time T seconds\nOutput:\nbefore\nScript error:\nno"
    )
    assert (result.status, result.failed, result.error_text) == ("failed", True, "no")


async def test_a_long_program_yields_and_is_waited_for(cm: CodeMode) -> None:
    first = await cm.exec(
        "text(1); yield_control(); await new Promise(r => setTimeout(r, 1)); text(2)"
    )
    assert first.cell_id is not None
    second = await cm.wait(first.cell_id)

    assert timeless(first.text) == (
        "Script running with cell ID 1\nWall time T seconds\nOutput:\n1"
    )
    assert (first.running, first.failed) == (True, False)
    assert timeless(second.text) == "Script completed\nWall time T seconds\nOutput:\n2"


async def test_the_pragma_sets_the_yield_time_and_the_budget(cm: CodeMode) -> None:
    result = await cm.exec(
        '// @exec: {"yield_time_ms": 0, "max_output_tokens": 2}\ntext("x".repeat(99));' + NEVER
    )
    assert result.cell_id is not None
    ended = await cm.wait(result.cell_id, terminate=True, max_tokens=2)

    assert result.running
    assert timeless(ended.text).startswith("Script terminated\nWall time T seconds\nOutput:")


async def test_output_over_the_budget_is_cut_in_the_middle(cm: CodeMode) -> None:
    result = await cm.exec('// @exec: {"max_output_tokens": 2}\ntext("x".repeat(100))')

    assert [item.text for item in result.items[1:] if isinstance(item, TextItem)] == [
        "Warning: truncated output (original token count: 25)\nTotal output lines: 1\n\n"
        "xxxx…23 tokens truncated…xxxx"
    ]


async def test_images_and_sounds_come_as_items(cm: CodeMode) -> None:
    result = await cm.exec(
        "image('data:image/png;base64,AA==', 'low'); audio('data:audio/mp3;base64,AA==')"
    )

    assert result.items[1:] == (
        ImageItem("data:image/png;base64,AA==", "low"),
        AudioItem("data:audio/mp3;base64,AA=="),
    )
    assert result.images == (ImageItem("data:image/png;base64,AA==", "low"),)


async def test_values_stored_by_one_cell_are_loaded_by_the_next(cm: CodeMode) -> None:
    await cm.exec("store('k', {a: [1]})")
    result = await cm.exec("text(load('k'))")

    assert result.items[1:] == (TextItem('{"a":[1]}'),)


async def test_a_model_that_asks_again_for_a_finished_cell_is_told_to_stop(cm: CodeMode) -> None:
    first = await cm.exec("text('x')")
    assert first.cell_id is not None
    again = await cm.wait(first.cell_id)

    assert re.sub(r"\d+ s ago", "N s ago", timeless(again.text)) == (
        "Script failed\nWall time T seconds\nOutput:\nScript error:\nexec cell 1 not found\n"
        "Hint: cell 1 completed N s ago and its result was returned then. Do not wait for it again."
    )
    assert cm.last_result(first.cell_id) == first


@pytest.mark.parametrize("cell_id", ["2", "99", "x", "", "-1", "1.0", "²"])
async def test_a_cell_that_never_was_is_said_never_to_have_been(cm: CodeMode, cell_id: str) -> None:
    await cm.exec("text('x')")
    result = await cm.wait(cell_id)

    assert result.error_text == (
        f"exec cell {cell_id} not found\n"
        f"Hint: there never was a cell {cell_id} in this session. Start a new exec."
    )


async def test_a_terminated_cell_is_said_to_have_been_terminated(cm: CodeMode) -> None:
    started = await cm.exec("yield_control();" + NEVER)
    assert started.cell_id is not None
    await cm.wait(started.cell_id, terminate=True)
    result = await cm.wait(started.cell_id)

    assert result.error_text is not None
    assert "cell 1 was terminated 0 s ago" in result.error_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("// @exec: {\n", "exec pragma must be followed by JavaScript source on subsequent lines"),
        (
            '// @exec: {"tokens": 1}\n1',
            "exec pragma only supports `yield_time_ms` and `max_output_tokens`; got `tokens`",
        ),
    ],
)
async def test_a_bad_pragma_is_a_result_and_no_cell(cm: CodeMode, source: str, text: str) -> None:
    result = await cm.exec(source)

    assert (result.status, result.text, result.cell_id) == ("refused", text, None)
    assert (await cm.exec("1")).cell_id == "1"


async def test_a_source_over_its_limit_is_a_result_that_names_the_limit() -> None:
    async with CodeMode(limits=Limits(source_bytes=10)) as cm:
        result = await cm.exec("text('0123456789')")

    assert result.text.startswith(
        "Limit reached (source_bytes): the source is 18 bytes, more than 10 bytes.\nHint: "
    )


async def test_too_many_live_cells_are_refused_and_named() -> None:
    async with CodeMode(limits=Limits(live_cells=1)) as cm:
        running = await cm.exec("yield_control();" + NEVER)
        refused = await cm.exec("1")
        assert running.cell_id is not None
        await cm.wait(running.cell_id, terminate=True)
        allowed = await cm.exec("text('again')")

    assert refused.text.startswith("Limit reached (live_cells): 1 cells of this session")
    assert refused.text.endswith("Live cells: 1.")
    assert allowed.status == "completed"


async def test_a_second_observer_is_refused_in_words(cm: CodeMode) -> None:
    started = await cm.exec("yield_control();" + NEVER)
    assert started.cell_id is not None
    first = asyncio.create_task(cm.wait(started.cell_id))
    await asyncio.sleep(0)  # the first one is at its await
    second = await cm.wait(started.cell_id)
    await cm.wait(started.cell_id, terminate=True)

    assert second.text == "exec cell 1 already has an active observer"
    assert (await first).status == "terminated"


@pytest.mark.parametrize(
    ("name", "payload", "text"),
    [
        ("exec", {"cod": "1"}, "exec expects raw JavaScript source text"),
        ("exec", {"code": 1}, "exec expects raw JavaScript source text"),
        (
            "wait",
            "{",
            "failed to parse function arguments: Expecting property name enclosed in"
            " double quotes: line 1 column 2 (char 1)",
        ),
        (
            "wait",
            {},
            "failed to parse function arguments: Object missing required field `cell_id`",
        ),
    ],
)
async def test_a_payload_of_the_wrong_shape_is_refused_as_the_reference_does(
    name: str, payload: str | dict[str, object], text: str
) -> None:
    async with CodeMode() as cm:
        result = await cm.call(name, payload)

    said, _, hint = result.text.partition("\nHint: ")
    assert (result.status, said) == ("refused", text)
    starts = {"exec": 'pass it as `code`: {"code": "text(1)"}; ', "wait": 'pass {"cell_id": "1"}'}
    assert hint.startswith(starts[name])


async def test_a_payload_that_is_nested_too_deep_to_be_read_is_refused() -> None:
    async with CodeMode() as cm:
        result = await cm.call("wait", "[" * 100_000)

    assert (result.status, result.cell_id) == ("refused", None)


async def test_a_models_calls_are_run_in_every_form(cm: CodeMode) -> None:
    raw = await cm.call("exec", "text(1)")
    mapped = await cm.call("exec", {"code": "yield_control();" + NEVER})
    ended = await cm.call("wait", f'{{"cell_id": "{mapped.cell_id}", "terminate": true}}')

    assert [raw.status, mapped.status, ended.status] == ["completed", "running", "terminated"]


async def test_numbers_of_a_wait_may_be_floats_or_null(cm: CodeMode) -> None:
    first = await cm.exec("yield_control(); text('y'.repeat(99))")
    ended = await cm.call(
        "wait", {"cell_id": first.cell_id, "yield_time_ms": 1e4, "max_tokens": 4.0}
    )
    endless = await cm.exec("yield_control();" + NEVER)
    nulls = {"yield_time_ms": None, "max_tokens": None, "terminate": True}
    stopped = await cm.call("wait", {"cell_id": endless.cell_id, **nulls})

    assert [ended.status, stopped.status] == ["completed", "terminated"]
    assert "yyyyyyyy…21 tokens truncated…yyyyyyyy" in ended.text


async def test_a_result_is_waited_for_as_its_cell_is(cm: CodeMode) -> None:
    first = await cm.exec("text(1); yield_control(); text(2)")
    second = await cm.wait(first)

    assert (first.output, second.status, second.output) == ("1", "completed", "2")


async def test_a_result_without_a_cell_cannot_be_waited_for(cm: CodeMode) -> None:
    refused = await cm.exec("")
    with pytest.raises(UsageError, match="there is no cell in ExecResult"):
        await cm.wait(refused)
    with pytest.raises(UsageError, match="there is no cell in None\nHint: wait while"):
        await cm.wait(refused.cell_id)  # type: ignore[arg-type]  # what a type checker refuses


async def test_another_tool_name_is_the_callers_mistake() -> None:
    async with CodeMode() as cm:
        with pytest.raises(UsageError, match="exec and wait, not 'run'"):
            await cm.call("run", "1")


async def test_notifications_carry_the_call_and_the_cell() -> None:
    heard: list[tuple[str, str, str]] = []
    async with CodeMode(on_notify=lambda *notification: heard.append(notification)) as cm:
        await cm.exec("notify('hello')", call_id="call-7")

    assert heard == [("call-7", "1", "hello")]


async def test_every_nested_call_passes_the_chain() -> None:
    seen: list[str] = []

    async def trace(call: ToolCall, forward: object) -> object:
        seen.append(f"{call.cell_id} {call.runtime_tool_call_id} {call.tool_name.name}")
        return await forward(call)  # type: ignore[operator]  # typed as object for the test

    async with CodeMode(tools=[double], middleware=[trace]) as cm:
        await cm.exec("await Promise.all([tools.double({x: 1}), tools.double({x: 2})])")

    assert seen == ["1 tool-1 double", "1 tool-2 double"]


async def test_the_definitions_for_a_model_list_the_tools(cm: CodeMode) -> None:
    exec_tool = cm.exec_tool.openai()

    assert exec_tool["type"] == "custom"
    assert "double(args: {\n  // what to double.\n  x: number;\n})" in str(exec_tool["description"])
    assert cm.wait_tool.function()["name"] == "wait"


def test_the_definitions_name_the_budget_that_is_in_force() -> None:
    cm = CodeMode(limits=Limits(output_tokens=1_234))

    budget = cm.wait_tool.function()["parameters"]["properties"]["max_tokens"]["description"]
    texts = (
        str(cm.exec_tool.openai()["description"]),
        cm.exec_tool.function()["description"],
        budget,
    )
    assert ["Defaults to 1234 tokens." in text for text in texts] == [True] * 3
    assert "10000 tokens" not in "".join(texts)
    assert cm.exec_tool is cm.exec_tool


async def test_a_cancelled_exec_leaves_no_cell() -> None:
    async with LocalSessionProvider() as provider:
        arrived = asyncio.Event()

        @tool
        async def arrive() -> None:
            "Says that the program runs."
            arrived.set()

        async with CodeMode(tools=[arrive], provider=provider) as cm:
            task = asyncio.create_task(cm.exec("await tools.arrive();" + NEVER))
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            after = await cm.wait("1")

    assert after.failed


async def test_closing_ends_running_cells_and_refuses_what_comes_later() -> None:
    cm = CodeMode()
    await cm.exec("yield_control(); for(;;);")
    await cm.aclose()
    await cm.aclose()

    with pytest.raises(SessionClosedError, match="code mode session is shutting down"):
        await cm.exec("1")


async def test_a_provider_and_a_toolset_that_were_lent_stay_open() -> None:
    async with LocalSessionProvider() as provider, Toolset([double]) as toolset:
        for _ in range(2):
            async with CodeMode(tools=toolset, provider=provider) as cm:
                result = await cm.exec("text(await tools.double({x: 2}))")
                assert result.items[1:] == (TextItem("4"),)


async def test_a_host_that_dies_under_the_first_observation_is_a_result() -> None:
    begun = asyncio.Event()

    async def never() -> None:
        begun.set()
        await asyncio.Event().wait()

    host = ProcessSessionProvider([sys.executable, "-m", "codemode.host"])
    async with asyncio.timeout(SECONDS), host, CodeMode(tools=[never], provider=host) as cm:
        running = asyncio.create_task(cm.exec("await tools.never()"))
        await begun.wait()
        assert host.host_pid is not None
        os.kill(host.host_pid, signal.SIGKILL)
        lost = await running

    assert lost.status == "refused"
    assert lost.text.startswith("code-mode host")


async def test_what_a_model_wrote_is_quoted_in_text_that_can_be_sent() -> None:
    async with CodeMode() as cm:
        asked = [
            await cm.call("exec", '// @exec: {"\ud800": 1}\ntext(1)'),
            await cm.call("wait", {"cell_id": "\ud800"}),
            await cm.call("wait", {"cell_id": 1, "\ud800": 1}),
        ]

    assert all(each.failed for each in asked)
    assert all("\ufffd" in each.text.encode().decode() for each in asked[:2])
    assert asked[2].text.encode() != b""


async def test_a_negative_budget_is_a_mistake_of_the_application() -> None:
    async with CodeMode() as cm:
        with pytest.raises(UsageError, match=r"^max_tokens must not be negative, got -1$"):
            await cm.wait("1", max_tokens=-1)


@pytest.mark.parametrize("by", ["wait", "exec"])
async def test_a_cell_that_was_lost_with_its_host_is_told_once_and_stored_values_are_there_again(
    by: str,
) -> None:
    host = ProcessSessionProvider([sys.executable, "-m", "codemode.host"])
    async with asyncio.timeout(SECONDS), host, CodeMode(provider=host) as cm:
        await cm.exec("store('k', 7)")
        old = await cm.exec("yield_control();" + NEVER)
        assert host.host_pid is not None and old.cell_id is not None
        os.kill(host.host_pid, signal.SIGKILL)
        if by == "wait":
            told = await cm.wait(old.cell_id)
        else:
            told = await cm.exec("text('not run')")
            # The call that sees the end may come before the one that is told.
            if "The program may have begun" in told.text:
                told = await cm.exec("text('not run')")
        again = await cm.exec("text(load('k'))")
        stale = await cm.wait(old.cell_id)
        unknown = await cm.wait("g2:9")

    assert (told.status, "xec cell 2 is lost" in told.text) == ("refused", True)
    assert (again.cell_id, again.items[1:]) == ("g2:1", (TextItem("7"),))
    assert stale.text == "cell belongs to a stale code-mode host generation"
    assert unknown.error_text is not None
    assert "there never was a cell g2:9" in unknown.error_text


async def test_deferred_tools_are_found_in_a_host_process_too() -> None:
    host = ProcessSessionProvider([sys.executable, "-m", "codemode.host"])
    async with asyncio.timeout(SECONDS), host:
        async with CodeMode(tools=[double, refuse], provider=host, catalogue_tokens=0) as cm:
            result = await cm.exec("text((await tools.search_tools('twice')).map((t) => t.name))")

    assert result.items[1:] == (TextItem('["double"]'),)


async def test_what_a_toolset_has_decided_is_not_decided_again() -> None:
    async with Toolset() as toolset:
        options: list[dict[str, Any]] = [
            {"catalogue_tokens": 5},
            {"declarations": "published"},
            {"namespaces": {}},
            {"middleware": [print]},
        ]
        for option in options:
            with pytest.raises(UsageError, match="to the Toolset"):
                CodeMode(tools=toolset, **option)


async def test_tools_with_the_names_of_the_language_are_called_as_any_other() -> None:
    names = ["__proto__", "then", "constructor", "toString", "class", "await", "9", "-"]
    tools = [tool(name=name)(lambda name=name: name) for name in names]
    async with CodeMode(tools=tools) as cm:
        result = await cm.exec(
            "for (const name of Object.keys(tools)) text(`${name}: ${await tools[name]({})}`);"
            "text(await tools.class({})); text(typeof {}.toString())"
        )

    own = ["__proto__", "then", "constructor", "toString", "class", "await"]
    assert [item.text for item in result.items[1:]] == [  # type: ignore[union-attr]  # all are texts
        *(f"{name}: {name}" for name in own),
        "_: 9",
        "__2: -",
        "class",
        "string",
    ]


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "limits": (
        {"limits": {}},
        "limits must be a Limits, got a dict\nHint: limits=Limits(heap_bytes=64 * 2**20)",
    ),
    "provider": (
        {"provider": "codemode host"},
        "provider must be a SessionProvider, got 'codemode host'"
        '\nHint: provider=ProcessSessionProvider("codemode host")',
    ),
    "class": (
        {"provider": LocalSessionProvider},
        f"provider must be a SessionProvider, got {LocalSessionProvider!r}"
        '\nHint: provider=ProcessSessionProvider("codemode host")',
    ),
    "tools": ({"tools": 5}, "tools must be a list, got 5\nHint: one is a list, too: tools=[…]."),
    "mcp": (
        {"mcp": 5},
        "mcp must be a path, what an mcp.json would say, or McpServers, got a int"
        '\nHint: mcp="mcp.json"',
    ),
}


@pytest.mark.parametrize(("options", "text"), OPTIONS.values(), ids=OPTIONS.keys())
def test_an_option_that_is_wrong_is_told_at_once(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        CodeMode(**options)

    assert str(caught.value) == text


def test_the_one_engine_may_be_named_and_no_other() -> None:
    CodeMode(engine="workers")
    with pytest.raises(UsageError, match="there is no engine 'threads'"):
        CodeMode(engine="threads")  # type: ignore[arg-type]
