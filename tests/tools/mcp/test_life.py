"""Servers from their start to their end: failures, deaths, restarts, changes, closing."""

import asyncio
import importlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codemode.errors import ToolDefinitionError, ToolError, UsageError
from codemode.tools.mcp import McpServers, StdioServer
from codemode.tools.toolset import Toolset

from .conftest import Stage


async def gone(pid: str) -> None:
    """Wait for the end of a process that is not ours."""
    try:
        watched = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(watched, over.set)
    await over.wait()
    loop.remove_reader(watched)
    os.close(watched)


async def test_nothing_starts_when_servers_are_named(stage: Stage) -> None:
    servers = McpServers({"puppet": stage.puppet()})

    assert (servers.tools, servers.unavailable, stage.lines("")) == ((), {}, [])


WRITTEN = "; what it wrote is in the log of the application"


async def test_one_that_fails_is_named_and_does_not_take_the_others_down(stage: Stage) -> None:
    secret = "hunter2-hunter2"
    servers = await stage.start(
        {
            "missing": StdioServer("no-such-program"),
            "breaks": stage.puppet("breaks", secret=secret),
            "well": stage.puppet(),
        }
    )

    assert servers.unavailable == {
        "missing": "cannot run `no-such-program`: No such file or directory",
        "breaks": "it ended: exit status 1; it wrote: no key for ***",
    }
    assert {name.split("__")[1] for name in stage.names()} == {"well"}
    assert await stage.call("echo", "well", said="hi")
    failed = [each for each in stage.states if each.state == "failed"]
    assert {each.server: each.reason for each in failed} == servers.unavailable
    description = stage.toolset.catalogue.exec_tool().description
    assert [line for line in description.splitlines() if line.startswith("MCP server")] == [
        f"MCP server `breaks` is not available: it ended: exit status 1{WRITTEN}",
        "MCP server `missing` is not available: cannot run `no-such-program`: No such file or directory",
    ]


async def test_what_a_dead_server_wrote_is_for_people_and_never_for_a_model(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="codemode.tools.mcp")
    await stage.start({"puppet": stage.puppet(secret="hunter2-hunter2")})

    with pytest.raises(ToolError) as caught:
        await stage.call("dies")

    assert str(caught.value) == (
        f"MCP server `puppet` was lost while `dies` ran: exit status 3{WRITTEN}"
        "\nHint: the next call starts it again; find out first whether this one had its effect."
    )
    assert [each.getMessage() for each in caplog.records] == [
        "MCP server puppet was lost: exit status 3; it wrote: fatal: ***",
        r"MCP server puppet wrote last: working\nfatal: ***\n",
    ]


SLOW = "it was not ready within 0.5 s; it goes on starting"


async def test_one_that_is_fetched_first_comes_when_it_is_there(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    servers = await stage.start({"late": stage.puppet("fetches", start_timeout=0.5)})
    assert servers.unavailable == {"late": SLOW}
    described = stage.toolset.catalogue.exec_tool().description
    assert f"MCP server `late` is not available: {SLOW}" in described
    await servers.started()  # who comes later does not wait

    await asyncio.to_thread(stage.gate.write_text, "go on")
    await stage.until("ready")

    assert (servers.unavailable, len(stage.names())) == ({}, 24)
    assert (await stage.call("echo", "late", said="hi"))["structuredContent"] == {"said": "hi"}
    assert len(stage.lines("started ")) == 1
    assert [(each.state, each.reason) for each in stage.states] == [
        ("starting", ""),
        ("starting", SLOW),
        ("ready", ""),
    ]
    assert [each.getMessage() for each in caplog.records] == [
        f"MCP server late is not available: {SLOW}"
    ]


async def test_a_start_has_a_bound_of_its_own(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemode.tools.mcp.server.LIMIT_S", 0.5)
    servers = await stage.start({"mute": stage.puppet("mute")})

    assert servers.unavailable == {"mute": "it was not ready within 0.5 s"}
    (pid,) = await stage.logged("started ")
    await gone(pid)


async def test_a_call_does_not_wait_longer_than_a_start_may_take(
    stage: Stage, tmp_path: Path
) -> None:
    """A server that was lost is fetched anew, and says that it is not there yet."""
    program = tmp_path / "server"
    program.symlink_to(sys.executable)
    puppet = stage.puppet(start_timeout=0.5)
    await stage.start({"late": StdioServer(str(program), puppet.args, puppet.env, start_timeout=5)})
    with pytest.raises(ToolError, match="was lost"):
        await stage.call("dies", "late")
    program.unlink()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)

    with pytest.raises(ToolError) as caught:
        await stage.call("echo", "late")

    assert str(caught.value) == (
        "MCP server `late` is not available: it was not ready within 5 s; it goes on starting"
        "\nHint: call it again later, or go on without it."
    )


async def test_a_wrong_entry_is_not_tried(stage: Stage) -> None:
    servers = McpServers.from_config({"mcpServers": {"bad": {"url": 7}}})
    reason = "mcp.json: server `bad`: `url` must be a string"
    assert servers.unavailable == {"bad": reason}

    await servers.start()
    servers.revive()

    assert (servers.tools, servers.unavailable) == ((), {"bad": reason})
    await servers.aclose()


async def test_servers_start_side_by_side(stage: Stage) -> None:
    puppets = {name: stage.puppet() for name in ("one", "two", "three")}

    await stage.start(puppets)

    order = [each.state for each in stage.states]
    assert order == ["starting"] * 3 + ["ready"] * 3


async def test_starting_again_tries_what_failed_and_leaves_what_runs(stage: Stage) -> None:
    servers = await stage.start({"well": stage.puppet(), "breaks": stage.puppet("breaks")})

    await servers.start()

    told = sorted((each.server, each.state) for each in stage.states)
    assert told == [
        *[("breaks", "failed"), ("breaks", "failed")],
        *[("breaks", "starting"), ("breaks", "starting")],
        *[("well", "ready"), ("well", "starting")],
    ]


async def test_those_who_start_at_the_same_time_share_a_start(stage: Stage) -> None:
    servers = McpServers({"puppet": stage.puppet(), "breaks": stage.puppet("breaks")})

    await asyncio.gather(servers.start(), servers.started(), servers.start())

    assert (list(servers.unavailable), len(stage.lines("started "))) == (["breaks"], 2)
    await servers.aclose()


async def test_one_of_those_who_start_may_leave(stage: Stage) -> None:
    servers = McpServers({"puppet": stage.puppet()})
    leaving, staying = asyncio.create_task(servers.start()), asyncio.create_task(servers.start())
    await asyncio.sleep(0)

    leaving.cancel()
    await staying

    assert leaving.cancelled()
    assert servers.tools
    await servers.aclose()


async def test_a_start_may_begin_when_one_was_cancelled(stage: Stage) -> None:
    servers = McpServers({"puppet": stage.puppet()})
    starting = asyncio.create_task(servers.started())
    await stage.logged("started ")
    starting.cancel()
    await asyncio.wait({starting})

    await servers.started()

    assert servers.tools
    await servers.aclose()


async def test_who_comes_later_does_not_wait_for_what_could_not_start(
    stage: Stage, tmp_path: Path
) -> None:
    """It is tried again aside, and its tools come when they are there."""
    program = tmp_path / "server"
    puppet = stage.puppet()
    config = StdioServer(str(program), puppet.args, env=puppet.env)
    servers = await stage.start({"late": config})
    assert list(servers.unavailable) == ["late"]
    program.symlink_to(sys.executable)

    await servers.started()
    there = stage.names()
    await stage.until("ready")
    await stage.call("echo", "late")

    assert there == []
    assert (servers.unavailable, len(stage.names())) == ({}, 24)


async def test_one_that_hangs_is_tried_once_at_a_time(stage: Stage) -> None:
    servers = await stage.start({"mute": stage.puppet("mute", start_timeout=0.5)})

    for _ in range(3):
        servers.revive()
        await asyncio.sleep(0)

    assert [each.state for each in stage.states] == ["starting", "starting"]
    assert len(stage.lines("started ")) == 1


async def test_closing_ends_what_is_tried_again(stage: Stage) -> None:
    servers = await stage.start({"breaks": stage.puppet("breaks")})
    servers.revive()

    await servers.aclose()
    servers.revive()

    assert [task for task in asyncio.all_tasks() if task.get_name() == "mcp breaks again"] == []


async def test_killing_ends_the_process_and_what_it_has_started_at_once(stage: Stage) -> None:
    servers = await stage.start({"puppet": stage.puppet("stubborn")})
    while len(pids := stage.lines("started ")) < 2:
        await stage.logged("started ")

    servers.kill()

    for pid in pids:
        await gone(pid)
    await stage.until("lost")


async def test_a_server_that_died_is_started_again_by_the_next_call(stage: Stage) -> None:
    await stage.start()
    with pytest.raises(ToolError, match="was lost while `dies` ran: exit status 3"):
        await stage.call("dies")

    assert await stage.call("echo", said="again")

    assert [each.state for each in stage.states] == [
        *("starting", "ready", "lost", "starting", "ready"),
    ]
    assert len(stage.lines("started ")) == 2


async def test_a_server_that_dies_again_and_again_is_left_alone_for_a_while(
    stage: Stage, start_delay: Callable[[float], None]
) -> None:
    start_delay(3600)
    await stage.start()
    for _ in range(2):
        with pytest.raises(ToolError, match="was lost"):
            await stage.call("dies")

    with pytest.raises(ToolError) as caught:
        await stage.call("echo")

    assert str(caught.value) == (
        "MCP server `puppet` is not available: it was lost"
        "\nHint: it can be tried again in 60 s; go on without it."
    )
    assert len(stage.lines("started ")) == 2


async def test_a_call_that_succeeds_makes_a_server_trusted_again(
    stage: Stage, start_delay: Callable[[float], None]
) -> None:
    start_delay(3600)
    await stage.start()
    for _ in range(3):
        with pytest.raises(ToolError, match="was lost"):
            await stage.call("dies")
        await stage.call("echo")

    assert len(stage.lines("started ")) == 4


async def test_the_death_of_an_idle_server_is_told_and_healed(stage: Stage) -> None:
    await stage.start()
    (pid,) = await stage.logged("started ")

    os.kill(int(pid), 9)
    lost = await stage.until("lost")
    assert (lost.server, lost.state, lost.reason, lost.tools) == (
        "puppet",
        "lost",
        "the connection ended",
        24,
    )

    assert await stage.call("echo")


async def test_calls_that_find_a_dead_server_start_one_together(stage: Stage) -> None:
    await stage.start()
    with pytest.raises(ToolError, match="was lost"):
        await stage.call("dies")

    results = await asyncio.gather(*(stage.call("echo", said=n) for n in "abcdef"))

    assert [each["structuredContent"]["said"] for each in results] == list("abcdef")
    assert len(stage.lines("started ")) == 2


async def test_tools_that_come_and_go_are_in_the_catalogue_of_later_cells(stage: Stage) -> None:
    await stage.start()
    before = stage.toolset.definitions

    await stage.until("ready")
    await stage.call("grows", name="brand_new")
    await stage.until("ready")
    assert [each for each in stage.toolset.definitions if each not in before] == [
        stage.toolset.definitions[-1]
    ]
    assert stage.names()[-1] == "mcp__puppet__brand_new"
    assert all(a is b for a, b in zip(before, stage.toolset.definitions, strict=False))

    await stage.call("grows", name="echo")
    await stage.until("ready")
    assert "mcp__puppet__echo" not in stage.names()
    with pytest.raises(ToolError) as caught:
        await stage.call("echo")
    assert str(caught.value) == (
        "tool `mcp__puppet__echo` is not enabled in exec"
        "\nHint: it was withdrawn after this cell had started; go on without it."
    )


async def test_tools_are_followed_after_a_toolset_has_refused_some(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    servers = await stage.start()
    await stage.until("ready")
    other = Toolset()
    servers.attach(other)

    def refuse(*tools: object) -> None:
        raise ToolDefinitionError("no more tools")

    with monkeypatch.context() as patched:
        patched.setattr(stage.toolset, "add", refuse)
        await stage.call("grows", name="first")
        await stage.until("ready")
    assert [each.getMessage() for each in caplog.records] == [
        "a toolset refused the tools of MCP server puppet"
    ]
    assert other.definitions[-1].name == "mcp__puppet__first"

    await stage.call("grows", name="second")
    await stage.until("ready")
    assert stage.names()[-2:] == ["mcp__puppet__first", "mcp__puppet__second"]
    await other.aclose()


async def test_a_toolset_has_one_server_of_a_name(stage: Stage) -> None:
    first = await stage.start()
    second = McpServers({"other": StdioServer("unused"), "puppet": StdioServer("unused")})

    with pytest.raises(UsageError) as caught:
        second.attach(stage.toolset)
    assert str(caught.value) == (
        "the toolset has MCP servers of the same name already: `puppet`"
        "\nHint: give these another name, or detach the other McpServers first."
    )
    second.detach(stage.toolset)
    first.attach(stage.toolset)
    assert len(stage.names()) == 24

    first.detach(stage.toolset)
    second.attach(stage.toolset)
    with pytest.raises(UsageError):
        first.attach(stage.toolset)
    await second.aclose()
    first.attach(stage.toolset)
    assert len(stage.names()) == 24


async def test_a_server_is_tried_again_once_at_a_time(stage: Stage) -> None:
    servers = await stage.start({"missing": StdioServer("no-such-program")})

    servers.revive()
    servers.revive()

    again = [each for each in asyncio.all_tasks() if each.get_name() == "mcp missing again"]
    assert len(again) == 1
    await servers.aclose()
    assert again[0].done()


async def test_closing_ends_the_process_and_what_it_has_started(stage: Stage) -> None:
    servers = await stage.start({"puppet": stage.puppet("stubborn")})
    while len(pids := stage.lines("started ")) < 2:
        await stage.logged("started ")

    await servers.aclose()

    for pid in pids:
        await gone(pid)
    assert stage.states[-1].state == "closed"


async def test_closing_closes_pipes_whose_other_ends_somebody_keeps(stage: Stage) -> None:
    before = os.listdir("/proc/self/fd")
    servers = await stage.start({"puppet": stage.puppet("leaves-a-child")})
    (child,) = await stage.logged("left ")

    await servers.aclose()

    assert len(os.listdir("/proc/self/fd")) == len(before)
    os.kill(int(child), 9)


async def test_the_sdk_is_not_loaded_by_the_event_loop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, threading.Thread] = {}
    real = importlib.import_module

    def noting(name: str) -> object:
        threads[name] = threading.current_thread()
        return real(name)

    monkeypatch.setattr("codemode.tools.mcp.server.importlib.import_module", noting)

    await stage.start()

    assert threads.keys() == {"codemode.tools.mcp.connection"}
    assert threading.main_thread() not in threads.values()


async def test_closing_fails_the_calls_under_way_and_all_later_ones(stage: Stage) -> None:
    servers = await stage.start()
    calling = asyncio.create_task(stage.call("silent"))
    await stage.logged("silent ")

    await servers.aclose()

    with pytest.raises(ToolError, match=r"^the tools of this session are closed$"):
        await calling
    with pytest.raises(ToolError, match=r"^tool `mcp__puppet__echo` is not enabled in exec\n"):
        await stage.call("echo")
    with pytest.raises(UsageError, match="these MCP servers were closed"):
        await servers.start()


async def test_a_start_that_is_cancelled_leaves_no_process(stage: Stage) -> None:
    servers = McpServers({"puppet": stage.puppet("mute")})
    starting = asyncio.create_task(servers.start())
    (pid,) = await stage.logged("started ")

    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    await gone(pid)
    await servers.aclose()


async def test_a_toolset_that_is_detached_has_the_tools_no_more(stage: Stage) -> None:
    def own() -> None: ...

    stage.toolset.add(own)
    servers = await stage.start()
    assert len(stage.names()) == 25

    servers.detach(stage.toolset)

    assert stage.names() == ["own"]


async def test_the_environment_of_this_process_stays_here(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUPPET_SECRET", "not yours")
    await stage.start()

    with pytest.raises(ToolError, match=r"bad key$"):
        await stage.call("refuses")


async def test_a_program_is_looked_for_beside_this_python(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    name = os.path.basename(sys.executable)
    config: Any = stage.puppet()

    servers = await stage.start({"puppet": StdioServer(name, config.args, env=config.env)})

    assert servers.unavailable == {}


# ── what is told of tools ────────────────────────────────────────────────────────────────────────


async def test_a_change_of_tools_says_which(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="codemode.tools.mcp")
    await stage.start()
    first = await stage.until("ready")

    await stage.call("grows", name="born")
    born = await stage.until("ready")
    await stage.call("grows", name="born", description="otherwise")
    otherwise = await stage.until("ready")
    await stage.call("grows", name="born")
    gone_ = await stage.until("ready")

    name = "mcp__puppet__born"
    assert (first.added[:2], len(first.added)) == (
        ("mcp__puppet__babbles", "mcp__puppet__blocks"),
        24,
    )
    assert [(each.added, each.changed, each.removed) for each in (born, otherwise, gone_)] == [
        ((name,), (), ()),
        ((), (name,), ()),
        ((), (), (name,)),
    ]
    assert born.digests[name] != otherwise.digests[name]
    assert {k: v for k, v in born.digests.items() if k != name} == first.digests == gone_.digests
    assert [each.getMessage() for each in caplog.records] == [
        f"MCP server puppet has other tools: {what} {name}"
        for what in ("added", "changed", "removed")
    ]


async def test_digests_are_those_of_the_tools_that_cells_get(stage: Stage) -> None:
    await stage.start()

    assert stage.states[-1].digests == {
        each.name: each.digest for each in stage.toolset.definitions
    }


async def test_only_the_tools_that_the_configuration_admits_are_there(stage: Stage) -> None:
    config = stage.puppet(enabled_tools=["e*", "fails", "none"], disabled_tools=["elicits"])
    await stage.start({"puppet": config})

    assert stage.names() == ["mcp__puppet__echo", "mcp__puppet__fails", "mcp__puppet__endless_line"]
    assert stage.states[-1].problems == ("it has no tool `none`, which its configuration names",)
    with pytest.raises(ToolError, match=r"^tool `mcp__puppet__elicits` is not enabled in exec"):
        await stage.call("elicits")


async def test_words_of_strangers_do_not_break_a_line_of_a_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.start({"pup\npet": stage.puppet("odd-names")})

    await stage.call("logs\nERROR forged", "pup\npet")
    await stage.call("echo", "pup\npet")

    assert [(each.name, each.getMessage()) for each in caplog.records] == [
        (
            "codemode.tools.mcp.server",
            r"MCP server pup\npet: its tool `\nERROR forged` takes something else than an object",
        ),
        (r"codemode.mcp.pup\npet", r"disk: full\nERROR forged\x1b[2J"),
    ]
