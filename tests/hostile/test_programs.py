"""A sample of the hostile programs, beside a neighbour that must not notice them."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

import pytest

from .corpus import Group, Program, load
from .report import failures
from .runner import Judged, Surroundings, run
from .settings import ROUTES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")

PATIENCE: Final = 20
"""Times are judged by `make hostile`. Here they only bound what hangs: others need the machine too."""

ONE_OF: Final = 8
"""So many programs of a class stand for it here; `make hostile` runs all."""

GROUPS: Final = load()


def sample(group: Group) -> tuple[Program, ...]:
    """Return every eighth program of a class, the same ones each time."""
    return group.programs[::ONE_OF]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.letter)
async def test_hostile_programs_hurt_nobody(group: Group, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "codemode")
    programs = sample(group)
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
    assert "".join(group.letter for group in GROUPS) == "ABCDEFGHIJ"
    assert sum(len(group.programs) for group in GROUPS) >= 500
