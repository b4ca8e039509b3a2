"""The life of a cell: every state with every input, and orders of inputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from codemode.runtime import cell_state
from codemode.runtime.cell_state import Effect, Input, Phase, State, Watch, step

STARTING: Final = State()
RUNNING: Final = State(phase=Phase.RUNNING)
FINISHING: Final = State(phase=Phase.FINISHING)
TERMINATING: Final = State(phase=Phase.TERMINATING)

STATES: Final[dict[str, State]] = {
    "starting": STARTING,
    "starting, watched": replace(STARTING, watch=Watch.TIME),
    "running": RUNNING,
    "running, watched": replace(RUNNING, watch=Watch.TIME),
    "running, due": replace(RUNNING, watch=Watch.TIME, due=True),
    "running to the frontier": replace(RUNNING, watch=Watch.FRONTIER),
    "frozen": replace(RUNNING, frozen=True),
    "draining": replace(FINISHING, stopped=True),
    "draining, watched": replace(FINISHING, stopped=True, watch=Watch.TIME),
    "stopping for a limit": FINISHING,
    "stopping, watched, due": replace(FINISHING, watch=Watch.TIME, due=True),
    "stopping, drained": replace(FINISHING, drained=True),
    "stopping, drained, watched": replace(FINISHING, drained=True, watch=Watch.FRONTIER),
    "stopping, drained, expired": replace(FINISHING, drained=True, expired=True),
    "completed": State(phase=Phase.COMPLETED, stopped=True, drained=True),
    "terminating": replace(TERMINATING, terminator=True),
    "terminating, watched": replace(TERMINATING, terminator=True, watch=Watch.TIME),
    "ending": TERMINATING,
    "ending, stopped": replace(TERMINATING, stopped=True),
    "ending, drained": replace(TERMINATING, drained=True),
    "closed": State(phase=Phase.CLOSED, stopped=True, drained=True),
}

CLOSED: Final = State(phase=Phase.CLOSED, stopped=True, drained=True)
HALT: Final = (Effect.HUSH, Effect.STOP, Effect.CANCEL)
COMPLETE: Final = (Effect.COMPLETE, Effect.CLOSE)
SETTLE: Final = (Effect.COMMIT, Effect.COMPLETE, Effect.CLOSE)
TERMINATED: Final = (Effect.REPORT_TERMINATED, Effect.CLOSE)
TIME, FRONTIER, NOBODY = Watch.TIME, Watch.FRONTIER, Watch.NOBODY


def _changes(
    name: str, effects: tuple[Effect, ...], **changes: object
) -> tuple[State, tuple[Effect, ...]]:
    return replace(STATES[name], **changes), effects


def _starting(name: str) -> dict[Input, tuple[State, tuple[Effect, ...]]]:
    return {
        Input.OBSERVER_GONE: _changes(name, (), watch=NOBODY),
        Input.NOT_STARTED: (State(phase=Phase.CLOSED), (Effect.ABANDON,)),
        Input.TERMINATE: _changes(name, HALT, phase=Phase.TERMINATING, terminator=True),
        Input.END: _changes(name, HALT, phase=Phase.TERMINATING),
    }


def _running(name: str) -> dict[Input, tuple[State, tuple[Effect, ...]]]:
    calm = {"frozen": False, "due": False}
    return {
        Input.FRONTIER: _changes(name, (Effect.SKIP,)),
        Input.OBSERVER_GONE: _changes(name, (), watch=NOBODY, due=False),
        Input.FINISHED: _changes(
            name, (Effect.HUSH, Effect.DRAIN), phase=Phase.FINISHING, frozen=False, stopped=True
        ),
        Input.LOST: _changes(
            name, (Effect.HUSH, Effect.DRAIN), phase=Phase.FINISHING, frozen=False, stopped=True
        ),
        Input.LIMIT: _changes(name, HALT, phase=Phase.FINISHING, frozen=False),
        Input.TERMINATE: _changes(name, HALT, phase=Phase.TERMINATING, terminator=True, **calm),
        Input.END: _changes(name, HALT, phase=Phase.TERMINATING, **calm),
    }


def _finishing(name: str) -> dict[Input, tuple[State, tuple[Effect, ...]]]:
    return {
        Input.OBSERVER_GONE: _changes(name, (), watch=NOBODY, due=False),
        Input.STOPPED: _changes(name, (), stopped=True),
        Input.CALLBACKS_ENDED: _changes(name, (), drained=True),
        Input.TERMINATE: _changes(
            name, (Effect.CANCEL,), phase=Phase.TERMINATING, terminator=True, due=False
        ),
        Input.END: _changes(name, (Effect.CANCEL,), phase=Phase.TERMINATING, due=False),
    }


def _terminating(name: str) -> dict[Input, tuple[State, tuple[Effect, ...]]]:
    return {
        Input.OBSERVE_TIME: _changes(name, (Effect.REFUSE_MISSING,)),
        Input.OBSERVE_FRONTIER: _changes(name, (Effect.REFUSE_MISSING,)),
        Input.OBSERVER_GONE: _changes(name, (), watch=NOBODY),
        Input.STARTED: _changes(name, (Effect.STOP,)),
        Input.NOT_STARTED: _changes(name, (), stopped=True),
        Input.STOPPED: _changes(name, (), stopped=True),
        Input.CALLBACKS_ENDED: _changes(name, (), drained=True),
        Input.TERMINATE: _changes(name, (), terminator=True),
        Input.TERMINATOR_GONE: _changes(name, (), terminator=False),
    }


BUSY: Final = {Input.OBSERVE_TIME, Input.OBSERVE_FRONTIER}


def _busy(name: str) -> dict[Input, tuple[State, tuple[Effect, ...]]]:
    return dict.fromkeys(BUSY, _changes(name, (Effect.REFUSE_BUSY,)))


def _seats(name: str, *effects: Effect) -> dict[Input, tuple[State, tuple[Effect, ...]]]:
    return {
        Input.OBSERVE_TIME: _changes(name, effects, watch=TIME),
        Input.OBSERVE_FRONTIER: _changes(name, effects, watch=FRONTIER),
    }


EXPIRED: Final = (Effect.HUSH, Effect.STOP, Effect.CANCEL)
YIELDED: Final = {"watch": NOBODY, "due": False}

EXPECTED: Final[dict[str, dict[Input, tuple[State, tuple[Effect, ...]]]]] = {
    "starting": _starting("starting")
    | _seats("starting")
    | {Input.STARTED: _changes("starting", (), phase=Phase.RUNNING)},
    "starting, watched": _starting("starting, watched")
    | _busy("starting, watched")
    | {Input.STARTED: _changes("starting, watched", (Effect.ARM,), phase=Phase.RUNNING)},
    "running": _running("running")
    | {
        Input.OBSERVE_TIME: _changes("running", (Effect.ARM,), watch=TIME),
        Input.OBSERVE_FRONTIER: _changes("running", (Effect.ARM, Effect.RESUME), watch=FRONTIER),
        Input.EXPIRED: _changes("running", EXPIRED, phase=Phase.FINISHING, expired=True),
    },
    "running, watched": _running("running, watched")
    | _busy("running, watched")
    | {
        Input.DEADLINE: _changes("running, watched", (Effect.FLUSH,), due=True),
        Input.YIELD_ASKED: _changes("running, watched", (Effect.YIELD,), watch=NOBODY),
    },
    "running, due": _running("running, due")
    | _busy("running, due")
    | {
        Input.FLUSHED: _changes("running, due", (Effect.YIELD,), **YIELDED),
        Input.YIELD_ASKED: _changes("running, due", (Effect.YIELD,), **YIELDED),
        Input.FINISHED: _changes(
            "running, due",
            (Effect.YIELD, Effect.HUSH, Effect.DRAIN),
            phase=Phase.FINISHING,
            stopped=True,
            **YIELDED,
        ),
        Input.LOST: _changes(
            "running, due",
            (Effect.YIELD, Effect.HUSH, Effect.DRAIN),
            phase=Phase.FINISHING,
            stopped=True,
            **YIELDED,
        ),
    },
    "running to the frontier": _running("running to the frontier")
    | _busy("running to the frontier")
    | {
        Input.FRONTIER: _changes(
            "running to the frontier", (Effect.PEND,), watch=NOBODY, frozen=True
        ),
    },
    "frozen": _running("frozen")
    | {
        Input.OBSERVE_TIME: _changes(
            "frozen", (Effect.ARM, Effect.RESUME), watch=TIME, frozen=False
        ),
        Input.OBSERVE_FRONTIER: _changes(
            "frozen", (Effect.ARM, Effect.RESUME), watch=FRONTIER, frozen=False
        ),
        Input.FRONTIER: _changes("frozen", ()),
        Input.EXPIRED: _changes(
            "frozen", EXPIRED, phase=Phase.FINISHING, frozen=False, expired=True
        ),
    },
    "draining": _finishing("draining")
    | _seats("draining", Effect.ARM)
    | {
        Input.CALLBACKS_ENDED: _changes(
            "draining", (Effect.COMMIT,), phase=Phase.COMPLETED, drained=True
        ),
        Input.EXPIRED: _changes("draining", (Effect.CANCEL,), expired=True),
    },
    "draining, watched": _finishing("draining, watched")
    | _busy("draining, watched")
    | {
        Input.DEADLINE: _changes("draining, watched", (Effect.YIELD,), watch=NOBODY),
        Input.CALLBACKS_ENDED: (CLOSED, SETTLE),
    },
    "stopping for a limit": _finishing("stopping for a limit")
    | _seats("stopping for a limit", Effect.ARM)
    | {Input.EXPIRED: _changes("stopping for a limit", (Effect.CANCEL,), expired=True)},
    "stopping, watched, due": _finishing("stopping, watched, due")
    | _busy("stopping, watched, due")
    | {
        Input.DEADLINE: _changes("stopping, watched, due", (Effect.YIELD,), **YIELDED),
        Input.FLUSHED: _changes("stopping, watched, due", (Effect.YIELD,), **YIELDED),
    },
    "stopping, drained": _finishing("stopping, drained")
    | _seats("stopping, drained", Effect.ARM)
    | {
        Input.STOPPED: _changes(
            "stopping, drained", (Effect.COMMIT,), phase=Phase.COMPLETED, stopped=True
        ),
        Input.EXPIRED: _changes("stopping, drained", (Effect.CANCEL,), expired=True),
    },
    "stopping, drained, watched": _finishing("stopping, drained, watched")
    | _busy("stopping, drained, watched")
    | {Input.STOPPED: (CLOSED, SETTLE)},
    "stopping, drained, expired": _finishing("stopping, drained, expired")
    | _seats("stopping, drained, expired", Effect.ARM)
    | {
        Input.STOPPED: (CLOSED, SETTLE),
        Input.EXPIRED: _changes("stopping, drained, expired", (Effect.CANCEL,)),
    },
    "completed": dict.fromkeys(
        (Input.OBSERVE_TIME, Input.OBSERVE_FRONTIER, Input.TERMINATE, Input.END, Input.EXPIRED),
        (CLOSED, COMPLETE),
    ),
    "terminating": _terminating("terminating")
    | {Input.TERMINATE: _changes("terminating", (Effect.REFUSE_TERMINATING,))},
    "terminating, watched": _terminating("terminating, watched")
    | {Input.TERMINATE: _changes("terminating, watched", (Effect.REFUSE_TERMINATING,))},
    "ending": _terminating("ending"),
    "ending, stopped": _terminating("ending, stopped")
    | {Input.CALLBACKS_ENDED: (CLOSED, TERMINATED)},
    "ending, drained": _terminating("ending, drained")
    | dict.fromkeys((Input.STOPPED, Input.NOT_STARTED), (CLOSED, TERMINATED)),
    "closed": dict.fromkeys(
        (Input.OBSERVE_TIME, Input.OBSERVE_FRONTIER, Input.TERMINATE),
        (CLOSED, (Effect.REFUSE_MISSING,)),
    ),
}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("event", Input)
def test_each_input_in_each_state_does_what_the_table_says_or_nothing(
    name: str, event: Input
) -> None:
    expected = EXPECTED[name].get(event, (STATES[name], ()))

    assert tuple(step(STATES[name], event)) == expected


def test_a_cell_expires_only_where_nobody_asks_and_something_can_end() -> None:
    forgotten = {name for name, state in STATES.items() if state.forgotten}

    assert forgotten == {
        "running",
        "frozen",
        "draining",
        "stopping for a limit",
        "stopping, drained",
        "stopping, drained, expired",
        "completed",
    }


# ── orders of inputs ─────────────────────────────────────────────────────────────────────────────


@dataclass
class Cell:
    """A cell without a clock, an engine or callbacks: they are inputs that come when they may."""

    state: State = field(default_factory=State)
    written: int = 0
    outbox: list[int] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)
    seats: dict[str, int | None] = field(default_factory=lambda: {"observer": None, "end": None})
    asked: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    effects: list[Effect] = field(default_factory=list)
    may: set[Input] = field(default_factory=lambda: {Input.STARTED, Input.NOT_STARTED})

    def feed(self, event: Input) -> None:
        if event not in self.may and event in ENVIRONMENT:
            return
        self.may.discard(event)
        who = None
        if event in ASKS:
            self.asked += 1
            who = self.asked
        before = self.state
        self.state, effects = step(before, event)
        self.effects += effects
        if who is not None:
            if REFUSALS.intersection(effects):
                self.answers[who] += 1
            else:
                self.seats["end" if event is Input.TERMINATE else "observer"] = who
        if event is Input.OBSERVER_GONE:
            self._leave("observer")
        if event is Input.TERMINATOR_GONE and before.phase is Phase.TERMINATING:
            self._leave("end")
        for effect in effects:
            self._perform(effect)
        if before.phase is Phase.STARTING and self.state.phase is Phase.RUNNING:
            self.may |= PROGRAM
            self.may -= {Input.NOT_STARTED}

    def write(self) -> None:
        if self.state.phase is Phase.RUNNING:
            self.written += 1
            self.outbox.append(self.written)

    def _leave(self, seat: str) -> None:
        who, self.seats[seat] = self.seats[seat], None
        if who is not None:
            self.answers[who] += 1  # by itself

    def _perform(self, effect: Effect) -> None:
        if effect is Effect.STOP:
            self.may |= {Input.STOPPED}
        elif effect in (Effect.DRAIN, Effect.CANCEL):
            self.may |= {Input.CALLBACKS_ENDED}
        elif effect is Effect.FLUSH:
            self.may |= {Input.FLUSHED}
        elif effect is Effect.ARM and self.state.watch is Watch.TIME:
            self.may |= {Input.DEADLINE}
        elif effect in (Effect.YIELD, Effect.PEND):
            self._give("observer")
        elif effect in (Effect.COMPLETE, Effect.REPORT_TERMINATED):
            self._give("observer", "end")

    def _give(self, *seats: str) -> None:
        self.delivered += self.outbox
        self.outbox = []
        for seat in seats:
            self._leave(seat)


ASKS: Final = {Input.OBSERVE_TIME, Input.OBSERVE_FRONTIER, Input.TERMINATE}
REFUSALS: Final = {Effect.REFUSE_BUSY, Effect.REFUSE_MISSING, Effect.REFUSE_TERMINATING}
PROGRAM: Final = {
    Input.FINISHED,
    Input.LOST,
    Input.LIMIT,
    Input.YIELD_ASKED,
    Input.FRONTIER,
    Input.EXPIRED,
}
ENVIRONMENT: Final = PROGRAM | {
    Input.STARTED,
    Input.NOT_STARTED,
    Input.STOPPED,
    Input.CALLBACKS_ENDED,
    Input.FLUSHED,
    Input.DEADLINE,
}
ENDS: Final = {Effect.COMPLETE, Effect.REPORT_TERMINATED, Effect.ABANDON}
ORDERS: Final = st.lists(st.sampled_from([*Input, None, None, None]), max_size=40)


def _play(order: list[Input | None]) -> Cell:
    cell = Cell()
    for event in order:
        if event is None:
            cell.write()
        else:
            cell.feed(event)
            cell.may |= PROGRAM if cell.state.phase is Phase.RUNNING else set()
    return cell


def _finish(cell: Cell) -> None:
    """What is promised happens, and somebody ends it."""
    for event in (Input.END, Input.STARTED, Input.STOPPED, Input.CALLBACKS_ENDED, Input.END):
        cell.feed(event)


@given(ORDERS)
def test_every_order_of_inputs_leads_to_one_end(order: list[Input | None]) -> None:
    cell = _play(order)
    _finish(cell)

    assert cell.state.phase is Phase.CLOSED
    assert sum(effect in ENDS for effect in cell.effects) == 1
    assert sum(effect in (Effect.CLOSE, Effect.ABANDON) for effect in cell.effects) == 1


@given(ORDERS)
def test_each_item_is_delivered_once_and_in_order(order: list[Input | None]) -> None:
    cell = _play(order)
    _finish(cell)

    assert cell.delivered == list(range(1, cell.written + 1))


@given(ORDERS)
def test_whoever_asks_is_answered_exactly_once(order: list[Input | None]) -> None:
    cell = _play(order)
    _finish(cell)

    if Effect.ABANDON not in cell.effects:  # there, the request itself fails
        assert cell.answers == Counter(range(1, cell.asked + 1))


@given(ORDERS)
def test_what_is_stored_is_committed_once_if_the_program_won_and_else_never(
    order: list[Input | None],
) -> None:
    cell = _play(order)
    _finish(cell)

    assert cell.effects.count(Effect.COMMIT) == cell.effects.count(Effect.COMPLETE)


@given(ORDERS, st.sampled_from(Input))
def test_nothing_happens_to_a_cell_that_is_over(order: list[Input | None], event: Input) -> None:
    cell = _play(order)
    _finish(cell)

    expected = (Effect.REFUSE_MISSING,) if event in ASKS else ()
    assert tuple(step(cell.state, event)) == (cell.state, expected)


@given(ORDERS)
def test_a_cell_that_is_over_waits_for_nothing(order: list[Input | None]) -> None:
    cell = _play(order)
    _finish(cell)

    assert cell.state == State(
        phase=Phase.CLOSED, stopped=cell.state.stopped, drained=cell.state.drained
    )
    assert not cell.outbox
    assert cell.seats == {"observer": None, "end": None} or Effect.ABANDON in cell.effects


@given(ORDERS)
def test_a_running_cell_is_frozen_only_while_nobody_watches(order: list[Input | None]) -> None:
    cell = Cell()
    for event in order:
        if event is not None:
            cell.feed(event)
        assert not (cell.state.frozen and cell.state.watch is not Watch.NOBODY)
        assert not (cell.state.due and cell.state.watch is not Watch.TIME)
        assert not (cell.state.frozen and cell.state.phase is not Phase.RUNNING)


def diagram() -> list[str]:
    """Each change of phase that inputs lead to from the first state, in the order of the phases."""
    changes: dict[tuple[Phase, Phase], list[Input]] = {}
    seen, waiting = {State()}, [State()]
    while waiting:
        before = waiting.pop()
        for event in Input:
            after = step(before, event).state
            if after not in seen:
                seen.add(after)
                waiting.append(after)
            found = changes.setdefault((before.phase, after.phase), [])
            if before.phase is not after.phase and event not in found:
                found.append(event)
    order, inputs = list(Phase), list(Input)
    return [
        f"{a.name:<11} → {b.name:<11}  "
        + ", ".join(each.name for each in sorted(events, key=inputs.index))
        for (a, b), events in sorted(
            changes.items(), key=lambda item: (order.index(item[0][0]), order.index(item[0][1]))
        )
        if events
    ]


def test_the_diagram_of_the_module_is_that_of_the_table() -> None:
    assert cell_state.__doc__ is not None
    drawn = [line.strip() for line in cell_state.__doc__.splitlines() if " → " in line]

    assert drawn == diagram()
