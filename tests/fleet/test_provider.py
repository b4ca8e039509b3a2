"""Hosts that refuse, hang or are not there, before a session is open: the next one is asked."""

from __future__ import annotations

import asyncio
import re
import signal
import socket

import pytest

from codemode import CodeMode, EngineError, FleetSessionProvider
from codemode.fleet import provider as fleet_provider
from tests.remote.rpc.hosts import listening

SECONDS = 30.0
TOKEN = "a-token-of-some-length"


def nowhere() -> str:
    """An endpoint at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"grpc://127.0.0.1:{free.getsockname()[1]}"


async def run(provider: FleetSessionProvider, count: int = 1) -> list[str]:
    """What so many sessions write, each of them in its first cell."""
    found = []
    async with asyncio.timeout(SECONDS):
        for _ in range(count):
            cm = CodeMode(provider=provider)
            found.append((await cm.exec("text(1)")).output)
    return found


async def test_a_host_that_is_full_or_not_there_is_passed_over() -> None:
    async with listening("ours", "--max-sessions", "1") as small, listening("ours") as large:
        places = [nowhere(), small.url, large.url]
        async with FleetSessionProvider(places) as provider:
            written = await run(provider, 4)
            spread = provider.spread()

    assert written == ["1"] * 4
    assert spread == dict(zip(places, [0, 1, 3], strict=True))


async def test_a_host_that_is_stopped_is_passed_over_after_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fleet_provider, "ANSWER_SECONDS", 0.2)
    async with listening("ours") as stopped, listening("ours") as other:
        stopped.process.send_signal(signal.SIGSTOP)
        async with FleetSessionProvider([stopped.url, other.url]) as provider:
            written = await run(provider, 3)
            spread = provider.spread()

    assert written == ["1"] * 3
    assert spread == {stopped.url: 0, other.url: 3}


async def test_when_no_host_takes_a_session_the_error_names_each_and_why() -> None:
    there_is_none = nowhere()
    async with listening("ours", "--max-sessions", "1") as full:
        provider = FleetSessionProvider([full.url, there_is_none], wait_seconds=0.5)
        async with provider:
            await run(provider)
            with pytest.raises(EngineError) as refused:
                await CodeMode(provider=provider).exec("text(1)")

    lines = str(refused.value).splitlines()
    assert lines[0] == "no code-mode host takes a session, of 2 hosts:"
    assert sorted(line.partition(": ")[0] for line in lines[1:]) == sorted(
        [full.url, there_is_none]
    )
    assert f"{full.url}: code-mode host has too many open sessions" in lines
    assert re.search("refused", str(refused.value))


async def test_a_host_that_comes_while_a_session_waits_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"grpc://127.0.0.1:{port}"
    async with FleetSessionProvider([url]) as provider:
        waiting = asyncio.create_task(run(provider))
        async with listening("ours", listen=url):
            assert await waiting == ["1"]


async def test_a_session_that_lost_cells_is_told_once_by_name_and_keeps_its_values() -> None:
    async with listening("ours") as first, listening("ours") as second:
        async with FleetSessionProvider([first.url, second.url]) as provider:
            cm = CodeMode(provider=provider)
            await cm.exec("store('kept', 7)")
            live = await cm.exec('// @exec: {"yield_time_ms": 1}\nawait new Promise(() => {})')
            where = next(url for url, count in provider.spread().items() if count)
            await (first if where == first.url else second).kill()
            # An exec that reaches the host in its last moment is in doubt: then the next one tells of the cell.
            told: list[str] = []
            while (after := await cm.exec("text(load('kept'))")).failed and len(told) < 3:
                told.append(after.text)
            await cm.aclose()

    assert [f"cell {live.cell_id} is lost" in text for text in told].count(True) == 1
    assert "Stored values are as they were" in told[-1]
    assert after.output == "7"


async def test_a_wrong_token_is_refused_with_the_words_of_the_hosts() -> None:
    async with listening("ours") as host:
        async with FleetSessionProvider([host.url], token=TOKEN) as provider:
            assert await run(provider) == ["1"]  # a host that asks for none
