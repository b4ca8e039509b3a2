"""One cell: feeds its state table and performs the effects.

The cell is the only writer of its state. Inputs come from callbacks on the event loop - the engine's
events, clocks, requests - and are performed in that callback, one after another, in the order in
which they came; an input that arises while another is performed waits its turn. No task stands
between an event and its effect: a hop through a queue would cost each nested call more than the
cell itself does. Starting and stopping the engine run in tasks that the cell owns, and that have
ended before it is closed.

A caller who is cancelled cancels the future of its answer, and the cell looks for such futures
before each input, so that nothing is handed to a caller who is gone. Where the answer was given and
its caller was cancelled before it could be taken, ``leave`` takes it back.

Callbacks run in the context (contextvars) of the ``execute``, whoever observes the cell later and
whichever event made them due. The engine is started in an empty context: a worker serves later
cells, too, and must keep no request's values.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING, Final

from ..errors import CellBusyError, CellTerminatingError
from ..protocol.session import TakesStores
from ..protocol.types import LiveCell, Pending, Result, Terminated, WaitOutcome, Yielded
from ..sessions.waits import missing
from .cell_state import Effect, Input, Phase, State, step
from .observation import Observation
from .observers import CellObservers
from .script import CellScript, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..engine.catalogue import Catalogue
    from ..engine.interfaces import EngineCell, EngineSession
    from ..limits import Limits
    from ..protocol.session import SessionDelegate
    from ..protocol.types import CellId, ExecuteRequest, Item
    from .cells import CellRegistry
    from .values import StoredValues

_log = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 0.25
"""How long an observation whose time is up waits for what was written before; then it ends."""


class Cell(CellScript):
    """One cell, from its admission to its end."""

    def __init__(
        self,
        cell_id: CellId,
        request: ExecuteRequest,
        *,
        delegate: SessionDelegate,
        limits: Limits,
        values: StoredValues,
        cells: CellRegistry[Cell],
    ) -> None:
        writes = values.begin(cell_id)
        super().__init__(cell_id, request, delegate, limits, cells.share, writes, cells.budget)
        self._delegate = delegate
        self._cells = cells
        self._loop = asyncio.get_running_loop()
        self._state = State()
        self._event: Input | None = None  # the last
        self._inputs: deque[tuple[Input, Observation | Failure | None]] = deque()
        self._performing = False
        self._starting: asyncio.Task[None] | None = None
        self._start_error: Exception | None = None
        self._observers = CellObservers(cells.unread)
        self._failure: Failure | None = None
        self._completed_at: float | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.closed = asyncio.Event()
        """Set when the cell is over and its delegate knows."""

    def __repr__(self) -> str:
        state = self._state
        return (
            f"<cell {self.cell_id} {state.phase.name.lower()}, watched by"
            f" {state.watch.name.lower()}, {len(self._output)} items>"
        )

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    async def start(
        self, engine: EngineSession, source: str, catalogue: Catalogue, observation: Observation
    ) -> None:
        """Start the program; ``observation`` is its first. A cancelled caller ends the cell.

        Raises:
            EngineError: it cannot run, and there is no cell.
        """
        self.observe(observation)
        self._starting = self._spawn(self._start(engine, source, catalogue), Context())
        self._starting.add_done_callback(self._on_start_over)
        try:
            await asyncio.wait([self._starting])
        except asyncio.CancelledError:
            self.leave(observation)
            self.end()
            raise
        if self._start_error is not None:
            raise self._start_error

    def observe(self, observation: Observation) -> None:
        """Answer ``observation`` with what comes next."""
        timed = observation.seconds is not None
        self._feed(Input.OBSERVE_TIME if timed else Input.OBSERVE_FRONTIER, observation)

    def terminate(self, observation: Observation) -> None:
        """End the cell; answer with its end."""
        self._feed(Input.TERMINATE, observation)

    def end(self) -> None:
        """End the cell; nobody waits for it."""
        self._feed(Input.END)

    async def answer(self, observation: Observation) -> WaitOutcome:
        """Wait for the answer. If the caller is cancelled, the next one gets what this one missed."""
        try:
            if observation.first:
                # The answer may be here already, and what the program called before it not begun.
                await asyncio.sleep(0)
            return await observation.answer
        except asyncio.CancelledError:
            self.leave(observation)
            raise

    def leave(self, observation: Observation) -> None:
        """Whoever waits for ``observation`` waits no more: the next one gets what it would have got."""
        answer = observation.answer
        if answer.cancel() or answer.cancelled():
            self._perform()  # which notices
        elif answer.exception() is None:
            outcome = answer.result()
            if isinstance(outcome.response, Yielded | Pending):
                self._output.put_back(outcome.response.items)
                if len(self._output):
                    self._on_output()
                self._review_usage()
            elif isinstance(outcome, LiveCell):
                self._observers.missed(outcome)

    @property
    def is_stranded(self) -> bool:
        """Whether the event loop that it lives in is closed."""
        return self._loop.is_closed()

    def give_up(self) -> None:
        """It is stranded: nothing of it runs any more, and its delegate is told at once."""
        self._state = State(Phase.CLOSED)
        self._hush()
        self._release()
        self._cells.over(self.cell_id, self)
        self._say_closed()

    # ── state ────────────────────────────────────────────────────────────────────────────────

    def _on_output(self) -> None:
        observer = self._observers.observer
        if observer is not None:
            observer.output_came(self._on_deadline)
        elif self._state.phase is not Phase.COMPLETED:
            self._cells.news(self.cell_id, "output")

    def _review_usage(self) -> None:
        """What it holds may have changed, and whether an observer is there to take it."""
        self._count_memory()
        self._usage.set_observed(self._observers.observer is not None)

    def _feed(self, event: Input, about: Observation | Failure | None = None) -> None:
        self._inputs.append((event, about))
        self._perform()

    def _perform(self) -> None:
        if self._performing:
            return
        self._performing = True
        try:
            self._notice_who_left()
            while self._inputs:
                self._take(*self._inputs.popleft())
                self._notice_who_left()
        finally:
            self._performing = False

    def _notice_who_left(self) -> None:
        for event in self._observers.gone():
            self._take(event, None)

    def _take(self, event: Input, about: Observation | Failure | None) -> None:
        before = self._state
        after, effects = step(before, event)
        self._state, self._event = after, event
        if isinstance(about, Observation):
            if not _REFUSALS.intersection(effects):
                self._observers.seat(event, about)
        elif after.phase is Phase.FINISHING and before.phase is Phase.RUNNING:
            self._failure = about
        for effect in effects:
            self._EFFECTS[effect](self, about)
        if after.forgotten != before.forgotten:
            self._set_expiry(after.forgotten)
        if after.phase is Phase.COMPLETED and before.phase is not Phase.COMPLETED:
            self._completed_at = self._loop.time()
            self._cells.news(self.cell_id, "ended")
        self._review_usage()

    def _set_expiry(self, forgotten: bool) -> None:  # noqa: FBT001 - the state's word for it
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        bound = self._limits.unobserved_ms
        if forgotten and bound is not None:
            failure = Failure(self._limits.message("unobserved_ms"), "unobserved_ms")
            # The loop keeps a cancelled timer, and its context, until its time comes: an empty one.
            self._expiry = self._loop.call_later(
                bound / 1000, self._feed, Input.EXPIRED, failure, context=Context()
            )

    # ── effects: observations ────────────────────────────────────────────────────────────────

    def _arm(self, _: object) -> None:
        if self._observers.observer is not None:
            self._observers.observer.arm(self._on_deadline)
        if len(self._output):
            self._on_output()

    def _on_deadline(self) -> None:
        self._feed(Input.DEADLINE)

    def _flush(self, _: object) -> None:
        observation = self._observers.observer
        # Whoever asks for the first output and gives it no time gets none, as in the reference.
        at_once = observation is None or (observation.first and observation.is_over_at_once)
        if at_once or not self._macrotasks.flush():
            self._feed(Input.FLUSHED)
        elif observation is not None:
            observation.arm_last(FLUSH_SECONDS, lambda: self._feed(Input.FLUSHED))

    def _resume(self, _: object) -> None:
        self._macrotasks.thaw()
        self._count_memory()
        self._regulate()

    def _yield(self, _: object) -> None:
        # What the program has notified before is with the delegate when the observer learns of the yield.
        self._callbacks.begin_notifications()
        items = self._take_output()
        by_program = self._event is Input.YIELD_ASKED
        yielded = Yielded(cell_id=self.cell_id, items=items, by_program=by_program)
        if self._observers.answer(LiveCell(yielded)):
            self._callbacks.say_yielded()

    def _pend(self, _: object) -> None:
        self._macrotasks.freeze()
        pending = Pending(
            cell_id=self.cell_id,
            items=self._take_output(),
            pending_tool_call_ids=self._take_frontier_calls(),
        )
        self._observers.answer(LiveCell(pending))

    def _take_output(self) -> tuple[Item, ...]:
        self._cells.news(self.cell_id, "taken")
        return self._output.take()

    def _refuse_busy(self, about: object) -> None:
        if isinstance(about, Observation):
            about.refuse(CellBusyError(self.cell_id))

    def _refuse_terminating(self, about: object) -> None:
        if isinstance(about, Observation):
            about.refuse(CellTerminatingError(self.cell_id))

    def _refuse_missing(self, about: object) -> None:
        if isinstance(about, Observation):
            about.settle(missing(self.cell_id))

    # ── effects: the end ─────────────────────────────────────────────────────────────────────

    def _commit(self, _: object) -> None:
        written = self._writes.commit()
        if written and isinstance(self._delegate, TakesStores):
            values = {key.decode(): json for key, json in written.items()}
            self._delegate.values_stored(self.cell_id, values)

    def _complete(self, _: object) -> None:
        since = self._completed_at
        buffered = 0 if since is None else int((self._loop.time() - since) * 1e9)
        failure = self._failure
        result = Result(
            cell_id=self.cell_id,
            items=self._output.take(),
            error_text=None if failure is None else failure.text,
            result_buffered_for_ns=buffered,
            limit=None if failure is None else failure.limit,
            worker_lost=failure is not None and failure.worker_lost,
        )
        self._observers.answer_all(LiveCell(result))

    def _report_terminated(self, _: object) -> None:
        items = self._output.take()
        self._observers.answer_all(LiveCell(Terminated(cell_id=self.cell_id, items=items)))

    def _stop(self, _: object) -> None:
        if self._engine is not None:
            self._spawn(self._stop_engine(self._engine))
        elif self._starting is not None:
            self._starting.cancel()

    def _drain(self, _: object) -> None:
        self._callbacks.drain(lambda: self._feed(Input.CALLBACKS_ENDED))

    def _cancel(self, _: object) -> None:
        self._callbacks.cancel_all(lambda: self._feed(Input.CALLBACKS_ENDED))

    def _close(self, _: object) -> None:
        self._release()
        self._cells.over(self.cell_id, self)
        # One round later: who was answered above hears that before the delegate hears the end.
        self._loop.call_soon(self._say_closed)

    def _say_closed(self) -> None:
        self._callbacks.say_closed()
        self._cells.forget(self)
        self.closed.set()

    def _abandon(self, _: object) -> None:
        self._hush()
        self._release()
        self._cells.over(self.cell_id, self)
        self._cells.forget(self)
        self.closed.set()

    _EFFECTS: Final[dict[Effect, Callable[..., object]]] = {
        Effect.ARM: _arm,
        Effect.FLUSH: _flush,
        Effect.RESUME: _resume,
        Effect.YIELD: _yield,
        Effect.PEND: _pend,
        Effect.SKIP: CellScript._take_frontier_calls,
        Effect.COMMIT: _commit,
        Effect.COMPLETE: _complete,
        Effect.REPORT_TERMINATED: _report_terminated,
        Effect.REFUSE_BUSY: _refuse_busy,
        Effect.REFUSE_TERMINATING: _refuse_terminating,
        Effect.REFUSE_MISSING: _refuse_missing,
        Effect.HUSH: CellScript._hush,
        Effect.STOP: _stop,
        Effect.DRAIN: _drain,
        Effect.CANCEL: _cancel,
        Effect.CLOSE: _close,
        Effect.ABANDON: _abandon,
    }

    # ── what takes time ──────────────────────────────────────────────────────────────────────

    async def _start(self, engine: EngineSession, source: str, catalogue: Catalogue) -> None:
        try:
            started = await engine.start(source, catalogue, self)
        except Exception as error:  # noqa: BLE001 - told to whoever started it
            if self._state.phase is Phase.STARTING:
                self._start_error = error
            self._feed(Input.NOT_STARTED)
        else:
            self._run_in(started)
            self._feed(Input.STARTED)

    def _on_start_over(self, starting: asyncio.Task[None]) -> None:
        if starting.cancelled():  # by a termination, maybe before its first step
            self._feed(Input.END)
            self._feed(Input.STOPPED)

    async def _stop_engine(self, engine: EngineCell) -> None:
        try:
            await self._macrotasks.last_words()
            await engine.close()
        except Exception:  # noqa: BLE001 - it must end all the same
            _log.exception("cell %s could not be stopped", self.cell_id)
        finally:
            self._feed(Input.STOPPED)

    def _spawn(
        self, work: Coroutine[object, object, None], context: Context | None = None
    ) -> asyncio.Task[None]:
        task = self._loop.create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


_REFUSALS: Final = frozenset({Effect.REFUSE_BUSY, Effect.REFUSE_TERMINATING, Effect.REFUSE_MISSING})
