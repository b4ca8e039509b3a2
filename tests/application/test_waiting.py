"""Waiting for a condition, and being told of cells that nobody observes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from codemode import (
    CallEnded,
    CallStarted,
    CellEvent,
    CellId,
    CellNews,
    CellNotification,
    CellStarted,
    CodeMode,
    ExecResult,
    Limits,
    LocalSessionProvider,
    Pending,
    tool,
)
from codemode.protocol.session import SessionProvider

from .test_following import NEVER, PAUSE, SECONDS, call, double, timeless, untimed

ONE = CellId("1")
LONG_MS = 1000 * SECONDS


class Gate:
    """A tool that answers when it is let."""

    def __init__(self, name: str) -> None:
        self.open = asyncio.Event()

        @tool(name=name)
        async def wait() -> str:
            "Waits."
            await self.open.wait()
            return name

        self.tool = wait


class Heard:
    """The events of an application's ``on_event``, and a way to wait for one."""

    def __init__(self) -> None:
        self.events: list[CellEvent] = []
        self._more = asyncio.Event()

    def __call__(self, event: CellEvent) -> None:
        self.events.append(timeless(event))
        self._more.set()

    async def until(self, event: CellEvent) -> None:
        """Return when this has happened."""
        while event not in self.events:
            self._more.clear()
            await self._more.wait()


@pytest.fixture
async def heard() -> Heard:
    return Heard()


@pytest.fixture
async def gates() -> tuple[Gate, Gate]:
    return Gate("first"), Gate("second")


@pytest.fixture
async def cm(
    provider: SessionProvider, gates: tuple[Gate, Gate], heard: Heard
) -> AsyncIterator[CodeMode]:
    tools: list[Any] = [*(gate.tool for gate in gates), double]
    async with asyncio.timeout(SECONDS):
        async with CodeMode(tools=tools, provider=provider, on_event=heard) as cm:
            yield cm


BOTH = f"const a = tools.first({{}}), b = tools.second({{}}); {PAUSE} yield_control();"


async def test_output_ends_a_wait_and_a_yield_without_any_does_not(
    cm: CodeMode, gates: tuple[Gate, Gate]
) -> None:
    first = await cm.exec(
        f"yield_control(); for (let i = 0; i < 3; i++) {{ {PAUSE} yield_control(); }}"
        f" text('at last'); {NEVER}"
    )
    second = await cm.wait(first, until="output", yield_time_ms=LONG_MS)

    assert (second.status, second.output) == ("running", "at last")


async def output_of(cm: CodeMode, count: int, *results: ExecResult) -> list[str]:
    """So many words of output: what results have, and what comes."""
    words = [word for result in results for word in result.output.split()]
    while len(words) < count:
        words += (await cm.wait("1", until="output", yield_time_ms=LONG_MS)).output.split()
    return words


async def test_the_answer_of_a_named_call_ends_a_wait(
    cm: CodeMode, gates: tuple[Gate, Gate]
) -> None:
    first = await cm.exec(f"{BOTH} a.then(text); b.then(text); {NEVER}")
    waiting = asyncio.create_task(cm.wait(first, until="second", yield_time_ms=LONG_MS))
    await asyncio.sleep(0)
    gates[1].open.set()
    by_name = await waiting
    gates[0].open.set()
    by_id = await cm.wait(first, until="tool-1", yield_time_ms=LONG_MS)
    again = await cm.wait(first, until="tool-1", yield_time_ms=LONG_MS)
    written = await output_of(cm, 2, by_name, by_id, again)

    assert [untimed(each) for each in by_name.waiting_for] == [call(1, "first", "running")]
    assert by_id.waiting_for == again.waiting_for == ()
    assert written == ["second", "first"]


async def test_all_calls_end_a_wait_when_the_last_has_its_answer(
    cm: CodeMode, gates: tuple[Gate, Gate], heard: Heard
) -> None:
    first = await cm.exec(f"{BOTH} text(await a); yield_control(); text(await b); {NEVER}")
    waiting = asyncio.create_task(cm.wait(first, until="calls", yield_time_ms=LONG_MS))
    gates[0].open.set()
    await heard.until(CallEnded(cell_id=ONE, call=call(1, "first", "ok", bytes=7)))
    gates[1].open.set()
    second = await waiting
    written = await output_of(cm, 2, second)

    assert second.waiting_for == ()
    assert written == ["first", "second"]


async def test_the_end_ends_a_wait_through_all_yields(cm: CodeMode) -> None:
    first = await cm.exec(
        f"yield_control(); for (let i = 0; i < 5; i++) {{ text(i); yield_control(); {PAUSE} }}"
    )
    second = await cm.wait(first, until="end", yield_time_ms=LONG_MS)

    assert (second.status, second.output) == ("completed", "0\n1\n2\n3\n4")


@pytest.mark.parametrize("until", ["output", "calls", "end", "first"])
async def test_a_wait_is_over_in_time_whatever_it_waits_for(
    cm: CodeMode, until: str, gates: tuple[Gate, Gate]
) -> None:
    first = await cm.exec(f"{BOTH} {NEVER}")
    second = await cm.wait(first, until=until, yield_time_ms=30)

    assert (second.status, len(second.waiting_for)) == ("running", 2)


async def test_a_wait_can_be_preempted_whatever_it_waits_for(cm: CodeMode) -> None:
    preempt = asyncio.Event()
    first = await cm.exec(f"yield_control(); {NEVER}")
    waiting = asyncio.create_task(
        cm.wait(first, until="end", yield_time_ms=LONG_MS, preempt=preempt)
    )
    await asyncio.sleep(0)
    preempt.set()

    assert (await waiting).status == "running"


async def test_what_a_cancelled_wait_has_gathered_is_for_the_next_one(
    cm: CodeMode, heard: Heard
) -> None:
    first = await cm.exec(
        f"yield_control(); text('a'); yield_control(); {PAUSE} text('b'); yield_control();"
        f" await tools.double({{x: 1}}); {NEVER}"
    )
    waiting = asyncio.create_task(cm.wait(first, until="end", yield_time_ms=LONG_MS))
    await heard.until(CallStarted(cell_id=ONE, call=call(1, "double", "running")))
    waiting.cancel()
    await asyncio.wait([waiting])
    second = await cm.wait(first, yield_time_ms=30)

    assert second.output == "a\nb"


async def test_nothing_of_that_name_can_be_waited_for_is_told(
    cm: CodeMode, gates: tuple[Gate, Gate]
) -> None:
    first = await cm.exec(f"{BOTH} {NEVER}")
    second = await cm.wait(first, until="third")
    beyond = await cm.wait(first, until="tool-3")

    assert second.status == beyond.status == "refused"
    assert second.text == (
        "cell 1 has made no call `third`; under way: tool-1 (first), tool-2 (second)"
        "\nHint: wait until output, calls, pending, end, or until one of these calls has its answer."
    )


async def test_a_cell_that_is_gone_is_gone_for_every_condition(cm: CodeMode) -> None:
    await cm.run("1")
    gone = await cm.wait("1", until="output")

    assert "exec cell 1 not found" in gone.text


async def test_a_cell_is_frozen_at_its_frontier_and_runs_on_with_the_next_wait() -> None:
    gate = Gate("first")
    async with asyncio.timeout(SECONDS), CodeMode(tools=[gate.tool]) as cm:
        first = await cm.exec("yield_control(); text(1); text(await tools.first({})); text(2)")
        frozen = await cm.wait(first, until="pending", yield_time_ms=LONG_MS)
        gate.open.set()
        end = await cm.wait(first, until="end", yield_time_ms=LONG_MS)

    assert isinstance(frozen.response, Pending)
    assert (frozen.status, frozen.output) == ("running", "1")
    assert [untimed(each) for each in frozen.waiting_for] == [call(1, "first", "running")]
    assert (end.status, end.output) == ("completed", "first\n2")


async def test_a_cell_that_computes_is_not_waited_for_beyond_the_time() -> None:
    async with asyncio.timeout(SECONDS), CodeMode() as cm:
        first = await cm.exec("yield_control(); text(1); for (;;);", yield_time_ms=LONG_MS)
        second = await cm.wait(first, until="pending", yield_time_ms=50)
        end = await cm.terminate(first)

    assert (second.status, end.status) == ("running", "terminated")


# ── what a model is told ─────────────────────────────────────────────────────────────────────────


def ending(text: str) -> str:
    return re.sub(r"for [\d.]+ m?s", "for T", text.partition("Output:\n")[2])


async def test_a_model_is_told_what_a_cell_waits_for_where_that_is_wanted() -> None:
    gates = [Gate("first"), Gate("second")]
    tools = [gate.tool for gate in gates]
    async with asyncio.timeout(SECONDS), CodeMode(tools=tools, wait_conditions=True) as cm:
        first = await cm.exec(f"text('x'); {BOTH} {NEVER}")
        gates[1].open.set()
        second = await cm.call("wait", {"cell_id": "1", "until": "second"})
        gates[0].open.set()
        third = await cm.call("wait", '{"cell_id": 1, "until": "calls"}')
        wrong = await cm.call("wait", {"cell_id": "1", "until": "nothing"})

    assert [ending(each.text) for each in (first, second, third)] == [
        "x\nWaiting for tool-1 (first, for T), tool-2 (second, for T).",
        "Waiting for tool-1 (first, for T).",
        "No tool call is under way: the program computes or waits for a timer.",
    ]
    assert wrong.text.startswith("cell 1 has made no call `nothing`")


async def test_the_published_wait_knows_no_condition_and_yields_in_few_words() -> None:
    async with asyncio.timeout(SECONDS), CodeMode() as cm:
        first = await cm.exec(f"yield_control(); {NEVER}")
        second = await cm.call("wait", {"cell_id": "1", "until": "end"})
        tool = cm.wait_tool

    assert first.items[1:] == ()
    assert "unknown field `until`" in second.text
    assert "until" not in tool.parameters["properties"]
    with_conditions = CodeMode(wait_conditions=True).wait_tool
    assert sorted(with_conditions.parameters["properties"]) == [
        "cell_id",
        "max_tokens",
        "terminate",
        "until",
        "yield_time_ms",
    ]


async def test_a_model_waits_for_the_least_time_at_least_and_an_application_as_it_likes() -> None:
    async with asyncio.timeout(SECONDS), CodeMode(limits=Limits(min_yield_time_ms=60)) as cm:
        began = [
            await cm.exec(f'// @exec: {{"yield_time_ms": 0}}\n{NEVER}'),
            await cm.call("wait", {"cell_id": "1", "yield_time_ms": 1}),
            await cm.exec(NEVER, yield_time_ms=0),
            await cm.wait("1", yield_time_ms=0),
        ]

    took = [each.response.host_duration_ns / 1e6 for each in began if each.response]
    assert [time >= 60 for time in took[:2]] == [True, True]
    assert [each.status for each in began] == ["running"] * 4


async def test_a_forgotten_cell_is_ended_and_the_next_result_says_so_once() -> None:
    heard, limits = Heard(), Limits(unobserved_ms=30)
    async with asyncio.timeout(SECONDS), CodeMode(limits=limits, on_event=heard) as cm:
        await cm.exec(f"text('lost?'); yield_control(); text('no'); {NEVER}")
        await heard.until(CellNews(cell_id=ONE, ended=True))
        told = await cm.exec("text('next')")
        once = await cm.exec("text('next')")
        end = await cm.wait("1")

    assert told.text.splitlines()[3:] == [
        "next",
        "Cell 1 has ended while nobody waited for it; wait gives its last output.",
    ]
    assert once.text.splitlines()[3:] == ["next"]
    assert (end.output, end.limit) == ("no", "unobserved_ms")


async def test_a_cancelled_exec_is_no_news() -> None:
    gate, heard = Gate("first"), Heard()
    async with asyncio.timeout(SECONDS), CodeMode(tools=[gate.tool], on_event=heard) as cm:
        running = asyncio.create_task(cm.exec("await tools.first({})"))
        await heard.until(CallStarted(cell_id=ONE, call=call(1, "first", "running")))
        running.cancel()
        await asyncio.wait([running])
        told = await cm.exec("text('next')")

    assert told.text.splitlines()[3:] == ["next"]


# ── what an application is told ──────────────────────────────────────────────────────────────────


async def test_an_application_is_told_of_all_cells_once_for_each_news() -> None:
    heard = Heard()
    async with asyncio.timeout(SECONDS), CodeMode(tools=[double], on_event=heard) as cm:
        first = await cm.exec(
            f"notify('n'); await tools.double({{x: 1}}); yield_control(); text(1); {PAUSE} text(2)"
        )
        await heard.until(CellNews(cell_id=ONE, ended=True))
        cells = cm.cells()
        end = await cm.wait(first)
        after = cm.cells()

    assert heard.events == [
        CellStarted(cell_id=ONE, call_id="exec-1"),
        CellNotification(cell_id=ONE, call_id="exec-1", text="n"),
        CallStarted(cell_id=ONE, call=call(1, "double", "running")),
        CallEnded(cell_id=ONE, call=call(1, "double", "ok", bytes=1)),
        CellNews(cell_id=ONE, ended=False),
        CellNews(cell_id=ONE, ended=True),
    ]
    assert [(each.has_output, each.is_over) for each in cells] == [(True, True)]
    assert (end.output, after) == ("1\n2", ())


async def test_a_listener_may_be_a_coroutine_and_its_failure_is_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []

    async def on_event(event: CellEvent) -> None:
        seen.append(type(event).__name__)
        raise OSError("disk full")

    async with asyncio.timeout(SECONDS), CodeMode(tools=[double], on_event=on_event) as cm:
        result = await cm.run("text(await tools.double({x: 2}))")

    assert result.output == "4"
    assert seen == ["CellStarted", "CallStarted", "CallEnded"]
    assert {record.getMessage() for record in caplog.records} == {"on_event failed"}


async def test_idle_cells_are_reaped_and_others_are_not() -> None:
    async with asyncio.timeout(SECONDS), CodeMode() as cm:
        old = await cm.exec(f"text('old'); yield_control(); text('more'); {NEVER}")
        await cm.exec(f"yield_control(); {NEVER}")
        ages = [each.idle_seconds for each in cm.cells()]
        none = await cm.reap(60)
        reaped = await cm.reap(0)
        left = cm.cells()

    assert [age >= 0 for age in ages] == [True, True]
    assert (none, left) == ((), ())
    assert [(each.cell_id, each.status) for each in reaped] == [
        (old.cell_id, "terminated"),
        ("2", "terminated"),
    ]


async def test_a_session_that_tells_no_news_is_used_all_the_same() -> None:
    class Silent:
        """A session with the least that one has."""

        def __init__(self, session: Any) -> None:
            self.execute, self.wait = session.execute, session.wait
            self.terminate, self.shutdown = session.terminate, session.shutdown

    class Provider(LocalSessionProvider):
        async def create_session(self, delegate: Any, **options: Any) -> Any:
            return Silent(await super().create_session(delegate, **options))

    async with asyncio.timeout(SECONDS), Provider() as provider, CodeMode(provider=provider) as cm:
        first = await cm.exec(f"yield_control(); {PAUSE} text('at last'); {NEVER}")
        second = await cm.wait(first, until="output", yield_time_ms=LONG_MS)

    assert second.output == "at last"
