"""What people and programs read of a run of the suite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .verdict import size

if TYPE_CHECKING:
    from .corpus import Group
    from .runner import Judged


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of some programs.

    Attributes:
        label: ``E computing without end``.
        ran: how many runs there were; a program on two routes is two.
        failed: how many of these were not as they must be.
        termination_ms: the longest termination, if there was one.
        neighbour_ms: the longest answer of the neighbour.
        memory: the most that all processes had at once, in bytes.
    """

    label: str
    ran: int
    failed: int
    termination_ms: float | None
    neighbour_ms: float
    memory: int

    @classmethod
    def of(cls, label: str, judged: Sequence[Judged]) -> Tally:
        terminations = [
            each.seen.termination_ms for each in judged if each.seen.termination_ms is not None
        ]
        return cls(
            label,
            len(judged),
            sum(bool(each.wrong) for each in judged),
            max(terminations, default=None),
            max((each.seen.neighbour_ms for each in judged), default=0.0),
            max((each.seen.memory for each in judged), default=0),
        )

    def line(self) -> str:
        """For people; as wide as the heading."""
        termination = "-" if self.termination_ms is None else f"{self.termination_ms:.0f} ms"
        return (
            f"{self.label[:48]:48} {self.ran:5} {self.failed:6} {termination:>11}"
            f" {self.neighbour_ms:7.0f} ms {size(self.memory):>9}"
        )


HEADING: Final = (
    f"{'class':48} {'runs':>5} {'failed':>6} {'termination':>11} {'neighbour':>10} {'memory':>9}"
)


def tallies(groups: Iterable[Group], judged: Sequence[Judged]) -> list[Tally]:
    """One for each class that ran."""
    found = []
    for group in groups:
        mine = [each for each in judged if each.program.group == group.letter]
        if mine:
            found.append(Tally.of(f"{group.letter} {group.title}", mine))
    return found


def failures(judged: Iterable[Judged]) -> list[str]:
    """What went wrong, a line each, with the program and the route."""
    return [
        f"{each.program.name} ({each.route}): {wrong}" for each in judged for wrong in each.wrong
    ]


def as_json(groups: Iterable[Group], judged: Sequence[Judged], left: Sequence[str]) -> Any:
    """The whole run, for programs."""
    return {
        "classes": [
            {
                "class": tally.label[0],
                "title": tally.label[2:],
                "runs": tally.ran,
                "failed": tally.failed,
                "termination_ms": tally.termination_ms,
                "neighbour_ms": tally.neighbour_ms,
                "memory_bytes": tally.memory,
            }
            for tally in tallies(groups, judged)
        ],
        "runs": [
            {
                "program": each.program.name,
                "route": each.route,
                "end": each.seen.end.how,
                "seconds": each.seen.seconds,
                "termination_ms": each.seen.termination_ms,
                "neighbour_ms": each.seen.neighbour_ms,
                "memory_bytes": each.seen.memory,
                "growth_bytes": each.seen.growth,
                "wrong": list(each.wrong),
            }
            for each in judged
        ],
        "left": list(left),
    }
