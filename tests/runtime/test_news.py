"""Observations that end at output, and news of cells that nobody observes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from codemode.protocol.types import CellId, LiveCell, Result, TextItem, WaitRequest, Yielded
from codemode.runtime.local import LocalSessionProvider
from codemode.runtime.session import SessionRuntime

from .doubles import Recorder, bounded, request, strip

ONE = CellId("1")
LONG = WaitRequest(cell_id=ONE, yield_time_ms=100_000)
SOON = "await new Promise((resolve) => setTimeout(resolve, 10));"
NEVER = "await new Promise(() => {});"


@pytest.fixture
async def session() -> AsyncIterator[SessionRuntime]:
    async with LocalSessionProvider() as provider:
        yield await provider.create_session(Recorder())


async def yielded(session: SessionRuntime, source: str) -> None:
    """Cell 1, which has yielded and goes on with ``source``."""
    started = await session.execute(request(f"yield_control(); {source}"))
    await bounded(started.initial_response())


def output(*texts: str) -> LiveCell:
    return LiveCell(Yielded(cell_id=ONE, items=tuple(map(TextItem, texts))))


async def test_an_observation_ends_at_output_that_comes(session: SessionRuntime) -> None:
    await yielded(session, f"{SOON} text('a'); text('b'); {NEVER}")

    assert strip(await bounded(session.wait_for_output(LONG))) == output("a", "b")


async def test_output_that_is_there_ends_it_too(session: SessionRuntime) -> None:
    await yielded(session, f"{SOON} text('a'); {SOON} text('b'); {NEVER}")
    await bounded(session.wait_for_output(LONG))
    await bounded(session.wait(WaitRequest(cell_id=ONE, yield_time_ms=0)))

    assert strip(await bounded(session.wait_for_output(LONG))) == output("b")


async def test_it_ends_with_the_cell_and_in_time_without_output(session: SessionRuntime) -> None:
    await yielded(session, SOON)
    end = await bounded(session.wait_for_output(LONG))
    await yielded(session, NEVER)
    two = CellId("2")
    short = await bounded(session.wait_for_output(WaitRequest(cell_id=two, yield_time_ms=1)))

    assert strip(end) == LiveCell(Result(cell_id=ONE, items=()))
    assert strip(short) == LiveCell(Yielded(cell_id=two, items=()))


async def test_a_program_that_writes_without_end_is_not_observed_without_end(
    session: SessionRuntime,
) -> None:
    await yielded(session, "for (;;) { text('x'); await new Promise((r) => setTimeout(r)); }")
    outcomes = [await bounded(session.wait_for_output(LONG)) for _ in range(5)]

    took = [outcome.response.host_duration_ns for outcome in outcomes]
    assert [each >= 4_000_000 for each in took] == [True] * 5


async def test_news_are_told_of_cells_that_nobody_observes(session: SessionRuntime) -> None:
    news: list[tuple[str, str]] = []
    session.on_news(lambda cell_id, each: news.append((cell_id, each)))
    await yielded(session, f"{SOON} text('a'); {NEVER}")
    await bounded(session.wait_for_output(LONG))
    observed = list(news)
    await yielded(session, f"{SOON} text('b'); {SOON}")
    two = CellId("2")
    while ("2", "ended") not in news:
        await bounded(session.wait(WaitRequest(cell_id=ONE, yield_time_ms=5)))
    await bounded(session.wait(WaitRequest(cell_id=two)))

    assert observed == [("1", "taken"), ("1", "taken")]
    second = [each for cell_id, each in news if cell_id == "2"]
    assert list(dict.fromkeys(second)) == ["taken", "output", "ended"]
    assert second[-1] == "ended"
