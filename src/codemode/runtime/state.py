"""The life of a cell as a pure table: state and input to state and effects.

Nothing here waits, calls back or knows a clock; ``actor.py`` feeds inputs and performs effects.

::

    RUNNING ──FINISHED, LOST, LIMIT──▶ FINISHING ──settled──▶ COMPLETED ──somebody asks──▶ CLOSED
       │                                   └──settled, somebody waits──────────────────────▶ CLOSED
       └──TERMINATE──▶ TERMINATING ──settled──────────────────────────────────────────────▶ CLOSED

The terminal outcome is decided once, by leaving RUNNING: whichever of the program's end and a
termination is fed first wins, and the other changes nothing but who is waiting. A phase that
ends is *settled* when the engine has stopped and every callback has ended.

Items are delivered by the effects that answer an observer, each item once; the actor hands over
what has gathered since the last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Phase(Enum):
    """Where a cell is in its life."""

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
    DEADLINE = auto()  # the observation's time is up, or it is preempted
    FLUSHED = auto()  # all that was written before the deadline is here
    YIELD_ASKED = auto()
    FRONTIER = auto()  # nothing runnable is left, and nothing waits to be delivered
    FINISHED = auto()  # the program is over
    LOST = auto()  # the engine lost it
    LIMIT = auto()  # it is to end with a limit's error
    TERMINATE = auto()
    STOPPED = auto()  # the engine has stopped it
    CALLBACKS_ENDED = auto()
    EXPIRED = auto()  # nobody asked for it for too long


class Effect(Enum):
    """What the actor has to do, in the order given."""

    ARM = auto()  # start the observation's clock
    FLUSH = auto()
    RESUME = auto()  # deliver what was held back; report the frontier if there is nothing
    YIELD = auto()  # answer the observer, and disarm its clock
    PEND = auto()
    COMPLETE = auto()  # answer whoever asks with the program's result
    REPORT_TERMINATED = auto()  # answer whoever asks that it was terminated
    REFUSE_BUSY = auto()
    REFUSE_TERMINATING = auto()
    REFUSE_MISSING = auto()
    COMMIT = auto()  # what it stored
    STOP = auto()  # the engine
    DRAIN = auto()  # let notifications end, then cancel tool calls
    CANCEL = auto()  # every callback
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class State:
    """A cell's state.

    Attributes:
        phase: see the module.
        watch: who observes.
        frozen: it stays at its frontier until somebody observes it.
        due: the observation's time is up; it yields when everything written has arrived.
        terminator: somebody waits for its termination.
        stopped: the engine runs nothing of it any more.
        drained: no callback of it runs any more.
    """

    phase: Phase = Phase.RUNNING
    watch: Watch = Watch.NOBODY
    frozen: bool = False
    due: bool = False
    terminator: bool = False
    stopped: bool = False
    drained: bool = False


class Step(NamedTuple):
    """What an input leads to."""

    state: State
    effects: tuple[Effect, ...] = ()


def step(state: State, event: Input) -> Step:
    """The table, total: an input that means nothing in a phase changes nothing."""
    rule = _RULES.get((state.phase, event))
    return Step(state) if rule is None else rule(state)


def _observe_time(state: State) -> Step:
    if state.watch is not Watch.NOBODY:
        return Step(state, (Effect.REFUSE_BUSY,))
    resumed = (Effect.RESUME,) if state.frozen else ()
    state = replace(state, watch=Watch.TIME, frozen=False, due=False)
    return Step(state, (Effect.ARM, *resumed))


def _observe_frontier(state: State) -> Step:
    if state.watch is not Watch.NOBODY:
        return Step(state, (Effect.REFUSE_BUSY,))
    return Step(replace(state, watch=Watch.FRONTIER, frozen=False), (Effect.RESUME,))


def _observe_finishing(state: State) -> Step:
    if state.watch is not Watch.NOBODY:
        return Step(state, (Effect.REFUSE_BUSY,))
    return Step(replace(state, watch=Watch.TIME, due=False), (Effect.ARM,))


def _observer_gone(state: State) -> Step:
    return Step(replace(state, watch=Watch.NOBODY, due=False))


def _deadline(state: State) -> Step:
    if state.watch is not Watch.TIME or state.due:
        return Step(state)
    return Step(replace(state, due=True), (Effect.FLUSH,))


def _yield(state: State) -> Step:
    return Step(replace(state, watch=Watch.NOBODY, due=False), (Effect.YIELD,))


def _flushed(state: State) -> Step:
    return _yield(state) if state.due else Step(state)


def _yield_asked(state: State) -> Step:
    return _yield(state) if state.watch is Watch.TIME else Step(state)


def _frontier(state: State) -> Step:
    if state.watch is not Watch.FRONTIER:
        return Step(state)
    return Step(replace(state, watch=Watch.NOBODY, frozen=True), (Effect.PEND,))


def _finished(state: State) -> Step:
    state = replace(state, phase=Phase.FINISHING, frozen=False, stopped=True)
    due = state.due
    effects = (Effect.COMMIT, Effect.DRAIN)
    # The deadline came first: its observer gets a yield, and the end waits for the next one.
    return Step(_yield(state).state, (Effect.YIELD, *effects)) if due else Step(state, effects)


def _limit(state: State) -> Step:
    state = replace(state, phase=Phase.FINISHING, frozen=False)
    return Step(state, (Effect.COMMIT, Effect.STOP, Effect.CANCEL))


def _terminate(state: State) -> Step:
    state = replace(state, phase=Phase.TERMINATING, terminator=True, frozen=False, due=False)
    return Step(state, (Effect.STOP, Effect.CANCEL))


def _terminate_finishing(state: State) -> Step:
    if state.terminator:
        return Step(state, (Effect.REFUSE_TERMINATING,))
    return Step(replace(state, terminator=True), (Effect.CANCEL,))


def _deadline_finishing(state: State) -> Step:
    return _yield(state) if state.watch is Watch.TIME else Step(state)


def _stopped(state: State) -> Step:
    return _settle(replace(state, stopped=True))


def _callbacks_ended(state: State) -> Step:
    return _settle(replace(state, drained=True))


def _settle(state: State) -> Step:
    if not (state.stopped and state.drained):
        return Step(state)
    if state.phase is Phase.TERMINATING:
        return Step(_closed(state), (Effect.REPORT_TERMINATED, Effect.CLOSE))
    if state.watch is Watch.NOBODY and not state.terminator:
        return Step(replace(state, phase=Phase.COMPLETED))
    return Step(_closed(state), (Effect.COMPLETE, Effect.CLOSE))


def _claim(state: State) -> Step:
    return Step(_closed(state), (Effect.COMPLETE, Effect.CLOSE))


def _closed(state: State) -> State:
    return replace(state, phase=Phase.CLOSED, watch=Watch.NOBODY, due=False)


def _refuse(effect: Effect) -> Callable[[State], Step]:
    return lambda state: Step(state, (effect,))


_missing: Final = _refuse(Effect.REFUSE_MISSING)

_RULES: Final[dict[tuple[Phase, Input], Callable[[State], Step]]] = {
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
    (Phase.RUNNING, Input.EXPIRED): _limit,
    (Phase.RUNNING, Input.TERMINATE): _terminate,
    (Phase.FINISHING, Input.OBSERVE_TIME): _observe_finishing,
    (Phase.FINISHING, Input.OBSERVE_FRONTIER): _observe_finishing,
    (Phase.FINISHING, Input.OBSERVER_GONE): _observer_gone,
    (Phase.FINISHING, Input.DEADLINE): _deadline_finishing,
    (Phase.FINISHING, Input.FLUSHED): _flushed,
    (Phase.FINISHING, Input.TERMINATE): _terminate_finishing,
    (Phase.FINISHING, Input.STOPPED): _stopped,
    (Phase.FINISHING, Input.LOST): _stopped,
    (Phase.FINISHING, Input.CALLBACKS_ENDED): _callbacks_ended,
    (Phase.COMPLETED, Input.OBSERVE_TIME): _claim,
    (Phase.COMPLETED, Input.OBSERVE_FRONTIER): _claim,
    (Phase.COMPLETED, Input.TERMINATE): _claim,
    (Phase.COMPLETED, Input.EXPIRED): _claim,
    (Phase.TERMINATING, Input.OBSERVE_TIME): _missing,
    (Phase.TERMINATING, Input.OBSERVE_FRONTIER): _missing,
    (Phase.TERMINATING, Input.OBSERVER_GONE): _observer_gone,
    (Phase.TERMINATING, Input.TERMINATE): _refuse(Effect.REFUSE_TERMINATING),
    (Phase.TERMINATING, Input.STOPPED): _stopped,
    (Phase.TERMINATING, Input.LOST): _stopped,
    (Phase.TERMINATING, Input.CALLBACKS_ENDED): _callbacks_ended,
    (Phase.CLOSED, Input.OBSERVE_TIME): _missing,
    (Phase.CLOSED, Input.OBSERVE_FRONTIER): _missing,
    (Phase.CLOSED, Input.TERMINATE): _missing,
}
