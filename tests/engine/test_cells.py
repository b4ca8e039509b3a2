"""What cells do, over forked and spawned workers."""

import asyncio

import pytest

from codemode.engine import events as ev
from codemode.engine.catalogue import Catalogue
from codemode.engine.workers import WorkersEngine
from codemode.errors import EngineError
from codemode.limits import KIB, MIB, Limits
from codemode.protocol.types import TextItem

from .driving import begin, bounded, eventually, run, texts, threads

STOPPABLE = Limits(termination_ms=60_000)
"""Whether a cell can be stopped is one question, and how soon another: a machine may be busy."""

SPIN = "text('spinning'); yield_control(); for (;;);"


async def test_a_program_is_heard_in_order_and_finishes(engine: WorkersEngine) -> None:
    ended = await run(
        engine.session(Limits()), "text('a'); notify('n'); store('k', [1]); text('b')"
    )

    assert ended.events == [
        TextItem("a"),
        ev.Notified("n"),
        ev.ValueStored("k", "[1]"),
        TextItem("b"),
        ev.Finished(None),
    ]


async def test_a_program_that_throws_finishes_with_its_error(engine: WorkersEngine) -> None:
    ended = await run(engine.session(Limits()), "throw 'boom'")

    assert ended.events == [ev.Finished("boom")]


async def test_a_tool_call_is_answered(engine: WorkersEngine) -> None:
    assert await texts(engine.session(Limits()), "text(await tools.echo({a: 1}))") == ['{"a":1}']


async def test_five_thousand_calls_at_once_are_answered(engine: WorkersEngine) -> None:
    source = (
        "const all = await Promise.all(Array.from({length: 5000}, (_, i) => tools.echo(i)));"
        "text(all.reduce((a, b) => a + b))"
    )

    assert await texts(engine.session(Limits()), source) == ["12497500"]


async def test_a_stored_value_is_fetched_when_it_is_asked_for(engine: WorkersEngine) -> None:
    cell = await begin(engine.session(Limits()), "text(load('k').length); text(String(load('no')))")
    await cell.heard(ev.ValueAsked)
    cell.cell.load(b'"' + b"v" * 200_000 + b'"')
    await cell.until(lambda: sum(isinstance(event, ev.ValueAsked) for event in cell.events) == 2)
    cell.cell.load(None)
    await cell.end()

    assert cell.texts == ["200000", "undefined"]


async def test_what_a_program_wrote_is_there_while_it_spins(engine: WorkersEngine) -> None:
    cell = await begin(engine.session(STOPPABLE), "text('a'); for (;;);")
    await cell.writes()

    assert cell.texts == ["a"]
    assert await cell.cell.close()


async def test_each_flush_is_confirmed_once_and_after_the_output(engine: WorkersEngine) -> None:
    cell = await begin(engine.session(Limits()), "text('a'); await tools.never()")
    await cell.heard(ev.Idle)
    for _ in range(3):
        cell.cell.flush()
    await cell.until(lambda: cell.flushed == 3)

    assert cell.texts == ["a"]


async def test_a_spinning_program_is_stopped(engine: WorkersEngine) -> None:
    cell = await begin(engine.session(STOPPABLE), SPIN)
    await cell.heard(ev.YieldAsked)

    assert await bounded(cell.cell.close())
    assert cell.lost is None


async def test_closing_twice_and_after_the_end_is_harmless(engine: WorkersEngine) -> None:
    session = engine.session(STOPPABLE)
    cell = await begin(session, SPIN)
    await cell.heard(ev.YieldAsked)
    assert all(await asyncio.gather(cell.cell.close(), cell.cell.close()))
    ended = await run(session, "text(1)")

    assert await bounded(ended.cell.close())
    ended.cell.flush()
    ended.cell.fire_timer(1)
    ended.cell.load(b"1")
    assert await texts(session, "text('still')") == ["still"]


async def test_a_cell_can_be_closed_before_it_has_begun(engine: WorkersEngine) -> None:
    session = engine.session(STOPPABLE)
    await texts(session, "text(1)")
    cells = [await begin(session, SPIN) for _ in range(8)]

    assert await asyncio.gather(*[cell.cell.close() for cell in cells]) == [True] * 8
    assert await texts(session, "text('still')") == ["still"]


async def test_a_cell_can_be_closed_at_any_moment_of_its_start(engine: WorkersEngine) -> None:
    session = engine.session(STOPPABLE)
    await texts(session, "text(1)")
    for moment in range(75):
        cells = [await begin(session, SPIN) for _ in range(4)]
        await asyncio.sleep(moment * 0.00004)  # the last of them are spinning by then

        assert await asyncio.gather(*[cell.cell.close() for cell in cells]) == [True] * 4


async def test_nothing_is_said_after_a_close(engine: WorkersEngine) -> None:
    cell = await begin(engine.session(Limits()), "for (;;) text('x')")
    await cell.writes()
    await cell.cell.close()
    heard = len(cell.events)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert len(cell.events) == heard


async def test_a_paused_cell_says_nothing_and_soon_waits(engine: WorkersEngine) -> None:
    cell = await begin(
        engine.session(Limits()),
        "await tools.echo(0); for (let i = 0; i < 2e5; i++) text('x'.repeat(60))",
    )
    cell.cell.pause()
    heard = len(cell.events)
    cell.cell.flush()
    await cell.until(lambda: cell.flushed)
    assert len(cell.events) == heard
    cell.cell.resume()
    await cell.end()

    assert len(cell.texts) == 200_000


async def test_the_heap_limit_ends_a_cell_and_no_other(engine: WorkersEngine) -> None:
    limits = Limits(heap_bytes=32 * MIB)
    session = engine.session(limits)
    other = await begin(session, "await tools.never()")
    await other.heard(ev.Idle)
    ended = await run(session, "const a = []; for (;;) a.push('x' + a.length)")

    assert ended.lost == (
        "Limit reached (heap_bytes): the cell used more than 32 MiB of JavaScript heap."
        "\nHint: work on the data in smaller pieces and keep only what you need.",
        "heap_bytes",
    )
    assert other.lost is None
    assert await texts(session, "text('still')") == ["still"]


async def test_the_heap_limit_ends_a_cell_that_grows_in_a_microtask(engine: WorkersEngine) -> None:
    session = engine.session(Limits(heap_bytes=32 * MIB))
    ended = await run(session, "await null; const a = []; for (;;) a.push({a})")

    assert ended.lost is not None and ended.lost[1] == "heap_bytes"


@pytest.mark.parametrize(
    ("limits", "source", "name", "what"),
    [
        (Limits(value_bytes=KIB), "text('x'.repeat(2000))", "value_bytes", "a value"),
        (Limits(value_bytes=KIB), "store('k', 'x'.repeat(2000))", "value_bytes", "a value"),
        (Limits(value_bytes=KIB), "await tools.echo('x'.repeat(2000))", "value_bytes", "a value"),
        (Limits(timers=2), "for (;;) setTimeout(() => {}, 1e6)", "timers", ""),
        (Limits(tool_calls=2), "for (;;) tools.never(1)", "tool_calls", ""),
    ],
)
async def test_a_limit_that_the_cell_enforces_fires_with_its_message(
    engine: WorkersEngine, limits: Limits, source: str, name: str, what: str
) -> None:
    ended = await run(engine.session(limits), source)

    assert ended.error == limits.message(name, what=what)


async def test_a_thousand_tools_are_called_by_index(engine: WorkersEngine) -> None:
    catalogue = Catalogue.of([(f"tool_{i}", "x" * 1000) for i in range(1000)])
    cell = await begin(
        engine.session(Limits()), "tools.tool_700(1); text(ALL_TOOLS.length)", catalogue
    )
    await cell.end()

    assert cell.events == [ev.ToolCalled(1, 700, "1", 1, 7), TextItem("1000"), ev.Finished(None)]


async def test_a_catalogue_may_change_between_programs(engine: WorkersEngine) -> None:
    session = engine.session(Limits())
    one, two = Catalogue.of([("a", "A")]), Catalogue.of([("b", "B")])
    source = "text(ALL_TOOLS.map((t) => t.name).join())"

    assert [(await run(session, source, each)).texts for each in (one, two, one)] == [
        ["a"],
        ["b"],
        ["a"],
    ]


async def test_a_hundred_and_twenty_eight_cells_live_at_once(engine: WorkersEngine) -> None:
    session = engine.session(Limits())
    cells = [await begin(session, f"text({n}); await tools.never()") for n in range(128)]
    for cell in cells:
        await cell.heard(ev.Idle)

    assert [cell.texts for cell in cells] == [[str(n)] for n in range(128)]
    await bounded(session.aclose())
    assert [cell.lost for cell in cells] == [None] * 128


async def test_a_thousand_cells_one_after_another_leave_no_thread(engine: WorkersEngine) -> None:
    session = engine.session(Limits())
    await texts(session, "text(1)")
    before = threads()
    for _ in range(1000):
        await run(session, "text('x')")

    await eventually(lambda: len(threads() - before) <= 2)


async def test_a_session_that_is_closed_starts_nothing(engine: WorkersEngine) -> None:
    session = engine.session(Limits())
    await texts(session, "text(1)")
    await session.aclose()

    with pytest.raises(EngineError, match=r"^the engine session is closed$"):
        await begin(session, "text(1)")


async def test_cells_of_several_sessions_run_side_by_side(engine: WorkersEngine) -> None:
    sessions = [engine.session(Limits()) for _ in range(4)]

    said = await bounded(asyncio.gather(*[texts(s, f"text({n})") for n, s in enumerate(sessions)]))
    assert said == [["0"], ["1"], ["2"], ["3"]]


async def test_cells_that_start_run_and_stop_at_once_do_not_disturb_each_other(
    engine: WorkersEngine,
) -> None:
    session = engine.session(Limits(termination_ms=10_000))

    async def live(number: int) -> list[str] | bool:
        if number % 3 == 0:
            return await texts(session, f"text(await tools.echo({number}))")
        cell = await begin(session, "for (;;) { text('x'); if (Math.random() < 0.01) await 0 }")
        if number % 3 == 1:
            await cell.writes()
        return await cell.cell.close()

    async with asyncio.timeout(120):
        for _ in range(10):
            outcomes = await asyncio.gather(*[live(number) for number in range(12)])
            assert outcomes == [[str(n)] if n % 3 == 0 else True for n in range(12)]
