"""``python -m bench.hosts``: the published code-mode host and ours, in turns. See docs/benchmarks.md."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.conformance.package import Package, place_of

from . import process_tree
from .client import PAUSE_SECONDS, TRIVIAL
from .machine import Machine
from .peer import Connected, Peer, Program, own_cost, running
from .scenario import BenchError, Statistics

OURS = (sys.executable, "-m", "codemode.host")
_TIMEOUT_SECONDS = 60.0
_SETTLE_SECONDS = 0.4
"""Enough to make the isolates and workers that are kept ready."""
_WIDTH = 150

Command: TypeAlias = Callable[[], Connected]
"""Starts a host; the rest says what with."""
Turn: TypeAlias = Callable[[Connected], list[float]]
Alone: TypeAlias = Callable[[Command], float]

_TRIVIAL = Program(TRIVIAL)
_HELD = Program("yield_control(); await new Promise(done => setTimeout(done, 3_600_000));")
_BLOCK = 20
_CALLS_IN_TURN = 200
_CALLS_AT_ONCE = 100
_CELLS, _IN_FLIGHT = 64, 8
_LIVE_CELLS, _LIVE_STEP = 50, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """One thing that is measured on both hosts, in turns.

    Attributes:
        turn: what one host does in its turn, both running all the time: samples come of it.
        alone: or what is done with a host that is started for it, and ended before the other's.
        prepare: programs that run once on each host before the first turn.
        goal, rpc_goal: for the ratio of the medians, over V1 and over gRPC; with ``is_absolute``, for our median.
        timeout_seconds: after this a host is killed and the scenario has failed.
    """

    name: str
    unit: str = "ms"
    turn: Turn | None = None
    alone: Alone | None = None
    prepare: tuple[Program, ...] = ()
    turns: int
    warm_ups: int = 1
    goal: float
    rpc_goal: float | None = None
    is_absolute: bool = False
    decimals: int = 2

    def quick(self) -> Duel:
        """The least that still runs every line of it; its figures mean nothing."""
        return replace(self, turns=1, warm_ups=min(self.warm_ups, 1))


@dataclass(frozen=True, slots=True)
class Found:
    """Samples of both hosts, a list for each turn; or why there are none."""

    duel: Duel
    real: list[list[float]]
    ours: list[list[float]]
    failure: str | None = None

    @property
    def ratio(self) -> float:
        """Our median by the real one's."""
        return self.median(self.ours) / self.median(self.real)

    @property
    def least_ratio(self) -> float:
        """The smallest ratio in one pair of turns."""
        pairs = zip(self.ours, self.real, strict=True)
        return min(statistics.median(ours) / statistics.median(real) for ours, real in pairs)

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        if self.failure is not None:
            return False
        figure = self.median(self.ours) if self.duel.is_absolute else self.ratio
        return figure <= self.duel.goal

    @staticmethod
    def median(turns: list[list[float]]) -> float:
        """The median of all samples."""
        return Statistics.of([*chain.from_iterable(turns)]).median


def all_duels() -> tuple[Duel, ...]:
    """Everything that is compared."""
    in_turn = f"for (let i = 0; i < {_CALLS_IN_TURN}; i++) await tools.echo({{i}});"
    at_once = (
        f"await Promise.all(Array.from({{length: {_CALLS_AT_ONCE}}}, (_, i) => tools.echo({{i}})));"
    )
    items = Program("for (let i = 0; i < 10_000; i++) text(`item ${i}`);")
    large = Program("text('x'.repeat(10_000_000));")
    return (
        *(
            Duel(
                name=f"warm exec, {count:,} tools, 10 ms between",
                turn=partial(after_a_pause, program=Program(TRIVIAL, tools=count)),
                turns=150,
                warm_ups=20,
                goal=0.5,
                rpc_goal=0.7,
            )
            for count in (0, 128, 1_000)
        ),
        *(
            Duel(
                name=f"warm exec, {count:,} tools, back to back",
                turn=partial(back_to_back, program=Program(TRIVIAL, tools=count)),
                turns=20,
                warm_ups=2,
                goal=0.9,
                rpc_goal=0.7,
            )
            for count in (0, 128, 1_000)
        ),
        Duel(
            name=f"{_CALLS_IN_TURN} nested calls one after another, a call",
            turn=partial(calls, program=Program(in_turn, tools=1), count=_CALLS_IN_TURN),
            turns=20,
            goal=0.7,
            rpc_goal=0.8,
            decimals=3,
        ),
        Duel(
            name=f"{_CALLS_AT_ONCE} nested calls at once, a call",
            turn=partial(calls, program=Program(at_once, tools=1), count=_CALLS_AT_ONCE),
            turns=60,
            warm_ups=5,
            goal=0.7,
            rpc_goal=0.8,
            decimals=3,
        ),
        Duel(
            name=f"cells, {_IN_FLIGHT} in flight, a cell",
            turn=in_flight,
            turns=20,
            warm_ups=2,
            goal=0.8,
        ),
        *(
            Duel(
                name=f"exec with 10 MB stored in {words}, 10 ms between",
                turn=partial(after_a_pause, program=_TRIVIAL),
                prepare=(Program(store),),
                turns=40,
                warm_ups=5,
                goal=0.2,
            )
            for words, store in (
                ("one value", "store('much', 'x'.repeat(10_000_000));"),
                (
                    "10,000 values",
                    "for (let i = 0; i < 10_000; i++) store(`${i}`, 'x'.repeat(1000));",
                ),
            )
        ),
        Duel(
            name="10,000 text items",
            turn=partial(after_a_pause, program=items),
            turns=40,
            warm_ups=5,
            goal=1.0,
        ),
        Duel(
            name="10 MB of text",
            turn=partial(after_a_pause, program=large),
            turns=25,
            warm_ups=2,
            goal=1.0,
        ),
        Duel(
            name="spawn to first result",
            alone=spawn,
            turns=15,
            goal=150.0,
            is_absolute=True,
            decimals=1,
        ),
        Duel(
            name=f"memory of a live cell, slope over {_LIVE_CELLS}, PSS",
            unit="MiB",
            alone=live_cell,
            turns=3,
            warm_ups=0,
            goal=1.2,
            decimals=3,
        ),
        Duel(
            name="the host's tree after one cell, PSS",
            unit="MiB",
            alone=tree,
            turns=5,
            warm_ups=0,
            goal=60.0,
            is_absolute=True,
            decimals=1,
        ),
    )


def after_a_pause(peer: Connected, program: Program) -> list[float]:
    """One exec; the host had time to get ready again."""
    time.sleep(PAUSE_SECONDS)
    return [peer.exec(program)]


def back_to_back(peer: Connected, program: Program) -> list[float]:
    """Execs that follow each other: a turn is a block of them, or the other's turn were a rest."""
    return [peer.exec(program) for _ in range(_BLOCK)]


def calls(peer: Connected, program: Program, count: int) -> list[float]:
    """An exec of many calls, divided by their number: its own cost is in it."""
    time.sleep(PAUSE_SECONDS)
    return [peer.exec(program) / count]


def in_flight(peer: Connected) -> list[float]:
    """Cells that are started as soon as one has ended."""
    time.sleep(PAUSE_SECONDS)
    return [peer.in_flight(_TRIVIAL, cells=_CELLS, at_once=_IN_FLIGHT)]


def spawn(command: Command) -> float:
    """From the start of the process to the end of its first cell."""
    began = time.perf_counter_ns()
    with running(command(), timeout_seconds=_TIMEOUT_SECONDS) as peer:
        peer.exec(_TRIVIAL)
        return (time.perf_counter_ns() - began) / 1e6


def live_cell(command: Command) -> float:
    """The slope of the tree's memory over the number of cells that have yielded."""
    counts, sizes = [], []
    with running(command(), timeout_seconds=_TIMEOUT_SECONDS) as peer:
        peer.exec(_TRIVIAL)
        for number in range(1, _LIVE_CELLS + 1):
            peer.hold(_HELD)
            if number % _LIVE_STEP == 0:
                time.sleep(_SETTLE_SECONDS)
                counts.append(number)
                sizes.append(_children_memory())
    return statistics.linear_regression(counts, sizes).slope


def tree(command: Command) -> float:
    """All that a host has started, itself included, once it has come to rest."""
    with running(command(), timeout_seconds=_TIMEOUT_SECONDS) as peer:
        peer.exec(_TRIVIAL)
        time.sleep(_SETTLE_SECONDS)
        return _children_memory()


def _children_memory() -> float:
    """The PSS of everything below this process, which is one host at that time."""
    if not process_tree.supported():
        raise BenchError("this system does not say what memory belongs to whom")
    sizes = map(process_tree.memory_of, process_tree.descendants())
    return sum(sizes, process_tree.Memory()).pss


def measure(duel: Duel, real: Command, ours: Command) -> Found:
    """Let both take turns, the real one first."""
    found = Found(duel, [], [])
    try:
        with ExitStack() as stack:
            take: list[Callable[[], list[float]]]
            if duel.turn is not None:
                peers = [
                    stack.enter_context(running(command(), timeout_seconds=_TIMEOUT_SECONDS))
                    for command in (real, ours)
                ]
                for peer in peers:
                    for program in duel.prepare:
                        peer.exec(program)
                take = [partial(duel.turn, peer) for peer in peers]
            else:
                assert duel.alone is not None
                take = [partial(_once, duel.alone, command) for command in (real, ours)]
            for number in range(-duel.warm_ups, duel.turns):
                samples = [one() for one in take]
                if number >= 0:
                    found.real.append(samples[0])
                    found.ours.append(samples[1])
    except BenchError as error:
        return Found(duel, [], [], str(error))
    return found


def _once(alone: Alone, command: Command) -> list[float]:
    return [alone(command)]


def as_json(machine: Machine, cost: float | None, results: Sequence[Found], *, quick: bool) -> str:
    """Everything, every sample included."""
    return json.dumps(
        {
            "machine": asdict(machine),
            "quick": quick,
            "client_us": cost,
            "figures": [
                {
                    "scenario": found.duel.name,
                    "unit": found.duel.unit,
                    "goal": found.duel.goal,
                    "goal_is_for": "our median" if found.duel.is_absolute else "the ratio",
                    "met": found.met,
                    "failure": found.failure,
                    "ratio": None if found.failure else found.ratio,
                    "least_ratio": None if found.failure else found.least_ratio,
                    "real": found.real,
                    "ours": found.ours,
                }
                for found in results
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def print_table(
    machine: Machine, cost: float | None, results: Sequence[Found], *, quick: bool
) -> None:
    """A row for each scenario, and last how many goals are met."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    console.print(escape(str(machine)))
    if cost is not None:
        console.print(f"the client's part of an exchange: {cost:.1f} µs")
    if quick:
        console.print("[yellow]--quick: too few samples to mean anything[/]")
    table = Table(header_style="dim", box=box.SIMPLE_HEAD)
    table.add_column("scenario", overflow="fold")
    for name in ("real", "p95", "min – max", "ours", "p95", "min – max"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for name in ("ratio", "least"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("goal", no_wrap=True)
    for found in results:
        table.add_row(*_cells(found))
    console.print(table)
    console.print(f"{sum(found.met for found in results)} of {len(results)} goals are met.")


def _cells(found: Found) -> tuple[str, ...]:
    duel = found.duel
    goal = f"≤ {duel.goal:g}{f' {duel.unit}' if duel.is_absolute else ''}"
    goal = f"[green]{goal} ✓[/]" if found.met else f"[red]{goal} ✗[/]"
    if found.failure is not None:
        return (duel.name, "[red]failed[/]", *[""] * 5, duel.unit, "", "", goal)
    sides: list[str] = []
    for turns in (found.real, found.ours):
        seen = Statistics.of([*chain.from_iterable(turns)])
        median, p95, least, most = (
            f"{value:,.{duel.decimals}f}"
            for value in (seen.median, seen.p95, seen.minimum, seen.maximum)
        )
        sides += [f"[bold]{median}[/]", p95, f"{least} – {most}"]
    return (duel.name, *sides, duel.unit, f"{found.ratio:.2f}", f"{found.least_ratio:.2f}", goal)


def _sides(transport: str, real: Sequence[str]) -> tuple[Command, Command, float | None]:
    """What starts each host, and the client's part of an exchange in µs, where it can be told."""
    if transport == "grpc":
        from .rpc_peer import RpcPeer  # noqa: PLC0415 - gRPC is an extra

        return partial(RpcPeer, real), partial(RpcPeer, OURS), None
    return partial(Peer, real), partial(Peer, OURS), own_cost()


@click.command()
@click.option(
    "--oracle",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The published codex-code-mode-host; without it, the one that `make bench-hosts` fetches.",
)
@click.option(
    "--transport", type=click.Choice(["stdio", "grpc"]), default="stdio", show_default=True
)
@click.option("--filter", "only", default="", help="Only scenarios whose name has this in it.")
@click.option("--json", "is_json", is_flag=True, help="Write JSON, with every sample.")
@click.option("--quick", is_flag=True, help="Run everything once; figures mean nothing.")
def main(*, oracle: Path | None, transport: str, only: str, is_json: bool, quick: bool) -> None:
    """Compare our host with the published one, in turns. See docs/benchmarks.md."""
    host = oracle or Package(place_of()).host
    if not host.exists():
        raise click.UsageError(
            "there is no published host here: name it with --oracle, or run make bench-hosts"
        )
    duels = [duel for duel in all_duels() if only.lower() in duel.name.lower()]
    if not duels:
        raise click.UsageError(f"no scenario has {only!r} in its name")
    real, ours, cost = _sides(transport, [str(host)])
    if transport == "grpc":
        duels = [replace(duel, goal=duel.rpc_goal or duel.goal) for duel in duels]
    machine = Machine.this()
    talk = Console(stderr=True, highlight=False)
    results: list[Found] = []
    with talk.status("measuring …") as status:
        for duel in duels:
            status.update(escape(duel.name))
            results.append(measure(duel.quick() if quick else duel, real, ours))
    if is_json:
        click.echo(as_json(machine, cost, results, quick=quick))
    else:
        print_table(machine, cost, results, quick=quick)
    failures = [found for found in results if found.failure]
    for found in failures:
        talk.print(
            f"[red]failed:[/] {escape(found.duel.name)}: {escape(found.failure or '')}",
            soft_wrap=True,
        )
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(prog_name="python -m bench.hosts")
