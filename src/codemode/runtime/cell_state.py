"""The life of a cell as a pure table: state and input to state and effects.

Nothing here waits, calls back or knows a clock; ``cell.py`` feeds inputs and performs effects.

::

    STARTING    → RUNNING      STARTED
    STARTING    → TERMINATING  TERMINATE, END
    STARTING    → CLOSED       NOT_STARTED
    RUNNING     → FINISHING    FINISHED, LOST, LIMIT, EXPIRED
    RUNNING     → TERMINATING  TERMINATE, END
    FINISHING   → COMPLETED    STOPPED, CALLBACKS_ENDED
    FINISHING   → TERMINATING  TERMINATE, END
    FINISHING   → CLOSED       STOPPED, CALLBACKS_ENDED
    COMPLETED   → CLOSED       OBSERVE_TIME, OBSERVE_FRONTIER, TERMINATE, END, EXPIRED
    TERMINATING → CLOSED       NOT_STARTED, STOPPED, CALLBACKS_ENDED

A phase that ends is *settled* when the engine has stopped and every callback has ended. The
outcome is decided once: the program's own when FINISHING settles, a termination when it is fed
before that. So a termination beats a program that is over but whose notifications are still
under way, as in the reference, and what such a program stored is discarded; a result that is
buffered already beats the termination.

Items are delivered by the effects that answer an observer, each item once; the cell hands over
what has gathered since the last.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable


class Phase(Enum):
    """Where a cell is in its life."""

    STARTING = auto()
    RUNNING = auto()
    FINISHING = auto()
    COMPLETED = auto()
    TERMINATING = auto()
    CLOSED = auto()


class Watch(Enum):
    """How a cell is observed at the moment."""

    NOBODY = auto()
    TIME = auto()
    FRONTIER = auto()


class Input(Enum):
    """What can happen to a cell."""

    OBSERVE_TIME = auto()
    OBSERVE_FRONTIER = auto()
    OBSERVER_GONE = auto()
    STARTED = auto()  # the engine runs it
    NOT_STARTED = auto()  # the engine cannot run it
    DEADLINE = auto()  # the observation's time is up, or it is preempted
    FLUSHED = auto()  # all that was written before the deadline is here
    YIELD_ASKED = auto()
    FRONTIER = auto()  # nothing runnable is left, and nothing waits to be delivered
    FINISHED = auto()  # the program is over
    LOST = auto()  # the engine lost it; where it is being stopped, that ends all the same
    LIMIT = auto()  # it is to end with a limit's error
    TERMINATE = auto()  # somebody wants its end and waits for it
    TERMINATOR_GONE = auto()
    END = auto()  # it is to end, and nobody waits for that
    STOPPED = auto()  # the engine has stopped it
    CALLBACKS_ENDED = auto()
    EXPIRED = auto()  # nobody asked for it for too long


class Effect(Enum):
    """What the cell has to do, in the order given."""

    ARM = auto()  # start the observation's clock
    FLUSH = auto()
    RESUME = auto()  # deliver what was held back; report the frontier if there is nothing
    YIELD = auto()  # answer the observer
    PEND = auto()  # answer the observer, and hold back what comes for the script
    SKIP = auto()  # nobody asked for this frontier: forget its calls
    COMMIT = auto()  # what it stored
    COMPLETE = auto()  # answer whoever asks with the program's result
    REPORT_TERMINATED = auto()  # answer whoever asks that it was terminated
    REFUSE_BUSY = auto()
    REFUSE_TERMINATING = auto()
    REFUSE_MISSING = auto()
    HUSH = auto()  # the script runs no more
    STOP = auto()  # the engine
    DRAIN = auto()  # let notifications end, then cancel tool calls
    CANCEL = auto()  # every callback
    CLOSE = auto()
    ABANDON = auto()  # there never was a cell


class State(Struct, frozen=True):
    """A cell's state.

    Attributes:
        phase: see the module.
        watch: who observes.
        frozen: it stays at its frontier until somebody observes it.
        due: the observation's time is up; it yields when everything written has arrived.
        terminator: somebody waits for its termination.
        stopped: the engine runs nothing of it any more.
        drained: no callback of it runs any more.
        expired: it closes when it has settled, whether anybody asks or not.
    """

    phase: Phase = Phase.STARTING
    watch: Watch = Watch.NOBODY
    frozen: bool = False
    due: bool = False
    terminator: bool = False
    stopped: bool = False
    drained: bool = False
    expired: bool = False

    @property
    def forgotten(self) -> bool:
        """Whether nobody asks for it, so that it may expire."""
        return self.watch is Watch.NOBODY and self.phase in _FORGETTABLE


_FORGETTABLE: Final = frozenset({Phase.RUNNING, Phase.FINISHING, Phase.COMPLETED})


class Step(NamedTuple):
    """What an input leads to."""

    state: State
    effects: tuple[Effect, ...] = ()


def step(state: State, event: Input) -> Step:
    """The table, total: an input that means nothing in a phase changes nothing."""
    rule = _RULES.get((state.phase, event))
    return Step(state) if rule is None else rule(state)


# ── observations ─────────────────────────────────────────────────────────────────────────────────


def _observe(watch: Watch) -> Callable[[State], Step]:
    def rule(state: State) -> Step:
        if state.watch is not Watch.NOBODY:
            return Step(state, (Effect.REFUSE_BUSY,))
        # The clock of the first observation starts with the program.
        arm = (Effect.ARM,) if state.phase is not Phase.STARTING else ()
        resume = (Effect.RESUME,) if state.frozen or watch is Watch.FRONTIER else ()
        if state.phase is not Phase.RUNNING:
            resume = ()
        return Step(replace(state, watch=watch, frozen=False, due=False), (*arm, *resume))

    return rule


def _observer_gone(state: State) -> Step:
    return Step(replace(state, watch=Watch.NOBODY, due=False))


def _deadline(state: State) -> Step:
    if state.watch is not Watch.TIME or state.due:
        return Step(state)
    return Step(replace(state, due=True), (Effect.FLUSH,))


def _deadline_finishing(state: State) -> Step:
    """A program that is over may wait for its notifications; its observer need not."""
    return _yield(state) if state.watch is Watch.TIME else Step(state)


def _yield(state: State) -> Step:
    return Step(replace(state, watch=Watch.NOBODY, due=False), (Effect.YIELD,))


def _flushed(state: State) -> Step:
    return _yield(state) if state.due else Step(state)


def _yield_asked(state: State) -> Step:
    return _yield(state) if state.watch is Watch.TIME else Step(state)


def _frontier(state: State) -> Step:
    if state.frozen:
        return Step(state)
    if state.watch is not Watch.FRONTIER:
        return Step(state, (Effect.SKIP,))
    return Step(replace(state, watch=Watch.NOBODY, frozen=True), (Effect.PEND,))


# ── the program's end ────────────────────────────────────────────────────────────────────────────


def _started(state: State) -> Step:
    arm = (Effect.ARM,) if state.watch is not Watch.NOBODY else ()
    return Step(replace(state, phase=Phase.RUNNING), arm)


def _not_started(state: State) -> Step:
    return Step(_closed(state), (Effect.ABANDON,))


def _finished(state: State) -> Step:
    over = replace(state, phase=Phase.FINISHING, frozen=False, stopped=True)
    effects = (Effect.HUSH, Effect.DRAIN)
    # The deadline came first: its observer gets a yield, and the end waits for the next one.
    return Step(_yield(over).state, (Effect.YIELD, *effects)) if state.due else Step(over, effects)


def _limit(state: State) -> Step:
    state = replace(state, phase=Phase.FINISHING, frozen=False)
    return Step(state, (Effect.HUSH, Effect.STOP, Effect.CANCEL))


def _expired(state: State) -> Step:
    if not state.forgotten:
        return Step(state)
    state = replace(state, expired=True)
    return _limit(state) if state.phase is Phase.RUNNING else Step(state, (Effect.CANCEL,))


# ── termination ──────────────────────────────────────────────────────────────────────────────────


def _terminate(state: State) -> Step:
    return _end(replace(state, terminator=True))


def _end(state: State) -> Step:
    stop = () if state.phase is Phase.FINISHING else (Effect.HUSH, Effect.STOP)
    state = replace(state, phase=Phase.TERMINATING, frozen=False, due=False)
    return Step(state, (*stop, Effect.CANCEL))


def _terminate_again(state: State) -> Step:
    if state.terminator:
        return Step(state, (Effect.REFUSE_TERMINATING,))
    return Step(replace(state, terminator=True))


def _terminator_gone(state: State) -> Step:
    return Step(replace(state, terminator=False))


def _started_terminating(state: State) -> Step:
    return Step(state, (Effect.STOP,))


# ── settling ─────────────────────────────────────────────────────────────────────────────────────


def _stopped(state: State) -> Step:
    return _settle(replace(state, stopped=True))


def _callbacks_ended(state: State) -> Step:
    return _settle(replace(state, drained=True))


def _settle(state: State) -> Step:
    if not (state.stopped and state.drained):
        return Step(state)
    if state.phase is Phase.TERMINATING:
        return Step(_closed(state), (Effect.REPORT_TERMINATED, Effect.CLOSE))
    if state.watch is Watch.NOBODY and not state.expired:
        return Step(replace(state, phase=Phase.COMPLETED), (Effect.COMMIT,))
    return Step(_closed(state), (Effect.COMMIT, Effect.COMPLETE, Effect.CLOSE))


def _claim(state: State) -> Step:
    return Step(_closed(state), (Effect.COMPLETE, Effect.CLOSE))


def _closed(state: State) -> State:
    return State(phase=Phase.CLOSED, stopped=state.stopped, drained=state.drained)


def _refuse(effect: Effect) -> Callable[[State], Step]:
    return lambda state: Step(state, (effect,))


_missing: Final = _refuse(Effect.REFUSE_MISSING)
_observe_time: Final = _observe(Watch.TIME)
_observe_frontier: Final = _observe(Watch.FRONTIER)

_RULES: Final[dict[tuple[Phase, Input], Callable[[State], Step]]] = {
    (Phase.STARTING, Input.OBSERVE_TIME): _observe_time,
    (Phase.STARTING, Input.OBSERVE_FRONTIER): _observe_frontier,
    (Phase.STARTING, Input.OBSERVER_GONE): _observer_gone,
    (Phase.STARTING, Input.STARTED): _started,
    (Phase.STARTING, Input.NOT_STARTED): _not_started,
    (Phase.STARTING, Input.TERMINATE): _terminate,
    (Phase.STARTING, Input.END): _end,
    (Phase.RUNNING, Input.OBSERVE_TIME): _observe_time,
    (Phase.RUNNING, Input.OBSERVE_FRONTIER): _observe_frontier,
    (Phase.RUNNING, Input.OBSERVER_GONE): _observer_gone,
    (Phase.RUNNING, Input.DEADLINE): _deadline,
    (Phase.RUNNING, Input.FLUSHED): _flushed,
    (Phase.RUNNING, Input.YIELD_ASKED): _yield_asked,
    (Phase.RUNNING, Input.FRONTIER): _frontier,
    (Phase.RUNNING, Input.FINISHED): _finished,
    (Phase.RUNNING, Input.LOST): _finished,
    (Phase.RUNNING, Input.LIMIT): _limit,
    (Phase.RUNNING, Input.EXPIRED): _expired,
    (Phase.RUNNING, Input.TERMINATE): _terminate,
    (Phase.RUNNING, Input.END): _end,
    (Phase.FINISHING, Input.OBSERVE_TIME): _observe_time,
    (Phase.FINISHING, Input.OBSERVE_FRONTIER): _observe_frontier,
    (Phase.FINISHING, Input.OBSERVER_GONE): _observer_gone,
    (Phase.FINISHING, Input.DEADLINE): _deadline_finishing,
    (Phase.FINISHING, Input.FLUSHED): _flushed,
    (Phase.FINISHING, Input.STOPPED): _stopped,
    (Phase.FINISHING, Input.CALLBACKS_ENDED): _callbacks_ended,
    (Phase.FINISHING, Input.EXPIRED): _expired,
    (Phase.FINISHING, Input.TERMINATE): _terminate,
    (Phase.FINISHING, Input.END): _end,
    (Phase.COMPLETED, Input.OBSERVE_TIME): _claim,
    (Phase.COMPLETED, Input.OBSERVE_FRONTIER): _claim,
    (Phase.COMPLETED, Input.TERMINATE): _claim,
    (Phase.COMPLETED, Input.END): _claim,
    (Phase.COMPLETED, Input.EXPIRED): _claim,
    (Phase.TERMINATING, Input.OBSERVE_TIME): _missing,
    (Phase.TERMINATING, Input.OBSERVE_FRONTIER): _missing,
    (Phase.TERMINATING, Input.OBSERVER_GONE): _observer_gone,
    (Phase.TERMINATING, Input.STARTED): _started_terminating,
    (Phase.TERMINATING, Input.NOT_STARTED): _stopped,
    (Phase.TERMINATING, Input.TERMINATE): _terminate_again,
    (Phase.TERMINATING, Input.TERMINATOR_GONE): _terminator_gone,
    (Phase.TERMINATING, Input.STOPPED): _stopped,
    (Phase.TERMINATING, Input.CALLBACKS_ENDED): _callbacks_ended,
    (Phase.CLOSED, Input.OBSERVE_TIME): _missing,
    (Phase.CLOSED, Input.OBSERVE_FRONTIER): _missing,
    (Phase.CLOSED, Input.TERMINATE): _missing,
}
