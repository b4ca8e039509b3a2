"""A worker that an exploit has taken over may say anything: to its link, and to its session."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from codemode.engine import events as ev
from codemode.engine.records import Kind
from codemode.engine.wire import HEADER, FromWorker, frame
from codemode.limits import Limits
from codemode.protocol.types import CellId, TextItem
from codemode.runtime.session import SessionRuntime
from tests.engine.test_records import record
from tests.engine.test_worker_connection import Table
from tests.runtime.doubles import Recorder, ScriptedEngine, bounded, echo, never, request, settle

PAYLOADS = st.sampled_from(
    [
        "",
        "1",
        "-1\n0\n",
        "1\n0\n{}",
        "1\n7\n[",
        "1\nnan",
        "1\ninf",
        "1\n0",
        "0\n1",
        "9\nk1",
        "low\nx",
    ]
) | st.text(max_size=6)
RECORDS = st.builds(
    record, st.sampled_from(Kind) | st.integers(0, 255), PAYLOADS | st.binary(max_size=20)
)
FRAMES = (
    st.builds(
        frame,
        st.sampled_from(FromWorker) | st.integers(0, 255),
        st.sampled_from([0, 1, 2, 3, 2**32 - 1]),
        st.lists(RECORDS, max_size=3).map(b"".join) | st.binary(max_size=12),
    )
    | st.builds(HEADER.pack, st.integers(0, 2**32 - 1), st.integers(0, 255), st.just(1))
    | st.binary(max_size=12)
)
NUMBERS = st.integers(-2, 3) | st.integers(-(2**70), 2**70)
DELAYS = st.sampled_from([float("nan"), float("inf"), -1.0, 0.0, 1e308])
EVENTS = st.one_of(
    st.builds(TextItem, st.text(max_size=5)),
    st.builds(ev.ToolCalled, NUMBERS, NUMBERS, st.sampled_from([None, "{}", "[1", "", "NaN"])),
    st.builds(ev.Notified, st.text(max_size=5)),
    st.builds(ev.YieldAsked),
    st.builds(ev.TimerSet, NUMBERS, DELAYS),
    st.builds(ev.TimerCleared, NUMBERS),
    st.builds(ev.ValueStored, st.text(max_size=5), st.sampled_from(["1", "{}"])),
    st.builds(ev.ValueAsked, st.text(max_size=5)),
    st.builds(ev.Finished, st.none() | st.text(max_size=5)),
    st.builds(ev.Idle),
)


@given(said=st.lists(FRAMES, max_size=6), step=st.integers(1, 40))
def test_a_link_hears_what_a_worker_says_or_kills_it(said: list[bytes], step: int) -> None:
    data = b"".join(said)

    async def hear() -> None:
        table = Table(Limits(termination_ms=20))
        await table.lay()
        for at in range(0, len(data), step):
            if table.worker.killed:
                break
            table.link.hear(data[at : at + step])
        if table.worker.killed:  # and everybody learns of it
            await asyncio.gather(*(run.end() for run in table.cells))
        table.link.abandon()
        await bounded(table.link.gone.wait())

    _run(hear())


@given(said=st.lists(st.lists(EVENTS, max_size=4), max_size=8))
def test_a_session_stands_every_order_of_events_and_runs_the_next_cell(
    said: list[list[ev.Event]],
) -> None:
    async def hear() -> None:
        engine, delegate = ScriptedEngine(), Recorder(echo=echo, never=never)
        limits = Limits(callback_grace_ms=0, timers=3, tool_calls=4, stored_bytes=1_000)
        session = SessionRuntime(engine, delegate, limits)
        started = await session.execute(request("", "echo", "never", yield_time_ms=0))
        for events in said:
            engine.cells[0].says(*events)
            await settle(1)
        await bounded(started.initial_response())
        await bounded(session.terminate(CellId("1")))

        following = await session.execute(request("", yield_time_ms=60_000))
        engine.cells[1].says(TextItem("fine"), ev.Finished(None))
        assert (await bounded(following.initial_response())).items == (TextItem("fine"),)
        await bounded(session.shutdown())
        await settle()
        assert delegate.closed == ["1", "2"]

    _run(hear())


def _run(work: Any) -> None:
    """Run it; an error that only the loop hears of fails the test."""
    unheard: list[dict[str, Any]] = []
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda _, context: unheard.append(context))
        runner.run(work)
    assert unheard == []
