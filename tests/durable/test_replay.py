"""Cells made again from their journals, by the engine itself: exactly, cut anywhere, and never another way."""

from __future__ import annotations

import msgspec
import pytest

from codemode.durable.journal import ClockReadings, Head, JournalEntry, Settled
from codemode.durable.store import OutputMark
from codemode.engine import events as ev
from codemode.engine.workers import WorkersEngine
from codemode.protocol.types import TextItem

from .conftest import Recorded, record, replay

PROGRAMS = {
    "parallel calls": """
        const all = [3, 1, 2].map((n) => tools.echo({ n, at: Date.now(), drawn: Math.random() }));
        text((await Promise.all(all)).map((each) => each.n));
        text(await tools.echo({ again: new Date().toISOString() }));
    """,
    "races, timers and failures": """
        const wait = (ms) => new Promise((done) => setTimeout(done, ms));
        const slow = wait(5).then(() => tools.fail({ n: 1 })).catch((error) => text("caught " + error));
        text(await Promise.race([tools.echo("first"), wait(1).then(() => "timer")]));
        await Promise.allSettled([slow, tools.echo(Math.random()), wait(2)]);
        for (let round = 0; round < 3; round++) text(await tools.echo([round, Math.random()]));
    """,
    "an end by an error": """
        await tools.echo(1);
        await tools.fail({});
    """,
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_cell_says_again_what_it_said(name: str, seed: int, engine: WorkersEngine) -> None:
    recorded = await record(engine, PROGRAMS[name], seed)
    again = await replay(engine, recorded.entries)
    assert (again.divergence, again.said) == (None, recorded.said)
    assert isinstance(again.said[-1], ev.Finished)


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_journal_that_ends_anywhere_brings_a_cell_to_where_it_was(
    name: str, engine: WorkersEngine
) -> None:
    recorded = await record(engine, PROGRAMS[name])
    for end in range(1, len(recorded.entries)):
        cut = recorded.entries[:end]
        again = await replay(engine, cut)
        assert again.divergence is None
        assert again.replay.is_through
        settled = {each.call for each in cut if isinstance(each, Settled)}
        assert settled.isdisjoint(again.replay.calls)


def _changed(recorded: Recorded, how: str) -> list[JournalEntry]:
    entries = list(recorded.entries)
    answers = [at for at, each in enumerate(entries) if isinstance(each, Settled)]
    if how == "the answer":
        entries[answers[0]] = msgspec.structs.replace(
            entries[answers[0]], json='{"n":9}', error=None
        )
    elif how == "answers swapped":
        first, last = entries[answers[0]], entries[answers[2]]
        assert isinstance(first, Settled) and isinstance(last, Settled)
        entries[answers[0]] = msgspec.structs.replace(first, json=last.json)
        entries[answers[2]] = msgspec.structs.replace(last, json=first.json)
    elif how == "the clock":
        entries = [each for each in entries if not isinstance(each, ClockReadings)]
    else:
        head = entries[0]
        assert isinstance(head, Head)
        source = head.source.replace("[3, 1, 2]", "[3, 1, 5]")
        other = {"source": source} if how == "the program" else {"seed": 99}
        entries[0] = msgspec.structs.replace(head, **other)
    return entries


@pytest.mark.parametrize(
    "how", ["the answer", "answers swapped", "the clock", "the program", "the seed"]
)
async def test_a_spoiled_journal_is_a_divergence_and_nothing_is_said_otherwise(
    how: str, engine: WorkersEngine
) -> None:
    recorded = await record(engine, PROGRAMS["parallel calls"])
    again = await replay(engine, _changed(recorded, how))
    assert again.divergence is not None
    assert str(again.divergence).endswith("nothing was executed")


async def test_what_has_no_answer_is_what_the_cell_waits_for(engine: WorkersEngine) -> None:
    source = """
        const calls = [1, 2, 3].map((n) => tools.echo({ n }));
        setTimeout(() => text("late"), 60_000);
        for (const each of calls) text((await each).n);
    """
    recorded = await record(engine, source)
    first = next(at for at, each in enumerate(recorded.entries) if isinstance(each, Settled))
    again = await replay(engine, recorded.entries[: first + 1])
    settled = recorded.entries[first]
    assert isinstance(settled, Settled)
    assert sorted(again.replay.calls) == [n for n in (1, 2, 3) if n != settled.call]
    assert [each.delay_ms for each in again.replay.timers.values()] == [60_000]
    texts = [event.text for event in again.said if isinstance(event, TextItem)]
    assert texts == (["1"] if settled.call == 1 else [])


async def test_outputs_behind_which_something_was_done_must_come_again(
    engine: WorkersEngine,
) -> None:
    recorded = await record(engine, PROGRAMS["parallel calls"])
    end = recorded.outputs.mark
    marks = {
        "the same": end,
        "others": OutputMark(end.count, b"12345678"),
        "more": OutputMark(end.count + 1, end.digest),
    }
    found = {
        name: str((await replay(engine, recorded.entries, [mark])).divergence)
        for name, mark in marks.items()
    }

    assert found == {
        "the same": "None",
        "others": f"the cell has said something else than before, up to output {end.count};"
        " nothing was executed",
        "more": f"the cell has said less than before: {end.count} outputs, and there were"
        f" {end.count + 1}; nothing was executed",
    }
