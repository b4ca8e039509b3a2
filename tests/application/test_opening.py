"""A session is opened once, ahead of its first program, and closed whatever state it is in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from codemode import (
    CodeMode,
    EngineError,
    LocalSessionProvider,
    ProcessSessionProvider,
    SessionClosedError,
)
from codemode.limits import MIB, Limits
from codemode.protocol.session import Session, SessionDelegate
from codemode.protocol.types import Result

SECONDS = 20
HOST = [sys.executable, "-m", "codemode", "host"]


class Slow(LocalSessionProvider):
    """Opens a session when it is let, and fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.asked = 0
        self.cancelled = 0
        self.warm = 0
        self.let = asyncio.Event()
        self.reached = asyncio.Event()
        self._failures = list(failures)

    async def create_session(self, delegate: SessionDelegate, **options: Any) -> Any:
        self.asked += 1
        self.reached.set()
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._failures:
            raise self._failures.pop(0)
        return await super().create_session(delegate, **options)

    def warm_up(self) -> None:
        self.warm += 1
        super().warm_up()


async def test_entering_begins_the_engine_and_does_not_wait_for_it() -> None:
    async with asyncio.timeout(SECONDS), Slow() as provider, CodeMode(provider=provider) as cm:
        await provider.reached.wait()
        state = repr(cm)
        provider.let.set()
        ran = [await cm.run("text(1)") for _ in range(2)]

    assert state == "<code mode, not in use, 0 tools>"
    assert ([each.output for each in ran], provider.asked, provider.warm) == (["1", "1"], 1, 1)


async def test_many_first_programs_share_one_session() -> None:
    async with asyncio.timeout(SECONDS), Slow() as provider, CodeMode(provider=provider) as cm:
        provider.let.set()
        ran = await asyncio.gather(*(cm.run(f"text({number})") for number in range(5)))

    assert [each.output for each in ran] == ["0", "1", "2", "3", "4"]
    assert provider.asked == 1


async def test_a_failure_surfaces_at_the_first_exec_and_the_next_one_tries_again() -> None:
    failure = EngineError("no worker could be started")
    async with (
        asyncio.timeout(SECONDS),
        Slow(failure) as provider,
        CodeMode(provider=provider) as cm,
    ):
        provider.let.set()
        with pytest.raises(EngineError, match="no worker could be started"):
            await cm.exec("text(1)")
        again = await cm.run("text(2)")

    assert (again.output, provider.asked) == ("2", 2)


async def test_a_host_that_cannot_be_started_is_told_by_the_first_exec() -> None:
    async with asyncio.timeout(SECONDS), ProcessSessionProvider(["/no/such/host"]) as provider:
        async with CodeMode(provider=provider):
            pass  # nothing was asked of it
        async with CodeMode(provider=provider) as cm:
            with pytest.raises(EngineError, match="/no/such/host"):
                await cm.exec("text(1)")


async def test_closing_before_it_is_ready_ends_the_opening() -> None:
    async with asyncio.timeout(SECONDS), Slow() as provider:
        async with CodeMode(provider=provider) as cm:
            await provider.reached.wait()
        with pytest.raises(SessionClosedError):
            await cm.exec("text(1)")

    assert provider.cancelled == 1


async def test_closing_at_once_leaves_nothing_behind() -> None:
    tasks = asyncio.all_tasks()
    async with asyncio.timeout(SECONDS):
        async with CodeMode():
            pass

    assert asyncio.all_tasks() == tasks


async def test_closing_refuses_a_program_that_waits_for_the_opening() -> None:
    async with asyncio.timeout(SECONDS), Slow() as provider:
        cm = CodeMode(provider=provider)
        waiting = asyncio.create_task(cm.exec("text(1)"))
        await provider.reached.wait()
        await cm.aclose()
        with pytest.raises(SessionClosedError):
            await waiting


async def test_a_cancelled_first_program_leaves_the_opening_to_the_others() -> None:
    async with asyncio.timeout(SECONDS), Slow() as provider, CodeMode(provider=provider) as cm:
        first = asyncio.create_task(cm.exec("text(1)"))
        second = asyncio.create_task(cm.exec("text(2)"))
        await provider.reached.wait()
        first.cancel()
        provider.let.set()
        ran = await second

    assert (first.cancelled(), ran.output, provider.asked) == (True, "2", 1)


async def test_a_session_that_was_opened_while_closing_is_shut() -> None:
    opened: list[Session] = []

    class Stubborn(Slow):
        async def create_session(self, delegate: SessionDelegate, **options: Any) -> Any:
            try:
                await super().create_session(delegate, **options)
            except asyncio.CancelledError:
                pass  # as a provider does that has a session already
            opened.append(await LocalSessionProvider.create_session(self, delegate, **options))
            return opened[0]

    async with asyncio.timeout(SECONDS), Stubborn() as provider:
        async with CodeMode(provider=provider):
            await provider.reached.wait()

    assert [repr(session) for session in opened] == ["<session shut, 0 live cells, 0 admitted>"]


@pytest.mark.parametrize(
    "provider_with",
    [
        lambda limits: LocalSessionProvider(limits=limits),
        lambda limits: ProcessSessionProvider(HOST, limits=limits),
    ],
    ids=["local", "process"],
)
async def test_limits_of_the_provider_are_in_force_where_code_mode_has_none(
    provider_with: Callable[[Limits], LocalSessionProvider | ProcessSessionProvider],
) -> None:
    limits = Limits(heap_bytes=16 * MIB, output_tokens=10)
    async with asyncio.timeout(SECONDS), provider_with(limits) as provider:
        async with CodeMode(provider=provider) as theirs:
            full = await theirs.exec("const a = []; for (;;) a.push({n: a.length})")
            cut = await theirs.exec("text('word '.repeat(1000))")
        async with CodeMode(provider=provider, limits=Limits(output_tokens=2000)) as own:
            whole = await own.exec("text('word '.repeat(1000))")

    assert isinstance(full.response, Result)
    assert str(full.response.error_text).startswith(
        "Limit reached (heap_bytes): the cell used more than 16 MiB"
    )
    assert "tokens truncated" in cut.text
    assert whole.output == "word " * 1000
