"""Some schedules of ``make soak``, always the same; and that it would find something."""

from __future__ import annotations

from collections import Counter

import pytest

from codemode.protocol.types import CellId, Result, Terminated
from codemode.runtime.callbacks import CellCallbacks

from .cell import Cell, WrongError
from .growth import grow
from .model import check_cell, possible_values
from .schedule import FAULTS, Program, make_schedule
from .soak import soak
from .stage import FoundError

SEEDS = range(1, 9)

PROGRAM = Program(1, 0.0, 0, ("say", "store", "many", "store", "say"))
ALL = PROGRAM.texts()
LOST = "The worker process of this session was lost.\nHint: stored values are kept; run the program again"


def test_random_faults_leave_every_promise_kept() -> None:
    total = soak(SEEDS)

    faults = [fault for seed in SEEDS for fault in make_schedule(seed).faults]
    assert total.schedules == len(SEEDS)
    assert 0 < total.faults.total() <= len(faults)


async def test_a_session_holds_after_many_programs_what_it_held_after_some() -> None:
    before, after = await grow(200, 800)

    assert after.exceeds(before) == []


def test_a_seed_gives_the_same_schedule_each_time() -> None:
    assert [make_schedule(seed) for seed in range(50)] == [make_schedule(n) for n in range(50)]
    kinds = Counter(fault.kind for seed in range(300) for fault in make_schedule(seed).faults)
    assert set(kinds) == set(FAULTS)


def test_a_finding_names_its_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    def say_twice(self: CellCallbacks, text: str) -> None:
        usual(self, text)
        usual(self, text)

    usual = CellCallbacks.notify
    monkeypatch.setattr(CellCallbacks, "notify", say_twice)
    seed = next(filter(_notifies_and_is_left_alone, range(10_000)))
    with pytest.raises(FoundError) as found:
        soak([seed])

    assert str(found.value).startswith(f"seed {seed}, ")
    assert "\nWrongError: notified more than once: " in str(found.value)


def _notifies_and_is_left_alone(seed: int) -> bool:
    schedule = make_schedule(seed)
    kinds = {fault.kind for fault in schedule.faults}
    return schedule.programs[0].steps[0] == "notify" and kinds == {"pause zygote"}


def _cell(texts: list[str], end: Result | Terminated | None, terminations: int = 0) -> Cell:
    cell = Cell(None, PROGRAM)  # type: ignore[arg-type]  # it does not run
    cell.cell_id = CellId("1")
    cell.texts, cell.end, cell.terminations = texts, end, terminations
    return cell


def _result(error: str | None = None) -> Result:
    return Result(cell_id=CellId("1"), items=(), error_text=error)


@pytest.mark.parametrize(
    ("cell", "faults"),
    [
        (_cell(ALL[:-1], _result()), set()),
        (_cell([*ALL, ALL[-1]], _result()), set()),
        (_cell([ALL[1], ALL[0]], _result(LOST)), {"kill worker"}),
        (_cell(ALL[:3], _result(LOST)), set()),
        (_cell(ALL[:3], _result("oh")), {"kill worker"}),
        (_cell(ALL[:3], Terminated(cell_id=CellId("1"), items=())), {"kill worker"}),
        (_cell(ALL[:3], None), {"kill worker"}),
    ],
)
def test_the_model_sees_what_is_wrong(cell: Cell, faults: set[str]) -> None:
    with pytest.raises(WrongError):
        check_cell(cell, frozenset(faults))


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        (_cell(ALL, _result()), {3}),
        (_cell([], _result(LOST)), {None, 1, 3}),
        (_cell(ALL[:5], _result(LOST)), {1, 3}),
        (_cell(ALL, _result(LOST)), {3}),
        (_cell(ALL, Terminated(cell_id=CellId("1"), items=()), 1), {None}),
    ],
)
def test_the_model_knows_what_may_be_stored(cell: Cell, values: set[int | None]) -> None:
    assert possible_values(cell) == values
