"""The figures of one process in a registry of its own, as Prometheus reads them; nothing is global."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest

from ..process_ledger import process_figures
from .process import process_use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from ..engine.workers import WorkersEngine

ExecOutcome: TypeAlias = Literal[
    "completed", "failed", "limit", "worker_lost", "terminated", "refused", "not_started", "unread"
]
"""How an exec ended. ``refused``: by a limit, before it began; ``not_started``: there was no worker for it;
``unread``: its end was not read."""

CallOutcome: TypeAlias = Literal["ok", "failed", "cancelled"]

_QUEUE_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_RUN_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Figures:
    """What is counted, and where it is read.

    Attributes:
        open_sessions, live_cells: how many there are now.
    """

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.open_sessions = 0
        self.live_cells = 0
        sessions = Gauge("codemode_sessions", "Open sessions.", registry=registry)
        sessions.set_function(lambda: self.open_sessions)
        cells = Gauge("codemode_live_cells", "Cells that are not over.", registry=registry)
        cells.set_function(lambda: self.live_cells)
        self.opened = Counter(
            "codemode_sessions_opened", "Sessions that were opened.", registry=registry
        )
        self.restored = Counter(
            "codemode_sessions_restored",
            "Sessions that took over stored values, as those do that move here.",
            registry=registry,
        )
        self.execs = Counter(
            "codemode_execs", "Execs by how they ended.", ["outcome"], registry=registry
        )
        for outcome in get_args(ExecOutcome):  # none of them is missing before it happens
            self.execs.labels(outcome)
        self.queue_seconds = Histogram(
            "codemode_exec_queue_seconds",
            "From the request to the cell's start: admission, and a worker for it.",
            registry=registry,
            buckets=_QUEUE_SECONDS,
        )
        self.run_seconds = Histogram(
            "codemode_exec_run_seconds",
            "From a cell's start to its end, with the time that it waits for tools.",
            registry=registry,
            buckets=_RUN_SECONDS,
        )
        self.calls = Counter(
            "codemode_nested_calls",
            "Tool calls of cells by how they ended.",
            ["outcome"],
            registry=registry,
        )
        self.limits = Counter(
            "codemode_limits_reached",
            "Limits that ended a cell or refused one.",
            ["limit"],
            registry=registry,
        )
        info = Gauge("codemode_build_info", "Always 1.", ["version"], registry=registry)
        info.labels(version("codemode")).set(1)
        ProcessCollector(registry=registry)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class WorkerFigures:
    """The workers of an engine, counted when they are asked for."""

    def __init__(self, engine: WorkersEngine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """What a registry asks for."""
        census = self._engine.census
        workers = GaugeMetricFamily(
            "codemode_workers", "Worker processes by what they do.", labels=["state"]
        )
        for state, count in census.states(self._engine.ready_workers).items():
            workers.add_metric([state], count)
        yield workers
        yield CounterMetricFamily(
            "codemode_workers_started", "Worker processes that were started.", census.started
        )
        yield CounterMetricFamily(
            "codemode_worker_losses", "Workers that ended while they had cells.", census.lost
        )
        yield CounterMetricFamily(
            "codemode_replays", "Cells made again from their journals.", census.replays
        )
        used = GaugeMetricFamily(
            "codemode_process_used", "What all sessions share.", labels=["resource"]
        )
        bound = GaugeMetricFamily(
            "codemode_process_limit", "How much of it there may be.", labels=["resource"]
        )
        for name, figure in process_figures().items():
            for family, value in ((used, figure.used), (bound, figure.limit)):
                if value is not None:
                    family.add_metric([name], value)
        yield used
        yield bound
        use = process_use()
        if use is not None:
            yield GaugeMetricFamily(
                "codemode_worker_memory_bytes",
                "Memory of zygotes and workers that no file stands behind: at most so much.",
                use.worker_bytes,
            )


class CapacityFigures:
    """How much a host takes on, and whether it does so now."""

    def __init__(self, sessions: int, cells: int | None) -> None:
        self._sessions = sessions
        self._cells = cells
        self.is_draining = False

    def collect(self) -> Iterator[Metric]:
        """What a registry asks for."""
        yield GaugeMetricFamily(
            "codemode_session_capacity", "Open sessions at once, at most.", self._sessions
        )
        if self._cells is not None:
            yield GaugeMetricFamily(
                "codemode_cell_capacity", "Live cells at once, at most.", self._cells
            )
        yield GaugeMetricFamily(
            "codemode_draining", "1 if no session more is taken.", int(self.is_draining)
        )
