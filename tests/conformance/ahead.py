"""Scenarios mostly sleep: those that were selected are played several at once, ahead of their tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from codemode_conformance.rpc_scenario import RpcScenario
from codemode_conformance.runner import SCENARIOS_AT_ONCE
from codemode_conformance.scenario import Scenario

S = TypeVar("S", Scenario, RpcScenario)


def played_ahead(
    request: pytest.FixtureRequest,
    play: Callable[[S, Sequence[str]], Any],
    command: Sequence[str],
) -> Iterator[Callable[[S], Any]]:
    """Begin to play what the tests of this fixture will ask for; each asks for its own.

    Args:
        request: of the fixture.
        play: plays one scenario on a host.
        command: the host.
    """
    name = request.fixturename
    assert name is not None
    wanted: list[Any] = [
        item.callspec.params["scenario"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and name in item.fixturenames
        if item.module is request.module
    ]
    with ThreadPoolExecutor(SCENARIOS_AT_ONCE) as pool:
        begun: dict[str, Future[Any]] = {
            each.name: pool.submit(play, each, command) for each in wanted
        }
        yield lambda scenario: begun[scenario.name].result()
        pool.shutdown(cancel_futures=True)
