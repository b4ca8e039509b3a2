"""The owner of one cell: feeds its state table, performs the effects, keeps what has gathered.

It is the only writer of its state. Inputs come from callbacks on the event loop - the engine's
events, clocks, requests - and are performed there and then, one after another, in the order in
which they came; an input that arises while another is performed waits its turn. No task sits
between an event and its effect: a hop through a queue would cost each nested call more than the
cell itself does. What takes time (callbacks, stopping the engine) runs in tasks that the actor
owns, and that have ended before the cell is closed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from ..engine import events as ev
from ..errors import CellBusyError, CellTerminatingError
from ..protocol.types import (
    AudioItem,
    ImageItem,
    LiveCell,
    MissingCell,
    Pending,
    Result,
    Terminated,
    TextItem,
    WaitOutcome,
    Yielded,
)
from ..surface.hints import hint_for
from .callbacks import Callbacks
from .state import Effect, Input, Phase, State, Watch, step

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..engine.program import Catalogue
    from ..engine.seam import EngineCell, EngineSession
    from ..limits import Limits
    from ..protocol.session import SessionDelegate, Signal
    from ..protocol.types import CellId, ExecuteRequest, Item
    from .values import StoredValues

FIRST_LOOK_SECONDS: Final = 0.01
LAST_LOOK_SECONDS: Final = 0.25
"""How soon, and then how often, to fetch what a script has written while it computes."""


class Observation:
    """One caller that waits for what comes next, for at most ``seconds``, or to the frontier."""

    def __init__(self, seconds: float | None, preempt: Signal | None = None) -> None:
        self.seconds = seconds
        self.preempt = preempt
        self.answer: asyncio.Future[WaitOutcome] = asyncio.get_running_loop().create_future()

    @property
    def input(self) -> Input:
        return Input.OBSERVE_FRONTIER if self.seconds is None else Input.OBSERVE_TIME

    def settle(self, outcome: WaitOutcome) -> None:
        if not self.answer.done():
            self.answer.set_result(outcome)

    def refuse(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class CellActor:
    """One cell, from its admission to its end."""

    def __init__(
        self,
        cell_id: CellId,
        request: ExecuteRequest,
        *,
        delegate: SessionDelegate,
        limits: Limits,
        values: StoredValues,
        on_closed: Callable[[CellActor, WaitOutcome], None],
    ) -> None:
        self.cell_id = cell_id
        self._request = request
        self._delegate = delegate
        self._limits = limits
        self._values = values
        self._snapshot = values.snapshot()
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._state = State()
        self._inputs: deque[tuple[Input, Observation | None]] = deque()
        self._performing = False
        self._callbacks = Callbacks(
            cell_id, request.tool_call_id, delegate, limits, self._on_answer, self._on_room
        )
        self._engine: EngineCell | None = None
        self._stop_asked = False
        self._observation: Observation | None = None
        self._terminator: Observation | None = None
        self._clocks: list[asyncio.Handle | asyncio.Task[None]] = []
        self._idle_clock: asyncio.TimerHandle | None = None
        self._items: list[Item] = []
        self._output_bytes = 0
        self._written: dict[str, str] = {}
        self._pending_calls: list[str] = []
        self._tool_calls = 0
        self._error: str | None = None
        self._finished_at: float | None = None
        self._timers: dict[int, asyncio.TimerHandle | None] = {}
        self._held: deque[str] = deque()
        self._turns = 0
        self._look: asyncio.TimerHandle | None = None
        self._turn_began = 0.0
        self._outcome: WaitOutcome = MissingCell(self._missing())
        self._tasks: set[asyncio.Task[None]] = set()
        self.closed = asyncio.Event()

    def __repr__(self) -> str:
        state = self._state
        return (
            f"<cell {self.cell_id} {state.phase.name.lower()}, watched by"
            f" {state.watch.name.lower()}, {len(self._items)} items>"
        )

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    async def start(self, engine: EngineSession, catalogue: Catalogue) -> None:
        """Start the program. Raises EngineError, and then there is no cell."""
        self._turn_started()
        self._engine = await engine.start(self._request.source, catalogue, self)
        if self._stop_asked:
            self._stop_asked = False
            self._spawn(self._stop(self._engine))

    def abandon(self) -> None:
        """It never started: forget it without a word."""
        self._state = State(phase=Phase.CLOSED)
        self._disarm()
        self._stop_clocks()
        self.closed.set()

    def observe(self, observation: Observation) -> None:
        """Answer ``observation`` with what comes next."""
        self._feed(observation.input, observation)

    def leave(self, observation: Observation) -> None:
        """The observer is gone: keep what it was to get for the next one."""
        if self._observation is observation:
            self._observation = None
            self._disarm()
            self._feed(Input.OBSERVER_GONE)
        elif observation.answer.done() and not observation.answer.cancelled():
            self._put_back(observation)

    def terminate(self, observation: Observation) -> None:
        """End the cell; answer with its end."""
        self._feed(Input.TERMINATE, observation)

    # ── the engine's side (ev.Sink) ──────────────────────────────────────────────────────────

    def on_events(self, events: list[ev.Event]) -> None:
        for event in events:
            if self._state.phase is not Phase.RUNNING:
                return
            self._EVENTS[type(event)](self, event)
        if self._callbacks.full and self._engine is not None:
            self._engine.pause()

    def on_flushed(self) -> None:
        self._feed(Input.FLUSHED)

    def on_lost(self, reason: str, limit: str | None) -> None:
        del limit  # the reason names it
        if self._state.phase is Phase.RUNNING:
            self._error = reason
        self._feed(Input.LOST)

    def _on_item(self, item: TextItem | ImageItem | AudioItem) -> None:
        self._output_bytes += _size(item)
        if self._output_bytes > self._limits.output_bytes:
            self._end_by_limit("output_bytes")
        else:
            self._items.append(item)

    def _on_tool_called(self, called: ev.ToolCalled) -> None:
        tools = self._request.enabled_tools
        self._tool_calls += 1
        if called.index >= len(tools):
            self._on_answer(called.number, "unknown tool", True)
        elif self._limits.tool_calls is not None and self._tool_calls > self._limits.tool_calls:
            self._end_by_limit("tool_calls")
        else:
            self._pending_calls.append(f"tool-{called.number}")
            self._callbacks.call(called, tools[called.index])

    def _on_notified(self, event: ev.Notified) -> None:
        self._callbacks.notify(event.text)

    def _on_yield_asked(self, _: ev.YieldAsked) -> None:
        self._feed(Input.YIELD_ASKED)

    def _on_timer_set(self, timer: ev.TimerSet) -> None:
        if len(self._timers) >= self._limits.timers:
            self._end_by_limit("timers")
            return
        self._timers[timer.number] = self._loop.call_later(
            timer.delay_ms / 1000, self._fire, timer.number
        )

    def _fire(self, number: int) -> None:
        self._timers[number] = None
        self._deliver(f"T{number}")

    def _on_timer_cleared(self, timer: ev.TimerCleared) -> None:
        handle = self._timers.pop(timer.number, None)
        if handle is not None:
            handle.cancel()

    def _on_stored(self, value: ev.ValueStored) -> None:
        replaced = self._written.get(value.key)
        self._written[value.key] = value.json
        size = self._values.size_with(self._written)
        if self._limits.stored_bytes is not None and size > self._limits.stored_bytes:
            if replaced is None:
                del self._written[value.key]
            else:
                self._written[value.key] = replaced
            self._end(self._limits.message("stored_bytes", size))

    def _on_value_asked(self, event: ev.ValueAsked) -> None:
        if self._engine is not None:
            self._engine.answer(self._snapshot.get(event.key))

    def _on_finished(self, finished: ev.Finished) -> None:
        self._error = self._with_hint(finished.error_text)
        self._feed(Input.FINISHED)

    def _on_idle(self, _: ev.Idle) -> None:
        self._turns -= 1
        self._report_frontier()

    _EVENTS: Final[dict[type, Callable[..., None]]] = {
        TextItem: _on_item,
        ImageItem: _on_item,
        AudioItem: _on_item,
        ev.ToolCalled: _on_tool_called,
        ev.Notified: _on_notified,
        ev.YieldAsked: _on_yield_asked,
        ev.TimerSet: _on_timer_set,
        ev.TimerCleared: _on_timer_cleared,
        ev.ValueStored: _on_stored,
        ev.ValueAsked: _on_value_asked,
        ev.Finished: _on_finished,
        ev.Idle: _on_idle,
    }

    # ── turns ────────────────────────────────────────────────────────────────────────────────

    def _on_answer(self, number: int, text: str, failed: bool) -> None:
        self._deliver(f"{'E' if failed else 'R'}{number}\n{text}")

    def _on_room(self) -> None:
        if self._engine is not None and self._state.phase is Phase.RUNNING:
            self._engine.resume()

    def _deliver(self, message: str) -> None:
        """Give the script something to do, or hold it back while the cell is frozen."""
        if self._state.phase is not Phase.RUNNING:
            return
        if self._state.frozen or self._engine is None:
            self._held.append(message)
            return
        if message[0] == "T":
            number = int(message[1:])
            if number not in self._timers:  # cleared while it was held back
                return
            del self._timers[number]
        self._turn_started()
        self._engine.deliver(message)

    def _turn_started(self) -> None:
        if self._turns == 0:
            self._turn_began = self._loop.time()
            if self._look is None:
                self._look = self._loop.call_later(
                    FIRST_LOOK_SECONDS, self._look_in, FIRST_LOOK_SECONDS
                )
        self._turns += 1

    def _look_in(self, after: float) -> None:
        """A turn takes long: fetch what the script has written, and mind the limit."""
        self._look = None
        if self._state.phase is not Phase.RUNNING or self._turns == 0:
            return
        computed = self._loop.time() - self._turn_began
        bound = self._limits.compute_ms
        if bound is not None and computed * 1000 > bound:
            self._end_by_limit("compute_ms")
            return
        if self._engine is not None and computed >= FIRST_LOOK_SECONDS:
            self._engine.flush()
        after = min(2 * after, LAST_LOOK_SECONDS)
        self._look = self._loop.call_later(after, self._look_in, after)

    def _report_frontier(self) -> None:
        if self._turns == 0 and not self._held:
            self._feed(Input.FRONTIER)

    # ── state and effects ────────────────────────────────────────────────────────────────────

    def _feed(self, event: Input, observation: Observation | None = None) -> None:
        self._inputs.append((event, observation))
        if self._performing:
            return
        self._performing = True
        try:
            while self._inputs:
                event, observation = self._inputs.popleft()
                self._state, effects = step(self._state, event)
                self._seat(event, observation, effects)
                for effect in effects:
                    self._EFFECTS[effect](self, observation)
        finally:
            self._performing = False

    def _seat(
        self, event: Input, observation: Observation | None, effects: tuple[Effect, ...]
    ) -> None:
        """Remember who asks, unless it is refused."""
        if observation is None or _REFUSALS.intersection(effects):
            return
        if event is Input.TERMINATE:
            self._terminator = observation
        else:
            self._observation = observation

    def _arm(self, _: Observation | None) -> None:
        observation = self._observation
        assert observation is not None
        self._stop_idle_clock()
        if observation.seconds is not None:
            self._clocks.append(self._loop.call_later(observation.seconds, self._on_deadline))
        if observation.preempt is not None:
            if observation.preempt.is_set():
                self._clocks.append(self._loop.call_soon(self._on_deadline))
            else:
                self._clocks.append(self._loop.create_task(self._await_preempt(observation)))

    def _on_deadline(self) -> None:
        self._feed(Input.DEADLINE)

    async def _await_preempt(self, observation: Observation) -> None:
        assert observation.preempt is not None
        await observation.preempt.wait()
        if self._observation is observation:
            self._feed(Input.DEADLINE)

    def _disarm(self) -> None:
        for clock in self._clocks:
            clock.cancel()
        self._clocks.clear()

    def _flush(self, _: Observation | None) -> None:
        if self._engine is None or self._turns == 0:
            self._feed(Input.FLUSHED)
        else:
            self._engine.flush()

    def _resume(self, _: Observation | None) -> None:
        self._stop_idle_clock()
        held, self._held = self._held, deque()
        for message in held:
            self._deliver(message)
        self._report_frontier()

    def _yield(self, _: Observation | None) -> None:
        self._answer_observer(LiveCell(Yielded(cell_id=self.cell_id, items=self._take_items())))
        self._start_idle_clock()

    def _pend(self, _: Observation | None) -> None:
        calls, self._pending_calls = tuple(self._pending_calls), []
        pending = Pending(
            cell_id=self.cell_id, items=self._take_items(), pending_tool_call_ids=calls
        )
        self._answer_observer(LiveCell(pending))
        self._start_idle_clock()

    def _complete(self, _: Observation | None) -> None:
        buffered = 0.0 if self._finished_at is None else self._loop.time() - self._finished_at
        result = Result(
            cell_id=self.cell_id,
            items=self._take_items(),
            error_text=self._error,
            result_buffered_for_ns=int(buffered * 1e9),
        )
        self._answer_all(LiveCell(result))

    def _report_terminated(self, _: Observation | None) -> None:
        self._answer_all(LiveCell(Terminated(cell_id=self.cell_id, items=self._take_items())))

    def _answer_observer(self, outcome: WaitOutcome) -> None:
        observation, self._observation = self._observation, None
        self._disarm()
        if observation is not None:
            observation.settle(outcome)

    def _answer_all(self, outcome: WaitOutcome) -> None:
        self._outcome = outcome
        self._answer_observer(outcome)
        if self._terminator is not None:
            self._terminator.settle(outcome)

    def _refuse_busy(self, observation: Observation | None) -> None:
        if observation is not None:
            observation.refuse(CellBusyError(self.cell_id))

    def _refuse_terminating(self, observation: Observation | None) -> None:
        if observation is not None:
            observation.refuse(CellTerminatingError(self.cell_id))

    def _refuse_missing(self, observation: Observation | None) -> None:
        if observation is not None:
            observation.settle(MissingCell(self._missing()))

    def _commit_written(self, _: Observation | None) -> None:
        self._values.commit(self._written)
        self._stop_clocks()

    def _stop_engine(self, _: Observation | None) -> None:
        self._stop_clocks()
        if self._engine is None:
            self._stop_asked = True
        else:
            self._spawn(self._stop(self._engine))

    async def _stop(self, engine: EngineCell) -> None:
        await engine.close()
        self._feed(Input.STOPPED)

    def _drain(self, _: Observation | None) -> None:
        self._spawn(self._end_callbacks(self._callbacks.drain()))

    def _cancel(self, _: Observation | None) -> None:
        self._spawn(self._end_callbacks(self._callbacks.cancel()))

    async def _end_callbacks(self, ending: Coroutine[object, object, None]) -> None:
        await ending
        self._feed(Input.CALLBACKS_ENDED)
        if self._state.phase is Phase.COMPLETED:
            self._finished_at = self._loop.time()
            self._start_idle_clock()

    def _close(self, _: Observation | None) -> None:
        self._disarm()
        self._stop_clocks()
        self._stop_idle_clock()
        self._on_closed(self, self._outcome)
        self.closed.set()

    _EFFECTS: Final[dict[Effect, Callable[..., None]]] = {
        Effect.ARM: _arm,
        Effect.FLUSH: _flush,
        Effect.RESUME: _resume,
        Effect.YIELD: _yield,
        Effect.PEND: _pend,
        Effect.COMPLETE: _complete,
        Effect.REPORT_TERMINATED: _report_terminated,
        Effect.REFUSE_BUSY: _refuse_busy,
        Effect.REFUSE_TERMINATING: _refuse_terminating,
        Effect.REFUSE_MISSING: _refuse_missing,
        Effect.COMMIT: _commit_written,
        Effect.STOP: _stop_engine,
        Effect.DRAIN: _drain,
        Effect.CANCEL: _cancel,
        Effect.CLOSE: _close,
    }

    # ── small things ─────────────────────────────────────────────────────────────────────────

    def _end_by_limit(self, name: str) -> None:
        self._end(self._limits.message(name))

    def _end(self, error: str) -> None:
        self._error = error
        self._feed(Input.LIMIT)

    def _take_items(self) -> tuple[Item, ...]:
        items, self._items = tuple(self._items), []
        self._output_bytes = 0
        return items

    def _put_back(self, observation: Observation) -> None:
        """Items that an observer was given but never saw go back in front, in order."""
        if observation.answer.exception() is not None:
            return
        response = observation.answer.result().response
        if isinstance(response, Yielded | Pending) and self._state.phase is not Phase.CLOSED:
            self._items[:0] = response.items
            self._output_bytes += sum(map(_size, response.items))

    def _with_hint(self, error: str | None) -> str | None:
        if error is None:
            return None
        names = [tool.name for tool in self._request.enabled_tools]
        hint = hint_for(self._request.source, error, names)
        return error if hint is None else f"{error}\nHint: {hint}"

    def _missing(self) -> Result:
        return Result(
            cell_id=self.cell_id, items=(), error_text=f"exec cell {self.cell_id} not found"
        )

    def _stop_clocks(self) -> None:
        """Timers of the script and the look at its turn: it runs no more."""
        for handle in self._timers.values():
            if handle is not None:
                handle.cancel()
        self._timers.clear()
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _start_idle_clock(self) -> None:
        self._stop_idle_clock()
        bound = self._limits.unobserved_ms
        if bound is not None:
            self._idle_clock = self._loop.call_later(bound / 1000, self._expire)

    def _stop_idle_clock(self) -> None:
        if self._idle_clock is not None:
            self._idle_clock.cancel()
            self._idle_clock = None

    def _expire(self) -> None:
        if self._state.watch is not Watch.NOBODY:
            return
        if self._state.phase is Phase.RUNNING:
            self._error = self._limits.message("unobserved_ms")
        self._feed(Input.EXPIRED)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_REFUSALS: Final = frozenset(
    {Effect.REFUSE_BUSY, Effect.REFUSE_TERMINATING, Effect.REFUSE_MISSING}
)


def _size(item: Item) -> int:
    if isinstance(item, TextItem):
        text = item.text
    elif isinstance(item, ImageItem):
        text = item.image_url
    else:
        text = item.audio_url
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
