"""Repeatable cells: the same inputs give the same outputs, and what the clock showed is told."""

import asyncio
import dataclasses

from codemode.engine import events as ev
from codemode.engine.interfaces import Repeatable
from codemode.engine.workers import WorkersEngine, WorkersSession
from codemode.limits import Limits
from codemode.protocol.types import TextItem

from .driving import ECHO, Run

PROGRAM = """
const lines = [Math.random(), Date.now(), new Date().toISOString(), new Intl.DateTimeFormat("en").format()];
for (const end = Date.now() + 5; Date.now() < end;);
lines.push(await tools.echo({ at: Date.now(), drawn: Math.random() }));
await new Promise((resolve) => setTimeout(resolve, 0));
text(lines); text(new Error("here").stack); text(Math.random());
"""


@dataclasses.dataclass
class Told:
    """What a repeatable cell has said."""

    outputs: list[ev.Event]
    readings: bytes


async def repeat(session: WorkersSession, source: str, repeatable: Repeatable) -> Told:
    run = Run()
    run.cell = await session.start(source, ECHO, run, repeatable)
    await run.end()
    readings = [event.readings for event in run.events if isinstance(event, ev.ClockRead)]
    outputs: list[ev.Event] = [e for e in run.events if not isinstance(e, ev.ClockRead)]
    return Told(outputs, b"".join(readings))


async def test_a_cell_with_the_same_seed_and_clock_says_the_same_in_another_worker(
    engine: WorkersEngine,
) -> None:
    first = await repeat(engine.session(Limits()), PROGRAM, Repeatable(7))
    again = await repeat(engine.session(Limits()), PROGRAM, Repeatable(7, first.readings))

    assert again.outputs == first.outputs
    assert again.readings == b""
    assert 0 < len(first.readings) < 200


async def test_another_seed_draws_other_numbers(forked: WorkersEngine) -> None:
    session = forked.session(Limits())
    drawn = [await repeat(session, "text(Math.random())", Repeatable(seed)) for seed in (1, 2, 1)]

    assert drawn[0].outputs != drawn[1].outputs
    assert drawn[0].outputs == drawn[2].outputs


async def test_a_cell_goes_on_with_the_real_clock_where_its_readings_end(
    forked: WorkersEngine,
) -> None:
    session = forked.session(Limits())
    first = await repeat(session, "text(Date.now())", Repeatable(1))
    await asyncio.sleep(0.01)  # a clock of milliseconds has to have gone on
    longer = await repeat(
        session, "text(Date.now()); text(Date.now())", Repeatable(1, first.readings)
    )

    assert longer.outputs[0] == first.outputs[0]
    assert longer.outputs[1] != first.outputs[0]
    assert longer.readings


async def test_readings_come_before_the_output_that_may_depend_on_them(
    forked: WorkersEngine,
) -> None:
    run = Run()
    run.cell = await forked.session(Limits()).start(
        "text('a'); text(Date.now()); text('x'.repeat(300_000) + Date.now())",
        ECHO,
        run,
        Repeatable(1),
    )
    await run.end()
    readings = [at for at, event in enumerate(run.events) if isinstance(event, ev.ClockRead)]
    items = [at for at, event in enumerate(run.events) if isinstance(event, TextItem)]

    assert readings[0] < items[1]
    assert readings[-1] < items[2]


async def test_a_program_that_reads_no_clock_tells_nothing_of_it(forked: WorkersEngine) -> None:
    session = forked.session(Limits())

    assert (await repeat(session, "text(1)", Repeatable(1))).readings == b""


async def test_a_weak_reference_never_shows_the_collector(forked: WorkersEngine) -> None:
    source = """
    const refs = Array.from({ length: 50 }, () => new WeakRef({ some: "object" }));
    for (let i = 0; i < 20; i++) { await tools.echo(i); new Array(1e5).fill({}); }
    text(refs.filter((ref) => ref.deref() === undefined).length);
    """
    told = await repeat(forked.session(Limits()), source, Repeatable(1))

    assert [getattr(event, "text", None) for event in told.outputs if hasattr(event, "text")] == [
        "0"
    ]


async def test_a_cell_that_has_run_before_is_counted_as_a_replay(engine: WorkersEngine) -> None:
    before = engine.census.replays
    session = engine.session(Limits())
    await repeat(session, "text(1)", Repeatable(1))
    await repeat(session, "text(1)", Repeatable(1, is_replay=True))
    replays = engine.census.replays - before
    await session.aclose()

    assert replays == 1
