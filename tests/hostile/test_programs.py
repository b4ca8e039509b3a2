"""Every hostile program, beside a neighbour that must not notice it."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from .corpus import Group, Program, load
from .report import failures
from .runner import Judged, Surroundings, run
from .settings import ROUTES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")

PATIENCE: Final = 20
"""Times are judged by `make hostile`. Here they only bound what hangs: others need the machine too."""

LONG: Final = "F"
"""Filling memory takes long: of this class only the programs that also run under the default limits."""

AT_ONCE: Final = {"D": 48, "E": 20, "F": 9}
"""How many programs one test runs, by class: it must be over long before a test counts as hanging."""


def portions() -> Iterator[tuple[str, tuple[Program, ...]]]:
    """Parts of the classes: ``F2`` is the second one of F."""
    for group in load():
        programs = tuple(p for p in group.programs if group.letter != LONG or p.also)
        size = AT_ONCE.get(group.letter, 24)
        for number, start in enumerate(range(0, len(programs), size), 1):
            yield f"{group.letter}{number}", programs[start : start + size]


PORTIONS: Final = dict(portions())


@pytest.mark.parametrize("portion", PORTIONS)
async def test_hostile_programs_hurt_nobody(portion: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "codemode")
    programs = PORTIONS[portion]
    surroundings = Surroundings()
    judged = await side_by_side(programs)

    assert failures(judged) == []
    assert len(judged) == len(ROUTES) * len(programs)
    assert await surroundings.left() == []


async def side_by_side(programs: Sequence[Program]) -> list[Judged]:
    """All routes at once: each mostly waits."""
    found = await asyncio.gather(*(run(programs, route, patience=PATIENCE) for route in ROUTES))
    return [judged for each in found for judged in each]


def test_there_are_programs_of_every_class() -> None:
    groups: tuple[Group, ...] = load()

    assert "".join(group.letter for group in groups) == "ABCDEFGHIJ"
    assert sum(len(group.programs) for group in groups) >= 500
