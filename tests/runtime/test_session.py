"""The contract of a session, whoever provides it.

Each test runs with every provider in ``PROVIDERS``; to hold another one to the contract, add it
there. Programs and tools are each other's gates: nothing here waits for time to pass, except
where time is what the test is about.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec
import pytest
import pytest_asyncio
from msgspec import UNSET

from codemode.errors import CellBusyError, CellTerminatingError, LimitError, SessionClosedError
from codemode.limits import Limits
from codemode.protocol.session import Session, SessionProvider, Signal
from codemode.protocol.types import (
    CellId,
    LiveCell,
    MissingCell,
    Pending,
    Result,
    Terminated,
    TextItem,
    ToolCall,
    ToolDefinition,
    ToolName,
    WaitRequest,
    WaitToPendingRequest,
    Yielded,
)
from codemode.runtime.local import LocalSessionProvider
from codemode.runtime.session import SessionRuntime
from codemode.surface.declaration import described

from .doubles import (
    SECONDS,
    Recorder,
    bounded,
    echo,
    never,
    request,
    settle,
    strip,
    stubborn_wait,
)

Provider = AbstractAsyncContextManager[SessionProvider]

PROVIDERS: Final[dict[str, Callable[[], Provider]]] = {
    "here": LocalSessionProvider,
}
TOOLS: Final = ("echo", "never", "gate", "fail")
STANDING_TASKS: Final = {"ready worker", "end of a worker"}
"""What a provider may keep running when all its sessions are shut: bounded, and its own."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(PROVIDERS))
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[SessionProvider]:
    async with PROVIDERS[request.param]() as provider:
        yield provider


class Client:
    """A session and its delegate; every answer is bounded, and compared without its times."""

    def __init__(self, session: Session, delegate: Recorder) -> None:
        self.session = session
        self.delegate = delegate
        self.gate = asyncio.Event()
        delegate.tools.update(echo=echo, never=never, gate=self._gate, fail=_fail)

    async def _gate(self, call: ToolCall, _: Signal) -> Any:
        await self.gate.wait()
        return None

    async def start(self, source: str, *, preempt: Signal | None = None, **options: Any) -> Any:
        wanted = request(source, *TOOLS, **options)
        return await bounded(self.session.execute(wanted, preempt=preempt))

    async def run(self, source: str, **options: Any) -> Any:
        started = await self.start(source, **options)
        return strip(await bounded(started.initial_response()))

    async def text(self, source: str) -> str:
        """What a program that succeeds writes."""
        response = await self.run(source)
        assert (type(response), response.error_text) == (Result, None)
        return "\n".join(item.text for item in response.items)

    async def wait(self, cell_id: str, **options: Any) -> Any:
        preempt = options.pop("preempt", None)
        wanted = WaitRequest(cell_id=CellId(cell_id), **options)
        return strip(await bounded(self.session.wait(wanted, preempt=preempt)))

    async def terminate(self, cell_id: str) -> Any:
        return strip(await bounded(self.session.terminate(CellId(cell_id))))

    async def to_pending(self, source: str) -> Any:
        return strip(await bounded(self.session.execute_to_pending(request(source, *TOOLS))))

    async def resume(self, cell_id: str) -> Any:
        wanted = WaitToPendingRequest(cell_id=CellId(cell_id))
        return strip(await bounded(self.session.wait_to_pending(wanted)))


async def _fail(*_: object) -> None:
    raise RuntimeError("boom")


MakeSession = Callable[..., Awaitable[Client]]


@pytest_asyncio.fixture(loop_scope="module")
async def make_session(provider: SessionProvider) -> AsyncIterator[MakeSession]:
    """``await make_session(limit=…)``: a session that is shut down after the test."""
    before = asyncio.all_tasks()
    clients: list[Client] = []

    async def make(**limits: Any) -> Client:
        delegate = Recorder()
        session = await bounded(provider.create_session(delegate, limits=Limits(**limits)))
        clients.append(Client(session, delegate))
        return clients[-1]

    yield make
    for client in clients:
        await bounded(client.session.shutdown())
        closed = client.delegate.closed
        assert len(closed) == len(set(closed)), "cell_closed comes once a cell"
    await settle()
    # Compiled coroutines are gRPC's own, and end when a thread of its own says so.
    now = {task for task in asyncio.all_tasks() if inspect.iscoroutine(task.get_coro())}
    left = now - before - {asyncio.current_task()}
    assert {task.get_name() for task in left} <= STANDING_TASKS


@pytest_asyncio.fixture(loop_scope="module")
async def client(make_session: MakeSession) -> Client:
    return await make_session()


def result(*texts: str, cell_id: str = "1", error: str | None = None) -> Result:
    items = tuple(map(TextItem, texts))
    return Result(cell_id=CellId(cell_id), items=items, error_text=error)


def yielded(*texts: str, cell_id: str = "1") -> Yielded:
    return Yielded(cell_id=CellId(cell_id), items=tuple(map(TextItem, texts)))


def terminated(*texts: str, cell_id: str = "1") -> Terminated:
    return Terminated(cell_id=CellId(cell_id), items=tuple(map(TextItem, texts)))


def missing(cell_id: str = "1") -> MissingCell:
    return MissingCell(result(cell_id=cell_id, error=f"exec cell {cell_id} not found"))


NEVER = "await new Promise(() => {});"

# ── store and load (43-54) ───────────────────────────────────────────────────────────────────────

ROUND_TRIPS = {
    "an object": ("store('k', {a: 1})", "text(load('k'))", '{"a":1}'),
    "content before a mutation": (
        "const o = {a: 1}; store('k', o); o.a = 2;",
        "text(load('k'))",
        '{"a":1}',
    ),
    "copies of its own": (
        "store('k', {a: 1})",
        "load('k').a = 2; text(load('k'))",
        '{"a":1}',
    ),
    "nothing": ("", "text(load('missing') === undefined)", "true"),
    "a key that is a number": ("store(5, 1)", "text(load('5'))", "1"),
    "NaN": ("store('k', NaN)", "text(load('k'))", "null"),
    "a date": ("store('k', new Date(0))", "text(load('k'))", "1970-01-01T00:00:00.000Z"),
    "a map": ("store('k', new Map([[1, 2]]))", "text(load('k'))", "{}"),
    "a long key beyond the first plane": (
        "store('😀é', '😀'.repeat(40000))",
        "text(load('😀é') === '😀'.repeat(40000))",
        "true",
    ),
    "a write of this cell": ("", "store('k', 1); store('k', 2); text(load('k'))", "2"),
}


@pytest.mark.parametrize("case", ROUND_TRIPS)
async def test_a_later_cell_loads(case: str, client: Client) -> None:
    writer, reader, expected = ROUND_TRIPS[case]
    assert await client.run(writer) == result()

    assert await client.text(reader) == expected


@pytest.mark.parametrize("value", ["undefined", "() => 1"])
async def test_what_is_no_plain_value_is_not_stored(value: str, client: Client) -> None:
    response = await client.run(f"store('k', {value})")

    assert '"k"' in response.error_text
    assert "Only plain serializable objects can be stored" in response.error_text
    assert await client.text("text(load('k') === undefined)") == "true"


async def test_a_cell_that_stores_and_throws_keeps_what_it_stored(client: Client) -> None:
    await client.run("store('k', 1); throw new Error('x')")

    assert await client.text("text(load('k'))") == "1"


async def test_a_cell_that_stores_and_is_terminated_keeps_nothing(client: Client) -> None:
    await client.run(f"store('k', 1); yield_control(); {NEVER}")
    await client.terminate("1")

    assert await client.text("text(load('k') === undefined)") == "true"


async def test_cells_side_by_side_keep_each_their_keys_and_the_last_to_end_wins(
    client: Client,
) -> None:
    await client.run("store('a', 1); store('k', 'first'); yield_control(); await tools.gate()")
    assert await client.text("text(load('a') === undefined)") == "true"
    await client.run("store('b', 2); store('k', 'second')")
    client.gate.set()
    assert await client.wait("1") == LiveCell(result())

    assert await client.text("text([load('a'), load('b'), load('k')])") == '[1,2,"first"]'


async def test_sessions_do_not_see_each_other(make_session: MakeSession) -> None:
    one, other = await make_session(), await make_session()
    await one.run("store('k', 1)")

    assert await other.text("text(load('k') === undefined)") == "true"


async def test_stored_values_are_bounded_and_the_rest_is_kept(make_session: MakeSession) -> None:
    client = await make_session(stored_bytes=10_000)
    response = await client.run("store('a', 1); for (let i = 0;; i++) store('k' + i, 0)")

    assert response.error_text.startswith("Limit reached (stored_bytes): ")
    assert await client.text("text(load('a'))") == "1"


# ── notify, yield, exit, timers (55-74) ──────────────────────────────────────────────────────────


async def test_a_notification_arrives_with_the_call_before_the_cell_completes(
    client: Client,
) -> None:
    await client.run("notify('x'); notify(5)")

    await client.delegate.heard("closed", "1")
    assert client.delegate.log == [("note", "call", "x"), ("note", "call", "5"), ("closed", "1")]


async def test_an_empty_notification_is_refused(client: Client) -> None:
    response = await client.run("notify('  ')")

    assert response.error_text.startswith("notify expects non-empty text")
    assert client.delegate.notes == []


async def test_a_failing_notification_does_not_touch_the_script(client: Client) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("x")

    client.delegate.on_note = fail

    assert await client.run("notify('x'); text('a')") == result("a")


async def test_a_completion_waits_for_a_slow_notification(client: Client) -> None:
    client.delegate.on_note = lambda _, __: client.gate.wait()  # type: ignore[assignment,return-value]
    started = await client.start("notify('x'); text('a')")
    first = asyncio.create_task(started.initial_response())
    await client.delegate.heard("note", "call", "x")
    await settle()
    assert not first.done()
    client.gate.set()

    assert strip(await bounded(first)) == result("a")


async def test_a_notification_that_never_ends_does_not_hinder_a_termination(
    make_session: MakeSession,
) -> None:
    client = await make_session(callback_grace_ms=20)
    release = asyncio.Event()
    client.delegate.on_note = lambda _, __: stubborn_wait(release)
    assert await client.run("notify('x'); text('a')", yield_time_ms=200) == yielded("a")

    assert await client.terminate("1") == LiveCell(terminated())
    assert client.delegate.closed == []
    release.set()
    await client.delegate.heard("note left", "x")


async def test_yield_control_ends_the_observation_long_before_its_time(client: Client) -> None:
    assert await client.run("text('a'); yield_control(); await tools.gate(); text('b')") == (
        yielded("a")
    )
    client.gate.set()

    assert await client.wait("1") == LiveCell(result("b"))
    assert await client.wait("1") == missing()


async def test_yield_control_means_nothing_in_pending_mode(client: Client) -> None:
    assert await client.to_pending("text('a'); yield_control(); text('b')") == result("a", "b")


EXITS = {
    "at top level": "text('a'); exit(); text('b')",
    "in an async function": "const f = async () => { text('a'); exit(); }; await f(); text('b')",
    "in a callback of a timer": "text('a'); setTimeout(() => exit(), 0); " + NEVER,
    "where catch and finally do not see it": (
        "text('a'); try { exit() } catch { text('b') } finally { text('c') }"
    ),
}


@pytest.mark.parametrize("case", EXITS)
async def test_exit_ends_the_cell_with_success(case: str, client: Client) -> None:
    assert await client.run(EXITS[case]) == result("a")


async def test_exit_cancels_a_call_under_way(client: Client) -> None:
    assert await client.run("tools.never(); await tools.echo(1); exit()") == result()

    await client.delegate.heard("closed", "1")
    assert client.delegate.log.count(("left", "never")) == 1


TIMERS = {
    "after its time": ("await new Promise(r => setTimeout(r, 20)); text('a')", result("a")),
    "not if the module ends first": ("setTimeout(() => text('late'), 0); text('a')", result("a")),
    "not if it is cleared": (
        "clearTimeout(setTimeout(() => text('b'), 0)); clearTimeout(); clearTimeout(999);"
        "clearTimeout(-1); await new Promise(r => setTimeout(r, 20)); text('a')",
        result("a"),
    ),
    "in the order of their times": (
        "setTimeout(() => text('b'), 150); setTimeout(() => text('a'), 1);"
        "await new Promise(r => setTimeout(r, 250))",
        result("a", "b"),
    ),
    "at once for senseless times": (
        "await new Promise(r => setTimeout(r, NaN)); await new Promise(r => setTimeout(r, -5));"
        "await new Promise(r => setTimeout(r)); text('a')",
        result("a"),
    ),
}


@pytest.mark.parametrize("case", TIMERS)
async def test_a_timer_fires(case: str, client: Client) -> None:
    source, expected = TIMERS[case]

    assert await client.run(source) == expected


async def test_a_timer_that_throws_fails_the_cell(client: Client) -> None:
    response = await client.run(f"setTimeout(() => {{ throw new Error('x') }}, 0); {NEVER}")

    assert response.error_text.startswith("Error: x\n")


# ── observations (133-142, 149-152) ──────────────────────────────────────────────────────────────


async def test_cells_are_numbered_and_no_number_comes_again(client: Client) -> None:
    assert [(await client.run("")).cell_id for _ in range(3)] == ["1", "2", "3"]


async def test_a_cell_that_is_given_no_time_yields_before_it_has_written(client: Client) -> None:
    assert await client.run("text('a')", yield_time_ms=0) == yielded()

    assert await client.wait("1") == LiveCell(result("a"))


async def test_an_observation_gets_what_a_computing_script_has_written(client: Client) -> None:
    first = await client.run("text('a'); yield_control(); text('b'); for(;;);")
    second = await client.wait("1", yield_time_ms=100)

    assert (first, second) == (yielded("a"), LiveCell(yielded("b")))


async def test_a_completion_with_nobody_there_is_for_the_next_and_only_for_him(
    client: Client,
) -> None:
    await client.run("text('a'); yield_control(); text('b'); await tools.gate()")
    client.gate.set()
    await client.delegate.heard("left", "gate")

    assert await client.wait("1") == LiveCell(result("b"))
    assert await client.wait("1") == missing()
    assert await client.terminate("1") == missing()


async def test_a_buffered_completion_beats_a_termination(client: Client) -> None:
    await client.run("yield_control(); store('done', true); text('b')")
    async with asyncio.timeout(SECONDS):  # what is stored is there when the cell has completed
        while await client.text("text(load('done') === true)") != "true":
            pass

    assert await client.terminate("1") == LiveCell(result("b"))


@pytest.mark.parametrize(
    "source", ["for(;;);", NEVER, "await tools.never()", "for(;;) text('x'); "]
)
async def test_a_cell_that_is_busy_with_anything_is_terminated(source: str, client: Client) -> None:
    await client.run(f"yield_control(); {source}")
    outcome = await client.terminate("1")

    assert type(outcome.response) is Terminated
    assert await client.text("text('next')") == "next"


async def test_what_a_spinning_cell_wrote_last_is_delivered_when_it_is_terminated(
    client: Client,
) -> None:
    await client.run(
        "text('a'); yield_control(); text('b'); await tools.echo(1);text('c');for(;;);"
    )
    assert await client.wait("1", yield_time_ms=100) == LiveCell(yielded("b", "c"))

    assert await client.terminate("1") == LiveCell(terminated())


async def test_a_termination_is_told_to_observer_and_terminator(client: Client) -> None:
    started = await client.start("text('a'); await tools.never()")
    first = asyncio.create_task(started.initial_response())
    await client.delegate.heard("tool", "never")
    end = await client.terminate("1")

    assert (end, strip(await bounded(first))) == (LiveCell(terminated("a")), terminated("a"))


async def test_a_second_observer_is_refused_and_the_first_goes_on(client: Client) -> None:
    started = await client.start("await tools.gate(); text('a')")
    with pytest.raises(CellBusyError, match=r"^exec cell 1 already has an active observer$"):
        await client.wait("1")
    client.gate.set()

    assert strip(await bounded(started.initial_response())) == result("a")


async def test_an_observer_who_leaves_makes_room_and_loses_nothing(client: Client) -> None:
    await client.run("yield_control(); text('a'); await tools.gate(); text('b')")
    leaving = asyncio.create_task(client.session.wait(WaitRequest(cell_id=CellId("1"))))
    await client.delegate.heard("tool", "gate")
    leaving.cancel()
    await asyncio.wait([leaving], timeout=SECONDS)
    client.gate.set()

    assert await client.wait("1") == LiveCell(result("a", "b"))


async def test_a_second_terminator_is_refused(make_session: MakeSession) -> None:
    client = await make_session(callback_grace_ms=200)
    release = asyncio.Event()
    client.delegate.tools["gate"] = lambda _, __: stubborn_wait(release)
    await client.run("yield_control(); await tools.gate()")
    await client.delegate.heard("tool", "gate")
    first = asyncio.create_task(client.terminate("1"))
    await settle(1)
    with pytest.raises(CellTerminatingError, match=r"^exec cell 1 is already terminating$"):
        await client.terminate("1")
    release.set()

    assert await bounded(first) == LiveCell(terminated())


async def test_an_unknown_cell_is_missing(client: Client) -> None:
    assert await client.wait("7") == missing("7")
    assert await client.terminate("7") == missing("7")
    assert await client.resume("7") == missing("7")


async def test_a_signal_ends_an_observation_early(client: Client) -> None:
    await client.run("yield_control(); text('a'); await tools.gate(); text('b')")
    signal = asyncio.Event()
    waiting = asyncio.create_task(client.wait("1", preempt=signal))
    await client.delegate.heard("tool", "gate")
    signal.set()
    assert await bounded(waiting) == LiveCell(yielded("a"))
    client.gate.set()

    assert await client.wait("1") == LiveCell(result("b"))


async def test_a_signal_that_fired_before_yields_at_once(client: Client) -> None:
    signal = asyncio.Event()
    signal.set()
    assert await client.run("await tools.gate(); text('a')", preempt=signal) == yielded()
    client.gate.set()

    assert await client.wait("1") == LiveCell(result("a"))


async def test_a_limit_on_observations_holds_for_exec_and_wait(make_session: MakeSession) -> None:
    client = await make_session(max_yield_time_ms=5)
    assert await client.run(NEVER, yield_time_ms=3_600_000) == yielded()

    assert await client.wait("1", yield_time_ms=3_600_000) == LiveCell(yielded())


async def test_responses_say_how_long_they_took(client: Client) -> None:
    started = await client.start("await tools.echo(1)")
    response = await bounded(started.initial_response())

    assert response.host_duration_ns > 0
    assert response.result_buffered_for_ns == 0


async def test_many_cells_run_side_by_side(client: Client) -> None:
    started = [await client.start("text(await tools.gate() ?? 'a')") for _ in range(20)]
    await client.delegate.heard("tool", "gate", times=20)
    client.gate.set()
    responses = [strip(await bounded(each.initial_response())) for each in started]

    assert responses == [result("a", cell_id=str(number)) for number in range(1, 21)]


async def test_too_many_live_cells_are_refused_and_a_place_is_free_at_once(
    make_session: MakeSession,
) -> None:
    client = await make_session(live_cells=1)
    started = await client.start("await tools.gate()")
    with pytest.raises(LimitError, match=r"Live cells: 1\.$"):
        await client.start("")
    client.gate.set()
    await bounded(started.initial_response())

    assert await client.run("") == result(cell_id="2")


async def test_where_no_cell_may_live_none_is_named(make_session: MakeSession) -> None:
    client = await make_session(live_cells=0)
    with pytest.raises(LimitError) as refused:
        await client.start("")
    assert "Live cells" not in str(refused.value)


async def test_a_source_that_is_too_long_is_refused(make_session: MakeSession) -> None:
    client = await make_session(source_bytes=10)
    with pytest.raises(LimitError) as refusal:
        await client.run("'ééééé'")

    assert refusal.value.limit == "source_bytes"


async def test_a_cell_that_computes_too_long_ends_with_what_it_wrote(
    make_session: MakeSession,
) -> None:
    client = await make_session(compute_ms=50)
    response = await client.run("text('a'); for(;;);")

    assert response == msgspec.structs.replace(
        result(
            "a",
            error="Limit reached (compute_ms): the cell computed for 50 ms without a pause."
            "\nHint: split the work and await something between the parts, or run it in a tool.",
        ),
        limit="compute_ms",
    )


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("store('k', 'x'.repeat(2000))", "value_bytes"),
        ("await Promise.reject().catch(() => text('x'.repeat(2000)))", "value_bytes"),
        ("setTimeout(() => {}); setTimeout(() => {})", "timers"),
        (
            "let e; try { text('x'.repeat(2000)) } catch (error) { e = error } throw e",
            "value_bytes",
        ),
        (
            "let e; try { text('x'.repeat(2000)) } catch (error) { e = error } throw new Error(e)",
            None,
        ),
        ("throw 'Limit reached (value_bytes): x'", None),
    ],
)
async def test_a_program_ends_by_a_limit_if_it_has_reached_it(
    source: str, limit: str | None, make_session: MakeSession
) -> None:
    client = await make_session(value_bytes=1_000, timers=1)
    response = await client.run(source)

    assert (response.error_text is None, response.limit) == (False, limit)


async def test_output_is_bounded_also_where_it_is_empty(make_session: MakeSession) -> None:
    client = await make_session(output_bytes=64_000)
    response = await client.run("for (;;) text('')")

    assert response.error_text.startswith("Limit reached (output_bytes): ")
    assert len(response.items) == 1_000


# ── the end (144, 147, 148) ──────────────────────────────────────────────────────────────────────


async def test_the_delegate_hears_of_each_end_once_whatever_it_was(client: Client) -> None:
    await client.run("")
    await client.run("throw 1")
    await client.run("exit()")
    await client.run(f"yield_control(); {NEVER}")
    await client.terminate("4")
    await client.run(f"yield_control(); {NEVER}")
    (await client.start(NEVER)).initial_response().close()
    await bounded(client.session.shutdown())

    assert client.delegate.closed[:4] == ["1", "2", "3", "4"]
    assert sorted(client.delegate.closed) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("source", ["for(;;);", NEVER, "await tools.never()"])
async def test_a_shutdown_ends_every_cell(source: str, client: Client) -> None:
    firsts = []
    for _ in range(3):
        started = await client.start(f"text('a'); await tools.echo(1); {source}")
        firsts.append(asyncio.create_task(started.initial_response()))
    await client.delegate.heard("left", "echo", times=3)
    await bounded(asyncio.gather(client.session.shutdown(), client.session.shutdown()))
    ends = [strip(await bounded(first)) for first in firsts]

    assert ends == [terminated("a", cell_id=str(number)) for number in (1, 2, 3)]
    assert sorted(client.delegate.closed) == ["1", "2", "3"]
    with pytest.raises(SessionClosedError, match=r"^code mode session is shutting down$"):
        await client.start("")


@pytest.mark.parametrize("rounds", range(4))
async def test_an_execute_that_races_a_shutdown_is_refused_or_ended(
    rounds: int, client: Client
) -> None:
    """``rounds`` of the event loop lie between the two."""
    executing = asyncio.create_task(client.start("await tools.never()"))
    await settle(rounds)
    await bounded(client.session.shutdown())
    try:
        started = await bounded(executing)
    except SessionClosedError:
        assert client.delegate.closed == []
        return

    assert strip(await bounded(started.initial_response())) == terminated()
    assert client.delegate.closed == ["1"]


@pytest.mark.parametrize("rounds", range(4))
async def test_an_execute_that_is_cancelled_at_any_moment_leaves_no_cell(
    rounds: int, client: Client
) -> None:
    executing = asyncio.create_task(client.session.execute(request(NEVER)))
    await settle(rounds)
    executing.cancel()
    await asyncio.wait([executing], timeout=SECONDS)
    if not executing.cancelled():  # it was there already: its first response is what ends it
        first = asyncio.create_task(executing.result().initial_response())
        await settle(1)
        first.cancel()
    await bounded(client.session.shutdown())

    assert client.delegate.closed in ([], ["1"])


async def test_a_cancelled_first_response_ends_the_cell(client: Client) -> None:
    started = await client.start("await tools.never()")
    first = asyncio.create_task(started.initial_response())
    await settle(1)  # it has begun to wait, however early the call came
    await client.delegate.heard("tool", "never")
    first.cancel()
    await client.delegate.heard("closed", "1")

    assert await client.wait("1") == LiveCell(terminated())


async def test_a_call_says_which_exec_it_comes_from_and_which_tool_its_cell_was_given(
    client: Client,
) -> None:
    seen: list[ToolCall] = []

    async def look(call: ToolCall, _: Signal) -> Any:
        seen.append(call)

    client.delegate.tools["look"] = look
    given = ToolDefinition(
        name="look",
        tool_name=ToolName("look"),
        description="Looks.",
        annotations={"readOnlyHint": True},
        source="test",
    )
    wanted = msgspec.structs.replace(
        request("await tools.look({ a: 1 })"),
        enabled_tools=described([given]),
        tool_call_id="model-7",
    )
    started = await bounded(client.session.execute(wanted))
    await bounded(started.initial_response())
    is_here = isinstance(client.session, SessionRuntime)

    assert seen == [
        ToolCall(
            cell_id=started.cell_id,
            runtime_tool_call_id="tool-1",
            tool_name=ToolName("look"),
            input={"a": 1},
            call_id="model-7",
            description="Looks.",
            annotations={"readOnlyHint": True},
            digest=given.digest,
            # Only an engine of this process tells where in the program a call stands.
            line=1 if is_here else None,
            column=13 if is_here else None,
        )
    ]


async def test_a_call_without_an_argument_has_none(client: Client) -> None:
    seen: list[Any] = []

    async def look(call: ToolCall, _: Signal) -> Any:
        seen.append(call.input)

    client.delegate.tools["gate"] = look
    await client.run("await tools.gate(); await tools.gate({ a: [] }); await tools.gate(undefined)")

    assert seen == [UNSET, {"a": []}, UNSET]


# ── pending mode and callbacks (153-160) ─────────────────────────────────────────────────────────


def pending(*texts: str, calls: tuple[str, ...] = ()) -> Pending:
    return Pending(
        cell_id=CellId("1"), items=tuple(map(TextItem, texts)), pending_tool_call_ids=calls
    )


async def test_a_synchronous_program_completes(client: Client) -> None:
    assert await client.to_pending("text('a')") == result("a")


async def test_parallel_calls_are_reported_in_order(client: Client) -> None:
    source = "text('a'); await Promise.all([tools.never(), tools.gate()])"

    assert await client.to_pending(source) == pending("a", calls=("tool-1", "tool-2"))


async def test_no_javascript_runs_in_a_frozen_cell(client: Client) -> None:
    source = "await tools.gate(); notify('on'); text('done')"
    assert await client.to_pending(source) == pending(calls=("tool-1",))
    client.gate.set()
    await client.delegate.heard("left", "gate")
    await settle(50)
    assert client.delegate.notes == []

    assert await client.resume("1") == LiveCell(result("done"))
    assert client.delegate.notes == ["on"]


async def test_a_resume_with_nothing_ready_is_pending_again(client: Client) -> None:
    await client.to_pending("await tools.gate(); text('a')")

    assert await client.resume("1") == LiveCell(pending())
    client.gate.set()
    await client.delegate.heard("left", "gate")
    await settle()
    assert await client.resume("1") == LiveCell(result("a"))


async def test_a_timer_that_was_due_while_frozen_and_is_cleared_on_the_way_does_not_fire(
    client: Client,
) -> None:
    source = (
        f"let b; setTimeout(() => clearTimeout(b), 1); b = setTimeout(() => text('b'), 2);{NEVER}"
    )
    assert await client.to_pending(source) == pending()
    await asyncio.sleep(0.02)

    assert await client.resume("1") == LiveCell(pending())
    assert await client.terminate("1") == LiveCell(terminated())


async def test_a_cell_observed_by_time_goes_on_at_its_frontier_by_itself(client: Client) -> None:
    assert await client.run("text(await tools.echo(1)); text(await tools.echo(2))") == (
        result("1", "2")
    )


async def test_a_frozen_cell_observed_by_time_goes_on(client: Client) -> None:
    await client.to_pending("await tools.gate(); await tools.echo(1); text('a')")
    client.gate.set()

    assert await client.wait("1") == LiveCell(result("a"))


async def test_calls_that_nobody_awaits_are_cancelled_at_the_end(client: Client) -> None:
    assert await client.run("tools.never(); await tools.echo(1); text('a')") == result("a")

    await client.delegate.heard("closed", "1")
    assert client.delegate.log[-2:] == [("left", "never"), ("closed", "1")]


async def test_a_tool_result_after_the_end_is_ignored(make_session: MakeSession) -> None:
    client = await make_session(callback_grace_ms=10)
    release = asyncio.Event()
    client.delegate.tools["gate"] = lambda _, __: stubborn_wait(release)
    assert await client.run("tools.gate(); await tools.echo(1); text('a')") == result("a")
    release.set()
    await client.delegate.heard("left", "gate")

    assert await client.text("text('next')") == "next"


async def test_a_failing_tool_rejects_with_its_text(client: Client) -> None:
    source = "try { await tools.fail() } catch (e) { text(String(e)) }"

    assert await client.text(source) == "RuntimeError: boom"


async def test_a_thousand_calls_at_once_are_all_answered(client: Client) -> None:
    source = (
        "const r = await Promise.all(Array.from({length: 1000}, (_, i) => tools.echo(i)));"
        "text(r.reduce((a, b) => a + b, 0))"
    )

    assert await client.text(source) == "499500"


async def test_a_thousand_notifications_in_a_row_all_arrive_in_order(client: Client) -> None:
    await client.run("for (let i = 0; i < 1000; i++) notify(String(i))")

    assert client.delegate.notes == [str(number) for number in range(1_000)]


async def test_a_flood_of_notifications_is_slowed_and_the_cell_can_be_ended(
    make_session: MakeSession,
) -> None:
    client = await make_session(queued_notifications=10)
    client.delegate.on_note = lambda _, __: client.gate.wait()  # type: ignore[assignment,return-value]
    await client.run("yield_control(); for (;;) notify('x'.repeat(1000))")
    await client.delegate.heard("note", "call", "x" * 1_000, times=10)
    outcome = await client.terminate("1")

    assert outcome == LiveCell(terminated())
