"""The two parts of a comparison, run on the published host and on ours at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, TypeVar

from .client import HostError, V1Host
from .compare import Comparison, compare
from .corpus import Program
from .process import HostLost
from .rpc_scenario import RpcScenario
from .scenario import Scenario
from .wire import play

S = TypeVar("S", Scenario, RpcScenario)

Hosts: TypeAlias = tuple[Sequence[str], Sequence[str]]
"""The commands of the published host and of ours."""

MORE_TRIES: Final = 4
"""How often a scenario that is marked ``timing`` is played again, while it differs."""

SCENARIOS_AT_ONCE: Final = 4
"""Scenarios mostly sleep, and each has hosts of its own."""


class ProgramHost:
    """A host that runs one program after the other, started anew after one that it does not survive."""

    def __init__(self, command: Sequence[str]) -> None:
        """Remember how to start the host; the first program starts it."""
        self._command = command
        self._host: V1Host | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, program: Program) -> Any:
        """Run a program; its outcomes as JSON, or the reason why it has none."""
        try:
            if self._host is None:
                self._host = V1Host(self._command)
            return [outcome.to_json() for outcome in program.run(self._host)]
        except (HostError, HostLost) as error:
            self.close()
            return str(error)

    def close(self) -> None:
        """End the host, if one runs."""
        if self._host is not None:
            self._host.close()
            self._host = None


def compare_programs(
    programs: Iterable[Program], hosts: Hosts, improvements: Mapping[str, str]
) -> Iterator[Comparison]:
    """Yield a comparison for each program, run on the published host and on ours."""
    published_command, our_command = hosts
    with ProgramHost(published_command) as published, ProgramHost(our_command) as ours:
        with ThreadPoolExecutor(2) as pool:
            for program in programs:
                theirs = pool.submit(published.run, program)
                outcomes = pool.submit(ours.run, program).result()
                yield compare(program.name, theirs.result(), outcomes, improvements)


def compare_scenarios(
    scenarios: Iterable[Scenario], hosts: Hosts, improvements: Mapping[str, str]
) -> Iterator[Comparison]:
    """Yield a comparison for each scenario, played with the published host and with ours.

    A busy machine can turn round what a scenario keeps apart by sleeping: one that is marked ``timing``
    is played again while it differs, at most ``MORE_TRIES`` times, when it has the machine for itself.
    """
    return _compare_played(list(scenarios), played, hosts, improvements)


def compare_rpc_scenarios(
    scenarios: Iterable[RpcScenario], hosts: Hosts, improvements: Mapping[str, str]
) -> Iterator[Comparison]:
    """Yield a comparison for each scenario over gRPC, as ``compare_scenarios`` does."""
    return _compare_played(list(scenarios), rpc_played, hosts, improvements)


def _compare_played(
    everything: Sequence[S],
    play_one: Callable[[S, Sequence[str]], Any],
    hosts: Hosts,
    improvements: Mapping[str, str],
) -> Iterator[Comparison]:
    def both(scenario: S) -> Comparison:
        published, ours = (play_one(scenario, command) for command in hosts)
        return compare(scenario.name, published, ours, improvements)

    with ThreadPoolExecutor(SCENARIOS_AT_ONCE) as pool:
        first = list(pool.map(both, everything))
    for scenario, comparison in zip(everything, first, strict=True):
        result = comparison
        while scenario.timing and result.verdict == "different" and result.tries <= MORE_TRIES:
            result = replace(both(scenario), tries=result.tries + 1)
        yield result


def rpc_played(scenario: RpcScenario, command: Sequence[str]) -> Any:
    """Play a scenario over gRPC; what came of each RPC, or the reason why nothing did.

    :raises ModuleNotFoundError: gRPC is not installed.
    """
    from .rpc import play as play_rpc  # noqa: PLC0415 - gRPC is an extra

    try:
        return play_rpc(scenario, command)
    except HostLost as lost:
        return str(lost)


def played(scenario: Scenario, command: Sequence[str]) -> Any:
    """Play a scenario; its transcript as JSON, or the reason why it has none."""
    try:
        return play(scenario, command).to_json()
    except HostLost as lost:
        return str(lost)
