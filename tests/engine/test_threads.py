"""The in-process engine: what V8 does not interrupt must not hold up the rest."""

import threading

from codemode.engine import events as ev
from codemode.engine.threads import ThreadsEngine
from codemode.limits import Limits

from .driving import begin, bounded, eventually, texts

STUCK = "yield_control(); await 0; new Array(2 ** 23).sort()"
"""V8 does not stop this when it is told to; it ends by itself after a while."""


async def test_a_cell_that_cannot_be_interrupted_holds_up_no_other(
    in_threads: ThreadsEngine,
) -> None:
    session = in_threads.session(Limits(termination_ms=20))
    cell = await begin(session, STUCK)
    await cell.heard(ev.YieldAsked)
    closed = await bounded(cell.cell.close())

    for number in range(5):
        assert await texts(session, f"text({number})") == [str(number)]
    assert closed in (True, False)
    assert cell.lost is None
    await eventually(lambda: "stop" not in {thread.name for thread in threading.enumerate()})


async def test_a_cell_fails_with_a_reason_when_its_callback_does(
    in_threads: ThreadsEngine,
) -> None:
    session = in_threads.session(Limits())
    cell = await begin(session, "await tools.never()")
    await cell.heard(ev.Idle)
    inner = cell.cell._cell  # type: ignore[attr-defined]
    inner._answer = None
    cell.cell.deliver("X")
    cell = await begin(session, "load('k')")
    await cell.heard(ev.ValueAsked)
    cell.cell._cell._answers.put("no bytes")  # type: ignore[attr-defined]
    await cell.end()

    assert cell.lost is not None
    assert cell.lost[0].startswith("The cell could not be run: TypeError: ")
    assert await texts(session, "text('still')") == ["still"]


async def test_closing_the_engine_ends_its_threads(in_threads: ThreadsEngine) -> None:
    session = in_threads.session(Limits())
    await texts(session, "text(1)")
    await session.aclose()
    await bounded(in_threads.aclose())

    names = {thread.name for thread in threading.enumerate()}
    assert names.isdisjoint({"isolates", "frees", "stop"})
