"""What is measured: a scenario, the figures that it gives, and their goals.

A scenario runs in a process of its own. It gives samples for each of its
figures; how they are gathered is in ``runner``, how they are shown in ``report``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

Samples: TypeAlias = Mapping[str, Sequence[float]]
"""Samples by figure name; none where this system cannot measure the figure."""


class BenchError(Exception):
    """The engine did not do what the scenario needs: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Goal:
    """An upper bound for the median; with no bound, that it works at all."""

    bound: float | None = None
    works: bool = False


def at_most(bound: float) -> Goal:
    """The median is at most so much."""
    return Goal(bound=bound)


WORKS = Goal(works=True)
NO_GOAL = Goal()


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a scenario. ``decimals`` says how exactly it is worth reading."""

    name: str
    unit: str = "ms"
    goal: Goal = NO_GOAL
    decimals: int = 2


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a scenario is measured under."""

    samples: int
    warm_ups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A thing to measure.

    Attributes:
        name: unique; what a row of the table begins with.
        measure: gathers the samples. A module-level function or a ``partial`` of one, because
            it is sent to the process that runs it.
        samples: how many a process gathers.
        processes: how many fresh processes gather them, one after another.
        warm_ups: repetitions before the first sample that are not counted.
        timeout_seconds: after this a process is killed and the scenario has failed.
    """

    name: str
    figures: tuple[Figure, ...]
    measure: Callable[[Conditions], Awaitable[Samples]]
    samples: int
    processes: int = 1
    warm_ups: int = 0
    timeout_seconds: float = 60.0

    def quick(self) -> Scenario:
        """The least that still runs every line of it; its figures mean nothing."""
        return replace(
            self, samples=min(self.samples, 2), processes=1, warm_ups=min(self.warm_ups, 1)
        )


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is said about samples."""

    n: int
    median: float
    mean: float
    p95: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Statistics:
        """The statistics of at least one sample; p95 by nearest rank."""
        ordered = sorted(samples)
        return cls(
            n=len(ordered),
            median=statistics.median(ordered),
            mean=statistics.fmean(ordered),
            p95=ordered[math.ceil(0.95 * len(ordered)) - 1],
            minimum=ordered[0],
            maximum=ordered[-1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of one scenario, measured.

    Attributes:
        statistics: None if the scenario failed, or if this system cannot measure the figure.
        met: whether the goal is met; None where there is no goal or nothing was measured.
        failure: why the scenario failed.
    """

    group: str
    scenario: str
    figure: str
    unit: str
    decimals: int
    statistics: Statistics | None
    goal: float | None
    met: bool | None
    failure: str | None = None
    samples: tuple[float, ...] = field(default=(), repr=False)


def row(
    group: str,
    scenario: Scenario,
    figure: Figure,
    outcome: Sequence[float] | BenchError,
) -> Row:
    """Judge the samples of a figure, or the failure in their place."""
    failure = str(outcome) if isinstance(outcome, BenchError) else None
    samples = () if isinstance(outcome, BenchError) else tuple(outcome)
    found = Statistics.of(samples) if samples else None
    bound = figure.goal.bound
    met: bool | None = None
    if bound is not None or figure.goal.works:
        if found is not None:
            met = bound is None or found.median <= bound
        elif failure is not None:
            met = False
    return Row(
        group=group,
        scenario=scenario.name,
        figure=figure.name,
        unit=figure.unit,
        decimals=figure.decimals,
        statistics=found,
        goal=bound,
        met=met,
        failure=failure,
        samples=samples,
    )
